from __future__ import annotations

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
