"""What nodes know together of people: buckets that add up, and sockets that are counted while somebody says so."""

from __future__ import annotations

import asyncio
import time

import pytest

from actors.rate_limits import Consumption
from storage.admission import AdmissionTable
from storage.embedded.redis import EmbeddedRedis
from storage.errors import Unavailable
from storage.redis import Redis
from tests.storage.engine_kill import kill
from tests.storage.test_redis import own_engine

__all__ = ["own_engine"]

SOCKETS_OF_ANN = "{sf:c}:sockets:ann"


def table(redis: Redis, node: str = "n1") -> AdmissionTable:
    return AdmissionTable(redis=redis, cluster="c", node=node)


def spent(cost_s: float, *, key: str = "chat:ann", age_s: float = 0.0) -> Consumption:
    return Consumption(key=key, cost_s=cost_s, age_s=age_s, deepest_s=60.0)


async def test_what_nodes_have_spent_adds_up_for_each_key(redis: Redis) -> None:
    here, there = table(redis), table(redis, "n2")
    assert await here.consume([spent(20), spent(5, key="chat:bob")]) == pytest.approx([20, 5], abs=0.5)
    assert await there.consume([spent(10)]) == pytest.approx([30], abs=0.5)
    assert await here.consume([spent(-10)]) == pytest.approx([20], abs=0.5)
    assert await here.consume([spent(1_000)]) == pytest.approx([60], abs=0.5)


async def test_what_was_spent_a_while_ago_counts_from_then(redis: Redis) -> None:
    assert await table(redis).consume([spent(10, age_s=4)]) == pytest.approx([6], abs=0.5)
    assert await table(redis).consume([spent(10, age_s=4)]) == pytest.approx([16], abs=0.5)


async def test_a_bucket_that_is_full_again_is_forgotten(redis: Redis) -> None:
    assert await table(redis).consume([spent(1, age_s=4)]) == [0.0]
    await table(redis).consume([spent(10)])
    assert 9_000 < await redis.command("PTTL", "{sf:c}:consumed:chat:ann") <= 10_001
    assert await table(redis).consume([spent(-20)]) == [0.0]
    assert await redis.command("EXISTS", "{sf:c}:consumed:chat:ann") == 0


async def test_sockets_are_counted_on_the_other_nodes_until_they_are_closed(redis: Redis) -> None:
    here, there, far = (table(redis, node) for node in ("n1", "n2", "n3"))
    assert await here.count_sockets({"ann": 3, "bob": 1}, holds_s=60) == [0, 0]
    assert await there.count_sockets({"ann": 4}, holds_s=60) == [3]
    assert await far.count_sockets({"ann": 0, "bob": 5}, holds_s=60) == [7, 1]
    await there.count_sockets({"ann": 0}, holds_s=60)
    assert await far.count_sockets({"ann": 1}, holds_s=60) == [3]


async def test_the_word_of_a_node_that_says_it_no_more_ends(redis: Redis) -> None:
    here, there = table(redis), table(redis, "n2")
    await here.count_sockets({"ann": 3}, holds_s=0.05)
    async with asyncio.timeout(30):
        while await there.count_sockets({"ann": 1}, holds_s=60) != [0]:
            pass


async def test_a_count_from_before_the_clock_was_put_back_ends_like_any_other(redis: Redis) -> None:
    in_an_hour = round((time.time() + 3_600) * 1_000)
    await redis.command("HSET", SOCKETS_OF_ANN, "gone", f"3:{in_an_hour}")
    assert await table(redis).count_sockets({"ann": 1}, holds_s=0.2) == [3]
    async with asyncio.timeout(30):
        while await table(redis).count_sockets({"ann": 1}, holds_s=60) != [0]:
            pass


async def test_a_redis_that_is_away_is_an_error(own_engine: EmbeddedRedis) -> None:
    redis = await Redis.connect(own_engine.start())
    await kill(own_engine)
    with pytest.raises(Unavailable):
        await table(redis).consume([spent(1)])
    with pytest.raises(Unavailable):
        await table(redis).count_sockets({"ann": 1}, holds_s=1)
    await redis.close()
