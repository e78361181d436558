"""Two real nodes that were given the sentinels' addresses, and the master dies."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from bench.cluster import LocalCluster
from tests.cluster.conftest import room_on
from tests.cluster.test_readiness import all_say
from tests.e2e.people import register
from tests.e2e.talking import talker
from tests.e2e.waiting import until
from tests.storage.watched import Watched


@pytest.fixture
async def watched(tmp_path: Path) -> AsyncIterator[Watched]:
    made = Watched(tmp_path)
    try:
        await made.start()
        yield made
    finally:
        made.stop()


@pytest.fixture
async def watched_cluster(watched: Watched) -> AsyncIterator[LocalCluster]:
    cluster = await asyncio.to_thread(LocalCluster, flags=("--drain-s=2",))
    cluster.redis_url = watched.url
    try:
        await asyncio.to_thread(cluster.start, 2)
        yield cluster
    finally:
        await asyncio.to_thread(cluster.stop)


async def test_nodes_stay_in_service_and_reach_each_other_again_at_the_promoted_replica(
    watched: Watched, watched_cluster: LocalCluster, http: aiohttp.ClientSession
) -> None:
    here, there = watched_cluster.running

    async def is_shared() -> bool:
        return set(await watched_cluster.shares()) == {here.name, there.name}

    await until(is_shared, within_s=30, what="a share for each node")
    person = await register(http, here.url)
    room_id = await room_on(there, watched_cluster, person)
    async with talker(here.url, person.token) as socket:
        await socket.ok("chat:send", {"room_id": room_id, "text": "before", "client_id": "1"})
        watched.first.kill()
        await until(lambda: all_say(http, watched_cluster, 200, "degraded"), what="degraded")
        await until(lambda: all_say(http, watched_cluster, 200, "ready"), within_s=30, what="ready")

        async def goes_through() -> bool:
            answer = await socket.ask("chat:send", {"room_id": room_id, "text": "after", "client_id": "2"})
            return bool(answer["ok"])

        await until(goes_through, what="a message to the other node")
    assert [node.is_running for node in (here, there)] == [True, True]
