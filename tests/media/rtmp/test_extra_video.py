"""Video tracks beside the first one: what an encoder with several renditions sends."""

from __future__ import annotations

import pytest

from media.rtmp.extra_video import MAX_MALFORMED, MAX_TRACKS
from media.rtmp.flv import in_track
from media.rtmp.ingest import RtmpIngest
from media.unit import Codec
from tests.media.rtmp.codecs.samples import AVC, HEVC, nals
from tests.media.rtmp.recording import Recording

HEADER = b"\x17\0\0\0\0" + AVC
KEY = b"\x17\1\0\0\0" + nals(4, b"\x65idr")
INTER = b"\x27\1\0\0\0" + nals(4, b"\x41p")


@pytest.fixture
def recording() -> Recording:
    return Recording()


@pytest.fixture
def ingest(recording: Recording) -> RtmpIngest:
    ingest = RtmpIngest(publication=recording, clock=lambda: 0.0)
    ingest.metadata({"videocodecid": 7.0})
    return ingest


def send(ingest: RtmpIngest, timestamp: int, payload: bytes, *tracks: int) -> None:
    for track in tracks:
        ingest.video(timestamp, in_track(payload, track) if track else payload, at=1.0)


def moments(recording: Recording, track_id: int) -> list[tuple[int, bool]]:
    return [(unit.dts, unit.is_key) for track, unit in recording.rendition_units if track == track_id]


def test_each_track_has_the_moments_of_the_first(ingest: RtmpIngest, recording: Recording) -> None:
    send(ingest, 5_000, HEADER, 0, 1, 2)
    for timestamp in (5_000, 5_033, 5_067):
        send(ingest, timestamp, KEY if timestamp == 5_000 else INTER, 0, 1, 2)
    expected = [(unit.dts, unit.is_key) for unit in recording.of("video")]
    assert moments(recording, 1) == moments(recording, 2) == expected
    assert {track: found[-1].codec for track, found in recording.renditions.items()} == {1: Codec.H264, 2: Codec.H264}


def test_what_comes_before_the_first_tracks_frame_waits_for_it(ingest: RtmpIngest, recording: Recording) -> None:
    send(ingest, 0, HEADER, 1, 0)
    send(ingest, 0, KEY, 1, 0)
    send(ingest, 33, INTER, 1, 0)
    assert moments(recording, 1) == [(0, True), (33 * 90, False)]


def test_the_clock_wraps_for_all_tracks_alike(ingest: RtmpIngest, recording: Recording) -> None:
    send(ingest, (1 << 32) - 40, HEADER, 0, 1)
    for timestamp in ((1 << 32) - 40, (1 << 32) - 7, 26):
        send(ingest, timestamp, KEY, 0)
    send(ingest, 26, KEY, 1)
    send(ingest, 59, KEY, 1)
    assert [dts for dts, _ in moments(recording, 1)] == [66 * 90, 99 * 90]


def test_tracks_may_have_different_codecs(ingest: RtmpIngest, recording: Recording) -> None:
    send(ingest, 0, HEADER, 0)
    send(ingest, 0, b"\x90hvc1" + HEVC, 1)
    send(ingest, 0, KEY, 0)
    send(ingest, 0, b"\x91hvc1\0\0\0" + nals(4, b"\x26\x01idr"), 1)
    assert recording.renditions[1][-1].codec is Codec.HEVC
    assert moments(recording, 1) == [(0, True)]


def test_malformed_tracks_are_named_and_left_out(ingest: RtmpIngest, recording: Recording) -> None:
    send(ingest, 0, HEADER, 0, 1)
    send(ingest, 0, KEY, 0)
    for at in range(MAX_MALFORMED + 2):
        send(ingest, at, b"\x17\0\0\0\0\x02", 1)
    send(ingest, 100, KEY, 0, 1)
    assert "track_malformed" in recording.warnings
    assert moments(recording, 1) == []
    assert len(recording.of("video")) == 2


def test_more_tracks_than_are_taken_are_named_and_left_out(ingest: RtmpIngest, recording: Recording) -> None:
    send(ingest, 0, HEADER, *range(256))
    send(ingest, 0, KEY, *range(256))
    assert len(recording.renditions) == MAX_TRACKS
    assert "too_many_tracks" in recording.warnings
    assert len(recording.of("video")) == 1


def test_a_frame_before_its_header_is_passed_over(ingest: RtmpIngest, recording: Recording) -> None:
    send(ingest, 0, HEADER, 0)
    send(ingest, 0, KEY, 0, 4)
    assert recording.rendition_units == []
