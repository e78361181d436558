"""What configuration records say."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.errors import MediaError
from media.hls.codecs import (
    BadConfig,
    Bits,
    aac_shape,
    audio_shape,
    codec_string,
    is_common_aac,
    opus_ticks,
    picture_size,
)
from media.hls.fmp4 import init_segment
from media.unit import Codec, Track
from tests.media.hls.sources import ASC, AVCC, encode

OPUS_HEAD = b"OpusHead\x01\x02\x38\x01\x80\xbb\x00\x00\x00\x00\x00"


def track(codec: Codec, config: bytes = b"") -> Track:
    is_audio = codec in (Codec.AAC, Codec.OPUS)
    return Track(kind="audio" if is_audio else "video", codec=codec, timescale=48_000, config=config)


@pytest.mark.parametrize(
    ("codec", "config", "text"),
    [
        (Codec.H264, AVCC, "avc1.4d401f"),
        (Codec.HEVC, bytes.fromhex("0101600000009000000000005d"), "hvc1.1.6.L93.90"),
        (Codec.HEVC, bytes.fromhex("0122200000000000000000007b"), "hvc1.2.4.H123"),
        (Codec.HEVC, bytes.fromhex("0141600000009008000000005d"), "hvc1.A1.6.L93.90.8"),
        (Codec.AV1, bytes.fromhex("81054c00"), "av01.0.05M.10"),
        (Codec.AV1, bytes.fromhex("81288c00"), "av01.1.08H.08"),
        (Codec.VP9, bytes.fromhex("0100000002339001010100000000"[:24]), "vp09.02.51.09"),
        (Codec.VP9, bytes.fromhex("001f800202020000"), "vp09.00.31.08"),
        (Codec.VP9, b"", "vp09.00.41.08"),
        (Codec.AAC, ASC, "mp4a.40.2"),
        (Codec.AAC, bytes.fromhex("2b8a0800"), "mp4a.40.5"),
        (Codec.AAC, bytes.fromhex("f8e6"), "mp4a.40.39"),
        (Codec.OPUS, OPUS_HEAD, "opus"),
    ],
)
def test_codec_strings_follow_the_record(codec, config, text):
    assert codec_string(track(codec, config)) == text


@pytest.mark.parametrize("config", ["", "11", "1780000008", "16f8"])
def test_aac_record_without_a_rate_is_refused(config):
    with pytest.raises(BadConfig):
        aac_shape(bytes.fromhex(config))


@pytest.mark.parametrize("codec", [Codec.H264, Codec.HEVC, Codec.AV1])
def test_record_that_is_cut_short_cannot_be_named(codec):
    with pytest.raises(BadConfig):
        codec_string(track(codec, b"\1"))


@pytest.mark.parametrize("encoder", ["libx264", "libx265"])
@pytest.mark.parametrize("size", [(160, 96), (1280, 720), (854, 480), (322, 182)])
def test_picture_size_is_read_from_the_parameter_sets(encoder, size):
    encoded = encode(video_codec=encoder, audio_codec=None, seconds=0.2, size=size)
    assert encoded.tracks[0].width == 0
    assert picture_size(encoded.tracks[0]) == size


def test_picture_size_of_an_interlaced_high_profile():
    options = {"preset": "fast", "flags": "+ildct+ilme", "profile": "high"}
    encoded = encode(audio_codec=None, seconds=0.2, size=(720, 576), options=options)
    assert picture_size(encoded.tracks[0]) == (720, 576)


def test_picture_size_the_track_knows_goes_first():
    sized = msgspec.structs.replace(track(Codec.H264, AVCC), width=640, height=360)
    assert picture_size(sized) == (640, 360)
    assert picture_size(track(Codec.H264, AVCC)) == (1280, 720)


@pytest.mark.parametrize(
    ("config", "shape"),
    [
        (ASC, (48_000, 2, 1024)),
        (bytes.fromhex("1210"), (44_100, 2, 1024)),
        (bytes.fromhex("1408"), (16_000, 1, 1024)),
        (bytes.fromhex("1194"), (48_000, 2, 960)),
        (bytes.fromhex("17805dc008"), (48_000, 1, 1024)),
        (bytes.fromhex("2b0a8800"), (24_000, 1, 1024)),
        (bytes.fromhex("2c0c0800"), (16_000, 1, 1024)),
    ],
)
def test_aac_shape_is_read_from_the_record(config, shape):
    assert aac_shape(config) == shape


def test_audio_shape_comes_from_the_record_where_the_track_is_silent():
    assert audio_shape(track(Codec.AAC, bytes.fromhex("1208"))) == (44_100, 1)
    assert audio_shape(track(Codec.OPUS, OPUS_HEAD)) == (48_000, 2)
    assert audio_shape(track(Codec.OPUS)) == (48_000, 2)


@pytest.mark.parametrize(
    ("packet", "ticks"),
    [(b"\xfc", 960), (b"\xfd", 1920), (b"\xff\x03", 2880), (b"\x18", 2880), (b"\xe0", 120), (b"", 960), (b"\xff", 960)],
)
def test_opus_packets_say_how_long_they_sound(packet, ticks):
    assert opus_ticks(packet) == ticks


def test_bits_are_read_as_exp_golomb_codes():
    bits = Bits(bytes([0b1_010_011_0, 0b0100_0010, 0b1_011_0000]))
    assert [bits.ue(), bits.ue(), bits.ue(), bits.ue(), bits.se(), bits.se()] == [0, 1, 2, 3, -2, -1]


@given(st.sampled_from(list(Codec)), st.binary(max_size=60))
def test_no_record_whatever_it_holds_does_more_than_be_refused(codec, config):
    try:
        codec_string(track(codec, config))
        init_segment(track(codec, config))
    except MediaError:
        pass


@pytest.mark.parametrize(
    ("config", "is_common"),
    [
        ("1190", True),
        ("1208", True),
        ("11b0", True),
        ("2b118800", True),
        ("eb098800", True),
        ("11b8", False),
        ("11e056e500", False),
        ("118004c805000108800c4c61766336332e312e31303256e500", False),
        ("0990", False),
        ("2190", False),
        ("", False),
    ],
    ids=["lc", "mono", "5.1", "he", "he-v2", "7.1(wide)", "7.1", "5.1(side)", "main", "ltp", "empty"],
)
def test_aac_that_every_browser_decodes(config: str, is_common: bool) -> None:
    assert is_common_aac(bytes.fromhex(config)) is is_common
