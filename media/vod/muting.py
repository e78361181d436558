"""Silences times of a segment of AAC or Opus, packet by packet. Sans-I/O."""

from __future__ import annotations

from collections.abc import Sequence

from media.hls.cmaf import read_fragments
from media.hls.silence import Quiet
from media.vod.cutter import Coded, segment_of
from media.vod.messages import SegmentMade


def muted(data: bytes, *, quiet: Quiet, number: int, spans: Sequence[tuple[int, int]]) -> SegmentMade | None:
    """The segment with silence in these times, from and to, in ticks; None where it has none of them.

    Raises ``BadSegment``.
    """
    held: list[Coded] = []
    pts, is_changed = 0, False
    for fragment in read_fragments(data):
        at, pts = fragment.data_at, fragment.decode_time
        for duration, size, is_key in zip(fragment.durations, fragment.sizes, fragment.keys, strict=True):
            is_silent = any(pts < stop and pts + duration > start for start, stop in spans)
            held.append((pts, is_key, quiet(duration) if is_silent else data[at : at + size]))
            is_changed |= is_silent
            at, pts = at + size, pts + duration
    return segment_of(held, pts, lane=0, number=number) if is_changed else None
