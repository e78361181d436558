"""What the owner is shown of what arrives."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from media.meter import Meter
from media.transcode.messages import SoundLevel
from media.unit import Codec, Unit
from media.warnings import WARNINGS
from tests.media.hls.sources import AUDIO, START_AT, VIDEO, mixed, pictures, sounds, video


def metered(*units: Unit, tracks: Any = (VIDEO, AUDIO), media_time_ms: int = 0) -> Meter:
    meter = Meter(protocol="rtmp", remote="r", media_time_ms=media_time_ms)
    meter.configure(tracks)
    for unit in units:
        meter.count(unit)
    return meter


def test_a_steady_publisher_has_its_rates_and_no_warnings() -> None:
    health = metered(*mixed(pictures(10), sounds(10))).health(dropped_units=3)
    assert (health["codec"], health["width"], health["height"], health["dropped_frames"]) == ("h264", 1280, 720, 3)
    assert abs(health["fps"] - 30) < 0.5
    assert health["keyframe_interval"] == 2.0
    assert abs(health["bitrate"] - (30 * 100 + 46.875 * 10) * 8) < 1_000
    assert health["audio"] == {"codec": "aac", "sample_rate": 48_000, "channels": 2}
    assert health["jitter_ms"] < 1
    assert health["warnings"] == []


def test_media_time_goes_on_from_the_last_publication_and_never_back() -> None:
    meter = metered(media_time_ms=9_000)
    assert meter.media_time_ms == 9_000
    meter.count(video(8_000, key=True))
    assert meter.media_time_ms == 9_000
    meter.count(video(9_500))
    assert (meter.media_time_ms, meter.at) == (9_500, START_AT + 9.5)


def test_rates_are_of_the_last_seconds_only() -> None:
    meter = metered(*pictures(5, fps=60), *pictures(20, fps=15, from_ms=5_000), tracks=(VIDEO,))
    assert abs(meter.health(dropped_units=0)["fps"] - 15) < 0.5


def test_warnings_say_what_is_odd() -> None:
    def warned(meter: Meter) -> str:
        return " ".join(meter.health(dropped_units=0)["warnings"])

    assert "key frame interval" in warned(metered(*pictures(20, gop=180), tracks=(VIDEO, AUDIO)))
    assert "Fewer frames" in warned(metered(*pictures(10, fps=10)))
    assert "B-frames" in warned(metered(video(0, key=True), video(33, pts_ms=66)))
    assert "no sound" in warned(metered(*pictures(3), tracks=(VIDEO,)))
    assert "no picture" in warned(metered(*sounds(3), tracks=(AUDIO,)))
    late = [
        Unit(kind="video", pts=n * 3000, dts=n * 3000, is_key=not n, data=b"x", at=START_AT + n / 30 + n % 2)
        for n in range(60)
    ]
    assert "unevenly" in warned(metered(*late))


@pytest.mark.parametrize(("kind", "name"), [("audio", "no_sound"), ("video", "no_picture")])
def test_a_track_that_stays_away_is_told_until_it_returns(kind: str, name: str) -> None:
    def told(start_s: float, end_s: float) -> list[str]:
        units = mixed(pictures(20), sounds(20))
        away = [unit for unit in units if unit.kind != kind or not start_s <= unit.at - START_AT < end_s]
        return list(metered(*away).health(dropped_units=0)["warning_names"])

    assert name in told(10, 20)
    assert name in told(0, 20)
    assert name not in told(15.2, 20)
    assert name not in told(10, 19)


def test_warnings_have_names_in_the_order_of_their_sentences() -> None:
    health = metered(video(0, key=True), video(33, pts_ms=66), tracks=(VIDEO,)).health(dropped_units=0)
    assert health["warning_names"] == ["low_frame_rate", "b_frames", "no_sound"]
    assert health["warnings"] == [WARNINGS[name].sentence for name in health["warning_names"]]


def test_no_key_frame_for_long_is_told_until_one_comes() -> None:
    def warned(meter: Meter) -> bool:
        return "no_key_frame" in meter.health(dropped_units=0)["warning_names"]

    meter = metered(*pictures(11, gop=10_000))
    assert not warned(meter)
    for unit in pictures(3, gop=10_000, from_ms=11_000)[1:]:
        meter.count(unit)
    assert warned(meter)
    meter.count(video(14_500, key=True))
    assert not warned(meter)


@pytest.mark.parametrize("codec", [Codec.HEVC, Codec.AV1, Codec.VP8, Codec.VP9])
def test_picture_that_not_everyone_can_see_is_told(codec: Codec) -> None:
    track = msgspec.structs.replace(VIDEO, codec=codec)
    assert metered(*pictures(2), tracks=(track, AUDIO)).health(dropped_units=0)["warning_names"] == [str(codec)]


def test_what_the_packager_leaves_out_is_told() -> None:
    meter = metered(*pictures(2))
    meter.leave_out(["aac"])
    assert meter.health(dropped_units=0)["warning_names"] == ["sound_left_out"]
    meter.leave_out(["h264"])
    assert meter.health(dropped_units=0)["warning_names"] == ["picture_left_out"]
    meter.leave_out([])
    assert meter.health(dropped_units=0)["warning_names"] == []


def test_sound_without_its_header_is_not_called_no_sound() -> None:
    meter = metered(*pictures(2), tracks=(VIDEO,))
    meter.warn("sound_without_header")
    assert meter.health(dropped_units=0)["warning_names"] == ["sound_without_header"]
    meter.configure((VIDEO, AUDIO))
    assert meter.health(dropped_units=0)["warning_names"] == []


def test_units_of_a_track_that_was_not_announced_count_for_nothing() -> None:
    meter = metered(*sounds(3), tracks=(VIDEO,))
    assert (meter.at, meter.media_time_ms) == (0.0, 0)


def test_nothing_yet_is_nothing_and_no_division() -> None:
    health = metered(tracks=()).health(dropped_units=0)
    assert (health["codec"], health["fps"], health["bitrate"], health["audio"]) == (None, 0, 0, None)
    assert Codec.H264 == "h264"


def test_frames_that_were_read_at_once_do_not_look_as_if_they_had_come_unevenly() -> None:
    steady = pictures(20)
    in_fours = [
        msgspec.structs.replace(unit, at=steady[at | 3].at) for at, unit in enumerate(steady[: len(steady) // 4 * 4])
    ]
    assert metered(*in_fours, tracks=(VIDEO,)).health(dropped_units=0)["jitter_ms"] < 1


def names(meter: Meter) -> list[str]:
    found: list[str] = meter.health(dropped_units=0)["warning_names"]
    return found


def test_each_fault_has_a_severity_and_what_to_do_about_it() -> None:
    health = metered(*pictures(3), tracks=(VIDEO,)).health(dropped_units=0)
    (fault,) = health["faults"]
    assert (fault["name"], fault["severity"]) == ("no_sound", "error")
    assert health["warnings"] == [f"{fault['text']} {fault['advice']}"]
    assert all(warned.advice or warned.severity == "info" for warned in WARNINGS.values())


def test_pictures_that_refer_to_those_before_a_key_frame_are_an_open_gop_for_a_while() -> None:
    meter = metered(video(0, key=True), video(2_000, key=True, pts_ms=2_066), video(2_033, pts_ms=2_040))
    assert "open_gop" in names(meter)
    for unit in pictures(70, from_ms=2_100):
        meter.count(unit)
    assert "open_gop" not in names(meter)


def test_time_stamps_that_jump_are_told_for_a_minute() -> None:
    meter = metered(*mixed(pictures(3), sounds(3)))
    assert "timestamps_jump" not in names(meter)
    meter.warn("timestamps_jump")
    assert "timestamps_jump" in names(meter)
    for unit in mixed(pictures(61, from_ms=3_000), sounds(61, from_ms=3_000)):
        meter.count(unit)
    assert "timestamps_jump" not in names(meter)


@pytest.mark.parametrize(("late_s", "is_told"), [(0.8, False), (-0.8, False), (1.5, True), (-1.5, True)])
def test_sound_that_comes_long_before_or_after_its_picture_is_out_of_step(late_s: float, is_told: bool) -> None:
    late = [msgspec.structs.replace(unit, at=unit.at + late_s) for unit in sounds(20, from_ms=2_000)]
    meter = metered(*mixed(pictures(20, from_ms=2_000), late))
    assert ("out_of_step" in names(meter)) is is_told


def test_the_loudness_is_that_of_the_last_measure() -> None:
    meter = metered(*mixed(pictures(3), sounds(3)))
    assert meter.health(dropped_units=0)["loudness"] is None
    for _ in range(5):
        meter.hear(SoundLevel(-90.04, 0.0))
    assert meter.health(dropped_units=0)["loudness"] == -90.0
    assert names(meter) == ["sound_silent"]
