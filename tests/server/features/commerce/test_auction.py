"""Which advertisement is shown, to whom, and at what price."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.features.commerce.ads.auction import Candidate, Context, Creative, Index, Person, age_of, decide, fits
from server.features.commerce.ads.pacing import allowed, lease_of
from server.features.money.currencies import CURRENCIES


def campaign(name: str, bid: int = 500, **more: Any) -> Candidate:
    fields: dict[str, Any] = {
        "id": name, "owner_id": f"owner of {name}", "bid": bid, "currency": "USD", "starts": 0.0, "ends": 100.0,
        "cap": 3, "creatives": (Creative(id=f"video of {name}", video_id="v", duration_ms=6_000),), **more,
    }  # fmt: skip
    return Candidate(**{key: frozenset(value) if isinstance(value, set) else value for key, value in fields.items()})


def context(**more: Any) -> Context:
    return Context(**{"now": 50.0, "creator_id": "ada", "viewer_id": "bob", **more})


def winner(*campaigns: Candidate, where: Context | None = None, floor: int = 10, **more: Any) -> tuple[str, int] | None:
    award = decide(Index(campaigns, floor=floor), where or context(), turn=0, **more)
    return None if award is None else (award.campaign.id, award.price)


def test_the_highest_bid_wins_and_pays_just_more_than_the_next() -> None:
    assert winner(campaign("a", 300), campaign("b", 500), campaign("c", 400)) == ("b", 401)
    assert winner(campaign("a", 300), campaign("b", 300)) == ("a", 300)  # never above one's own bid
    assert winner(campaign("a", 300)) == ("a", 10)  # alone: the floor
    assert winner() is None


def test_an_advertiser_does_not_bid_against_themselves() -> None:
    campaigns = [campaign("a", 500, owner_id="eve"), campaign("b", 490, owner_id="eve"), campaign("c", 100)]
    assert winner(*campaigns) == ("a", 101)


def test_bids_of_several_currencies_are_compared_by_what_a_dollar_is_about_in_them() -> None:
    assert winner(campaign("dollars", 500), campaign("yen", 600, currency="JPY")) == ("yen", 501)
    assert winner(campaign("dinars", 1_500, currency="KWD"), campaign("dollars", 400)) == ("dinars", 1_201)


NOT_SHOWN: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"starts": 60.0}, {}),
    ({"ends": 50.0}, {}),
    ({}, {"shown": {"a": 3}}),
    ({"owner_id": "bob"}, {}),
    ({"owner_id": "ada"}, {}),
    ({"categories": {"music"}}, {"category": "games"}),
    ({"languages": {"ar"}}, {"language": "en"}),
    ({"avoids": {"violence"}}, {"warnings": frozenset({"violence"})}),
    ({"creatives": (Creative(id="x", video_id="v", duration_ms=1, labels=frozenset({"alcohol"})),)},
     {"refuses": frozenset({"alcohol"})}),
    ({"countries": {"EG"}}, {}),
    ({"ages": {"25-34"}}, {}),
    ({"interests": {"chess"}}, {}),
    ({"countries": {"EG"}}, {"person": Person(country="FR")}),
    ({"countries": {"EG"}}, {"person": Person()}),
    ({"ages": {"25-34"}}, {"person": Person(age=None)}),
    ({"interests": {"chess"}}, {"person": Person(interests=frozenset({"lamps"}))}),
    ({"countries": {"EG"}, "ages": {"25-34"}}, {"person": Person(country="EG", age="18-24")}),
]  # fmt: skip
SHOWN: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, {"shown": {"a": 2, "b": 9}}),
    ({"categories": {"games"}}, {"category": "games"}),
    ({"avoids": {"violence"}}, {"warnings": frozenset({"warned"})}),
    ({"countries": {"EG", "FR"}}, {"person": Person(country="FR")}),
    ({"ages": {"25-34"}, "interests": {"chess", "go"}},
     {"person": Person(age="25-34", interests=frozenset({"go"}))}),
]  # fmt: skip


@pytest.mark.parametrize(("asks", "where"), NOT_SHOWN)
def test_what_does_not_fit_is_not_shown(asks: dict[str, Any], where: dict[str, Any]) -> None:
    assert winner(campaign("a", **asks), where=context(**where)) is None


@pytest.mark.parametrize(("asks", "where"), SHOWN)
def test_what_fits_is_shown(asks: dict[str, Any], where: dict[str, Any]) -> None:
    assert winner(campaign("a", **asks), where=context(**where)) == ("a", 10)


def test_a_campaign_without_money_here_neither_wins_nor_sets_the_price() -> None:
    campaigns = [campaign("a", 500), campaign("b", 400), campaign("c", 300)]
    assert winner(*campaigns, without={"a"}) == ("b", 301)
    assert winner(*campaigns, without={"b"}) == ("a", 301)


def test_videos_take_turns_and_one_that_the_creator_does_not_show_is_left_out() -> None:
    videos = tuple(
        Creative(id=name, video_id="v", duration_ms=1, labels=frozenset(labels))
        for name, labels in (("x", ["alcohol"]), ("y", []), ("z", []))
    )
    index = Index([campaign("a", creatives=videos)])
    where = context(refuses=frozenset({"alcohol"}))
    shown = [award.creative.id for turn in range(4) if (award := decide(index, where, turn=turn)) is not None]
    assert shown == ["y", "z", "y", "z"]


def test_the_young_are_of_no_age() -> None:
    assert [age_of(years) for years in (None, 5, 17, 18, 24, 25, 54, 55, 99)] == [
        None, None, None, "18-24", "18-24", "25-34", "45-54", "55+", "55+",
    ]  # fmt: skip


WORDS = st.sets(st.sampled_from(["EG", "FR", "JP"]), max_size=2)
CAMPAIGNS = st.lists(
    st.builds(
        lambda n, bid, currency, countries, owner: campaign(
            f"c{n}", bid, currency=currency, countries=countries, owner_id=owner
        ),
        st.integers(0, 10**6), st.integers(1, 10_000), st.sampled_from(sorted(CURRENCIES)), WORDS,
        st.sampled_from(["e1", "e2", "bob"]),
    ),
    max_size=30, unique_by=lambda one: one.id,
)  # fmt: skip


@given(campaigns=CAMPAIGNS, country=st.sampled_from(["EG", "FR", "US", None]), consents=st.booleans())
def test_the_winner_is_the_best_of_those_that_fit_and_pays_no_more_than_it_bids(
    campaigns: list[Candidate], country: str | None, consents: bool
) -> None:
    where = context(person=Person(country=country) if consents else None)
    award = decide(Index(campaigns, floor=10), where, turn=0)
    fitting = [one for one in campaigns if fits(one, where)]
    if award is None:
        assert fitting == []
        return
    worth = {one.id: one.bid / CURRENCIES[one.currency].dollar for one in fitting}
    assert worth[award.campaign.id] >= max(worth.values()) - 1e-5
    assert 1 <= award.price <= award.campaign.bid


START = datetime(2027, 1, 1, tzinfo=UTC)


@given(limit=st.integers(0, 10**9), minutes=st.integers(1, 10**5), at=st.integers(-10, 2 * 10**5))
def test_money_is_let_go_evenly_and_never_more_than_there_is(limit: int, minutes: int, at: int) -> None:
    ends, now = START + timedelta(minutes=minutes), START + timedelta(minutes=at)
    may = allowed(limit=limit, starts_at=START, ends_at=ends, now=now)
    expected = 0 if at < 0 else limit * 1_000 * min(minutes, at + 1) // minutes
    assert abs(may - expected) <= 1
    assert may <= limit * 1_000


@given(room=st.integers(-(10**6), 10**9), bid=st.integers(1, 10**6))
def test_a_lease_is_of_what_there_is_or_of_nothing(room: int, bid: int) -> None:
    amount = lease_of(room=room, bid=bid)
    assert amount == 0 or bid <= amount <= room
