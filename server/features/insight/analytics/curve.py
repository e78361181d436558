"""How many watched in each minute of a stream. Pure."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

MAX_STEPS: Final = 720
"""Points of a curve: those of 12 hours are a minute apart, those of a longer stream further."""
MINUTE_S: Final = 60
MAX_NAMES: Final = 20
OTHER: Final = "other"


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """``viewers`` watched at some time in the step that begins ``at_s`` after the start; ``share`` of all who came."""

    at_s: int
    viewers: int
    share: float


def step_s(duration_s: float) -> int:
    """Whole minutes, so few that the curve has at most ``MAX_STEPS`` points."""
    return MINUTE_S * max(1, math.ceil(duration_s / MINUTE_S / MAX_STEPS))


def curve(came: Mapping[int, int], went: Mapping[int, int], *, steps: int, step: int, audience: int) -> list[Point]:
    """``came``: step → views that began in it; ``went``: step → views of which it was the last.

    What began before the first step is there in it, and what goes on after the last one in that.
    """
    first = sum(count for at, count in came.items() if at < 0)
    begun = [came.get(at, 0) + (first if at == 0 else 0) for at in range(steps)]
    gone = [0, *(went.get(at, 0) for at in range(steps))]
    present = itertools.accumulate(now - before for now, before in zip(begun, gone, strict=False))
    return [
        Point(at_s=at * step, viewers=viewers, share=round(min(1.0, viewers / audience), 4) if audience else 0.0)
        for at, viewers in enumerate(present)
    ]


def by_protocol(watched: Iterable[tuple[str, int]]) -> dict[str, int]:
    """Milliseconds by protocol, the most watched first. ``watched``: as ``hls:720p``, and milliseconds."""
    return _summed((_PROTOCOLS.get(transport.partition(":")[0], OTHER), ms) for transport, ms in watched)


def by_rendition(watched: Iterable[tuple[str, int]]) -> dict[str, int]:
    """As ``by_protocol``, by rendition; clients may report any, so only the first ``MAX_NAMES`` have their names."""
    return _summed((transport.partition(":")[2] or OTHER, ms) for transport, ms in watched)


_PROTOCOLS: Final = {"webrtc": "webrtc", "hls": "hls", "dvr": "hls", "dash": "dash"}


def _summed(named: Iterable[tuple[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for name, ms in named:
        total[name] += ms
    shown = dict(total.most_common(MAX_NAMES))
    rest = sum(total.values()) - sum(shown.values())
    return {**shown, OTHER: shown.get(OTHER, 0) + rest} if rest else shown
