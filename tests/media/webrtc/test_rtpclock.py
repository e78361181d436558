from __future__ import annotations

import pytest

from media.webrtc.rtpclock import RtpClock, SenderClock


def test_one_inexact_report_moves_nothing() -> None:
    clock = SenderClock()
    assert clock.offset_s is None
    assert all(clock.add(offset) for offset in (5.0, 5.0, 5.9, 5.0))
    assert clock.offset_s == 5.0


def test_only_the_last_nine_reports_count() -> None:
    clock = SenderClock()
    for offset in [1.0] * 9 + [1.5] * 5:
        clock.add(offset)
    assert clock.offset_s == 1.5


def test_a_step_of_more_than_a_second_starts_anew() -> None:
    clock = SenderClock()
    assert [clock.add(offset) for offset in (5.0, 6.0, 5.0, 6.001)] == [True, True, True, False]
    assert clock.offset_s == 6.001


def heard(*times: float) -> RtpClock:
    """A clock of 48 kHz that has been heard at these times."""
    clock = RtpClock(rate=48_000, ticks=0, media_s=0.0, now=0.0)
    for now in times:
        clock.arrived(round(now * 48_000), now)
    return clock


def test_a_clock_goes_on_while_half_a_second_at_most_is_without_frames() -> None:
    assert heard(0.5, 1.0).goes_on(1.5)
    assert not heard(0.5, 1.0).goes_on(1.51)


def test_a_clock_goes_on_once_its_frames_have_come_for_a_second() -> None:
    assert heard(0.5).goes_on(1.0)
    assert not heard(0.5).goes_on(0.99)


def test_more_than_half_a_second_without_frames_is_a_pause_after_which_a_second_counts_anew() -> None:
    assert not heard(0.51, 1.0).goes_on(1.2)
    assert heard(0.51, 1.0, 1.5).goes_on(1.51)


def test_reports_are_forgotten_when_none_has_come_for_more_than_half_a_minute() -> None:
    clock = heard(1.0)
    assert clock.report(5.0)
    clock.arrived(0, 31.0)
    assert clock.sender.offset_s == 5.0
    clock.arrived(0, 31.5)
    assert clock.sender.offset_s is None


def test_a_clock_is_placed_where_it_is_told_and_nothing_is_known_of_it() -> None:
    clock = RtpClock(rate=90_000, ticks=45_000, media_s=2.0, now=7.0)
    assert (clock.pts(45_000), clock.pts(135_000)) == (180_000, 270_000)
    assert (clock.is_new, clock.is_over, clock.last_pts, clock.lead_s) == (True, False, -1, None)


def test_a_move_is_in_the_pts_and_not_in_the_unmoved_time() -> None:
    clock = RtpClock(rate=90_000, ticks=45_000, media_s=2.0, now=7.0)
    clock.move(0.5)
    clock.move(-0.25)
    assert clock.pts(45_000) == 202_500
    assert clock.unmoved_s(45_000) == 2.0


def test_the_lead_is_media_time_less_the_senders_wall_clock() -> None:
    clock = RtpClock(rate=90_000, ticks=45_000, media_s=2.0, now=7.0)
    assert clock.report(1.25)
    assert clock.lead_s == 1.5 - 1.25


def test_progress_is_counted_in_seconds_from_the_last_frame() -> None:
    clock = RtpClock(rate=90_000, ticks=45_000, media_s=2.0, now=7.0)
    assert clock.progress_s(90_000) == 0.5
    clock.arrived(90_000, 7.5)
    assert clock.progress_s(225_000) == 1.5


def late(*, moved_s: float = 0.0) -> RtpClock:
    """A clock that begins with 45,000 at 2 s of media time, is moved, and whose packets come half a second late."""
    clock = RtpClock(rate=90_000, ticks=45_000, media_s=2.0, now=7.0)
    clock.move(moved_s)
    for second in range(1, 21):
        clock.follow(45_000 + second * 90_000, 7.5 + second)
    return clock


def test_a_clock_that_is_late_is_shifted_towards_real_time() -> None:
    shift_s = late().pts(0) / 90_000 - 1.5
    assert 0.25 < shift_s < 0.4
    assert late().unmoved_s(0) == pytest.approx(1.5 + shift_s)


def test_packets_that_are_as_late_as_their_clock_was_moved_shift_nothing() -> None:
    assert late(moved_s=0.5).pts(0) == 180_000


def test_the_arrival_at_which_a_report_counts_is_the_last_frames() -> None:
    clock = RtpClock(rate=90_000, ticks=0, media_s=0.0, now=100.0)
    clock.arrived(90_000, 101.0)
    clock.report(5.0)
    clock.arrived(180_000, 102.0)
    assert clock.sender.offset_s == 5.0
