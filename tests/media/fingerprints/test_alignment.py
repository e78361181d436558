"""Hits on one line are one match; hits anywhere are none."""

from __future__ import annotations

import random

import pytest

from media.fingerprints.alignment import Hit, align


def _line(count: int, *, start: int = 0, work: int = 50_000, speed: float = 1.0, turn: int = 0) -> list[Hit]:
    return [Hit(start + at * 500, round(work + at * 500 * speed), turn) for at in range(count)]


@pytest.mark.parametrize("speed", [0.97, 1.0, 1.03])
def test_a_line_is_found_among_hits_by_chance(speed: float) -> None:
    chance = random.Random(1)
    noise = [Hit(chance.randrange(20_000), chance.randrange(600_000), chance.randrange(-60, 60)) for _ in range(200)]
    (match,) = align([*_line(20, speed=speed), *noise], least=8)
    assert match.speed == pytest.approx(speed, abs=0.006)
    assert match.work_from_ms == pytest.approx(50_000, abs=150)
    assert match.from_ms == 0
    assert match.to_ms == pytest.approx(9_500, abs=6_000)
    assert match.score >= 20


def test_hits_by_chance_are_no_match() -> None:
    chance = random.Random(2)
    noise = [Hit(chance.randrange(10_000), chance.randrange(600_000), chance.randrange(-60, 60)) for _ in range(400)]
    assert align(noise, least=6) == []


def test_many_hits_of_one_moment_count_once() -> None:
    assert align([Hit(1_000, 5_000, turn % 3) for turn in range(50)], least=2) == []


def test_hits_of_another_pitch_are_not_of_the_line() -> None:
    line = [hit._replace(turn=40 * (at % 2)) for at, hit in enumerate(_line(10))]
    assert [each.score for each in align(line, least=4)] == [5, 5]
    assert align(line, least=6) == []


def test_a_long_gap_makes_two_matches_of_one_line() -> None:
    matches = align([*_line(10), *_line(10, start=30_000, work=80_000)], least=6)
    assert [(each.from_ms, each.to_ms, each.work_from_ms) for each in matches] == [
        (0, 4_500, 50_000),
        (30_000, 34_500, 80_000),
    ]


def test_two_places_of_a_work_are_two_matches_of_the_same_time() -> None:
    matches = align([*_line(12), *_line(8, work=200_000)], least=6)
    assert sorted(each.work_from_ms for each in matches) == [50_000, 200_000]


def test_too_few_are_none() -> None:
    assert align(_line(5), least=6) == []
    assert align([], least=1) == []
