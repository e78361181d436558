"""Timelines are a cache in Redis: bounded, exact in their order, and gone without harm."""

from __future__ import annotations

import datetime as dt
from uuid import UUID

from storage.redis import Redis
from storage.timelines import Position, RankedPages, Timelines

ANN, BOB = "01890c2a-7b5e-7cc3-98c8-6b1f6c1f0a11", "01890c2a-7b5e-7cc3-98c8-6b1f6c1f0a12"
NOW = dt.datetime(2026, 11, 30, 12, tzinfo=dt.UTC)


def entry(number: int, *, after_us: int | None = None) -> Position:
    at = NOW + dt.timedelta(microseconds=number if after_us is None else after_us)
    return at, str(UUID(int=number))


async def held(redis: Redis, *, most: int = 5, entries: int = 0) -> Timelines:
    timelines = Timelines(redis=redis, most=most, kept_s=60)
    await timelines.begin(ANN)
    await timelines.make(ANN, [entry(number) for number in range(entries, 0, -1)], made_at=NOW)
    return timelines


async def numbers(timelines: Timelines, before: Position | None = None, limit: int = 10) -> list[int]:
    timeline = await timelines.read(ANN, before=before, limit=limit)
    assert timeline is not None
    return [UUID(post_id).int for _, post_id in timeline.entries]


async def test_a_post_is_pushed_only_to_timelines_that_are_held_and_once(redis: Redis) -> None:
    timelines = await held(redis, entries=2)
    assert await timelines.push([ANN, BOB], entry(3)) == 1
    assert await timelines.push([ANN, BOB], entry(3)) == 0
    assert await numbers(timelines) == [3, 2, 1]
    assert await timelines.read(BOB, before=None, limit=10) is None


async def test_a_full_timeline_keeps_the_newest_and_says_that_older_ones_are_elsewhere(redis: Redis) -> None:
    timelines = await held(redis, most=3, entries=2)
    whole = await timelines.read(ANN, before=None, limit=10)
    assert whole is not None
    assert whole.is_whole
    assert whole.made_at == NOW
    for number in (3, 4):
        await timelines.push([ANN], entry(number))
    assert await numbers(timelines) == [4, 3, 2]
    cut = await timelines.read(ANN, before=None, limit=10)
    first = await timelines.read(ANN, before=None, limit=3)
    assert cut is not None
    assert not cut.is_whole
    assert cut.made_at == NOW
    assert first is not None
    assert first.is_whole


async def test_pages_go_on_after_a_post_of_the_same_microsecond(redis: Redis) -> None:
    timelines = await held(redis, most=20)
    for number in range(1, 7):
        await timelines.push([ANN], entry(number, after_us=7))
    assert await numbers(timelines, limit=3) == [6, 5, 4]
    assert await numbers(timelines, before=entry(4, after_us=7), limit=3) == [3, 2, 1]


async def test_a_timeline_that_has_only_begun_takes_pushes_and_is_none_to_readers(redis: Redis) -> None:
    timelines = Timelines(redis=redis, most=5, kept_s=60)
    await timelines.begin(ANN)
    assert await timelines.push([ANN], entry(9)) == 1
    assert await timelines.read(ANN, before=None, limit=5) is None
    await timelines.make(ANN, [entry(8)], made_at=NOW)
    assert await numbers(timelines) == [9, 8]


async def test_an_empty_timeline_is_held_until_redis_is_flushed(redis: Redis) -> None:
    timelines = await held(redis)
    assert await numbers(timelines) == []
    await redis.command("FLUSHALL")
    assert await timelines.read(ANN, before=None, limit=5) is None


async def test_a_ranked_session_is_its_own_readers(redis: Redis) -> None:
    pages, session = RankedPages(redis=redis, kept_s=60), UUID(int=1)
    await pages.save(session, ANN, b"order")
    assert await pages.load(session, ANN) == b"order"
    assert await pages.load(session, BOB) is None
