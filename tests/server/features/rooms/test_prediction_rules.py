"""What predictions pay: to the point, whatever was staked."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest

from server.features.rooms.predictions.rules import Stake, payouts, state_at

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)


def stakes(*pairs: tuple[int, int]) -> list[Stake]:
    return [Stake(entry_id=f"e{n}", outcome=outcome, points=points) for n, (outcome, points) in enumerate(pairs)]


def paid(*pairs: tuple[int, int], winner: int | None) -> list[int]:
    given = stakes(*pairs)
    shares = payouts(given, winner)
    return [shares[stake.entry_id] for stake in given]


def test_the_winners_share_everything_by_what_they_staked() -> None:
    assert paid((0, 100), (0, 300), (1, 200), winner=0) == [150, 450, 0]


def test_points_that_do_not_divide_go_to_the_largest_remainders_then_to_the_first() -> None:
    assert paid((0, 1), (0, 1), (0, 1), (1, 2), winner=0) == [2, 2, 1, 0]
    assert paid((0, 1), (0, 2), (1, 1), winner=0) == [1, 3, 0]


@pytest.mark.parametrize("winner", [None, 2])
def test_everybody_has_theirs_back_when_it_is_cancelled_or_nobody_was_right(winner: int | None) -> None:
    assert paid((0, 5), (1, 7), winner=winner) == [5, 7]


def test_nothing_staked_pays_nothing() -> None:
    assert payouts([], 0) == {}


def test_a_winner_never_has_less_than_they_staked() -> None:
    assert paid((0, 10), (0, 1), winner=0) == [10, 1]


def test_a_million_random_operations_with_crashes_conserve_every_point() -> None:
    """People earn, stake and have predictions resolved or cancelled; a crash undoes the whole act. Balances and open
    stakes add up to what was earned after each act that ends stakes, and at the end.
    """
    chance = random.Random(15)
    balances, earned, operations = [0] * 200, 0, 0
    entries: dict[int, Stake] = {}
    while operations < 1_000_000:
        person, roll = int(chance.random() * 200), chance.random()
        operations += 1
        if chance.random() < 0.05:
            continue
        if roll < 0.5:
            balances[person] += 10
            earned += 10
        elif roll < 0.999:
            amount = 1 + int(chance.random() * 40)
            if balances[person] >= amount:
                before = entries.get(person)
                outcome = before.outcome if before else int(chance.random() * 4)
                entries[person] = Stake(
                    entry_id=f"{person:03}", outcome=outcome, points=amount + (before.points if before else 0)
                )
                balances[person] -= amount
        else:
            winner = None if chance.random() < 0.2 else int(chance.random() * 4)
            for entry_id, points in payouts(list(entries.values()), winner).items():
                balances[int(entry_id)] += points
            entries.clear()
            assert sum(balances) == earned
    assert sum(balances) + sum(stake.points for stake in entries.values()) == earned


def test_the_state_follows_from_the_time_and_what_was_decided() -> None:
    def at(seconds: float, **decided: object) -> str:
        given = {"locked_at": None, "ended_at": None, "winner": None, **decided}
        return state_at(NOON + timedelta(seconds=seconds), closes_at=NOON + timedelta(seconds=60), **given)  # type: ignore[arg-type]

    assert [at(59.9), at(60), at(1, locked_at=NOON)] == ["open", "locked", "locked"]
    assert at(61, ended_at=NOON, winner=0) == "resolved"
    assert at(61, ended_at=NOON) == "cancelled"
