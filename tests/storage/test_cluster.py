"""Several nodes over a real Redis and a real Postgres: where actors live while nodes come, go and freeze."""

from __future__ import annotations

import asyncio
import os
import signal
import time

import pytest

from actors.runtime import ActorError, Unavailable
from storage.embedded.redis import EmbeddedRedis
from storage.errors import StorageError
from storage.members import WrongCluster
from storage.redis import Redis
from storage.shard_ports import MOST_MOVING
from tests.storage.nodes import KEYS, StorageCluster, is_settled, key_on, settled, until


async def test_a_node_alone_takes_every_shard(cluster: StorageCluster) -> None:
    fixture_node = await cluster.fixture_node("a")
    await until(lambda: len(fixture_node.held) == 256)
    assert await fixture_node.add("k") == 1


async def test_a_first_ask_waits_for_the_shards_to_be_taken(cluster: StorageCluster) -> None:
    assert await (await cluster.fixture_node("a")).add("k") == 1


async def test_an_ask_crosses_nodes(cluster: StorageCluster) -> None:
    a, b = await cluster.fixture_nodes("a", "b")
    key = key_on(b)
    assert await a.add(key) == 1
    assert await b.add(key) == 2
    assert await a.where(key) == "b"


async def test_a_message_for_a_node_as_such_goes_to_that_node(cluster: StorageCluster) -> None:
    a, b = await cluster.fixture_nodes("a", "b")
    assert await a.where("b", kind="node") == "b"
    assert await b.where("b", kind="node") == "b"
    with pytest.raises(Unavailable):
        await a.where("nobody", kind="node")


async def test_a_node_that_has_just_joined_is_answered_by_one_that_does_not_know_it_yet(
    cluster: StorageCluster,
) -> None:
    seldom = {"beat_s": 60.0, "silent_after_s": 120.0}
    a = await cluster.fixture_node("a", **seldom)
    await until(lambda: len(a.held) == 256)
    b = await cluster.fixture_node("b", **seldom)
    assert "b" not in a.joined
    assert await b.where(key_on(a)) == "a"
    await until(lambda: "b" in a.joined)


async def test_three_nodes_share_the_shards_about_evenly(cluster: StorageCluster) -> None:
    fixture_nodes = await cluster.fixture_nodes("a", "b", "c")
    assert min(len(fixture_node.held) for fixture_node in fixture_nodes) > 50


async def test_joining_takes_a_share_and_no_ask_is_lost(cluster: StorageCluster) -> None:
    (a,) = await cluster.fixture_nodes("a")
    keys = [f"k{number}" for number in range(40)]
    sums = dict.fromkeys(keys, 0)
    is_over = asyncio.Event()

    async def keep_adding(key: str) -> None:
        while not is_over.is_set():
            sums[key] += 1
            assert await a.surely_add(key, ask_s=30) == sums[key]

    adding = [asyncio.create_task(keep_adding(key)) for key in keys]
    b = await cluster.fixture_node("b")
    await settled([a, b])
    is_over.set()
    await asyncio.gather(*adding)
    assert len(b.held) > 60
    assert {key: await b.surely_add(key) for key in keys} == {key: total + 1 for key, total in sums.items()}


async def test_a_node_that_joins_gets_few_shards_at_a_time_and_the_next_when_it_serves_them(
    cluster: StorageCluster,
) -> None:
    (a,) = await cluster.fixture_nodes("a")
    b, most = await cluster.fixture_node("b"), 0
    async with asyncio.timeout(60):
        while not is_settled([a, b]):
            given = {shard for shard, owner in a.cluster.shards.owners().items() if owner == "b"}
            most = max(most, len(given - b.held.keys()))
            await asyncio.sleep(0)
    assert len(b.held) > 60
    assert 0 < most <= MOST_MOVING


async def test_moves_raise_the_epoch_of_what_moved_and_of_nothing_else(cluster: StorageCluster) -> None:
    (a,) = await cluster.fixture_nodes("a")
    before = a.held
    b = await cluster.fixture_node("b")
    await settled([a, b])
    assert all(a.held[shard] == before[shard] for shard in a.held)
    assert all(b.held[shard] == before[shard] + 1 for shard in b.held)


async def test_when_a_node_dies_the_other_has_its_shards_under_higher_epochs(cluster: StorageCluster) -> None:
    a, b = await cluster.fixture_nodes("a", "b")
    key, before = key_on(b), b.held
    assert await a.add(key) == 1
    b.ice.freeze()
    assert await a.surely_add(key) == 2
    await until(lambda: len(a.held) == 256)
    assert all(a.held[shard] == epoch + 1 for shard, epoch in before.items())
    assert "b" in a.left


async def test_a_node_frozen_past_its_lease_is_refused_at_its_first_write_and_rejoins(cluster: StorageCluster) -> None:
    a, b = await cluster.fixture_nodes("a", "b")
    key = key_on(b)
    assert await b.add(key) == 1
    b.ice.freeze()
    assert await a.surely_add(key) == 2
    with pytest.raises(ActorError):
        await b.add(key)  # its actor is still there, and believes itself to be the owner
    b.ice.thaw()
    await settled([a, b])
    assert await b.surely_add(key) == 3
    assert await a.surely_add(key) == 4


async def test_a_frozen_node_that_wakes_drops_what_others_have_taken_before_it_serves_again(
    cluster: StorageCluster,
) -> None:
    a, b = await cluster.fixture_nodes("a", "b")
    before = b.held
    b.ice.freeze()
    await until(lambda: len(a.held) == 256)
    b.ice.thaw()
    await settled([a, b])
    assert all(b.held[shard] > before[shard] for shard in b.held)


async def test_a_node_that_stops_leaves_its_shards_to_the_others_at_once(cluster: StorageCluster) -> None:
    silent_after_s = 6.0
    a, b = await cluster.fixture_nodes("a", "b", silent_after_s=silent_after_s)
    key = key_on(b)
    assert await a.add(key) == 1
    await until(lambda: a.cluster.members.view.age_s > silent_after_s)
    await b.stop()
    await until(lambda: len(a.held) == 256, within_s=silent_after_s - 1)  # sooner than its silence would have told
    assert await a.add(key) == 2


async def test_draining_hands_everything_over_and_gets_nothing_new(cluster: StorageCluster) -> None:
    a, b = await cluster.fixture_nodes("a", "b")
    key = key_on(b)
    assert await a.add(key) == 1
    assert await b.cluster.drain(budget_s=60)
    assert not b.held
    await until(lambda: len(a.held) == 256)
    assert await b.surely_add(key) == 2
    assert await b.where(key) == "a"


async def test_draining_alone_says_so_and_keeps_serving(cluster: StorageCluster) -> None:
    (a,) = await cluster.fixture_nodes("a")
    assert not await a.cluster.drain(budget_s=3)
    assert await a.add("k") == 1


async def test_a_heavier_load_makes_a_smaller_share(cluster: StorageCluster) -> None:
    a, b = await cluster.fixture_nodes("a", "b")
    before = len(b.held)
    b.cluster.report(load=0.95)
    await until(lambda: len(b.held) < before * 0.9 and is_settled([a, b]))


async def test_after_redis_lost_its_data_the_owners_go_on_under_the_same_epochs(
    cluster: StorageCluster, redis: Redis
) -> None:
    a, b = await cluster.fixture_nodes("a", "b", silent_after_s=20)  # a late heartbeat is no question here
    before = {**a.held, **b.held}
    await redis.command("FLUSHALL")
    await until(lambda: a.cluster.members.view.age_s < 5 and len(a.cluster.members.view.members) == 2)
    await settled([a, b])
    assert {**a.held, **b.held} == before
    assert await a.surely_add(key_on(b)) == 1


async def test_while_redis_is_gone_local_actors_go_on_and_remote_ones_are_refused_at_once(
    own_cluster: StorageCluster, own_redis: EmbeddedRedis
) -> None:
    a, b = await own_cluster.fixture_nodes("a", "b")
    before = {**a.held, **b.held}
    here, there = key_on(a), key_on(b)
    assert await a.add(here) == 1
    os.kill(own_redis.pid, signal.SIGKILL)
    await until(lambda: a.cluster.is_degraded and a.cluster.bus.is_away)
    started = time.monotonic()
    with pytest.raises(Unavailable) as caught:
        await a.add(there)
    assert time.monotonic() - started < 3, "sooner than an ask gives up"
    assert caught.value.retry_after_s
    assert await a.add(here) == 2
    await until(lambda: time.monotonic() - started > 3)  # longer than any lease
    assert await a.add(here) == 3
    assert not a.cluster.is_deaf
    await asyncio.to_thread(own_redis.start)
    await until(lambda: not a.cluster.is_degraded and not b.cluster.is_degraded)
    assert await a.surely_add(there) >= 1  # more if an answer was lost, and the add repeated
    await settled([a, b])
    assert {**a.held, **b.held} == before


async def test_after_a_pause_of_redis_nobody_has_lost_anything(
    own_cluster: StorageCluster, own_redis: EmbeddedRedis
) -> None:
    a, b = await own_cluster.fixture_nodes("a", "b")
    before = {**a.held, **b.held}
    started = time.monotonic()
    os.kill(own_redis.pid, signal.SIGSTOP)
    await until(lambda: a.cluster.is_degraded and time.monotonic() - started > 4)
    assert await a.add(key_on(a)) == 1
    os.kill(own_redis.pid, signal.SIGCONT)
    assert await a.surely_add(key_on(b)) >= 1
    await until(lambda: not a.cluster.is_degraded and not b.cluster.is_degraded)
    await settled([a, b])
    assert {**a.held, **b.held} == before
    assert not a.left


async def test_a_later_process_of_the_same_name_replaces_the_earlier_one(cluster: StorageCluster) -> None:
    (a,) = await cluster.fixture_nodes("a")
    again = await cluster.fixture_node("a")
    await asyncio.wait_for(a.is_replaced.wait(), 30)
    assert not a.held
    await until(lambda: len(again.held) == 256)


async def test_a_cluster_of_another_database_is_refused(cluster: StorageCluster) -> None:
    await cluster.fixture_nodes("a")
    with pytest.raises(WrongCluster) as caught:
        await cluster.fixture_node("b", cluster_id="another")
    assert isinstance(caught.value, StorageError)
    assert "another" in str(caught.value)


async def test_a_stale_epoch_that_redis_does_not_know_of_is_found_by_the_first_refused_write(
    cluster: StorageCluster,
) -> None:
    (a,) = await cluster.fixture_nodes("a")
    assert await a.add("k") == 1
    await cluster.db.execute("update shards set epoch = epoch + 1, node = 'somebody'")
    with pytest.raises(ActorError):
        await a.add("k")
    assert await a.surely_add("k") == 2


async def test_everything_of_a_cluster_lies_under_one_hash_tag(cluster: StorageCluster, redis: Redis) -> None:
    a, b = await cluster.fixture_nodes("a", "b")
    await a.add(key_on(b))
    keys = await redis.command("KEYS", "*")
    assert len(keys) >= 5
    assert all(key.startswith(KEYS.prefix.encode()) for key in keys)
