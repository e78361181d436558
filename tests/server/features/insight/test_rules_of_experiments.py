"""Arms by hash, and the interval of a difference: pure."""

from __future__ import annotations

from collections import Counter

import pytest

from server.features.insight.experiments.rules import Sample, arm_of, difference, is_whole

PEOPLE = [f"person {number}" for number in range(4_000)]


def test_people_are_spread_by_the_shares_and_stay_where_they_are() -> None:
    arms = Counter(arm_of("e", person, ["a", "b"], [20.0, 80.0]) for person in PEOPLE)
    assert arms["a"] == pytest.approx(800, abs=110)
    assert [arm_of("e", one, ["a", "b"], [20.0, 80.0]) for one in PEOPLE[:50]] == [
        arm_of("e", one.upper().lower(), ["a", "b"], [20.0, 80.0]) for one in PEOPLE[:50]
    ]


def test_a_larger_share_takes_nobody_out_of_the_arm() -> None:
    before = {one for one in PEOPLE if arm_of("e", one, ["a", "b"], [20.0, 80.0]) == "a"}
    after = {one for one in PEOPLE if arm_of("e", one, ["a", "b"], [40.0, 60.0]) == "a"}
    assert before < after


def test_experiments_divide_people_independently() -> None:
    first = [arm_of("one", one, ["a", "b"], [50.0, 50.0]) for one in PEOPLE]
    second = [arm_of("two", one, ["a", "b"], [50.0, 50.0]) for one in PEOPLE]
    assert sum(x == y for x, y in zip(first, second, strict=True)) == pytest.approx(2_000, abs=200)


def test_an_empty_arm_gets_nobody() -> None:
    assert {arm_of("e", one, ["a", "b", "c"], [0.0, 100.0, 0.0]) for one in PEOPLE} == {"b"}


@pytest.mark.parametrize(("shares", "whole"), [([50, 50], True), ([100 / 3] * 3, True), ([60, 60], False), ([], False)])
def test_shares_come_to_a_hundred(shares: list[float], whole: bool) -> None:
    assert is_whole(shares) is whole


def test_the_interval_of_a_difference() -> None:
    found = difference(Sample(people=100, mean=12.0, variance=25.0), Sample(people=400, mean=10.0, variance=36.0))
    assert found is not None
    assert (round(found.low, 3), found.value, round(found.high, 3)) == (0.857, 2.0, 3.143)
    assert found.is_significant
    assert difference(Sample(people=1, mean=1, variance=0), Sample(people=9, mean=1, variance=0)) is None
