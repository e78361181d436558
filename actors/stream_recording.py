"""Segments of a recording that are in the object store and that the database does not list yet. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from actors.stream_messages import SegmentsRecorded
from actors.stream_store import InitRow, SegmentRow

MAX_UNLISTED = 20_000


class UnlistedSegments:
    """Kept while the database is away, at most ``MAX_UNLISTED`` reports of the media process."""

    def __init__(self) -> None:
        self._reports: list[SegmentsRecorded] = []

    def __bool__(self) -> bool:
        return bool(self._reports)

    def add(self, report: SegmentsRecorded) -> bool:
        """False: the oldest report made room and will not be listed."""
        self._reports.append(report)
        if len(self._reports) <= MAX_UNLISTED:
            return True
        del self._reports[0]
        return False

    def clear(self) -> None:
        self._reports.clear()

    @property
    def segments(self) -> tuple[SegmentRow, ...]:
        return tuple(segment for report in self._reports for segment in report.segments)

    @property
    def inits(self) -> tuple[InitRow, ...]:
        """Each once."""
        inits = {(init.rendition, init.name): init for report in self._reports for init in report.inits}
        return tuple(inits.values())

    @property
    def next_segment(self) -> int:
        return max((segment.segment + 1 for segment in self.segments), default=0)

    @property
    def media_time_ms(self) -> int:
        return ends_at_ms(self.segments)


def ends_at_ms(segments: Iterable[SegmentRow]) -> int:
    """Where the last of them ends in the media clock; 0 for none."""
    return max((round(segment.media_time_ms + segment.duration_ms) for segment in segments), default=0)
