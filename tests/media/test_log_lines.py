"""Lines that strangers cause are few, and what was left out is told."""

from __future__ import annotations

from media.log_lines import LogLines


def test_lines_at_once_are_bounded() -> None:
    lines = LogLines(now=100.0, per_s=3.0)
    assert [lines.take(100.0) for _ in range(5)] == ["", "", "", None, None]


def test_the_next_line_says_how_many_were_left_out() -> None:
    lines = LogLines(now=100.0, per_s=2.0)
    for _ in range(7):
        lines.take(100.0)
    assert lines.take(100.4) is None
    assert lines.take(100.5) == " (6 more lines like this one were left out)"
    assert lines.take(101.0) == ""


def test_a_quiet_hour_saves_up_no_more_than_a_second() -> None:
    lines = LogLines(now=0.0, per_s=2.0)
    assert [lines.take(3600.0) for _ in range(3)] == ["", "", None]
