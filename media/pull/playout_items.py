"""A playout: recordings and clips that are played one after the other as a live stream, by the clock. Pure.

What is on at a time follows from when it began and how long its items are, as a television channel's programme does, so
that it goes on where it should be after a restart, or after a live stream that was shown in between.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from media.hls.cmaf import TrackHead, read_fragments, track_of
from media.unit import Kind, Track, Unit

SHIFT_KEPT_MS = 50.0
"""Durations are rounded: where the place of a segment is off by less than this it follows the one before."""


class PlayoutItem(msgspec.Struct, frozen=True, kw_only=True):
    """``kind``: ``recording`` or ``clip``; ``id`` of the stream or the clip."""

    kind: str
    id: str
    duration_ms: int


class Playout(msgspec.Struct, frozen=True, kw_only=True):
    """``starts_at``: wall clock, seconds since the epoch."""

    items: tuple[PlayoutItem, ...]
    starts_at: float
    loops: bool

    @property
    def total_ms(self) -> int:
        return sum(item.duration_ms for item in self.items)


class Spot(msgspec.Struct, frozen=True):
    """An item by its place in the list, and how far it is in."""

    item: int
    from_ms: int


def spot_at(playout: Playout, at: float) -> Spot | None:
    """What is on at this time (wall clock); its first item before it begins, None when it is over."""
    left_ms, total_ms = max(0, round((at - playout.starts_at) * 1000)), playout.total_ms
    if total_ms <= 0:
        return None
    if playout.loops:
        left_ms %= total_ms
    for index, item in enumerate(playout.items):
        if left_ms < item.duration_ms:
            return Spot(index, left_ms)
        left_ms -= item.duration_ms
    return None


class Piece(msgspec.Struct, frozen=True, array_like=True):
    """Bytes of an object; ``size`` 0: all of them."""

    key: str
    offset: int = 0
    size: int = 0


class Chunk(msgspec.Struct, frozen=True, array_like=True):
    """A segment of one track, and its initialisation. Chunks with the same ``number`` are of the same time.
    ``shift_ms``: what to add to its times for those within the item."""

    number: int
    init: Piece
    body: Piece
    shift_ms: float


class Placed(msgspec.Struct, frozen=True, gc=False):
    """A unit and when it is due, in seconds of the playout since it began to be played here."""

    due_s: float
    unit: Unit


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """What belongs to one stretch of time, in the order in which it is due."""

    item: int
    tracks: tuple[Track, ...]
    units: tuple[Placed, ...]


class ItemTimes:
    """Places the units of one item, which begins at ``begin_s`` of the playout. ``end_s`` is where it has got to."""

    def __init__(self, *, begin_s: float) -> None:
        self.end_s = begin_s
        self._begin_s = begin_s
        self._zero_s: float | None = None
        self._shift_ms: float | None = None

    def group(self, item: int, parts: Sequence[tuple[TrackHead, bytes, float]]) -> Group:
        """Of the chunks of one number: initialisation, segment and ``shift_ms``. Raises ``BadSegment``."""
        tracks = [track_of(head) for head, _, _ in parts]
        leader = min(range(len(parts)), key=lambda at: tracks[at].kind != "video")
        self._follow(parts[leader][2])
        timed = [list(_timed(track, data)) for track, (_, data, _) in zip(tracks, parts, strict=True)]
        shift_s = (self._shift_ms or 0.0) / 1000
        if self._zero_s is None:
            self._zero_s = timed[leader][0][0] + shift_s
        move_s = shift_s - self._zero_s + self._begin_s
        self.end_s = timed[leader][-1][1] + move_s
        placed = [
            _moved(unit, due_s, move_s, track.timescale)
            for track, units in zip(tracks, timed, strict=True)
            for due_s, _, unit in units
        ]
        return Group(item=item, tracks=tuple(tracks), units=tuple(sorted(placed, key=lambda one: one.due_s)))

    def _follow(self, shift_ms: float) -> None:
        if self._shift_ms is None or abs(shift_ms - self._shift_ms) > SHIFT_KEPT_MS:
            self._shift_ms = shift_ms


def _timed(track: Track, data: bytes) -> Iterator[tuple[float, float, Unit]]:
    """When each unit begins and ends on the item's own clock, in seconds, and the unit on that clock."""
    for fragment in read_fragments(data):
        at, time = fragment.data_at, fragment.decode_time
        samples = zip(fragment.durations, fragment.sizes, fragment.keys, fragment.offsets, strict=True)
        for duration, size, is_key, offset in samples:
            kind: Kind = track.kind
            content = data[at : at + size]
            unit = Unit(kind=kind, pts=time + offset, dts=time, is_key=is_key, data=content, at=0.0)
            yield time / track.timescale, (time + duration) / track.timescale, unit
            at, time = at + size, time + duration


def _moved(unit: Unit, due_s: float, move_s: float, timescale: int) -> Placed:
    ticks = round(move_s * timescale)
    return Placed(due_s + move_s, msgspec.structs.replace(unit, pts=unit.pts + ticks, dts=unit.dts + ticks))
