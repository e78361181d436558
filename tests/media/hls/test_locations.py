"""Where the bytes behind a stream's names are found."""

from __future__ import annotations

from pathlib import Path

import pytest

from media.hls.answers import InStore, OnDisk, PendingPart
from media.hls.events import SegmentReady, SegmentRemoved, SegmentStored
from tests.media.hls.muxed import units
from tests.media.hls.sources import AUDIO, VIDEO, live, pictures


def test_each_listed_name_leads_to_its_bytes(stream):
    stream.feed(live(VIDEO, AUDIO, units=units(7)))
    for rendition in ("video", "audio"):
        text = stream.text(rendition)
        listed = [part.uri for segment in text.segments for part in segment.parts]
        listed += [segment.uri for segment in text.segments if segment.uri] + [text.segment_map[0].uri]
        assert len(listed) > 20
        for name in listed:
            location = stream.index.locate(name)
            data = Path(location.path).read_bytes()[location.offset : location.offset + location.size]
            assert len(data) == location.size > 0
            assert data[4:8] in (b"styp", b"moof", b"ftyp")


def test_segment_is_its_parts_one_after_the_other(stream):
    stream.feed(live(VIDEO, units=pictures(3)))
    whole = stream.index.locate("video/1/1.m4s")
    parts = [stream.index.locate(f"video/1/1.{n}.m4s") for n in range(6)]
    assert sum(part.size for part in parts) == whole.size
    assert {part.path for part in parts} == {whole.path}


def test_hinted_part_is_pending_until_it_is_there_or_never_will_be(stream):
    stream.feed(live(VIDEO, units=pictures(2)))
    assert stream.index.locate("video/1/1.5.m4s") == PendingPart()
    assert stream.index.locate("video/1/1.6.m4s") is None
    stream.feed(pictures(0.1, from_ms=2000))
    assert isinstance(stream.index.locate("video/1/1.5.m4s"), OnDisk)
    assert stream.index.locate("video/1/1.6.m4s") is None
    assert stream.index.locate("video/1/2.0.m4s") == PendingPart()


@pytest.mark.parametrize("name", ["video/1/100.m4s", "../../etc/passwd", "", "video/1/init-7.mp4", "video/1/1.99.m4s"])
def test_names_that_were_never_given_out_lead_nowhere(stream, name):
    stream.feed(live(VIDEO, units=pictures(3)))
    assert stream.index.locate(name) is None


def stored(event: SegmentReady) -> SegmentStored:
    fields = {name: getattr(event, name) for name in SegmentStored.__struct_fields__ if hasattr(event, name)}
    return SegmentStored(**fields, object_key=f"key/{event.name}", init_key=f"key/{event.init}")


def test_stored_segment_is_found_in_the_store_once_its_file_has_gone(stream):
    stream.feed(live(VIDEO, units=pictures(5)))
    first = next(event for event in stream.events if isinstance(event, SegmentReady))
    stream.index.apply(stored(first))
    assert isinstance(stream.index.locate(first.name), OnDisk)
    stream.index.apply(SegmentRemoved(name=first.name))
    assert stream.index.locate(first.name) == InStore(f"key/{first.name}", first.size)
    assert stream.index.locate("video/1/1.0.m4s") is None
    assert stream.text("video", dvr=True).segments[0].uri == first.name


def test_segment_that_went_without_being_stored_is_not_listed(stream):
    stream.feed(live(VIDEO, units=pictures(7)))
    stream.index.apply(SegmentRemoved(name="video/1/1.m4s", is_lost=True))
    assert stream.index.locate("video/1/1.m4s") is None
    assert [each.gap_tag is not None for each in stream.text("video", dvr=True).segments[:3]] == [True, False, False]
