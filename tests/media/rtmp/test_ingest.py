from __future__ import annotations

import math

import pytest

from media.errors import ProtocolError, PublishRefused
from media.rtmp.ingest import MAX_MALFORMED_IN_A_ROW, RtmpIngest
from media.rtmp.nals import record_nals
from media.switch import STANDBY_PATIENCE_S
from media.unit import Codec
from tests.media.rtmp.codecs.samples import AV1, AVC, AVC_422_INTERLACED, HEVC, nals
from tests.media.rtmp.recording import Recording

VIDEO_HEADER = b"\x17\0\0\0\0" + AVC
AUDIO_HEADER = b"\xaf\0\x11\x90"
KEY = b"\x17\1\0\0\0" + nals(4, b"\x65idr")
INTER = b"\x27\1\0\0\0" + nals(4, b"\x41p")
SOUND = b"\xaf\1aac"


@pytest.fixture
def recording() -> Recording:
    return Recording()


@pytest.fixture
def ingest(recording: Recording) -> RtmpIngest:
    return RtmpIngest(publication=recording)


def video(ingest: RtmpIngest, *stamps: int, payload: bytes = INTER) -> None:
    for stamp in stamps:
        ingest.video(stamp, payload, at=1.0)


def audio(ingest: RtmpIngest, *stamps: int, payload: bytes = SOUND) -> None:
    for stamp in stamps:
        ingest.audio(stamp, payload, at=1.0)


def start(ingest: RtmpIngest) -> None:
    video(ingest, 0, payload=VIDEO_HEADER)
    audio(ingest, 0, payload=AUDIO_HEADER)
    video(ingest, 0, payload=KEY)


def test_both_headers_open_the_publication_with_the_first_frame(ingest: RtmpIngest, recording: Recording) -> None:
    start(ingest)
    assert [track.kind for track in recording.configured[0]] == ["video", "audio"]
    assert [(unit.kind, unit.dts, unit.is_key) for unit in recording.units] == [("video", 0, True)]


def test_metadata_for_one_track_opens_at_once(ingest: RtmpIngest, recording: Recording) -> None:
    ingest.metadata({"videocodecid": 7.0, "framerate": 30.0})
    video(ingest, 0, payload=VIDEO_HEADER)
    video(ingest, 700, payload=KEY)
    assert len(recording.units) == 1


def test_without_metadata_half_a_second_decides_and_nothing_is_lost(ingest: RtmpIngest, recording: Recording) -> None:
    video(ingest, 0, payload=VIDEO_HEADER)
    video(ingest, 1000, payload=KEY)
    video(ingest, 1040, 1480)
    assert not recording.units
    video(ingest, 1500)
    assert [unit.dts for unit in recording.units] == [0, 40 * 90, 480 * 90, 500 * 90]


def test_metadata_that_promises_too_much_holds_media_for_half_a_second_only(
    ingest: RtmpIngest, recording: Recording
) -> None:
    ingest.metadata({"videocodecid": 7.0, "audiocodecid": 10.0})
    audio(ingest, 0, payload=AUDIO_HEADER)
    audio(ingest, *range(0, 520, 20))
    assert [track.kind for track in recording.configured[-1]] == ["audio"]


def test_held_media_is_bounded_by_count(ingest: RtmpIngest, recording: Recording) -> None:
    audio(ingest, 0, payload=AUDIO_HEADER)
    audio(ingest, *([7] * 600))
    assert len(recording.units) == 600


def test_earliest_held_unit_is_the_start(ingest: RtmpIngest, recording: Recording) -> None:
    ingest.metadata({"videocodecid": 7.0, "audiocodecid": 10.0})
    video(ingest, 0, payload=VIDEO_HEADER)
    video(ingest, 1040, payload=KEY)
    audio(ingest, 1000, payload=AUDIO_HEADER)
    audio(ingest, 1000)
    assert [(unit.kind, unit.dts) for unit in recording.units] == [("video", 3600), ("audio", 0)]


def test_short_run_is_written_when_it_finishes(ingest: RtmpIngest, recording: Recording) -> None:
    audio(ingest, 0, payload=AUDIO_HEADER)
    audio(ingest, 0, 21)
    ingest.finish()
    assert len(recording.units) == 2


def test_track_that_turns_up_later_announces_all_tracks_again(ingest: RtmpIngest, recording: Recording) -> None:
    audio(ingest, 0, payload=AUDIO_HEADER)
    audio(ingest, *range(0, 620, 20))
    video(ingest, 620, payload=VIDEO_HEADER)
    video(ingest, 620, payload=KEY)
    assert [[track.kind for track in tracks] for tracks in recording.configured] == [["audio"], ["video", "audio"]]
    assert recording.units[-1].dts == 620 * 90


def test_changed_header_announces_the_new_track_and_time_goes_on(ingest: RtmpIngest, recording: Recording) -> None:
    start(ingest)
    video(ingest, 40, payload=b"\x17\0\0\0\0" + AVC)
    assert len(recording.configured) == 1
    video(ingest, 40, payload=b"\x17\0\0\0\0" + AVC_422_INTERLACED)
    video(ingest, 40, payload=KEY)
    assert recording.configured[1][0].config == AVC_422_INTERLACED
    assert recording.units[-1].dts == 3600


def test_change_of_codec_is_a_new_track(ingest: RtmpIngest, recording: Recording) -> None:
    start(ingest)
    video(ingest, 40, payload=b"\x90hvc1" + HEVC)
    video(ingest, 40)
    video(ingest, 40, payload=b"\x93hvc1" + nals(4, b"\x26\1idr"))
    assert recording.track("video").codec is Codec.HEVC
    assert ingest.counts.without_header == 1
    assert recording.units[-1].is_key


def test_units_before_their_header_are_dropped_and_counted(ingest: RtmpIngest, recording: Recording) -> None:
    video(ingest, 0, 40)
    start(ingest)
    assert ingest.counts.without_header == 2
    assert len(recording.units) == 1


def test_key_frame_without_idr_is_no_key(ingest: RtmpIngest, recording: Recording) -> None:
    start(ingest)
    video(ingest, 40, payload=b"\x17\1\0\0\0" + nals(4, b"\x41p"))
    assert not recording.units[-1].is_key


@pytest.mark.parametrize(
    ("header", "frame"),
    [
        (VIDEO_HEADER, b"\x27\1\0\0\0" + nals(4, b"\x65idr")),
        (b"\x90hvc1" + HEVC, b"\xa3hvc1" + nals(4, b"\x26\1idr")),
        (b"\x90av01" + AV1, b"\xa1av01\x32\2\x10z"),
        (b"\x90vp09", b"\xa1vp09\x82\x49"),
    ],
    ids=["h264", "hevc", "av1", "vp9"],
)
def test_key_frame_that_is_marked_as_an_inter_frame_is_a_key(
    ingest: RtmpIngest, recording: Recording, header: bytes, frame: bytes
) -> None:
    ingest.metadata({"videocodecid": 7.0})
    video(ingest, 0, payload=header)
    video(ingest, 0, payload=frame)
    assert [unit.is_key for unit in recording.units] == [True]


def test_sets_that_change_in_band_are_a_new_track_from_their_key_frame_on(
    ingest: RtmpIngest, recording: Recording
) -> None:
    start(ingest)
    video(ingest, 40)
    sets = record_nals(Codec.H264, AVC_422_INTERLACED)
    video(ingest, 80, payload=b"\x17\1\0\0\0" + nals(4, *sets, b"\x65idr"))
    assert [track.kind for track in recording.configured[1]] == ["video", "audio"]
    assert record_nals(Codec.H264, recording.track("video").config) == sets
    assert [unit.dts for unit in recording.of("video")] == [0, 3600, 7200]


def test_annex_b_without_a_header_is_taken(ingest: RtmpIngest, recording: Recording) -> None:
    ingest.metadata({"videocodecid": 7.0})
    start_code = b"\0\0\0\1"
    sets = start_code + start_code.join(record_nals(Codec.H264, AVC))
    video(ingest, 0, payload=b"\x27\1\0\0\0" + start_code + b"\x41p")
    video(ingest, 40, payload=b"\x17\1\0\0\0" + sets + start_code + b"\x65idr")
    video(ingest, 80, payload=b"\x17\0\0\0\0" + sets)
    assert recording.track("video").config == AVC
    assert (len(recording.configured), [unit.is_key for unit in recording.units]) == (1, [True])
    assert ingest.counts.without_header == 1


def test_adts_tells_its_header_itself(ingest: RtmpIngest, recording: Recording) -> None:
    ingest.metadata({"audiocodecid": 10.0})
    frame = bytes.fromhex("fff14c80013ffc") + b"aa"
    audio(ingest, 0, payload=b"\xaf\1" + frame)
    audio(ingest, 21, payload=b"\xaf\1" + frame + frame)
    assert (recording.track("audio").config, recording.track("audio").channels) == (b"\x11\x90", 2)
    assert [(unit.pts, unit.data) for unit in recording.units] == [(0, b"aa"), (1024, b"aa"), (2048, b"aa")]


def test_sound_without_a_header_is_told(ingest: RtmpIngest, recording: Recording) -> None:
    video(ingest, 0, payload=VIDEO_HEADER)
    audio(ingest, 0)
    video(ingest, 0, 600, payload=KEY)
    assert recording.warnings == ["sound_without_header"]
    assert len(recording.of("video")) == 2


def test_nothing_but_malformed_sound_is_told_and_the_picture_goes_on(ingest: RtmpIngest, recording: Recording) -> None:
    start(ingest)
    for index in range(MAX_MALFORMED_IN_A_ROW + 2):
        audio(ingest, index, payload=b"\xaf\1\xff\xf1\x4c\x80\xff\xff\xfc")
        video(ingest, index)
    assert recording.warnings[-1] == "sound_malformed"
    assert len(recording.of("video")) == MAX_MALFORMED_IN_A_ROW + 3


def test_malformed_sound_beside_a_malformed_picture_ends_the_run(ingest: RtmpIngest) -> None:
    start(ingest)
    video(ingest, 0, payload=b"\x27\1\0\0\0\xff")
    audio(ingest, *range(MAX_MALFORMED_IN_A_ROW), payload=b"\xaf\1\xff\xf1\x4c\x80\xff\xff\xfc")
    with pytest.raises(ProtocolError, match="malformed audio"):
        audio(ingest, 99, payload=b"\xaf\1\xff\xf1\x4c\x80\xff\xff\xfc")


def test_composition_time_is_added_and_never_negative(ingest: RtmpIngest, recording: Recording) -> None:
    start(ingest)
    video(ingest, 40, payload=b"\x27\1\0\0\x50" + nals(4, b"\x41p"))
    video(ingest, 80, payload=b"\x27\1\xff\xff\xff" + nals(4, b"\x41p"))
    assert [unit.pts - unit.dts for unit in recording.of("video")] == [0, 80 * 90, 0]


def test_malformed_unit_is_dropped_alone(ingest: RtmpIngest, recording: Recording) -> None:
    start(ingest)
    video(ingest, 40, payload=b"\x27\1\0\0\0\0\0\0\xffshort")
    video(ingest, 80)
    assert ingest.counts.malformed == 1
    assert [unit.dts for unit in recording.of("video")] == [0, 7200]


def test_nothing_but_malformed_units_ends_the_run_although_sound_is_well(
    ingest: RtmpIngest, recording: Recording
) -> None:
    start(ingest)
    for index in range(MAX_MALFORMED_IN_A_ROW):
        video(ingest, index, payload=b"\x27\1\0\0\0\xff")
        audio(ingest, index)
    with pytest.raises(ProtocolError, match="malformed video"):
        video(ingest, 99, payload=b"\x27\1\0\0\0\xff")


def test_of_sound_the_first_track_is_taken_and_the_others_are_counted(ingest: RtmpIngest, recording: Recording) -> None:
    start(ingest)
    audio(ingest, 40, payload=b"\x95\x11mp4a" + b"\0" + b"\0\0\2aa" + b"\1" + b"\0\0\1x")
    assert (ingest.counts.other_tracks, len(recording.of("audio"))) == (1, 1)


def test_nanoseconds_refine_the_clock(ingest: RtmpIngest, recording: Recording) -> None:
    start(ingest)
    video(ingest, 40, payload=b"\xa7\2" + (500_000).to_bytes(3, "big") + b"\3avc1" + nals(4, b"\x41p"))
    assert recording.units[-1].dts == 3600 + 45


def test_opus_without_a_header_gets_one(ingest: RtmpIngest, recording: Recording) -> None:
    ingest.metadata({"audiocodecid": 1332770163.0})
    audio(ingest, 0, 20, 41, payload=b"\x91Opus\xfcdata")
    assert recording.track("audio").config.startswith(b"OpusHead")
    assert [unit.pts for unit in recording.units] == [0, 960, 1920]


def test_run_starts_where_the_media_clock_is() -> None:
    recording = Recording(media_time_ms=10_000)
    ingest = RtmpIngest(publication=recording)
    start(ingest)
    audio(ingest, 0)
    assert [unit.dts for unit in recording.units] == [900_000, 480_000]


def test_metadata_fills_in_what_the_header_leaves_open(ingest: RtmpIngest, recording: Recording) -> None:
    ingest.metadata({"videocodecid": 12.0, "framerate": 25.0, "width": float("nan")})
    video(ingest, 0, payload=b"\x90hvc1" + HEVC)
    video(ingest, 0, payload=b"\x93hvc1" + nals(4, b"\x26\1idr"))
    track = recording.track("video")
    assert (track.fps, track.width, track.height) == (25.0, 1920, 1080)


def test_unsupported_codec_is_refused(ingest: RtmpIngest) -> None:
    with pytest.raises(PublishRefused, match="MP3"):
        audio(ingest, 0, payload=b"\x2fabc")


@pytest.mark.parametrize("ppm", [-500, 0, 500])
def test_an_encoder_whose_clock_drifts_stays_with_real_time_for_hours(recording: Recording, ppm: int) -> None:
    now = 0.0
    ingest = RtmpIngest(publication=recording, clock=lambda: now)
    start(ingest)
    for second in range(1, 4 * 3_600):
        now = float(second)
        stamp = round(second * 1000 * (1 + ppm / 1e6))
        video(ingest, stamp)
        audio(ingest, stamp)
    apart = {unit.kind: unit.dts / (90_000 if unit.kind == "video" else 48_000) for unit in recording.units[-2:]}
    assert abs(apart["video"] - now) < 0.12
    assert abs(apart["audio"] - apart["video"]) < 0.012


def test_what_is_sent_faster_than_real_time_keeps_its_timestamps(recording: Recording) -> None:
    now = 0.0
    ingest = RtmpIngest(publication=recording, clock=lambda: now)
    start(ingest)
    for second in range(1, 600):
        now = second / 20
        video(ingest, second * 1000)
    assert recording.units[-1].dts == 599 * 90_000


def test_time_stamps_that_jump_are_told(ingest: RtmpIngest, recording: Recording) -> None:
    start(ingest)
    video(ingest, 0, 33, 66)
    assert "timestamps_jump" not in recording.warnings
    video(ingest, 60_000)
    assert "timestamps_jump" in recording.warnings


def test_a_clock_that_runs_faster_than_real_time_is_told(recording: Recording) -> None:
    now = 0.0
    ingest = RtmpIngest(publication=recording, clock=lambda: now)
    start(ingest)
    for at in range(0, 120_000, 100):
        now = at / 1000
        video(ingest, at)
    assert recording.warnings == []
    for at in range(120_000, 360_000, 100):
        now = at / 1000
        video(ingest, round(at * 1.01))
    assert "timestamps_drift" in recording.warnings


def test_what_a_backup_sent_ahead_and_how_long_it_waits_to_be_read_is_no_drift(recording: Recording) -> None:
    """It begins half a second ahead of real time, and is read now and then while it stands by."""
    now = STANDBY_PATIENCE_S
    ingest = RtmpIngest(publication=recording, clock=lambda: now)
    start(ingest)
    for at in range(0, 120_000, 100):
        arrived = max(0.0, at / 1000 - 0.5)
        now = max(now, math.ceil(arrived / STANDBY_PATIENCE_S) * STANDBY_PATIENCE_S if at < 60_000 else arrived)
        video(ingest, at)
    assert recording.warnings == []
    assert abs(recording.units[-1].dts / 90_000 - now) < 0.2, "it is held to real time all the same"
