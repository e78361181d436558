"""Redis behind sentinels: the master may die, freeze or be demoted, and who uses it goes on without a restart."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from storage.errors import Unavailable
from storage.postgres import Database
from storage.redis import Redis, RedisRateLimiter, Script
from storage.sentinel import WATCH_S
from tests.storage.nodes import StorageCluster, key_on, settled, until
from tests.storage.watched import MASTER, Watched

CONNECTIONS = 8


@pytest.fixture
async def watched(tmp_path: Path) -> AsyncIterator[Watched]:
    made = Watched(tmp_path)
    try:
        await made.start()
        yield made
    finally:
        made.stop()


@pytest.fixture
async def cluster(watched: Watched, db: Database) -> AsyncIterator[StorageCluster]:
    """Nodes that were told of the sentinels, and of nothing else."""
    async with AsyncExitStack() as stack:
        cluster = StorageCluster(redis_url=watched.url, db=db, stack=stack)
        await cluster.prepare()
        yield cluster


@pytest.fixture
async def idle(watched: Watched) -> AsyncIterator[Redis]:
    """With connections to the master that nobody uses."""
    redis = await Redis.connect(watched.url)
    await asyncio.gather(*(redis.command("SET", "k", "before") for _ in range(CONNECTIONS)))
    yield redis
    await redis.close()


async def surely(redis: Redis, *words: str | int, within_s: float = 60.0) -> object:
    """As a caller does: again while it is unavailable."""
    async with asyncio.timeout(within_s):
        while True:
            try:
                return await redis.command(*words, timeout_s=0.5)
            except Unavailable:
                await asyncio.sleep(0.02)


async def test_after_the_master_was_killed_members_bus_leases_and_rates_go_on_at_the_new_one(
    watched: Watched, idle: Redis, cluster: StorageCluster
) -> None:
    a, b = await cluster.fixture_nodes("a", "b")
    rates = RedisRateLimiter(redis=idle, rest_s=0.0)
    before = {**a.held, **b.held}
    here, there = key_on(a), key_on(b)
    assert await a.add(there) == 1
    watched.first.kill()
    await until(lambda: a.cluster.is_degraded and b.cluster.is_degraded)
    assert await a.add(here) == 1, "what is local goes on"
    await until(lambda: not a.cluster.is_degraded and not b.cluster.is_degraded)
    assert await a.surely_add(there) >= 2
    await settled([a, b])
    assert {**a.held, **b.held} == before, "nobody lost a lease by it"
    assert set(a.cluster.members.view.members) == {"a", "b"}
    assert not a.cluster.is_deaf
    assert not b.cluster.is_deaf
    async with asyncio.timeout(30):
        while (await rates.take("ann", rate=0.1, burst=1)).is_allowed:
            pass  # nobody counted yet: this client has not heard of the new master
    c = await cluster.fixture_node("c")  # the first lease that is given anew
    await settled([a, b, c])
    assert await c.surely_add(there) >= 3
    assert b"{sf:test}:shards" in await watched.second.said("KEYS", "*")


async def test_a_master_that_was_frozen_and_wakes_is_not_written_to_by_connections_that_were_idle(
    watched: Watched, idle: Redis
) -> None:
    watched.first.signal(signal.SIGSTOP)
    assert await surely(idle, "SET", "k", "after") == b"OK"
    watched.first.signal(signal.SIGCONT)
    await watched.first.until(("ROLE",), says=b"master")  # for some seconds it does not know better
    names = [f"n{number}" for number in range(CONNECTIONS)]
    await asyncio.gather(*(surely(idle, "SET", name, "after") for name in names))
    assert await watched.second.said("MGET", *names) == [b"after"] * CONNECTIONS


async def test_a_master_that_is_demoted_while_it_is_up_is_left_at_the_first_refusal(
    watched: Watched, idle: Redis
) -> None:
    await watched.sentinels[0].said("SENTINEL", "FAILOVER", MASTER)
    await watched.second.until(("ROLE",), says=b"master")
    await watched.first.said("REPLICAOF", "127.0.0.1", str(watched.second.port))  # as the sentinels will, in a while
    assert await surely(idle, "SET", "k", "after") == b"OK"
    assert await watched.second.said("GET", "k") == b"after"


async def test_a_sentinel_that_missed_the_election_leads_nobody_back(watched: Watched, idle: Redis) -> None:
    *others, late = watched.sentinels
    late.signal(signal.SIGSTOP)
    watched.first.signal(signal.SIGSTOP)
    assert await surely(idle, "SET", "k", "after") == b"OK", "a sentinel that hangs keeps nobody from the others"
    for sentinel in others:
        sentinel.signal(signal.SIGSTOP)
    watched.first.signal(signal.SIGCONT)
    await watched.set_back(late)
    before = str(watched.first.port).encode()
    await late.until(("SENTINEL", "GET-MASTER-ADDR-BY-NAME", MASTER), says=before)
    for number in range(30):  # while they are asked twice
        assert await idle.command("INCR", "n") == number + 1
        await asyncio.sleep(WATCH_S / 15)
    assert idle.master.endswith(f":{watched.second.port}")


async def test_a_replica_that_refuses_a_write_is_left_and_met_anew(watched: Watched) -> None:
    """Without sentinels too: its address may lead to another server by then, or it may have been promoted."""
    redis = await Redis.connect(watched.second.url)
    rates, script = RedisRateLimiter(redis=redis, rest_s=0.0), Script(text="return redis.call('INCR', KEYS[1])")
    refusals = [
        redis.command("SET", "k", "v"),
        redis.pipeline([("SET", "k", "v"), ("GET", "k")]),
        redis.run(script, keys=["n"]),
    ]
    for refused in refusals:
        before = await watched.second.said("INFO", "stats")
        with pytest.raises(Unavailable):
            await refused
        await redis.ping()
        assert _connections(await watched.second.said("INFO", "stats")) == _connections(before) + 2
    assert (await rates.take("ann", rate=0.1, burst=1)).is_blind
    await watched.second.said("REPLICAOF", "NO", "ONE")
    assert await redis.run(script, keys=["n"]) == 1
    await redis.close()


def _connections(stats: bytes) -> int:
    """How many a server has taken so far, this question's own one included."""
    return int(stats.partition(b"total_connections_received:")[2].split()[0])


async def test_sentinels_that_are_away_are_told_apart_from_a_name_they_do_not_know(watched: Watched) -> None:
    with pytest.raises(Unavailable, match=rf"no master named 'village' .but: {MASTER}."):
        await Redis.connect(watched.url_of("village"))
    with pytest.raises(Unavailable, match=r"127.0.0.1:1: .*failed.*; 127.0.0.1:2: .*failed"):
        await Redis.connect("redis+sentinel://127.0.0.1:1,127.0.0.1:2/town")
    with pytest.raises(Unavailable, match="a Redis answers there, no sentinel"):
        await Redis.connect(f"redis+sentinel://127.0.0.1:{watched.first.port}/town")


async def test_one_sentinel_that_answers_is_enough_and_a_password_is_given_to_whom_it_is_for(watched: Watched) -> None:
    for sentinel in watched.sentinels[:2]:
        sentinel.kill()
    await watched.sentinels[2].said("ACL", "SETUSER", "default", "resetpass", ">of:them")
    await watched.first.said("CONFIG", "SET", "requirepass", "of the master")
    with pytest.raises(Unavailable, match="Authentication required"):
        await Redis.connect(watched.url)
    url = watched.url.replace("://", "://:of%20the%20master@") + "/3?sentinel_password=of%3Athem"
    redis = await Redis.connect(url)
    assert redis.master == f"master {MASTER} at 127.0.0.1:{watched.first.port}"
    assert b"db=3" in await redis.command("CLIENT", "LIST")
    await redis.close()
