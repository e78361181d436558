"""What a person may do at a time: on one node at once, and on several together a moment later."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.rate_limits import Consumption, Rate, RateLimits, role_of
from actors.runtime import DomainError
from tests.actors.room_fixture import RATES


def rate_limits(**options: int) -> RateLimits:
    rates = {**RATES, "chat": Rate(per_s=5.0, burst=10)}
    return RateLimits(rates=rates, factors={"viewer": 1.0, "owner": 1.0, "moderator": 2.0, "admin": 4.0}, **options)


def wait_s(of: RateLimits, at: float, *, person: str = "ann", role: str = "viewer") -> float:
    try:
        of.consume("chat", role, person, at=at)  # type: ignore[arg-type]
    except DomainError as refusal:
        return round(refusal.retry_after_s or 0.0, 3) if refusal.code == "rate_limited" else -1.0
    return 0.0


def count(of: RateLimits, at: float, **options: str) -> int:
    """How many go through now."""
    done = 0
    while not wait_s(of, at, **options):
        done += 1
    return done


def exchange(*nodes: RateLimits, at: float, lag_s: float = 0.0) -> None:
    """As the nodes' common table does, for one person."""
    for sent in [*nodes, *nodes]:
        for spent in sent.take_pending(10, at=at):
            base = max(TABLE.get(spent.key, 0.0), at + lag_s - spent.age_s)
            TABLE[spent.key] = min(base + spent.cost_s, at + lag_s + spent.deepest_s)
            sent.apply(spent.key, max(0.0, TABLE[spent.key] - at - lag_s), at=at)


TABLE: dict[str, float] = {}


@pytest.fixture(autouse=True)
def empty_table() -> None:
    TABLE.clear()


def test_a_budget_gives_its_burst_then_its_rate_and_says_how_long_to_wait() -> None:
    of = rate_limits()
    assert count(of, 100.0) == 10
    assert [wait_s(of, 100.0), wait_s(of, 100.1), wait_s(of, 100.2)] == [0.2, 0.1, 0.0]
    assert count(of, 1_000.0) == 10


def test_people_and_deeds_have_budgets_of_their_own() -> None:
    of = rate_limits()
    assert count(of, 0.0) == 10
    assert count(of, 0.0, person="bob") == 10
    of.consume("reaction", "viewer", "ann", at=0.0)


def test_a_role_pays_less_from_the_same_budget() -> None:
    of = rate_limits()
    assert count(of, 0.0, role="admin") == 40
    assert wait_s(of, 0.0) == 0.2
    assert wait_s(of, 0.0, role="admin") == 0.05
    assert count(of, 1.0, role="moderator") == 10


def test_what_came_to_nothing_is_given_back() -> None:
    of = rate_limits()
    assert count(of, 0.0) == 10
    of.refund("chat", "viewer", "ann", at=0.0)
    assert count(of, 0.0) == 1
    of.refund("chat", "viewer", "nobody", at=0.0)


def test_a_person_on_two_nodes_has_one_rate_and_pays_back_what_was_too_much() -> None:
    here, there = rate_limits(), rate_limits()
    assert (count(here, 10.0), count(there, 10.0)) == (10, 10)
    exchange(here, there, at=10.25)
    assert wait_s(there, 10.25) == pytest.approx(1.95)
    assert count(here, 10.25) == 1  # what it has refilled by its own account; then it hears
    exchange(here, at=10.25)
    assert wait_s(here, 10.25) == pytest.approx(2.15)
    sent = 1
    for quarter in range(42, 162):
        at = quarter / 4
        sent += count(here, at) + count(there, at)
        exchange(here, there, at=at + 0.1)
    assert 20 + sent == pytest.approx(10 + 5 * 30, abs=5)


def test_who_comes_from_another_node_has_what_is_left() -> None:
    here, there = rate_limits(), rate_limits()
    assert count(here, 10.0) == 10
    exchange(here, there, at=10.0)
    assert wait_s(there, 10.5) == 0.0
    exchange(here, there, at=10.5)
    assert count(there, 10.5) == 1  # 10 + 2.5 in half a second, and 11 are spent


@given(
    gaps=st.lists(st.floats(0.0, 1.0), min_size=1, max_size=60),
    every=st.integers(1, 5),
    lag_s=st.floats(-0.02, 0.04),
)
def test_what_a_node_hears_of_its_own_words_changes_nothing(gaps: list[float], every: int, lag_s: float) -> None:
    TABLE.clear()
    talking, silent = rate_limits(), rate_limits()
    at = 1.0
    for number, gap in enumerate(gaps):
        at += gap
        assert wait_s(talking, at) == wait_s(silent, at)
        if number % every == 0:
            exchange(talking, at=at, lag_s=lag_s)


def test_what_is_said_is_said_once_and_what_was_given_back_is_taken_off() -> None:
    of = rate_limits()
    wait_s(of, 1.0)
    wait_s(of, 1.1)
    of.refund("chat", "viewer", "ann", at=1.2)
    said = Consumption(key="chat:ann", cost_s=pytest.approx(0.2), age_s=pytest.approx(0.5), deepest_s=20.0)  # type: ignore[arg-type]
    assert of.take_pending(10, at=1.5) == [said]
    assert of.take_pending(10, at=1.5) == []


def test_the_longest_unused_budget_is_forgotten_and_news_of_it_are_nothing() -> None:
    of = rate_limits(max_buckets=2)
    for person in ("ann", "bob", "ann", "cid"):
        wait_s(of, 1.0, person=person)
    assert {spent.key for spent in of.take_pending(10, at=1.0)} == {"chat:ann", "chat:cid"}
    of.apply("chat:bob", 5.0, at=1.0)
    assert wait_s(of, 1.0, person="bob") == 0.0


def test_a_budget_that_was_forgotten_is_said_with_the_age_of_its_new_beginning() -> None:
    of = rate_limits(max_buckets=1)
    for person, at in (("ann", 5.0), ("bob", 6.0), ("ann", 7.0)):
        wait_s(of, at, person=person)
    said = [(spent.key, spent.age_s) for spent in of.take_pending(10, at=7.5)]
    assert said == [("chat:ann", 0.5)]


def test_a_wait_of_a_millionth_of_a_second_is_rounding_and_more_is_not() -> None:
    of = RateLimits(rates={"chat": Rate(per_s=1.0, burst=1)}, factors={"viewer": 1.0})
    of.consume("chat", "viewer", "ann", at=0.0)
    with pytest.raises(DomainError):
        of.consume("chat", "viewer", "ann", at=1 - 1.2e-6)
    of.consume("chat", "viewer", "ann", at=1 - 0.8e-6)


def test_what_was_spent_here_and_not_yet_said_comes_on_top_of_what_is_heard() -> None:
    of = rate_limits()
    assert wait_s(of, 0.0) == 0.0
    of.apply("chat:ann", 1.0, at=0.0)
    assert count(of, 0.0) == 4  # of 2 s: 1 by others, 0.2 here


@pytest.mark.parametrize(
    ("per_s", "level_s", "left"),
    [(2.0, 0.55, 9), (2.0, 0.75, 9), (2.0, 0.76, 8), (100.0, 0.055, 99), (100.0, 0.07, 93)],
)
def test_news_of_less_than_half_a_deed_or_of_a_twentieth_of_a_second_are_none(
    per_s: float, level_s: float, left: int
) -> None:
    of = RateLimits(rates={"chat": Rate(per_s=per_s, burst=10 if per_s == 2.0 else 100)}, factors={"viewer": 1.0})
    assert wait_s(of, 0.0) == 0.0
    of.take_pending(1, at=0.0)
    of.apply("chat:ann", level_s, at=0.0)
    assert count(of, 0.0) == left


@pytest.mark.parametrize(
    ("person", "roles", "role"),
    [
        ("olga", (), "owner"),
        ("olga", ("admin",), "admin"),
        ("mo", (), "moderator"),
        ("sue", ("moderator",), "moderator"),
        ("ann", ("creator",), "viewer"),
    ],
)
def test_a_role_is_that_of_the_account_or_that_in_the_room(person: str, roles: tuple[str, ...], role: str) -> None:
    assert role_of(person, roles, owner_id="olga", moderators=("mo",)) == role
