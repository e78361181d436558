"""Three nodes for the tests of this folder. What a test has killed is started again before the next one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager

import aiohttp
import pytest

from bench.cluster import LocalCluster, NodeProcess
from tests.cluster.balancer import Balancer
from tests.cluster.recorder import ChatRecorder, wrongs_of
from tests.e2e.people import Account, register
from tests.e2e.waiting import until, until_true

NODES = 3
GRACE_S = 8
# As fast as a test talks, and judged by the words alone: the text model is a process beside each node.
TALKATIVE = ("--chat-rate=1000", "--chat-burst=1000", "--no-screening-model")


@pytest.fixture(scope="package")
def shared_cluster() -> Iterator[LocalCluster]:
    cluster = LocalCluster(flags=(*TALKATIVE, f"--grace-s={GRACE_S}", "--drain-s=5"))
    try:
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture
async def cluster(shared_cluster: LocalCluster) -> LocalCluster:
    """Three nodes that know each other and share what there is to do. Where a test before left nodes that do not, they
    are others: that test has failed, and no test after it has to."""
    await asyncio.to_thread(shared_cluster.start, NODES - len(shared_cluster.running))
    try:
        await _is_shared(shared_cluster)
    except AssertionError as error:
        print("the cluster is begun anew:", error, await shared_cluster.shares(), *tails(shared_cluster), sep="\n")
        for node in shared_cluster.running:
            node.kill()
        await asyncio.to_thread(shared_cluster.start, NODES)
        await _is_shared(shared_cluster)
    return shared_cluster


def tails(cluster: LocalCluster) -> list[str]:
    """What the last nodes, those that have ended included, printed last."""
    return [node.tail() for node in cluster.nodes[-NODES - 1 :]]


async def _is_shared(cluster: LocalCluster) -> None:
    names = {node.name for node in cluster.running}

    async def is_shared() -> bool:
        return set(await cluster.shares()) == names

    await until(is_shared, within_s=30, what="a share for each node")


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session:
        yield session


class Talk:
    """A room on each node, in each of them a person from each node, all talking. ``rooms[i]`` is owned by
    ``nodes[i]``, ``people[i][j]`` is in the room i and at home on the node j.
    """

    def __init__(self, cluster: LocalCluster) -> None:
        self.cluster = cluster
        self.nodes = cluster.running
        self.shut: set[NodeProcess] = set()
        self.rooms: list[str] = []
        self.people: list[list[ChatRecorder]] = []
        self.balancers: list[Balancer] = []

    @property
    def everybody(self) -> list[ChatRecorder]:
        return [one for room in self.people for one in room]

    def open_nodes(self) -> list[NodeProcess]:
        return [
            node for node in [*self.nodes, *self.cluster.nodes[self.nodes[-1].number + 1 :]] if node not in self.shut
        ]

    async def open(self, persons: list[Account], stack: AsyncExitStack) -> None:
        self.rooms = [await room_on(node, self.cluster, persons[0]) for node in self.nodes]
        for home in range(len(self.nodes)):
            balancer = await Balancer(home=home, nodes=self.open_nodes).open()
            stack.push_async_callback(balancer.close)
            self.balancers.append(balancer)
        tokens = iter([person.token or "" for person in persons])
        for room_id in self.rooms:
            there = [ChatRecorder(url=balancer.url, token=next(tokens), room_id=room_id) for balancer in self.balancers]
            self.people.append(there)
            for one in there:
                stack.push_async_callback(one.close)
                await one.open()

    async def flows(self, who: list[ChatRecorder] | None = None, *, within_s: float = 30.0) -> None:
        """Until everybody was acknowledged, and shown, more than until now."""
        of = self.everybody if who is None else who
        before = [(len(one.acked), len(one.seen)) for one in of]

        def all_went_on() -> bool:
            return all(
                len(one.acked) >= acks + 3 and len(one.seen) >= seen + 3
                for one, (acks, seen) in zip(of, before, strict=True)
            )

        try:
            await until_true(all_went_on, within_s=within_s, what="more of everybody")
        except AssertionError as error:
            behind = [
                f"{one.room_id} acked {len(one.acked) - acks} seen {len(one.seen) - seen} connects {one.connects} "
                f"connected {one.client.connected} last refusals {one.refusals[-2:]} wrongs {one.wrongs[-3:]}"
                for one, (acks, seen) in zip(of, before, strict=True)
                if len(one.acked) < acks + 3 or len(one.seen) < seen + 3
            ]
            shares = str(await self.cluster.shares())
            raise AssertionError("\n".join([str(error), *behind, shares, *tails(self.cluster)])) from None

    async def ends_well(self) -> None:
        """Nobody says more; everybody sees the same end; what was told is what is in the log."""
        for one in self.everybody:
            await one.hush()

        def meet() -> bool:
            return all(len({one.offset for one in room}) == 1 for room in self.people)

        async def is_quiet() -> bool:
            return meet() and not await wrongs_of(self.everybody, self.cluster.database_url)

        try:
            await until(is_quiet, within_s=30, what="the same end for everybody")
        except AssertionError:
            wrongs = await wrongs_of(self.everybody, self.cluster.database_url)
            ends = [[one.offset for one in room] for room in self.people]
            raise AssertionError(f"ends {ends}\n" + "\n".join(wrongs)) from None


async def room_on(node: NodeProcess, cluster: LocalCluster, person: Account) -> str:
    """A room of this person whose actor is on this node."""
    for _ in range(100):
        room_id: str = (await person.prepare("Together"))["stream"]["chat"]["room_id"]
        if await cluster.owner_of("chat", room_id) is node:
            return room_id
    raise AssertionError(f"no room came to {node.name}")


@pytest.fixture(scope="package")
def pool() -> list[Account]:
    """Accounts that the tests share."""
    return []


@pytest.fixture
async def persons(cluster: LocalCluster, pool: list[Account], http: aiohttp.ClientSession) -> list[Account]:
    """Nine people whose requests go to a running node."""
    while len(pool) < NODES * NODES:
        pool.append(await register(http, cluster.running[0].url))
    for person in pool:
        person.http, person.url = http, cluster.running[0].url
    return pool


@pytest.fixture
def talking(cluster: LocalCluster, persons: list[Account]) -> Callable[[], AsyncIterator[Talk]]:
    @asynccontextmanager
    async def talk() -> AsyncIterator[Talk]:
        async with AsyncExitStack() as stack:
            made = Talk(cluster)
            await made.open(persons, stack)
            await made.flows()
            yield made

    return talk
