"""Segments that wait to be listed."""

from __future__ import annotations

import datetime as dt

import pytest

from actors import stream_recording
from actors.stream_messages import SegmentsRecorded
from actors.stream_recording import UnlistedSegments
from actors.stream_store import InitRow, SegmentRow

AT = dt.datetime(2026, 5, 1, tzinfo=dt.UTC)
INIT = InitRow(rendition="video", name="i", object_key="i", info={})


def report(segment: int) -> SegmentsRecorded:
    row = SegmentRow(
        rendition="video", segment=segment, publication=1, object_key=f"s{segment}", init_key="i", init_name="i",
        media_time_ms=segment * 2_000, duration_ms=1_999.6, bytes=1, started_at=AT, is_discontinuity=False,
    )  # fmt: skip
    return SegmentsRecorded(publication=1, inits=(INIT,), segments=(row,))


def test_what_waits_is_in_order_with_each_init_once_and_tells_how_far_it_goes() -> None:
    unlisted = UnlistedSegments()
    assert not unlisted
    assert (unlisted.next_segment, unlisted.media_time_ms) == (0, 0)
    for segment in (3, 4):
        assert unlisted.add(report(segment))
    assert [row.segment for row in unlisted.segments] == [3, 4]
    assert unlisted.inits == (INIT,)
    assert (unlisted.next_segment, unlisted.media_time_ms) == (5, 10_000)
    unlisted.clear()
    assert not unlisted


def test_past_the_bound_the_oldest_report_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_recording, "MAX_UNLISTED", 2)
    unlisted = UnlistedSegments()
    assert [unlisted.add(report(segment)) for segment in (1, 2, 3)] == [True, True, False]
    assert [row.segment for row in unlisted.segments] == [2, 3]
