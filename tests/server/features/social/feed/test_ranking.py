"""Ranking is a pure function of named features, and never keeps a reader waiting."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from server.features.social.feed.ranking import (
    Features,
    Ranked,
    RankerAway,
    WeightedRanker,
    chronological,
    rank_within,
    ranked,
)

HOUR_S = 3600.0


def post(name: str, *, author: str | None = None, age_s: float = HOUR_S, **known: Any) -> Features:
    return Features(post_id=name, author_id=author or f"author of {name}", age_s=age_s, **known)


def order(*posts: Features) -> list[str]:
    return [one.post_id for one in ranked(posts)]


def test_a_newer_post_stands_first_when_all_else_is_equal() -> None:
    assert order(post("old", age_s=9 * HOUR_S), post("new", age_s=60)) == ["new", "old"]


def test_an_author_whom_the_reader_answers_stands_above_a_slightly_newer_stranger() -> None:
    answered = post("answered", affinity=12, age_s=2 * HOUR_S)
    assert order(post("stranger", age_s=HOUR_S), answered) == ["answered", "stranger"]


def test_engagement_saturates_so_that_a_storm_does_not_bury_a_day() -> None:
    stormy = post("storm", engagement=1e9, age_s=24 * HOUR_S)
    assert order(stormy, post("fresh", age_s=60)) == ["fresh", "storm"]


def test_what_is_on_the_air_stands_above_all() -> None:
    assert order(post("new", age_s=1), post("live", is_live=True, age_s=3 * HOUR_S))[0] == "live"


def test_one_author_does_not_fill_the_page() -> None:
    many = [post(f"a{number}", author="a", age_s=number) for number in range(5)]
    assert order(*many, post("b", age_s=HOUR_S)).index("b") == 1


def test_the_reason_is_the_feature_that_adds_the_most() -> None:
    old = 48 * HOUR_S
    found = ranked([
        post("p", engagement=400, age_s=old), post("a", affinity=20, age_s=old), post("l", is_live=True),
        post("f", age_s=5), post("h", age_s=6, found="hashtag"),
    ])  # fmt: skip
    assert {one.post_id: one.reason for one in found} == {
        "p": "popular", "a": "affinity", "l": "live", "f": "following", "h": "hashtag",
    }  # fmt: skip


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 1e7), st.floats(0, 1e4), st.floats(0, 1e6)), max_size=40)
)
def test_every_post_is_answered_once_and_in_one_order(rows: list[tuple[str, float, float, float]]) -> None:
    posts = [
        Features(post_id=str(number), author_id=author, age_s=age_s, affinity=affinity, engagement=engagement)
        for number, (author, age_s, affinity, engagement) in enumerate(rows)
    ]
    found = ranked(posts)
    assert sorted(one.post_id for one in found) == sorted(one.post_id for one in posts)
    assert found == ranked(posts[::-1])


class Hanging:
    async def rank(self, posts: Sequence[Features]) -> Sequence[Ranked]:
        await asyncio.Event().wait()
        return []


class Away:
    async def rank(self, posts: Sequence[Features]) -> Sequence[Ranked]:
        raise RankerAway("it is being trained")


async def test_without_an_order_in_time_the_newest_stand_first() -> None:
    posts = [post("old", affinity=20, age_s=2 * HOUR_S), post("new", age_s=HOUR_S)]
    assert await rank_within(Hanging(), posts, deadline_s=0.01) == chronological(posts)
    assert await rank_within(Away(), posts, deadline_s=1) == chronological(posts)
    assert [one.post_id for one in chronological(posts)] == ["new", "old"]
    assert await rank_within(WeightedRanker(), posts, deadline_s=1) == ranked(posts) != chronological(posts)
