"""What avcC, hvcC and av1C records announce."""

from __future__ import annotations

import pytest

from media.errors import ProtocolError
from media.rtmp.codecs.nal_records import nal_length_bytes
from media.rtmp.codecs.video import video_track
from media.unit import Codec
from tests.media.rtmp.codecs.samples import AV1, AVC, AVC_422_INTERLACED, HEVC

RATE = 30_000 / 1001


def test_avcc_gives_the_cropped_size_and_rate() -> None:
    track = video_track(Codec.H264, AVC)
    assert (track.width, track.height, track.fps, track.config) == (1920, 1080, RATE, AVC)


def test_avcc_of_interlaced_422_counts_fields() -> None:
    track = video_track(Codec.H264, AVC_422_INTERLACED)
    assert (track.width, track.height, track.fps) == (1920, 1080, RATE)


@pytest.mark.parametrize(("kind", "told", "record"), [(Codec.H264, slice(1, 4), AVC), (Codec.HEVC, slice(1, 13), HEVC)])
def test_sps_decides_over_a_record_whose_head_is_zeros(kind: Codec, told: slice, record: bytes) -> None:
    lying = record[: told.start] + bytes(told.stop - told.start) + record[told.stop :]
    assert video_track(kind, lying).config == record


def test_hvcc_gives_the_size_in_its_window() -> None:
    track = video_track(Codec.HEVC, HEVC)
    assert (track.width, track.height) == (1920, 1080)


def test_av1c_gives_the_size() -> None:
    track = video_track(Codec.AV1, AV1)
    assert (track.width, track.height) == (1920, 1080)
    assert (video_track(Codec.AV1, AV1[:4]).width, video_track(Codec.VP9, b"").width) == (0, 0)


@pytest.mark.parametrize(("kind", "record"), [(Codec.H264, AVC), (Codec.HEVC, HEVC), (Codec.AV1, AV1)])
def test_cut_off_records_are_protocol_errors_or_partial_but_nothing_else(kind: Codec, record: bytes) -> None:
    for length in range(len(record)):
        try:
            video_track(kind, record[:length])
        except ProtocolError:
            continue


@pytest.mark.parametrize(("kind", "at", "record"), [(Codec.H264, 4, AVC), (Codec.HEVC, 21, HEVC)])
def test_short_nal_lengths_are_promised_to_be_long(kind: Codec, at: int, record: bytes) -> None:
    short = record[:at] + bytes((record[at] & 0xFC | 1,)) + record[at + 1 :]
    assert nal_length_bytes(kind, short) == 2
    assert video_track(kind, short).config == record
