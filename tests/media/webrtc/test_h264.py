from __future__ import annotations

import fractions

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.webrtc import h264

NAL = st.binary(min_size=1, max_size=5_000).map(lambda data: bytes((0x61,)) + data)


def encoded(profile: str, *, width: int = 322, height: int = 182, b_frames: int = 0) -> list[bytes]:
    """The NAL units that an encoder makes of a few grey pictures."""
    context = av.CodecContext.create("libx264", "w")
    context.width, context.height, context.pix_fmt = width, height, "yuv420p"
    context.time_base = fractions.Fraction(1, 30)
    context.options = {"preset": "veryfast", "profile": profile, "bf": str(b_frames)}
    data = b""
    for number in range(4):
        frame = av.VideoFrame(width, height, "yuv420p")
        frame.pts = number
        data += b"".join(bytes(packet) for packet in context.encode(frame))
    data += b"".join(bytes(packet) for packet in context.encode(None))
    return [part.strip(b"\0") for part in data.split(b"\0\0\1") if part.strip(b"\0")]


@pytest.mark.parametrize("profile", ["baseline", "main", "high"])
def test_an_sps_tells_the_size_of_the_picture(profile: str) -> None:
    sps = next(nal for nal in encoded(profile) if h264.nal_type(nal) == h264.SPS)
    described = h264.describe(sps)
    assert (described.width, described.height) == (322, 182)
    assert described.reorder == 0


def test_an_sps_tells_of_b_frames() -> None:
    sps = next(nal for nal in encoded("high", b_frames=2) if h264.nal_type(nal) == h264.SPS)
    assert h264.describe(sps).reorder


@pytest.mark.parametrize("profile", ["baseline", "high"])
def test_a_config_record_gives_back_its_parameter_sets(profile: str) -> None:
    collector = h264.Collector()
    for nal in encoded(profile):
        collector.add(nal)
    record = collector.sets.encode()
    assert h264.H264ParameterSets.decode(record) == collector.sets
    decoder = av.CodecContext.create("h264", "r")
    decoder.extradata = record
    decoder.open()
    assert decoder.width in {0, 322}


@given(st.binary(max_size=64))
def test_random_parameter_sets_raise_only_value_errors(data: bytes) -> None:
    for read in (h264.describe, h264.H264ParameterSets.decode):
        try:
            read(data)
        except ValueError:
            continue
    h264.Collector().add(data)


@given(st.lists(NAL, min_size=1, max_size=4))
def test_what_is_packetised_comes_out_again(nals: list[bytes]) -> None:
    unpacker = h264.Unpacker()
    payloads = h264.packetize(nals, parameter_sets=[b"\x67abc", b"\x68de"])
    assert max(len(payload) for payload in payloads) <= h264.MAX_PAYLOAD
    assert h264.starts_access_unit(payloads[0])
    assert [nal for payload in payloads for nal in unpacker.push(payload)] == [b"\x67abc", b"\x68de", *nals]


@given(st.lists(NAL, max_size=4))
def test_length_prefixes_come_off_again(nals: list[bytes]) -> None:
    assert h264.split_avcc(h264.join_avcc(nals)) == nals


@given(st.lists(st.binary(max_size=20), max_size=10))
def test_random_payloads_raise_only_value_errors(payloads: list[bytes]) -> None:
    unpacker = h264.Unpacker()
    for payload in payloads:
        try:
            unpacker.push(payload)
        except ValueError:
            unpacker.reset()


def test_fragments_have_one_size_but_for_the_last() -> None:
    sizes = [len(payload) for payload in h264.packetize([bytes(10_000)])]
    assert len(set(sizes[:-1])) == 1
    assert sizes[-1] <= sizes[0]


def test_a_new_sps_replaces_the_old_one() -> None:
    collector = h264.Collector()
    for size in (322, 642):
        for nal in encoded("baseline", width=size):
            collector.add(nal)
    assert len(collector.sets.sps) == 1
    assert h264.describe(collector.sets.sps[0]).width == 642
