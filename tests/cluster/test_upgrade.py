"""A rolling upgrade: nodes of this version and of the next one are one cluster for as long as it takes."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import aiohttp
import msgspec
import pytest

from bench.cluster import LocalCluster, NodeProcess
from storage.bus_entry import BusEntry
from storage.redis import Redis
from tests.cluster.conftest import TALKATIVE, Talk, room_on
from tests.cluster.recorder import ChatRecorder
from tests.e2e.people import Account
from tests.e2e.waiting import until

NEXT = "tests.cluster.next_version"
LOOK_EVERY_S = 0.2


@pytest.fixture(scope="module")
def shared_cluster() -> Iterator[LocalCluster]:
    """Its own, since its nodes end as those of another version."""
    cluster = LocalCluster(flags=(*TALKATIVE, "--drain-s=2"))
    try:
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture(scope="module")
def pool() -> list[Account]:
    return []


class Tap:
    """Which versions of entries lie in the inboxes, by (sender, receiver), as often as it looks."""

    def __init__(self, redis: Redis) -> None:
        self.versions: dict[tuple[str, str], set[int]] = {}
        self._redis = redis
        self._after: dict[bytes, bytes] = {}

    async def listen(self) -> None:
        while True:
            for inbox in await self._redis.command("KEYS", "*:inbox:*"):
                after = self._after.get(inbox, b"-")
                for entry_id, fields in await self._redis.command("XRANGE", inbox, after, "+"):
                    self._after[inbox] = b"(" + entry_id
                    entry = msgspec.msgpack.decode(fields[1], type=BusEntry)
                    way = entry.sender, inbox.decode().rpartition(":")[2]
                    self.versions.setdefault(way, set()).add(entry.version)
            await asyncio.sleep(LOOK_EVERY_S)


@pytest.fixture
async def tap(cluster: LocalCluster) -> AsyncIterator[Tap]:
    redis = await Redis.connect(cluster.redis_url)
    made = Tap(redis)
    listening = asyncio.create_task(made.listen(), name="tap")
    yield made
    listening.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await listening
    await redis.close()


async def gauge(http: aiohttp.ClientSession, node: NodeProcess, name: str) -> float:
    """The sum over a metric's labels; 0 if it is not there."""
    async with http.get(f"{node.url}/metrics") as answer:
        lines = (await answer.text()).splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(f"socialflow_{name}"))


async def replaced(cluster: LocalCluster, talk: Talk, old: NodeProcess, *, program: str) -> NodeProcess:
    """What an operator does: the node drains, another one starts in its place."""
    talk.shut.add(old)
    old.signal(signal.SIGTERM)
    assert await asyncio.to_thread(old.end, within_s=30) == 0
    new = await asyncio.to_thread(cluster.begin(program=program).ready)

    async def has_a_share() -> bool:
        return (await cluster.shares()).get(new.name, 0) > 30

    await until(has_a_share, within_s=30, what="a share of the new node")
    return new


@asynccontextmanager
async def room_of(talk: Talk, node: NodeProcess, person: Account) -> AsyncIterator[list[ChatRecorder]]:
    """People at every door in one more room, which is on this node."""
    room_id = await room_on(node, talk.cluster, person)
    there = [ChatRecorder(url=balancer.url, token=person.token or "", room_id=room_id) for balancer in talk.balancers]
    async with contextlib.AsyncExitStack() as stack:
        for one in there:
            stack.push_async_callback(one.close)
            await one.open()
        talk.people.append(there)
        yield there


def met(node: NodeProcess) -> Counter[str]:
    """What a node of the next version said of the others at its end."""
    line = node.log.read_text().rpartition("NEXT VERSION ")[2]
    return Counter(msgspec.json.decode(line, type=dict[str, int]))


async def test_versions_work_together_while_nodes_are_replaced_one_by_one(
    cluster: LocalCluster,
    talking: Callable[[], AbstractAsyncContextManager[Talk]],
    persons: list[Account],
    http: aiohttp.ClientSession,
    tap: Tap,
) -> None:
    async with talking() as talk:
        old = talk.nodes
        first = await replaced(cluster, talk, old[0], program=NEXT)
        for person in persons:
            person.url = first.url
        async with room_of(talk, first, persons[0]) as there, room_of(talk, old[1], persons[0]):
            await talk.flows()  # in a room of either version, by people at nodes of both
            assert await cluster.owner_of("chat", there[0].room_id) is first
            assert await gauge(http, old[1], "actor_dead_letters_total") > 0  # what it cannot know is put aside
            # An old node that crashes comes back on the database that the next version has migrated.
            old[2].kill()
            talk.shut.add(old[2])
            again = await asyncio.to_thread(cluster.begin().ready)
            await talk.flows()
            assert [await gauge(http, node, "bus_entries_unreadable") for node in (first, old[1], again)] == [0, 0, 0]
            new = [first, *[await replaced(cluster, talk, node, program=NEXT) for node in (old[1], again)]]
            await talk.flows()
            await talk.ends_well()
            assert [await gauge(http, node, "bus_entries_unreadable") for node in new] == [0, 0, 0]

    names = {node.name for node in new}
    ways = {(a in names, b in names, version) for (a, b), versions in tap.versions.items() for version in versions}
    # Whom a node has just met, and finds in no heartbeat yet, it writes to in the version before.
    assert ways - {(True, True, 1)} == {(False, False, 1), (False, True, 1), (True, False, 1), (True, True, 2)}
    for node in new:
        node.signal(signal.SIGTERM)
    codes = await asyncio.gather(*(asyncio.to_thread(node.end, within_s=30) for node in new))
    assert codes == [0, 0, 0]
    told = met(first)
    assert told["not understood"]
    assert told["greeted"] > 3
    assert told["waves"] > 3
    assert told["applauded"] > 3
