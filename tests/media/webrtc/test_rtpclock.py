from __future__ import annotations

from media.webrtc.rtpclock import SenderClock


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
