"""Groups coded pictures or packets of sound into CMAF segments of ``SEGMENT_S``. Sans-I/O."""

from __future__ import annotations

from collections.abc import Iterator

from media.hls.fmp4 import SEGMENT_TYPE, Sample, chunk
from media.vod.messages import SEGMENT_S, SegmentMade

Coded = tuple[int, bool, bytes]
"""A picture or packet: its time in ticks, whether it is a key frame, its bytes."""


class Cutter:
    """One lane. Units come in the order of their times, which are ticks of ``timescale`` from the file's beginning.

    ``have``: segments below this number are passed over, as they are there. ``usual``: ticks of the last unit.
    """

    def __init__(self, *, lane: int, timescale: int, have: int, usual: int) -> None:
        self._lane = lane
        self._ticks = SEGMENT_S * timescale
        self._have = have
        self._usual = usual
        self._held: list[Coded] = []

    def add(self, pts: int, *, is_key: bool, data: bytes) -> Iterator[SegmentMade]:
        """The segment before this unit, where it begins another one."""
        if self._held and pts // self._ticks != self._held[0][0] // self._ticks:
            yield from self._cut(pts)
        self._held.append((pts, is_key, data))

    def finish(self) -> Iterator[SegmentMade]:
        """The last segment, if there is any."""
        if self._held:
            yield from self._cut(self._held[-1][0] + self._usual)

    def _cut(self, end: int) -> Iterator[SegmentMade]:
        held, self._held = self._held, []
        number = held[0][0] // self._ticks
        if number >= self._have:
            yield segment_of(held, end, lane=self._lane, number=number)


def segment_of(held: list[Coded], end: int, *, lane: int, number: int, delay: int = 0) -> SegmentMade:
    """Of at least one unit; the last one lasts until ``end``. Each is decoded ``delay`` before its time."""
    stops = [*(pts for pts, _, _ in held[1:]), end]
    samples = [
        Sample(dts=pts - delay, pts=pts, duration=stop - pts, is_key=is_key, data=data)
        for (pts, is_key, data), stop in zip(held, stops, strict=True)
    ]
    start = held[0][0]
    data = SEGMENT_TYPE + chunk(number + 1, samples)
    rest = sum(len(sample.data) for sample in samples[1:])
    key_bytes = len(data) - rest if samples[0].is_key else 0
    return SegmentMade(lane=lane, number=number, start=start, duration=end - start, key_bytes=key_bytes, data=data)
