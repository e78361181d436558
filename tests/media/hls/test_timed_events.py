"""Timed metadata within segments."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import av
import pytest

from media.hls.cmaf import boxes, read_fragments
from media.hls.events import PartReady, SegmentReady
from media.hls.marks import Mark
from media.hls.timed_events import MAX_WAITING, id3_tag
from tests.media.hls.muxed import Stream, units
from tests.media.hls.sources import AUDIO, VIDEO, Encoded, encode, live, sounds


def mark(at_ms: int, *, text: str = "Goal!") -> Mark:
    return Mark(id=f"0193-{at_ms:08x}", at_ms=at_ms, kind="metadata", value=f'{{"text":"{text}"}}')


def events_in(data: bytes) -> list[tuple[float, int, str, bytes]]:
    """When, which, of what scheme and what: of each event message, which lie between fragments."""
    found = []
    for kind, begin, end in boxes(data, 0, len(data)):
        if kind != b"emsg":
            continue
        assert data[begin] == 1
        timescale, at, length, number = struct.unpack_from(">IQII", data, begin + 4)
        assert length == 0xFFFFFFFF
        scheme, value, body = data[begin + 24 : end].split(b"\0", 2)
        assert value == b""
        found.append((at / timescale, number, scheme.decode(), body))
    return found


def parts(stream: Stream, rendition: str) -> list[tuple[PartReady, bytes]]:
    found = [event for event in stream.events if isinstance(event, PartReady) and event.rendition == rendition]
    return [(part, Path(part.path).read_bytes()[part.offset : part.offset + part.size]) for part in found]


def test_an_event_lies_before_the_samples_of_its_time_and_in_no_other_part(stream: Stream) -> None:
    stream.feed(live(VIDEO, AUDIO, units=units(1)))
    stream.muxer.announce(mark(2_500))
    stream.feed(units(4)[len(units(1)) :])
    holding = [(part, events_in(data)) for part, data in parts(stream, "video") if b"emsg" in data]
    assert len(holding) == 1
    [(part, [(at_s, number, scheme, body)])] = holding
    assert part.media_time <= 2.5 * 90_000 < part.media_time + part.duration
    assert (at_s, number, scheme) == (2.5, 2_500, "https://aomedia.org/emsg/ID3")
    assert body == id3_tag("metadata", '{"id":"0193-000009c4","kind":"metadata","value":{"text":"Goal!"}}')
    assert not any(b"emsg" in data for _, data in parts(stream, "audio"))


def test_what_comes_late_is_told_at_once_in_order_of_time(stream: Stream) -> None:
    stream.feed(live(VIDEO, AUDIO, units=units(3)))
    stream.muxer.announce(mark(900))
    stream.muxer.announce(mark(100))
    stream.feed(units(4)[len(units(3)) :])
    found = [events_in(data) for _, data in parts(stream, "video") if b"emsg" in data]
    assert [[at_s for at_s, *_ in each] for each in found] == [[0.1, 0.9]]


def test_sound_alone_carries_them(stream: Stream) -> None:
    stream.feed(live(AUDIO, units=sounds(1)))
    stream.muxer.announce(mark(1_500))
    stream.feed(sounds(3)[len(sounds(1)) :])
    assert sum(b"emsg" in data for _, data in parts(stream, "audio")) == 1


def test_no_more_wait_than_there_is_room_for(stream: Stream) -> None:
    for at_ms in range(MAX_WAITING + 10):
        stream.muxer.announce(mark(at_ms))
    stream.feed(live(VIDEO, AUDIO, units=units(3)))
    assert sum(len(events_in(data)) for _, data in parts(stream, "video")) == MAX_WAITING


@pytest.fixture
def encoded() -> Encoded:
    return encode(seconds=5)


def test_decoders_and_our_own_reader_pass_over_them(stream: Stream, encoded: Encoded) -> None:
    stream.muxer.announce(mark(1_000))
    stream.feed(live(*encoded.tracks, units=encoded.units))
    segment = next(e for e in stream.events if isinstance(e, SegmentReady) and b"emsg" in Path(e.path).read_bytes())
    data = Path(segment.path).read_bytes()
    init = (stream.folder.path / segment.init).read_bytes()
    with av.open(io.BytesIO(init + data)) as file:
        count = sum(1 for packet in file.demux(video=0) if packet.size)
    assert sum(len(fragment.sizes) for fragment in read_fragments(data)) == count > 0


def test_a_tag_holds_one_named_text() -> None:
    tag = id3_tag("metadata", "x" * 300)
    assert tag[:6] == b"ID3\4\0\0"
    size = tag[6] << 21 | tag[7] << 14 | tag[8] << 7 | tag[9]
    assert size == len(tag) - 10
    assert tag[10:14] == b"TXXX"
    assert tag[20:] == b"\3metadata\0" + b"x" * 300
