"""NAL units in every framing that encoders use, and the parameter sets between them."""

from __future__ import annotations

import pytest

from media.errors import ProtocolError
from media.rtmp.nals import NalReader, record_nals, record_of, split_annexb
from media.unit import Codec
from tests.media.rtmp.codecs.samples import AVC, AVC_422_INTERLACED, HEVC, nals

RECORDS = {Codec.H264: AVC, Codec.HEVC: HEVC}
IDR = {Codec.H264: b"\x65idr", Codec.HEVC: b"\x26\1idr"}


def reader(codec: Codec, width: int = 4) -> NalReader:
    return NalReader(codec=codec, record=RECORDS[codec], length_bytes=width)


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_nal_lengths_become_four_bytes_wide(width: int) -> None:
    framed = reader(Codec.H264, width)
    assert framed.read(nals(width, b"\x67sps", b"\x65idr")) == (nals(4, b"\x67sps", b"\x65idr"), True)


def test_plain_frame_is_handed_through_untouched() -> None:
    frame = nals(4, b"\x41slice")
    data, is_start = reader(Codec.H264).read(frame)
    assert data is frame
    assert not is_start


@pytest.mark.parametrize(
    ("kind", "delimiter", "start"), [(Codec.H264, b"\x09\xf0", b"\x65i"), (Codec.HEVC, b"\x46\1\x50", b"\x26\1i")]
)
def test_delimiters_and_empty_units_are_taken_out(kind: Codec, delimiter: bytes, start: bytes) -> None:
    framed = reader(kind)
    assert framed.read(nals(4, delimiter, b"", start)) == (nals(4, start), True)


@pytest.mark.parametrize("frame", [b"\0\0", b"\0\0\0\5abc", b"\xff\xff\xff\xffabc", nals(4, b"\x65i") + b"\0\0\0"])
def test_malformed_lengths_are_protocol_errors(frame: bytes) -> None:
    with pytest.raises(ProtocolError):
        reader(Codec.H264).read(frame)


@pytest.mark.parametrize("width", [1, 2, 4])
def test_start_codes_become_lengths(width: int) -> None:
    frame = b"\0\0\0\1\x09\xf0\0\0\0\1\x41slice\0\0\1\x65idr"
    assert reader(Codec.H264, width).read(frame) == (nals(4, b"\x41slice", b"\x65idr"), True)


def test_length_that_looks_like_a_start_code_is_a_length() -> None:
    frame = nals(4, b"\x65" + bytes(range(1, 256)) + b"end")
    assert frame[:3] == b"\0\0\1"
    assert reader(Codec.H264).read(frame) == (frame, True)


def test_sets_in_band_that_the_record_has_change_nothing() -> None:
    framed = reader(Codec.H264)
    framed.read(nals(4, *record_nals(Codec.H264, AVC), b"\x65idr"))
    assert framed.record == AVC


def test_other_sets_in_band_give_another_record_with_their_picture() -> None:
    framed = reader(Codec.H264)
    framed.read(nals(4, *record_nals(Codec.H264, AVC_422_INTERLACED)))
    framed.read(nals(4, b"\x41slice"))
    assert framed.record == AVC
    framed.read(nals(4, b"\x65idr"))
    assert record_nals(Codec.H264, framed.record) == record_nals(Codec.H264, AVC_422_INTERLACED)


def test_other_sets_of_hevc_in_band_give_another_record() -> None:
    framed = reader(Codec.HEVC)
    vps, sps, pps = record_nals(Codec.HEVC, HEVC)
    framed.read(nals(4, vps, sps, pps + b"\x01", IDR[Codec.HEVC]))
    assert record_nals(Codec.HEVC, framed.record) == [vps, sps, pps + b"\x01"]
    assert framed.record[:13] == HEVC[:13]


@pytest.mark.parametrize("codec", [Codec.H264, Codec.HEVC])
def test_record_is_made_of_sets_in_annex_b(codec: Codec) -> None:
    sets = record_nals(codec, RECORDS[codec])
    made = record_of(codec, split_annexb(b"".join(b"\0\0\0\1" + nal for nal in sets)))
    assert made is not None
    assert record_nals(codec, made) == sets
    assert record_of(codec, sets[:1]) is None
