from __future__ import annotations

import pytest

from media.errors import ProtocolError, PublishRefused
from media.rtmp.ingest import MAX_MALFORMED_IN_A_ROW, Ingest
from media.unit import Codec
from tests.media.rtmp.recording import Recording
from tests.media.rtmp.test_codec import AVC, AVC_422_INTERLACED, HEVC, nals

VIDEO_HEADER = b"\x17\0\0\0\0" + AVC
AUDIO_HEADER = b"\xaf\0\x11\x90"
KEY = b"\x17\1\0\0\0" + nals(4, b"\x65idr")
INTER = b"\x27\1\0\0\0" + nals(4, b"\x41p")
SOUND = b"\xaf\1aac"


@pytest.fixture
def recording() -> Recording:
    return Recording()


@pytest.fixture
def ingest(recording: Recording) -> Ingest:
    return Ingest(publication=recording)


def video(ingest: Ingest, *stamps: int, payload: bytes = INTER) -> None:
    for stamp in stamps:
        ingest.video(stamp, payload, at=1.0)


def audio(ingest: Ingest, *stamps: int, payload: bytes = SOUND) -> None:
    for stamp in stamps:
        ingest.audio(stamp, payload, at=1.0)


def start(ingest: Ingest) -> None:
    video(ingest, 0, payload=VIDEO_HEADER)
    audio(ingest, 0, payload=AUDIO_HEADER)
    video(ingest, 0, payload=KEY)


def test_both_headers_open_the_publication_with_the_first_frame(ingest: Ingest, recording: Recording) -> None:
    start(ingest)
    assert [track.kind for track in recording.configured[0]] == ["video", "audio"]
    assert [(unit.kind, unit.dts, unit.is_key) for unit in recording.units] == [("video", 0, True)]


def test_metadata_for_one_track_opens_at_once(ingest: Ingest, recording: Recording) -> None:
    ingest.metadata({"videocodecid": 7.0, "framerate": 30.0})
    video(ingest, 0, payload=VIDEO_HEADER)
    video(ingest, 700, payload=KEY)
    assert len(recording.units) == 1


def test_without_metadata_half_a_second_decides_and_nothing_is_lost(ingest: Ingest, recording: Recording) -> None:
    video(ingest, 0, payload=VIDEO_HEADER)
    video(ingest, 1000, payload=KEY)
    video(ingest, 1040, 1480)
    assert not recording.units
    video(ingest, 1500)
    assert [unit.dts for unit in recording.units] == [0, 40 * 90, 480 * 90, 500 * 90]


def test_metadata_that_promises_too_much_holds_media_for_half_a_second_only(
    ingest: Ingest, recording: Recording
) -> None:
    ingest.metadata({"videocodecid": 7.0, "audiocodecid": 10.0})
    audio(ingest, 0, payload=AUDIO_HEADER)
    audio(ingest, *range(0, 520, 20))
    assert [track.kind for track in recording.configured[-1]] == ["audio"]


def test_held_media_is_bounded_by_count(ingest: Ingest, recording: Recording) -> None:
    audio(ingest, 0, payload=AUDIO_HEADER)
    audio(ingest, *([7] * 600))
    assert len(recording.units) == 600


def test_earliest_held_unit_is_the_start(ingest: Ingest, recording: Recording) -> None:
    ingest.metadata({"videocodecid": 7.0, "audiocodecid": 10.0})
    video(ingest, 0, payload=VIDEO_HEADER)
    video(ingest, 1040, payload=KEY)
    audio(ingest, 1000, payload=AUDIO_HEADER)
    audio(ingest, 1000)
    assert [(unit.kind, unit.dts) for unit in recording.units] == [("video", 3600), ("audio", 0)]


def test_short_run_is_written_when_it_finishes(ingest: Ingest, recording: Recording) -> None:
    audio(ingest, 0, payload=AUDIO_HEADER)
    audio(ingest, 0, 21)
    ingest.finish()
    assert len(recording.units) == 2


def test_track_that_turns_up_later_announces_all_tracks_again(ingest: Ingest, recording: Recording) -> None:
    audio(ingest, 0, payload=AUDIO_HEADER)
    audio(ingest, *range(0, 620, 20))
    video(ingest, 620, payload=VIDEO_HEADER)
    video(ingest, 620, payload=KEY)
    assert [[track.kind for track in tracks] for tracks in recording.configured] == [["audio"], ["video", "audio"]]
    assert recording.units[-1].dts == 620 * 90


def test_changed_header_announces_the_new_track_and_time_goes_on(ingest: Ingest, recording: Recording) -> None:
    start(ingest)
    video(ingest, 40, payload=b"\x17\0\0\0\0" + AVC)
    assert len(recording.configured) == 1
    video(ingest, 40, payload=b"\x17\0\0\0\0" + AVC_422_INTERLACED)
    video(ingest, 40, payload=KEY)
    assert recording.configured[1][0].config == AVC_422_INTERLACED
    assert recording.units[-1].dts == 3600


def test_change_of_codec_is_a_new_track(ingest: Ingest, recording: Recording) -> None:
    start(ingest)
    video(ingest, 40, payload=b"\x90hvc1" + HEVC)
    video(ingest, 40)
    video(ingest, 40, payload=b"\x93hvc1" + nals(4, b"\x26\1idr"))
    assert recording.track("video").codec is Codec.HEVC
    assert ingest.counts.without_header == 1
    assert recording.units[-1].is_key


def test_units_before_their_header_are_dropped_and_counted(ingest: Ingest, recording: Recording) -> None:
    video(ingest, 0, 40)
    start(ingest)
    assert ingest.counts.without_header == 2
    assert len(recording.units) == 1


def test_key_frame_without_idr_is_no_key(ingest: Ingest, recording: Recording) -> None:
    start(ingest)
    video(ingest, 40, payload=b"\x17\1\0\0\0" + nals(4, b"\x41p"))
    assert not recording.units[-1].is_key


def test_composition_time_is_added_and_never_negative(ingest: Ingest, recording: Recording) -> None:
    start(ingest)
    video(ingest, 40, payload=b"\x27\1\0\0\x50" + nals(4, b"\x41p"))
    video(ingest, 80, payload=b"\x27\1\xff\xff\xff" + nals(4, b"\x41p"))
    assert [unit.pts - unit.dts for unit in recording.of("video")] == [0, 80 * 90, 0]


def test_malformed_unit_is_dropped_alone(ingest: Ingest, recording: Recording) -> None:
    start(ingest)
    video(ingest, 40, payload=b"\x27\1\0\0\0\0\0\0\xffshort")
    video(ingest, 80)
    assert ingest.counts.malformed == 1
    assert [unit.dts for unit in recording.of("video")] == [0, 7200]


def test_nothing_but_malformed_units_ends_the_run_although_sound_is_well(ingest: Ingest, recording: Recording) -> None:
    start(ingest)
    for index in range(MAX_MALFORMED_IN_A_ROW):
        video(ingest, index, payload=b"\x27\1\0\0\0\xff")
        audio(ingest, index)
    with pytest.raises(ProtocolError, match="malformed video"):
        video(ingest, 99, payload=b"\x27\1\0\0\0\xff")


def test_tracks_other_than_the_first_are_counted(ingest: Ingest, recording: Recording) -> None:
    start(ingest)
    video(ingest, 40, payload=b"\xa6\x13avc1" + b"\0" + b"\0\0\6" + nals(4, b"\x41p") + b"\1" + b"\0\0\1x")
    assert (ingest.counts.other_tracks, len(recording.of("video"))) == (1, 2)


def test_nanoseconds_refine_the_clock(ingest: Ingest, recording: Recording) -> None:
    start(ingest)
    video(ingest, 40, payload=b"\xa7\2" + (500_000).to_bytes(3, "big") + b"\3avc1" + nals(4, b"\x41p"))
    assert recording.units[-1].dts == 3600 + 45


def test_opus_without_a_header_gets_one(ingest: Ingest, recording: Recording) -> None:
    ingest.metadata({"audiocodecid": 1332770163.0})
    audio(ingest, 0, 20, 41, payload=b"\x91Opus\xfcdata")
    assert recording.track("audio").config.startswith(b"OpusHead")
    assert [unit.pts for unit in recording.units] == [0, 960, 1920]


def test_run_starts_where_the_media_clock_is() -> None:
    recording = Recording(media_time_ms=10_000)
    ingest = Ingest(publication=recording)
    start(ingest)
    audio(ingest, 0)
    assert [unit.dts for unit in recording.units] == [900_000, 480_000]


def test_metadata_fills_in_what_the_header_leaves_open(ingest: Ingest, recording: Recording) -> None:
    ingest.metadata({"videocodecid": 12.0, "framerate": 25.0, "width": float("nan")})
    video(ingest, 0, payload=b"\x90hvc1" + HEVC)
    video(ingest, 0, payload=b"\x93hvc1" + nals(4, b"\x26\1idr"))
    track = recording.track("video")
    assert (track.fps, track.width, track.height) == (25.0, 1920, 1080)


def test_unsupported_codec_is_refused(ingest: Ingest) -> None:
    with pytest.raises(PublishRefused, match="MP3"):
        audio(ingest, 0, payload=b"\x2fabc")
