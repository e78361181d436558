"""The hype of a stream: how lively its room is now, from 0 to 100, fading by itself. It is made of messages, reactions,
rewards that are redeemed, and people who stake points.

Every node sees these of the streams that are watched there, so each works the same level out for
its own clients; nothing is sent between nodes for it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from actors.events import ChatPosted, Reacted
from actors.runtime import Clock
from server.live.published import Heard
from server.live.room_mirror import RoomMirror

HALF_LIFE_S: Final = 15.0
TICK_S: Final = 1.0
MAX_STREAMS: Final = 20_000
MAX_WRITERS: Final = 1_000
MESSAGE: Final = 1.0
MESSAGE_AGAIN: Final = 0.2
"""The weight of a message whose author wrote another one within ``AGAIN_S``: one person alone makes no hype."""
AGAIN_S: Final = 15.0
REACTION: Final = 0.25
REWARD: Final = 2.0
STAKE: Final = 0.5
"""Of each person more who has entered a prediction."""
MAX_PREDICTIONS: Final = 16
"""Of a stream whose people are remembered."""
CALM: Final = 0.5
"""Less energy than this is none."""


def faded(energy: float, seconds: float) -> float:
    """What is left of it after so long."""
    return float(energy * 0.5 ** (max(0.0, seconds) / HALF_LIFE_S))


def level_of(energy: float, viewers: int) -> int:
    """0 to 100. The more watch, the more it takes: twice the viewers need about 1.4 times the energy."""
    half_way = 6.0 + 2.0 * math.sqrt(max(0, viewers))
    return round(100 * energy / (energy + half_way)) if energy >= CALM else 0


def weight_of(seconds_since_last: float | None) -> float:
    """Of a message, by how long ago its author wrote the one before."""
    return MESSAGE if seconds_since_last is None or seconds_since_last >= AGAIN_S else MESSAGE_AGAIN


class HypeMeter:
    """The energy of one stream. The caller gives the time."""

    def __init__(self) -> None:
        self._energy = 0.0
        self._at = 0.0
        self._wrote_at: dict[str, float] = {}
        self._staked: dict[str, int] = {}

    def wrote(self, author_id: str, at: float) -> None:
        last = self._wrote_at.pop(author_id, None)
        if len(self._wrote_at) >= MAX_WRITERS:
            del self._wrote_at[next(iter(self._wrote_at))]
        self._wrote_at[author_id] = at
        self._add(weight_of(None if last is None else at - last), at)

    def reacted(self, counts: Mapping[str, int], at: float) -> None:
        self._add(REACTION * sum(counts.values()), at)

    def redeemed(self, at: float) -> None:
        self._add(REWARD, at)

    def staked(self, prediction_id: str, people: int, at: float) -> None:
        """So many have entered the prediction by now."""
        before = self._staked.pop(prediction_id, 0)
        if len(self._staked) >= MAX_PREDICTIONS:
            del self._staked[next(iter(self._staked))]
        self._staked[prediction_id] = max(before, people)
        self._add(STAKE * max(0, people - before), at)

    def level(self, at: float, viewers: int) -> int:
        self._add(0.0, at)
        return level_of(self._energy, viewers)

    def _add(self, energy: float, at: float) -> None:
        self._energy = faded(self._energy, at - self._at) + energy
        self._at = max(self._at, at)


class TopicPublisher(Protocol):
    def publish(self, topic: str, event: str, payload: dict[str, Any], /) -> None: ...
    def count(self, topic: str, /) -> int: ...


class Mirrors(Protocol):
    def get(self, room_id: str) -> RoomMirror | None: ...


class Hype:
    """The meters of the streams that are watched here. A level that has changed is sent at most once a second."""

    def __init__(
        self, *, fan: TopicPublisher, mirrors: Mirrors, viewers_of: Callable[[str], int], clock: Clock
    ) -> None:
        self._viewers_of = viewers_of
        self._fan = fan
        self._mirrors = mirrors
        self._clock = clock
        self._meters: dict[str, HypeMeter] = {}
        self._sent: dict[str, int] = {}
        self._is_ticking = False

    def posted(self, event: ChatPosted) -> None:
        meter = self._meter_of_room(event.room_id)
        if meter is not None:
            for message in event.messages:
                meter.wrote(message["user"]["id"], self._clock.monotonic())

    def reacted(self, event: Reacted) -> None:
        meter = self._meter(event.stream_id)
        if meter is not None:
            meter.reacted(event.counts, self._clock.monotonic())

    def published(self) -> Heard:
        """What features publish to rooms that makes hype."""
        return {"reward": self._redeemed, "prediction:state": self._staked}

    def _redeemed(self, body: Mapping[str, Any]) -> None:
        meter = self._meter_of_room(body["room_id"]) if body["state"] == "waiting" else None
        if meter is not None:
            meter.redeemed(self._clock.monotonic())

    def _staked(self, body: Mapping[str, Any]) -> None:
        prediction = body["prediction"]
        meter = self._meter_of_room(body["room_id"]) if prediction["state"] == "open" else None
        if meter is not None:
            people = sum(outcome["people"] for outcome in prediction["outcomes"])
            meter.staked(prediction["id"], people, self._clock.monotonic())

    def _meter_of_room(self, room_id: str) -> HypeMeter | None:
        mirror = self._mirrors.get(room_id)
        return self._meter(mirror.stream_id) if mirror is not None and mirror.stream_id is not None else None

    def _meter(self, stream_id: str) -> HypeMeter | None:
        """None where no client would be sent it."""
        meter = self._meters.get(stream_id)
        if meter is None:
            if not self._fan.count(f"stream:{stream_id}") or len(self._meters) >= MAX_STREAMS:
                return None
            meter = self._meters[stream_id] = HypeMeter()
        if not self._is_ticking:
            self._is_ticking = True
            self._clock.call_later(TICK_S, self._tick)
        return meter

    def _tick(self) -> None:
        now = self._clock.monotonic()
        for stream_id, meter in list(self._meters.items()):
            self._show(stream_id, meter.level(now, self._viewers_of(stream_id)))
        self._is_ticking = bool(self._meters)
        if self._is_ticking:
            self._clock.call_later(TICK_S, self._tick)

    def _show(self, stream_id: str, level: int) -> None:
        if self._sent.get(stream_id, 0) != level:
            self._sent[stream_id] = level
            self._fan.publish(f"stream:{stream_id}", "stream:hype", {"stream_id": stream_id, "level": level})
        if not level:
            self._sent.pop(stream_id, None)
            del self._meters[stream_id]
