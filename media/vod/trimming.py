"""Leaves out what a segment has before or after a time. Sans-I/O.

Packets of sound can be left out on either side; of pictures, which have no B-frames, those at the end.
"""

from __future__ import annotations

from media.hls.cmaf import read_fragments
from media.vod.cutter import Coded, segment_of
from media.vod.messages import SegmentMade


def trimmed(data: bytes, *, number: int, start: int, stop: int) -> SegmentMade | None:
    """The segment with what begins from ``start`` to before ``stop``, in ticks; None for nothing.

    Raises ``BadSegment``.
    """
    held: list[Coded] = []
    end = start
    for fragment in read_fragments(data):
        at, pts = fragment.data_at, fragment.decode_time
        for duration, size, is_key in zip(fragment.durations, fragment.sizes, fragment.keys, strict=True):
            if start <= pts < stop:
                held.append((pts, is_key, data[at : at + size]))
                end = min(stop, pts + duration)
            at, pts = at + size, pts + duration
    return segment_of(held, end, lane=0, number=number) if held else None
