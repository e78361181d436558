from __future__ import annotations

import itertools

import pytest

from media.clock import MAX_SLEW, NOT_LIVE_S, SETTLE_S, TOLERANCE_S, WINDOW_S, Discipline, Least, beyond, clamped


def off_by(pace: float, *, hours: float, step_s: float = 1.0) -> list[float]:
    """How far media time is from real time, at each step, with a publisher's clock of this pace."""
    discipline, off = Discipline(media_s=0.0, now=0.0), []
    for n in range(round(hours * 3_600 / step_s)):
        now = n * step_s
        off.append(now * pace + discipline.follow(now * pace, now) - now)
    return off


@pytest.mark.parametrize("ppm", [-500, -50, 0, 50, 500])
def test_a_clock_that_drifts_stays_with_real_time_for_a_day(ppm: int) -> None:
    assert max(abs(each) for each in off_by(1 + ppm / 1e6, hours=24)) < TOLERANCE_S + 0.02


@pytest.mark.parametrize("pace", [0.95, 1.05])
def test_a_clock_that_is_off_by_a_twentieth_stays_near(pace: float) -> None:
    assert max(abs(each) for each in off_by(pace, hours=0.2, step_s=0.04)) < 1.2


def in_step() -> Discipline:
    """A clock that has been followed for 20 s and is right."""
    discipline = Discipline(media_s=0.0, now=0.0)
    for n in range(41):
        assert discipline.follow(n * 0.5, n * 0.5) == 0.0
    return discipline


def test_packets_that_are_late_for_some_seconds_move_nothing() -> None:
    discipline = Discipline(media_s=0.0, now=0.0)
    for n in range(600):
        late_s = 3.0 if 250 <= n < 290 else 0.0
        assert discipline.follow(n * 0.1, n * 0.1 + late_s) == 0.0


def test_the_band_of_tolerance_is_kept_exactly() -> None:
    assert in_step().follow(21.0 + TOLERANCE_S, 21.0) == pytest.approx(0.0, abs=1e-12)
    assert in_step().follow(21.0 + TOLERANCE_S + 0.1, 21.0) == pytest.approx(-0.1 / SETTLE_S)


def test_a_slew_is_bounded_both_ways() -> None:
    slow = in_step()
    assert slow.follow(20.0, 45.0) == 0.0
    assert slow.follow(20.0, 50.0) == 0.0
    assert slow.follow(21.0, 50.0) == pytest.approx(MAX_SLEW)
    assert in_step().follow(25.0, 20.0) == pytest.approx(-MAX_SLEW)


def test_nothing_is_slewed_before_a_whole_window_has_passed() -> None:
    early, due = Discipline(media_s=0.0, now=0.0), Discipline(media_s=0.0, now=0.0)
    assert early.follow(20.0, WINDOW_S - 0.01) == 0.0
    assert due.follow(20.0, WINDOW_S) < 0.0


def test_a_clock_may_begin_anywhere() -> None:
    right, fast = Discipline(media_s=100.0, now=1_000.0), Discipline(media_s=100.0, now=1_000.0)
    assert {right.follow(100 + n * 0.5, 1_000 + n * 0.5) for n in range(60)} == {0.0}
    assert fast.follow(105.0, 1_009.9) == 0.0
    assert fast.follow(112.0, 1_010.0) == pytest.approx(-0.1)


def test_a_tenth_is_tolerated_and_a_tenth_is_the_most_that_a_slew_changes() -> None:
    assert in_step().follow(21.2, 21.0) == pytest.approx(-0.01)
    assert in_step().follow(25.0, 20.0) == pytest.approx(-0.1)


def test_what_is_off_by_half_a_minute_is_still_live() -> None:
    assert in_step().follow(50.9, 21.0) == pytest.approx(-0.1)
    assert in_step().follow(51.1, 21.0) == 0.0


def test_what_is_no_live_clock_is_left_as_it_is() -> None:
    assert in_step().follow(21.0 + NOT_LIVE_S, 21.0) < 0.0
    assert in_step().follow(21.001 + NOT_LIVE_S, 21.0) == 0.0
    file = Discipline(media_s=0.0, now=0.0)
    assert {file.follow(n * 1.0, n * 0.1) for n in range(5_000)} == {0.0}


def test_media_time_that_leaps_is_not_slewed_for_longer_than_a_second_of_it() -> None:
    assert in_step().follow(45.0, 20.0) == pytest.approx(-MAX_SLEW)


def test_a_unit_that_goes_back_or_stands_moves_nothing() -> None:
    discipline = in_step()
    shifts = [discipline.follow(media_s, 20.0) for media_s in (25.0, 25.0, 24.0, 25.5)]
    assert shifts == pytest.approx([-MAX_SLEW, -MAX_SLEW, -MAX_SLEW, -MAX_SLEW * 1.5])


def test_what_was_moved_on_purpose_is_not_taken_for_the_clocks_fault() -> None:
    discipline = in_step()
    discipline.moved(0.5)
    assert discipline.follow(20.5, 20.0) == 0.0
    assert discipline.follow(21.5, 21.0) == pytest.approx(-(0.5 - TOLERANCE_S) / SETTLE_S)


def test_media_time_never_goes_back() -> None:
    discipline = Discipline(media_s=0.0, now=0.0)
    placed = [n * 0.02 + discipline.follow(n * 0.02, n * 0.019) for n in range(5_000)]
    assert discipline.shift_s < -1
    assert all(before < after for before, after in itertools.pairwise(placed))


def test_least_forgets_after_the_window_and_not_before_half_of_it() -> None:
    least = Least(window_s=10.0)
    assert least.add(1.0, 0.0) == 1.0
    assert [least.add(2.0, now) for now in (4.9, 5.0, 9.9)] == [1.0, 1.0, 1.0]
    assert least.add(3.0, 10.0) == 2.0


def test_beyond_and_clamped() -> None:
    assert [beyond(value, 2.0) for value in (-3.0, -2.0, 0.0, 2.0, 3.5)] == [-1.0, 0.0, 0.0, 0.0, 1.5]
    assert [clamped(value, 2.0) for value in (-3.0, 1.0, 3.0)] == [-2.0, 1.0, 2.0]
