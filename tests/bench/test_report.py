"""Figures: what is made of rounds, how they are told, and that they survive a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.report import Point, figure, lines, read, write


def test_a_figure_is_the_median_of_its_rounds_between_the_least_and_the_most() -> None:
    found = figure("mail", "tell", [3.0, 1.0, 2.0], "M/s", better="higher")
    assert (found.value, found.low, found.high) == (2.0, 1.0, 3.0)


@pytest.mark.parametrize(
    ("better", "value", "is_met"),
    [("higher", 5.0, True), ("higher", 4.9, False), ("lower", 5.0, True), ("lower", 5.1, False)],
)
def test_a_bar_is_met_from_its_own_side(better, value, is_met) -> None:
    assert figure("mail", "tell", [value], "", better=better, bar=5.0).is_met is is_met


def test_a_figure_without_a_bar_is_neither_met_nor_missed() -> None:
    assert figure("mail", "tell", [1.0], "", better="higher").is_met is None


@pytest.mark.parametrize(("better", "ratio"), [("higher", 0.5), ("lower", 2.0)])
def test_a_ratio_over_one_is_better_whichever_way_the_figure_goes(better, ratio) -> None:
    found = figure("mail", "ask", [2.0, 3.0], "µs", better=better, peer="a queue", against=[4.0, 6.0])
    assert found.ratio_to is not None
    assert found.ratio_to.ratio == pytest.approx(ratio)
    assert found.peer_value == pytest.approx(5.0)


def test_a_peer_with_other_rounds_is_compared_by_medians() -> None:
    found = figure("mail", "tell", [4.0, 6.0, 8.0], "M/s", better="higher", peer="a queue", against=[3.0])
    assert found.ratio_to is not None
    assert found.ratio_to.ratio == pytest.approx(2.0)


def test_a_figure_that_is_no_number_raises_where_it_is_made() -> None:
    with pytest.raises(ValueError, match="tell is no number"):
        figure("mail", "tell", [float("nan")], "M/s", better="higher")


def test_figures_come_out_of_a_file_as_they_went_in(tmp_path: Path) -> None:
    point = Point("ours", 20.0, "messages/s", "p99 in ms")
    figures = [
        figure("mail", "tell", [1.0, 2.0], "M/s", better="higher", bar=1.0, peer="a queue", against=[1.0, 1.0]),
        figure("room", "p99", [8.0], "ms", better="lower", point=point),
    ]
    write(figures, tmp_path / "figures.json")
    assert read(tmp_path / "figures.json") == figures


def test_a_line_tells_figure_spread_peer_and_bar() -> None:
    found = figure("mail", "tell", [4.0, 6.0], "M/s", better="higher", bar=8.0, peer="a queue", against=[2.0, 3.0])
    assert " ".join(lines([found])[0].split()) == "tell 5.00 M/s 4.00–6.00 ×2.00 against a queue ≥ 8.00 M/s MISSED"


def test_no_figures_are_no_lines() -> None:
    assert lines([]) == []
