"""Encoders that say how far apart their key frames are, and how soon players can begin because of it."""

from __future__ import annotations

import re

import msgspec
import pytest

from media.hls.answers import Rendered
from media.hls.blocking import BlockingQuery
from media.hls.key_interval import key_interval
from media.hls.lane import Closed
from media.hls.segmenter import Segmenter
from media.unit import Unit
from tests.media.hls.muxed import Stream
from tests.media.hls.sources import AUDIO, VIDEO, encode, live, mixed, pictures, sounds


def saying(text: str, units: list[Unit]) -> list[Unit]:
    return [msgspec.structs.replace(units[0], data=text.encode() + units[0].data), *units[1:]]


def said(gop: int | str) -> str:
    return f"x264 - core 164 r3108 - options: cabac=1 keyint={gop} keyint_min=25"


@pytest.mark.parametrize(("codec", "is_in_config"), [("libx264", False), ("libx265", True)])
def test_what_an_encoder_says_is_read_from_its_first_picture_or_its_configuration(
    codec: str, *, is_in_config: bool
) -> None:
    made = encode(video_codec=codec, audio_codec=None, seconds=1, gop=48)
    first, *others = made.units
    assert key_interval(made.tracks[0].config if is_in_config else first.data) == 48
    assert {key_interval(unit.data) for unit in others} == {None}


@pytest.mark.parametrize(
    "text", ["", "keyint=30", said("infinite"), said(0), said("9" * 6), "\0" * 4_096 + said(30), "x264 \0 keyint=30"]
)
def test_anything_else_says_nothing(text: str) -> None:
    assert key_interval(text.encode()) is None


@pytest.mark.parametrize(("gop", "target"), [(30, 2), (60, 2), (90, 4), (250, 10), (99_999, 10)])
def test_a_first_segment_of_one_part_leaves_the_target_to_what_the_encoder_says(gop: int, target: int) -> None:
    units = saying(said(gop), pictures(21, gop=gop))
    segmenter = Segmenter()
    closed: list[Closed] = []
    for item in live(VIDEO, units=units):
        closed += [output for output in segmenter.feed(item) if isinstance(output, Closed)]
        if len(closed) == 1:
            assert segmenter.target_s == target
    assert closed[0].duration == 30_000
    assert max(each.duration for each in closed) <= (target + 0.5) * 90_000
    assert [each.is_independent for each in closed[:3]] == [True, False, True][: len(closed)]


def test_an_encoder_that_says_nothing_has_a_whole_first_interval() -> None:
    segmenter = Segmenter()
    outputs = [output for item in live(VIDEO, units=pictures(5)) for output in segmenter.feed(item)]
    assert [output.duration for output in outputs if isinstance(output, Closed)] == [180_000, 180_000]


def test_a_later_run_begins_with_a_whole_segment() -> None:
    segmenter = Segmenter(first_segment=7, target_s=2)
    units = saying(said(60), pictures(5))
    outputs = [output for item in live(VIDEO, units=units) for output in segmenter.feed(item)]
    assert [output.duration for output in outputs if isinstance(output, Closed)] == [180_000, 180_000]


def test_players_can_begin_within_half_a_second_with_sound_and_a_truthful_playlist(stream: Stream) -> None:
    units = saying(said(60), mixed(pictures(3), sounds(3)))
    begun = next(at for at, item in enumerate(live(VIDEO, AUDIO, units=units)) if playable_with(stream, item))
    assert units[begun].at - units[0].at < 0.5
    first = playlist(stream)
    assert "#EXT-X-TARGETDURATION:2\n" in first
    assert first.count("#EXTINF") == 1
    assert b"audio.m3u8" in text(stream.index.multivariant())
    stream.feed(units[begun:])
    later = playlist(stream)
    assert "#EXT-X-TARGETDURATION:2\n" in later
    assert "INDEPENDENT-SEGMENTS" in first
    assert "INDEPENDENT-SEGMENTS" not in later


def test_the_first_key_frame_does_not_pass_for_the_bit_rate_of_the_whole(stream: Stream) -> None:
    units = [msgspec.structs.replace(unit, data=bytes(20_000 if unit.is_key else 1_000)) for unit in pictures(2)]
    stream.feed(live(VIDEO, units=saying(said(60), units[:25])))
    found = text(stream.index.multivariant()).decode()
    # 10 kB/s of key frames and 29 kB/s of others.
    assert re.search(r"[:,]BANDWIDTH=3[0-9]{5},", found), found


def test_sound_that_was_announced_and_stays_away_is_waited_for_a_second(stream: Stream) -> None:
    units = saying(said(60), pictures(3))
    begun = next(at for at, item in enumerate(live(VIDEO, AUDIO, units=units)) if playable_with(stream, item))
    assert 1.0 <= units[begun].at - units[0].at < 1.5


def playable_with(stream: Stream, item: object) -> bool:
    stream.feed([item])
    return stream.index.is_playable


def playlist(stream: Stream) -> str:
    return text(stream.index.media("video", BlockingQuery())).decode()


def text(answer: object) -> bytes:
    assert isinstance(answer, Rendered)
    return answer.body
