"""Captions inside of the pictures: found, announced, and left where they are."""

from __future__ import annotations

from pathlib import Path

import m3u8
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.hls.captions import channels_in
from media.unit import Unit
from tests.media.hls.muxed import Stream
from tests.media.hls.sources import AUDIO, VIDEO, live, mixed, pictures, sounds

NONE, FIELD_1, FIELD_2, DTV = b"\xfc\x80\x80", b"\xfc\x14\x2c", b"\xfd\x41\x42", b"\xff\x02\x21"


def captioned(unit: Unit, *triples: bytes) -> Unit:
    """The unit with a message of caption data before its slice."""
    message = b"\xb5\x00\x31GA94\x03" + bytes((0x40 | len(triples), 0xFF)) + b"".join(triples) + b"\xff"
    nal = b"\x06\x04" + bytes((len(message),)) + message + b"\x80"
    return msgspec.structs.replace(unit, data=len(nal).to_bytes(4, "big") + nal + unit.data)


@pytest.mark.parametrize(
    ("triples", "found"),
    [
        ([NONE, NONE], set()),
        ([FIELD_1, NONE], {"CC1"}),
        ([FIELD_1, FIELD_2, DTV], {"CC1", "CC3", "SERVICE1"}),
        ([b"\xf8\x14\x2c"], set()),
        ([b"\xfe\x00\x00"], set()),
        ([], set()),
    ],
)
def test_channels_are_those_that_say_something(triples: list[bytes], found: set[str]) -> None:
    assert set(channels_in(captioned(pictures(1)[0], *triples).data)) == found


@given(st.binary(max_size=64), st.integers(0, 40))
def test_broken_caption_data_is_no_error(rest: bytes, cut: int) -> None:
    whole = b"\xb5\x00\x31GA94\x03" + rest
    assert set(channels_in(whole[:cut])) <= {"CC1", "CC3", "SERVICE1"}
    assert set(channels_in(whole)) <= {"CC1", "CC3", "SERVICE1"}


def announced(stream: Stream, **options: bool) -> tuple[list[str], list[str | None]]:
    listed = m3u8.loads(stream.index.multivariant(**options).body.decode())
    captions = [media.instream_id for media in listed.media if media.type == "CLOSED-CAPTIONS"]
    return captions, [each.stream_info.closed_captions for each in listed.playlists]


def test_captions_of_the_source_are_announced_as_soon_as_there_are_any(stream: Stream) -> None:
    frames = pictures(9)
    stream.feed(live(VIDEO, AUDIO, units=mixed(frames[:90], sounds(3))))
    assert announced(stream) == ([], [None, None])
    stream.feed([captioned(frame, FIELD_1) for frame in frames[90:120]])
    stream.feed([captioned(frame, FIELD_1, DTV) for frame in frames[120:150]])
    stream.feed(frames[150:])
    assert announced(stream) == (["CC1", "SERVICE1"], ['"captions"', None])
    found = [event for event in stream.events if getattr(event, "captions", ())]
    assert len(found) == 2


def test_captions_are_in_the_segments_as_they_came(stream: Stream) -> None:
    frames = [captioned(frame, FIELD_1) for frame in pictures(5)]
    stream.feed(live(VIDEO, units=frames))
    assert announced(stream)[0] == ["CC1"]
    segment = (Path(stream.folder.path) / "video/1/1.m4s").read_bytes()
    assert segment.count(b"GA94\x03") == 60
