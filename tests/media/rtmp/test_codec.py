from __future__ import annotations

import pytest

from media.errors import ProtocolError
from media.rtmp import codec as records
from media.unit import Codec

# 1920×1080 at 30000/1001, each coded as 1088 lines where the codec needs it.
AVC = bytes.fromhex("0142c028ffe100176742c028da01e0089f97011000003e90000ea600f1832a01000468ce0fc8")
AVC_422_INTERLACED = bytes.fromhex(
    "017a0028ffe10018677a0028bce8078044fcb808800001f4800075300f8b175001000468de0fc8fef8f800"
)
HEVC = bytes.fromhex(
    "01016000000090000000000078f000fcfdf8f800000f03200001001840010c01ffff016000000300900000030000030078959409"
    "210001002a420101016000000300900000030000030078a003c0801107cb965654a4c2f01680800001f480003a9804220001000644"
    "01c073c189"
)
#: What ffmpeg's AAC encoder writes for 5.1(side): no channel configuration, a program_config_element instead.
SIDE_5_1 = "118004c805000108800c4c61766336332e312e31303256e500"
AV1 = bytes.fromhex("81080c000a0c02000042955dfe1b805f0008")
RATE = 30_000 / 1001


def test_avcc_gives_the_cropped_size_and_rate() -> None:
    track = records.video_track(Codec.H264, AVC)
    assert (track.width, track.height, track.fps, track.config) == (1920, 1080, RATE, AVC)


def test_avcc_of_interlaced_422_counts_fields() -> None:
    track = records.video_track(Codec.H264, AVC_422_INTERLACED)
    assert (track.width, track.height, track.fps) == (1920, 1080, RATE)


@pytest.mark.parametrize(("kind", "told", "record"), [(Codec.H264, slice(1, 4), AVC), (Codec.HEVC, slice(1, 13), HEVC)])
def test_sps_decides_over_a_record_whose_head_is_zeros(kind: Codec, told: slice, record: bytes) -> None:
    lying = record[: told.start] + bytes(told.stop - told.start) + record[told.stop :]
    assert records.video_track(kind, lying).config == record


def test_hvcc_gives_the_size_in_its_window() -> None:
    track = records.video_track(Codec.HEVC, HEVC)
    assert (track.width, track.height) == (1920, 1080)


def test_av1c_gives_the_size() -> None:
    track = records.video_track(Codec.AV1, AV1)
    assert (track.width, track.height) == (1920, 1080)
    assert (records.video_track(Codec.AV1, AV1[:4]).width, records.video_track(Codec.VP9, b"").width) == (0, 0)


@pytest.mark.parametrize(("kind", "record"), [(Codec.H264, AVC), (Codec.HEVC, HEVC), (Codec.AV1, AV1)])
def test_cut_off_records_are_protocol_errors_or_partial_but_nothing_else(kind: Codec, record: bytes) -> None:
    for length in range(len(record)):
        try:
            records.video_track(kind, record[:length])
        except ProtocolError:
            continue


@pytest.mark.parametrize(("kind", "at", "record"), [(Codec.H264, 4, AVC), (Codec.HEVC, 21, HEVC)])
def test_short_nal_lengths_are_promised_to_be_long(kind: Codec, at: int, record: bytes) -> None:
    short = record[:at] + bytes((record[at] & 0xFC | 1,)) + record[at + 1 :]
    assert records.nal_length_bytes(kind, short) == 2
    assert records.video_track(kind, short).config == record


def nals(width: int, *units: bytes) -> bytes:
    return b"".join(len(unit).to_bytes(width, "big") + unit for unit in units)


@pytest.mark.parametrize(
    ("frame", "is_key"),
    [
        (b"\x0a\1x\x32\2\x10z", True),
        (b"\x32\2\x30z", False),
        (b"\x1a\2\x90z", False),
        (b"\x0a\1x", False),
        (b"", False),
    ],
    ids=["key", "inter", "shows-existing", "no-frame", "empty"],
)
def test_frame_header_decides_what_is_a_key_of_av1(frame: bytes, is_key: bool) -> None:
    assert records.is_av1_key(frame) is is_key


@pytest.mark.parametrize(
    ("first", "is_key"),
    [(0x82, True), (0x86, False), (0x8A, False), (0xB1, True), (0xB3, False), (0x02, False)],
    ids=["key", "inter", "shows-existing", "key-profile-3", "inter-profile-3", "no-marker"],
)
def test_frame_header_decides_what_is_a_key_of_vp9(first: int, is_key: bool) -> None:
    assert records.is_vp9_key(bytes((first, 0x49))) is is_key
    assert not records.is_vp9_key(b"")


def test_temporal_delimiters_are_taken_out() -> None:
    assert records.without_temporal_delimiters(b"\x12\0\x0a\1x\x32\2yz") == b"\x0a\1x\x32\2yz"
    assert records.without_temporal_delimiters(b"\x0a\1x\x30yz") == b"\x0a\1x\x30yz"
    for broken in (b"\x0a\5x", b"\x0a\xff\xff\xff\xff\xff\xff", b"\x0a"):
        with pytest.raises(ProtocolError):
            records.without_temporal_delimiters(broken)


@pytest.mark.parametrize(
    ("config", "rate", "channels", "samples"),
    [
        ("1190", 48_000, 2, 1024),
        ("1208", 44_100, 1, 1024),
        ("1194", 48_000, 2, 960),
        ("2b118800", 48_000, 2, 2048),
        ("eb098800", 48_000, 2, 2048),
        ("131056e598", 48_000, 2, 2048),
        ("1210", 44_100, 2, 1024),
        (SIDE_5_1, 48_000, 6, 1024),
        ("11e056e500", 48_000, 8, 1024),
    ],
    ids=["lc", "mono", "960", "he", "he-v2", "sbr-behind", "44100", "5.1(side)", "7.1"],
)
def test_audio_specific_configs(config: str, rate: int, channels: int, samples: int) -> None:
    parsed = records.parse_aac(bytes.fromhex(config))
    assert (parsed.sample_rate, parsed.channels, parsed.unit_samples) == (rate, channels, samples)


@pytest.mark.parametrize("config", ["", "11", "1690", "1780000000", "1180", "11800400000000"])
def test_impossible_audio_configs_are_protocol_errors(config: str) -> None:
    with pytest.raises(ProtocolError):
        records.parse_aac(bytes.fromhex(config))


@pytest.mark.parametrize(
    ("packet", "samples"),
    [
        (b"\xfc", 960),
        (b"\xe0", 120),
        (b"\xfd", 1920),
        (b"\x1b\2", 5760),
        (b"\x60", 480),
        (b"\xff\3", 2880),
        (b"\x08", 960),
    ],
)
def test_opus_durations(packet: bytes, samples: int) -> None:
    assert records.opus_samples(packet) == samples


@pytest.mark.parametrize("packet", [b"", b"\xff", b"\xff\0", b"\x1b\3"])
def test_impossible_opus_durations_are_protocol_errors(packet: bytes) -> None:
    with pytest.raises(ProtocolError):
        records.opus_samples(packet)


def test_made_opus_head_says_what_the_packet_says() -> None:
    assert records.opus_track(records.opus_head(b"\xfc")).channels == 2
    assert records.opus_track(records.opus_head(b"\x08")).channels == 1
    with pytest.raises(ProtocolError):
        records.opus_track(b"OpusHead")
