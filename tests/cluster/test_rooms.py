"""What is said in rooms while nodes and engines are killed, frozen, drained and added: one order for everybody, nothing
acknowledged is lost, nothing is shown twice."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack

import aiohttp

from bench.cluster import LocalCluster, NodeProcess
from tests.cluster.conftest import Talk, room_on
from tests.e2e.people import Api, register
from tests.e2e.talking import Talker
from tests.e2e.waiting import until, until_true

Talking = Callable[[], AbstractAsyncContextManager[Talk]]


async def readiness(http: aiohttp.ClientSession, node: NodeProcess) -> tuple[int, str]:
    answer = await Api(http, node.url).call("GET", "/readyz")
    return answer.status, answer.body["status"]


async def test_rooms_outlive_a_killed_node_and_spread_to_a_new_one(cluster: LocalCluster, talking: Talking) -> None:
    async with talking() as talk:
        killed = talk.nodes[1]
        at = time.monotonic()
        killed.kill()
        await talk.flows()
        print("silence", max(one.longest_silence_s(at) for one in talk.everybody))
        assert all(one.connects == 2 for room in talk.people for one in room[1:2])
        new = (await asyncio.to_thread(cluster.start))[0]

        async def has_a_share() -> bool:
            return (await cluster.shares()).get(new.name, 0) > 30

        await until(has_a_share, within_s=30, what="a share of the new node")
        await talk.flows()
        await talk.ends_well()


async def test_a_frozen_owner_that_wakes_up_writes_nothing_more(cluster: LocalCluster, talking: Talking) -> None:
    async with talking() as talk:
        frozen = talk.nodes[2]
        elsewhere = [one for room in talk.people for one in room[:2]]
        frozen.signal(signal.SIGSTOP)
        talk.shut.add(frozen)
        try:
            await talk.flows(elsewhere)
            assert await cluster.owner_of("chat", talk.rooms[2]) in talk.nodes[:2]
        finally:
            frozen.signal(signal.SIGCONT)
        talk.shut.clear()
        await talk.flows()
        await talk.ends_well()


async def test_while_redis_is_frozen_local_rooms_go_on_and_others_are_refused_with_a_retry(
    cluster: LocalCluster, talking: Talking, http: aiohttp.ClientSession
) -> None:
    async with talking() as talk:
        local = [talk.people[index][index] for index in range(len(talk.nodes))]
        remote = [one for one in talk.everybody if one not in local]
        connects = [one.connects for one in talk.everybody]
        cluster.freeze_redis()
        try:
            await until_true(lambda: all(one.refusals for one in remote), within_s=30, what="refusals")
            await talk.flows(local)
            for node in talk.nodes:
                assert await readiness(http, node) == (200, "degraded")
        finally:
            cluster.resume_redis()
        await talk.flows()
        assert [one.connects for one in talk.everybody] == connects
        await talk.ends_well()


async def test_a_redis_that_comes_back_empty_changes_nothing_but_the_leases(
    cluster: LocalCluster, talking: Talking, http: aiohttp.ClientSession
) -> None:
    async with talking() as talk:
        local = [talk.people[index][index] for index in range(len(talk.nodes))]
        cluster.kill_redis()
        try:
            await until_true(lambda: any(one.refusals for one in talk.everybody if one not in local), what="refusals")
            await talk.flows(local)
        finally:
            await asyncio.to_thread(cluster.start_redis)
        await talk.flows()
        for node in talk.nodes:

            async def is_whole(node: NodeProcess = node) -> bool:
                return await readiness(http, node) == (200, "ready")

            await until(is_whole, what="readiness")
        await talk.ends_well()


async def test_a_killed_postgres_delays_and_loses_nothing(cluster: LocalCluster, talking: Talking) -> None:
    async with talking() as talk:
        cluster.kill_postgres()
        try:
            await until_true(lambda: all(one.refusals for one in talk.everybody), within_s=30, what="refusals")
        finally:
            await asyncio.to_thread(cluster.start_postgres)
        at = time.monotonic()
        await talk.flows()
        print("back after", time.monotonic() - at)
        await talk.ends_well()


async def test_a_drained_node_tells_its_people_and_drops_nothing(cluster: LocalCluster, talking: Talking) -> None:
    async with talking() as talk:
        drained = talk.nodes[0]
        drained.signal(signal.SIGTERM)
        talk.shut.add(drained)
        at = time.monotonic()
        assert await asyncio.to_thread(drained.end, within_s=30) == 0
        print("drained in", time.monotonic() - at)
        await talk.flows()
        there = [room[0] for room in talk.people]
        assert all(one.drains and one.connects == 2 for one in there)
        assert all(one.connects == 1 for one in talk.everybody if one not in there)
        print("silence", max(one.longest_silence_s(at) for one in talk.everybody))
        await talk.ends_well()


async def test_whoever_has_seen_more_than_the_node_they_come_to_is_told_nothing_twice(
    cluster: LocalCluster, http: aiohttp.ClientSession
) -> None:
    home, behind = cluster.running[:2]
    person = await register(http, home.url, "mover")
    room_id = await room_on(home, cluster, person)
    async with AsyncExitStack() as stack:
        here, stays, comes = [await Talker(node.url, person.token).open() for node in (home, behind, behind)]
        for socket in (here, stays, comes):
            stack.push_async_callback(socket.close)
        await stays.ok("chat:join", {"room_id": room_id})
        behind.signal(signal.SIGSTOP)
        try:
            sent = await here.ok("chat:send", {"room_id": room_id, "text": "one", "client_id": "1"})
            since = {"epoch": sent["epoch"], "offset": sent["offset"]}
            # It lies before the frozen node when that wakes up, which then hears of the message a little later.
            joining = asyncio.create_task(comes.ask("chat:join", {"room_id": room_id, "since": since}))
            await until_true(lambda: joining.done() or comes.client.eio.queue.empty(), within_s=30, what="a join")
        finally:
            behind.signal(signal.SIGCONT)
        joined = await joining
        assert (joined["recovered"], joined["offset"], joined["messages"]) == (True, 1, []), joined
        await here.ok("chat:send", {"room_id": room_id, "text": "two", "client_id": "2"})
        await until_true(lambda: len(stays.messages) >= 2 and comes.messages, what="the second message")
        assert [message["offset"] for message in stays.messages] == [1, 2]
        assert [message["offset"] for message in comes.messages] == [2]
