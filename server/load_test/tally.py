"""What was counted and measured, in bounded memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Final, Literal

KEPT: Final = 20_000

What = Literal[
    "sockets", "sockets_refused", "sockets_lost", "sent", "sent_refused", "received", "lost", "twice", "disordered",
    "reset", "absent",
    "players", "playlists", "segments", "segment_bytes", "segments_failed", "segments_skipped",
    "peers", "peers_failed", "packets", "packets_lost", "pictures",
    "interruptions",
]  # fmt: skip

FAULTS: Final[dict[What, str]] = {
    "lost": "messages that a socket never got",
    "twice": "messages that a socket got twice",
    "disordered": "messages that came out of order",
    "reset": "sockets whose place in the room was gone",
    "segments_failed": "segments and playlists that could not be read",
    "segments_skipped": "segments that were gone before a player could read them",
    "peers_failed": "WebRTC viewers that were not connected",
    "packets_lost": "RTP packets that WebRTC viewers never got",
    "interruptions": "publishers that were cut off",
    "sockets_lost": "sockets that were cut off",
    "absent": "sockets that were not in when the talk began",
    "sockets_refused": "times that a socket was not let in",
}
"""What makes a run a failed one."""


class Sample:
    """Of all that were added each is kept with the same chance, ``KEPT`` at most; the largest is kept for itself."""

    def __init__(self) -> None:
        self.count = 0
        self.largest = 0.0
        self._kept: list[float] = []
        self._chance = Random(1)  # noqa: S311 - a sample

    def add(self, value: float) -> None:
        self.count += 1
        self.largest = max(self.largest, value)
        if len(self._kept) < KEPT:
            self._kept.append(value)
        elif (place := self._chance.randrange(self.count)) < KEPT:
            self._kept[place] = value

    def share(self, share: float) -> float:
        """The value that this share (0 to 1) does not exceed; 0 when there is none."""
        return percentile(self._kept, share)


def percentile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


@dataclass(frozen=True, kw_only=True)
class Second:
    """One second of the run: how many messages were received, and how late, in ms, the slowest of twenty were."""

    at: float
    received: int
    late_ms: float


@dataclass
class Tally:
    """``chat_ms``: from before a message is sent to when a socket has it. ``segment_s``: how long ago the last picture
    of a segment came to the server when a player has read it."""

    counts: Counter[What] = field(default_factory=Counter)
    chat_ms: Sample = field(default_factory=Sample)
    segment_s: Sample = field(default_factory=Sample)
    seconds: list[Second] = field(default_factory=list)
    _recent: list[float] = field(default_factory=list)
    _recently_received: int = 0

    def received(self, late_ms: float) -> None:
        self.counts["received"] += 1
        self.chat_ms.add(late_ms)
        self._recently_received += 1
        if len(self._recent) < KEPT:
            self._recent.append(late_ms)

    def close_second(self, at: float) -> None:
        self.seconds.append(Second(at=at, received=self._recently_received, late_ms=percentile(self._recent, 0.95)))
        self._recent, self._recently_received = [], 0

    @property
    def faults(self) -> dict[str, int]:
        """What went wrong, in words, with how often."""
        return {words: self.counts[what] for what, words in FAULTS.items() if self.counts[what]}
