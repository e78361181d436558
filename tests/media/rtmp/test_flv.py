from __future__ import annotations

import msgspec
import pytest

from media.errors import ProtocolError, PublishRefused
from media.rtmp import flv
from media.rtmp.flv import FlvPacket, in_track, parse_audio, parse_video
from media.unit import Codec, Track, Unit


def test_legacy_h264_gives_header_frame_and_end() -> None:
    assert parse_video(b"\x17\0\0\0\0rec") == [FlvPacket("video", Codec.H264, "header", 0, True, 0, 0, b"rec")]
    assert parse_video(b"\x27\1\0\0\x50nal") == [FlvPacket("video", Codec.H264, "frame", 0, False, 80, 0, b"nal")]
    assert parse_video(b"\x27\1\xff\xff\xffnal")[0].composition_ms == -1
    assert parse_video(b"\x17\2\0\0\0")[0].step == "end"


def test_legacy_hevc_is_understood() -> None:
    assert parse_video(b"\x1c\1\0\0\0nal") == [FlvPacket("video", Codec.HEVC, "frame", 0, True, 0, 0, b"nal")]


def test_legacy_aac_gives_header_and_frame() -> None:
    assert parse_audio(b"\xaf\0\x11\x90") == [FlvPacket("audio", Codec.AAC, "header", 0, True, 0, 0, b"\x11\x90")]
    assert parse_audio(b"\xaf\1raw") == [FlvPacket("audio", Codec.AAC, "frame", 0, True, 0, 0, b"raw")]


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (b"\x90hvc1rec", FlvPacket("video", Codec.HEVC, "header", 0, True, 0, 0, b"rec")),
        (b"\xa1hvc1\0\0\x28nal", FlvPacket("video", Codec.HEVC, "frame", 0, False, 40, 0, b"nal")),
        (b"\xa3hvc1nal", FlvPacket("video", Codec.HEVC, "frame", 0, False, 0, 0, b"nal")),
        (b"\x91avc1\0\0\x28nal", FlvPacket("video", Codec.H264, "frame", 0, True, 40, 0, b"nal")),
        (b"\x91av01obu", FlvPacket("video", Codec.AV1, "frame", 0, True, 0, 0, b"obu")),
        (b"\xa1vp09raw", FlvPacket("video", Codec.VP9, "frame", 0, False, 0, 0, b"raw")),
        (b"\x92hvc1", FlvPacket("video", Codec.HEVC, "end", 0, True, 0, 0, b"")),
        (b"\x94hvc1amf", FlvPacket("video", Codec.HEVC, "other", 0, True, 0, 0, b"amf")),
    ],
)
def test_enhanced_video_is_understood(payload: bytes, expected: FlvPacket) -> None:
    assert parse_video(payload) == [expected]


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (b"\x90OpusOpusHead", FlvPacket("audio", Codec.OPUS, "header", 0, True, 0, 0, b"OpusHead")),
        (b"\x91Opusraw", FlvPacket("audio", Codec.OPUS, "frame", 0, True, 0, 0, b"raw")),
        (b"\x91mp4araw", FlvPacket("audio", Codec.AAC, "frame", 0, True, 0, 0, b"raw")),
        (b"\x94Opus\0\2", FlvPacket("audio", Codec.OPUS, "other", 0, True, 0, 0, b"\0\2")),
    ],
)
def test_enhanced_audio_is_understood(payload: bytes, expected: FlvPacket) -> None:
    assert parse_audio(payload) == [expected]


def test_modifiers_before_a_packet_are_read_through() -> None:
    nano = b"\x02" + (500_000).to_bytes(3, "big") + b"\x03"
    assert parse_video(b"\x97" + nano + b"hvc1nal") == [
        FlvPacket("video", Codec.HEVC, "frame", 0, True, 0, 500_000, b"nal")
    ]
    unknown_then_nano = b"\x00\xee\x17" + nano
    assert parse_video(b"\x97" + unknown_then_nano + b"hvc1nal")[0].nano == 500_000
    long = b"\xff" + (299).to_bytes(2, "big") + bytes(300) + b"\x11"
    assert parse_audio(b"\x97" + long + b"Opusraw")[0].data == b"raw"


def test_one_track_layout_names_its_track() -> None:
    assert parse_video(b"\x96\x03hvc1\0nal") == [FlvPacket("video", Codec.HEVC, "frame", 0, True, 0, 0, b"nal")]
    assert parse_video(b"\x96\x01avc1\5\0\0\x28nal") == [
        FlvPacket("video", Codec.H264, "frame", 5, True, 40, 0, b"nal")
    ]


def test_a_further_track_in_a_codec_that_is_not_served_is_passed_over() -> None:
    assert [(part.track_id, part.step, part.data) for part in parse_video(b"\x96\x01vvc1\1nal")] == [(1, "other", b"")]


@pytest.mark.parametrize("message", [b"\x17\0\0\0\0rec", b"\x27\1\0\0\x28nal", b"\xa1hvc1\0\0\x28nal", b"\x90av01rec"])
def test_a_message_moved_into_a_track_says_the_same(message: bytes) -> None:
    (alone,), (moved,) = parse_video(message), parse_video(in_track(message, 3))
    assert moved == msgspec.structs.replace(alone, track_id=3)


def test_many_tracks_layouts_give_each_track() -> None:
    same = b"\x96\x13av01" + b"\0" + b"\0\0\2aa" + b"\1" + b"\0\0\3bbb"
    assert [(part.track_id, part.step, part.data) for part in parse_video(same)] == [
        (0, "frame", b"aa"),
        (1, "frame", b"bbb"),
    ]
    mixed = b"\x95\x21" + b"Opus\0\0\0\2aa" + b"ac-3\1\0\0\1b"
    assert [(part.track_id, part.codec) for part in parse_audio(mixed)] == [(0, Codec.OPUS), (1, Codec.AAC)]


@pytest.mark.parametrize("payload", [b"", b"\x57\0\0\0\0", b"\xd0\1"])
def test_empty_messages_and_player_commands_give_nothing(payload: bytes) -> None:
    assert parse_video(payload) == []


@pytest.mark.parametrize(
    "payload",
    [b"\x27", b"\x27\1\0\0", b"\x91hv", b"\x91hvc1\0\0", b"\x97", b"\x97\5\0", b"\x97\0\0\x01hvc1", b"\x96\x33hvc1\0"],
)
def test_cut_off_video_is_a_protocol_error(payload: bytes) -> None:
    with pytest.raises(ProtocolError):
        parse_video(payload)


@pytest.mark.parametrize(
    ("parse", "payload", "name"),
    [
        (parse_audio, b"\x2fabc", "MP3"),
        (parse_audio, b"\xb2abc", "Speex"),
        (parse_audio, b"\x91fLaCabc", "fLaC"),
        (parse_video, b"\x14abc", "VP6"),
        (parse_video, b"\x12abc", "Sorenson"),
        (parse_video, b"\x91vvc1abc", "vvc1"),
    ],
)
def test_other_codecs_are_refused_by_name(parse: object, payload: bytes, name: str) -> None:
    with pytest.raises(PublishRefused, match=name) as refusal:
        parse(payload)  # type: ignore[operator]
    assert refusal.value.code == "unsupported"


@pytest.mark.parametrize("codec", [Codec.H264, Codec.HEVC, Codec.AV1, Codec.VP9])
def test_written_video_is_read(codec: Codec) -> None:
    track = Track(kind="video", codec=codec, timescale=90_000, config=b"rec")
    unit = Unit(kind="video", pts=900 + 3600, dts=900, is_key=True, data=b"data", at=0.0)
    assert parse_video(flv.video_header(track))[0].data == b"rec"
    packet = parse_video(flv.video_frame(track, unit))[0]
    expected_ms = 40 if codec in (Codec.H264, Codec.HEVC) else 0
    assert (packet.codec, packet.composition_ms, packet.is_key, packet.data) == (codec, expected_ms, True, b"data")


@pytest.mark.parametrize("codec", [Codec.AAC, Codec.OPUS])
def test_written_audio_is_read(codec: Codec) -> None:
    track = Track(kind="audio", codec=codec, timescale=48_000, config=b"conf")
    unit = Unit(kind="audio", pts=0, dts=0, is_key=True, data=b"data", at=0.0)
    assert parse_audio(flv.audio_header(track))[0].data == b"conf"
    assert parse_audio(flv.audio_frame(track, unit))[0].data == b"data"
