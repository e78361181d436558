"""The last step of a followed message on a node: from the live event to the write to the sockets."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Protocol

from actors.events import ChatPosted
from actors.runtime import Clock
from server.live.room_mirror import topic_of
from server.tracing import Traces


class WriteObserver(Protocol):
    """The fan-out: calls ``done`` when it has written what was published to the topic until now."""

    def when_written(self, topic: str, done: Callable[[], None]) -> None: ...


class RoomTraces:
    """Notes a span ``sockets.write`` for each followed message of a live event."""

    def __init__(self, *, traces: Traces, fan: WriteObserver, clock: Clock) -> None:
        self._traces = traces
        self._fan = fan
        self._clock = clock

    def delivered(self, event: ChatPosted) -> None:
        since = self._clock.monotonic()
        for trace in event.traces:
            note = partial(self._traces.note, trace, "sockets.write", since=since)
            self._fan.when_written(topic_of(event.room_id), note)
