"""The bounds of a timeline as numbers, and what it does at each of them, in a few frames."""

from __future__ import annotations

import pytest

from media.webrtc import inbound
from media.webrtc.inbound import RtpTimeline, Unwrapper


def test_the_bounds_are_those_that_are_promised() -> None:
    """A test of what happens at a bound says nothing of a bound that has become another."""
    assert (inbound.MAX_SKEW_S, inbound.TOLERATED_SKEW_S, inbound.MAX_SKEW_SLEW) == (3.0, 0.02, 0.01)
    assert (inbound.MAX_EARLY_S, inbound.MAX_LATE_S, inbound.MAX_STAND_S) == (1.5, 10.0, 0.3)


def both(*, skew_s: float, base_ms: int = 0) -> RtpTimeline:
    """Sound and picture that begin together, of which the first reports say that sound is this much too early."""
    timeline = RtpTimeline(base_ms=base_ms)
    timeline.place("video", 5_000, rate=90_000, now=10.0)
    timeline.place("audio", 700, rate=48_000, now=10.0)
    timeline.on_report("video", at=0.0, ticks=5_000)
    timeline.on_report("audio", at=skew_s, ticks=700)
    return timeline


@pytest.mark.parametrize(("skew_s", "moved"), [(0.02, 0), (0.021, 1_008), (2.999, 143_952), (3.001, 0)])
def test_sound_that_is_too_early_is_moved_at_once_within_the_bounds(skew_s: float, moved: int) -> None:
    assert both(skew_s=skew_s, base_ms=1_000).place("audio", 700, rate=48_000, now=10.0) == 48_000 + moved


@pytest.mark.parametrize(("skew_s", "moved"), [(0.02, 0), (3.0, 144_000)])
def test_the_bounds_of_a_skew_belong_to_what_they_bound(skew_s: float, moved: int) -> None:
    timeline = RtpTimeline(base_ms=0)
    timeline.place("video", 0, rate=90_000, now=0.0)
    timeline.place("audio", 0, rate=48_000, now=0.0)
    timeline.on_report("video", at=0.0, ticks=0)
    timeline.on_report("audio", at=skew_s, ticks=0)
    assert timeline.place("audio", 0, rate=48_000, now=0.0) == moved


def test_a_picture_that_is_too_early_is_moved_at_once_and_sound_is_not() -> None:
    timeline = both(skew_s=-0.5)
    assert timeline.place("video", 5_000, rate=90_000, now=10.0) == 45_000
    assert timeline.place("audio", 700, rate=48_000, now=10.0) == 0


def slewed_s(skew_s: float, progress_s: float) -> float:
    """How much faster sound goes with a frame after ``progress_s``, once later reports say it is ``skew_s`` early."""
    timeline = both(skew_s=0.0)
    for _ in range(2):
        timeline.on_report("audio", at=skew_s, ticks=700)
    pts = timeline.place("audio", 700 + round(progress_s * 48_000), rate=48_000, now=10 + progress_s)
    return pts / 48_000 - progress_s


def test_later_reports_slew_sound_by_a_fifth_of_the_skew_beyond_the_tolerance_and_a_hundredth_at_most() -> None:
    assert slewed_s(0.02, 1.0) == 0.0
    assert slewed_s(0.045, 1.0) == pytest.approx(0.005, abs=3e-5)
    assert slewed_s(0.045, 0.5) == pytest.approx(0.0025, abs=3e-5)
    assert slewed_s(-0.045, 1.0) == pytest.approx(-0.005, abs=3e-5)
    assert slewed_s(0.5, 1.0) == pytest.approx(0.01, abs=3e-5)


def test_a_frame_slews_for_one_second_at_most_and_one_from_the_past_not_at_all() -> None:
    assert slewed_s(0.5, 1.4) == pytest.approx(0.01, abs=3e-5)
    assert slewed_s(0.5, -0.5) == 0.0


def test_reports_do_not_slew_the_picture() -> None:
    timeline = both(skew_s=0.0)
    for _ in range(2):
        timeline.on_report("audio", at=0.5, ticks=700)
    assert timeline.place("video", 95_000, rate=90_000, now=11.0) == 90_000


def test_a_kind_that_was_compared_once_is_never_moved_at_once_again() -> None:
    timeline = both(skew_s=0.0)
    for _ in range(2):
        timeline.on_report("audio", at=0.5, ticks=700)
    assert timeline.place("audio", 700, rate=48_000, now=10.0) == 0


@pytest.mark.parametrize(("early_s", "placed_s"), [(1.5, 21.5), (1.501, 20.0), (-10.0, 10.0), (-10.001, 20.0)])
def test_a_frame_outside_the_bounds_of_real_time_is_placed_by_arrival(early_s: float, placed_s: float) -> None:
    timeline = RtpTimeline(base_ms=0)
    timeline.place("video", 0, rate=90_000, now=0.0)
    pts = timeline.place("video", round((20 + early_s) * 90_000), rate=90_000, now=20.0)
    assert pts / 90_000 == pytest.approx(placed_s, abs=0.11)


@pytest.mark.parametrize(
    ("away_s", "missed_s", "late_s"), [(1.0, 0.9, 0.9), (1.001, 0.9, 0.0), (5.0, 0.299, 0.299), (5.0, 0.301, 0.0)]
)
def test_sound_whose_clock_stood_while_it_paused_is_placed_by_arrival(
    away_s: float, missed_s: float, late_s: float
) -> None:
    timeline = RtpTimeline(base_ms=0)
    timeline.place("audio", 0, rate=48_000, now=7.0)
    for n in range(round(away_s * 10) + 1):
        timeline.place("video", n * 9_000, rate=90_000, now=7 + n / 10)
    pts = timeline.place("audio", round((away_s - missed_s) * 48_000), rate=48_000, now=7 + away_s)
    assert away_s - pts / 48_000 == pytest.approx(late_s, abs=0.001)


def test_a_kind_that_pauses_while_nothing_else_goes_on_keeps_its_clock() -> None:
    timeline = RtpTimeline(base_ms=0)
    timeline.place("audio", 0, rate=48_000, now=0.0)
    assert timeline.place("audio", 48_000, rate=48_000, now=5.0) == 48_000


def test_a_kind_whose_clock_is_another_goes_on_by_arrival_one_tick_later_at_least() -> None:
    timeline = RtpTimeline(base_ms=1_500)
    assert timeline.place("video", 5_000, rate=90_000, now=10.0) == 135_000
    timeline.restart("audio")
    timeline.restart("video")
    assert timeline.place("video", 7, rate=90_000, now=10.0) == 135_001
    timeline.restart("video")
    timeline.on_report("video", at=0.0, ticks=0)
    assert timeline.place("video", 7, rate=90_000, now=12.0) == 315_000


def test_reports_of_a_clock_that_is_over_and_of_one_unheard_count_for_nothing() -> None:
    timeline = both(skew_s=0.0)
    timeline.restart("audio")
    timeline.on_report("audio", at=0.5, ticks=700)
    assert timeline.place("audio", 700, rate=48_000, now=10.0) == 1
    unheard = RtpTimeline(base_ms=0)
    unheard.on_report("video", at=1.0, ticks=1)
    assert unheard.place("video", 0, rate=90_000, now=0.0) == 0


def test_a_report_that_contradicts_those_before_makes_the_other_kinds_reports_void_too() -> None:
    timeline = both(skew_s=0.0)
    timeline.on_report("audio", at=2.0, ticks=700)
    assert timeline.place("audio", 48_700, rate=48_000, now=11.0) == 48_000
    timeline.on_report("video", at=2.0, ticks=5_000)
    assert timeline.place("audio", 96_700, rate=48_000, now=12.0) == 96_000
    timeline.on_report("audio", at=2.5, ticks=700)
    assert timeline.place("audio", 144_700, rate=48_000, now=13.0) == 144_480


@pytest.mark.parametrize("step", [2**31 - 1, 1 - 2**31, -(2**31)])
def test_a_timestamp_is_the_nearest_tick_to_the_one_before(step: int) -> None:
    unwrapper = Unwrapper()
    assert unwrapper.peek(77) == unwrapper.unwrap(77) == 77
    assert unwrapper.peek((77 + step) % 2**32) == unwrapper.unwrap((77 + step) % 2**32) == 77 + step
