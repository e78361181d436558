"""Whole nodes in one process, over real engines: each with its own cluster, and each can be frozen as SIGSTOP does."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AsyncExitStack
from itertools import count
from typing import Any

from actors.runtime import (
    SHARDS,
    Actor,
    ActorError,
    ActorId,
    Ask,
    Fence,
    Handle,
    LoopClock,
    Node,
    handles,
    shard_of,
)
from storage.cluster import Cluster, ClusterCallbacks, ClusterEngines
from storage.leases import Leases, hold
from storage.members import Keys, Member, View
from storage.postgres import Database
from storage.redis import Redis, Script, Word
from storage.redis_streams import RedisStreams
from storage.rendezvous import RendezvousHash

NAME = "test"
KEYS = Keys.of(NAME)
_incarnations = count(1)


async def until(holds: Callable[[], object], *, within_s: float = 60.0) -> None:
    async with asyncio.timeout(within_s):
        while not holds():  # noqa: ASYNC110 - nobody announces it
            await asyncio.sleep(0.01)


class Freeze:
    """A clock that can stand still, and what waits for it to go on."""

    def __init__(self) -> None:
        self._clock = LoopClock()
        self._melted = asyncio.Event()
        self._melted.set()
        self._parked: list[Callable[[], object]] = []
        self.monotonic = time.monotonic
        self.time = time.time

    def freeze(self) -> None:
        self._melted.clear()

    def thaw(self) -> None:
        self._melted.set()
        parked, self._parked = self._parked, []
        for callback in parked:
            callback()

    async def melted(self) -> None:
        await self._melted.wait()

    def call_later(self, delay_s: float, callback: Callable[[], object]) -> Handle:
        call = _Call(callback)
        self._clock.call_later(delay_s, lambda: call() if self._melted.is_set() else self._parked.append(call))
        return call

    async def sleep(self, delay_s: float) -> None:
        await asyncio.sleep(delay_s)
        await self.melted()


class _Call:
    def __init__(self, callback: Callable[[], object]) -> None:
        self._callback: Callable[[], object] | None = callback

    def __call__(self) -> None:
        if self._callback is not None:
            self._callback()

    def cancel(self) -> None:
        self._callback = None


class FreezableRedis:
    def __init__(self, redis: Redis, ice: Freeze) -> None:
        self._redis, self._ice = redis, ice

    async def run(
        self, script: Script, *, keys: Sequence[str], args: Sequence[Word] = (), timeout_s: float | None = None
    ) -> Any:
        await self._ice.melted()
        answer = await self._redis.run(script, keys=keys, args=args, timeout_s=timeout_s)
        await self._ice.melted()
        return answer


class FreezableStreams(RedisStreams):
    def __init__(self, ice: Freeze, **options: Any) -> None:
        super().__init__(**options)
        self._ice = ice

    async def append(self, entries: Sequence[tuple[str, bytes]], *, most: int) -> None:
        await self._ice.melted()
        await super().append(entries, most=most)

    async def read(self, stream: str, after: str, *, count: int, block_s: float) -> list[tuple[str, bytes]]:
        batch = await super().read(stream, after, count=count, block_s=block_s)
        await self._ice.melted()
        return batch


class Add(Ask[int], frozen=True):
    """Answered with the sum, once it is written under the actor's epoch."""

    n: int


class Where(Ask[str], frozen=True):
    pass


class Ledger(Actor):
    """A sum in Postgres, written before it is told, and fenced as every actor's state is."""

    def __init__(self, fixture_node: FreezableNode, actor_id: ActorId) -> None:
        self._fixture_node = fixture_node
        self._id = actor_id
        self._sum = 0

    async def activate(self) -> None:
        value = await self._fixture_node.db.fetchval("select sum from ledgers where key = $1", self._id.key)
        self._sum = value or 0

    @handles(Add)
    async def add(self, message: Add) -> int:
        total = self._sum + message.n
        async with self._fixture_node.db.transaction() as tx:
            await hold(tx, Fence(shard=shard_of(self._id), epoch=self.context.epoch))
            await tx.execute(_WRITE, self._id.key, total)
        self._sum = total
        return total

    @handles(Where)
    def where(self, _: Where) -> str:
        return self._fixture_node.name


_WRITE = "insert into ledgers (key, sum) values ($1, $2) on conflict (key) do update set sum = excluded.sum"


class FreezableNode:
    """One node with its cluster."""

    def __init__(self, name: str, db: Database, redis: Redis, reader: Redis, cluster_id: str, **options: Any) -> None:
        self.name = name
        self.db = db
        self.ice = Freeze()
        self.joined: list[str] = []
        self.left: list[str] = []
        self.is_replaced = asyncio.Event()
        me = Member(name=name, incarnation=f"{next(_incarnations):016x}", roles=("actors",))
        self.cluster = Cluster(
            me=me,
            name=NAME,
            engines=ClusterEngines(
                cluster_id=cluster_id,
                redis=FreezableRedis(redis, self.ice),
                streams=FreezableStreams(self.ice, writer=redis, reader=reader),
                epochs=Leases(db=db),
            ),
            clock=self.ice,
            callbacks=ClusterCallbacks(
                on_join=lambda member: self.joined.append(member.name),
                on_leave=lambda member: self.left.append(member.name),
                on_replaced=self.is_replaced.set,
            ),
            **options,
        )
        self.node = Node(
            name=name, clock=LoopClock(), directory=self.cluster.directory, transport=self.cluster.transport
        )
        self.node.register("ledger", lambda actor_id: Ledger(self, actor_id))
        self.node.register("node", lambda actor_id: Ledger(self, actor_id))

    @property
    def held(self) -> dict[int, int]:
        return dict(self.cluster.shards.held)

    async def start(self) -> None:
        await self.node.start()
        await self.cluster.start(self.node)

    async def stop(self) -> None:
        self.ice.thaw()
        await self.node.stop(budget_s=1)
        await self.cluster.stop()

    async def add(self, key: str, n: int = 1, *, timeout_s: float = 5) -> int:
        return await self.node.ref("ledger", key).ask(Add(n=n), timeout_s=timeout_s)

    async def surely_add(self, key: str, *, within_s: float = 60.0, ask_s: float = 1.0) -> int:
        """As a client does: again after a refusal, or after ``ask_s`` without an answer."""
        async with asyncio.timeout(within_s):
            while True:
                try:
                    return await self.add(key, timeout_s=ask_s)
                except ActorError as error:
                    await asyncio.sleep(min(error.retry_after_s or 0.1, 0.1))

    async def where(self, key: str, *, kind: str = "ledger") -> str:
        return await self.node.ref(kind, key).ask(Where(), timeout_s=5)


class StorageCluster:
    """Sites over one Redis and one Postgres, all stopped at the end."""

    def __init__(self, *, redis_url: str, db: Database, stack: AsyncExitStack) -> None:
        self.redis_url = redis_url
        self.db = db
        self._stack = stack

    async def fixture_node(self, name: str, **options: Any) -> FreezableNode:
        redis, reader = await Redis.connect(self.redis_url), await Redis.connect(self.redis_url, max_connections=1)
        cluster_id = options.pop("cluster_id", None) or await Leases(db=self.db).cluster_id()
        fixture_node = FreezableNode(name, self.db, redis, reader, cluster_id, **options)
        self._stack.push_async_callback(redis.close)
        self._stack.push_async_callback(reader.close)
        await fixture_node.start()
        self._stack.push_async_callback(fixture_node.stop)
        return fixture_node

    async def fixture_nodes(self, *names: str, **options: Any) -> list[FreezableNode]:
        """Started one after the other, each shard at home."""
        fixture_nodes = [await self.fixture_node(name, **options) for name in names]
        await settled(fixture_nodes)
        return fixture_nodes

    async def prepare(self) -> None:
        await self.db.execute("create table ledgers (key text primary key, sum bigint not null)")


async def settled(fixture_nodes: Sequence[FreezableNode]) -> None:
    """Every shard is held by the one of these that should have it, and all know of it."""
    await until(lambda: is_settled(fixture_nodes))


def is_settled(fixture_nodes: Sequence[FreezableNode]) -> bool:
    held = [shard for fixture_node in fixture_nodes for shard in fixture_node.held]
    owners = {shard: fixture_node.name for fixture_node in fixture_nodes for shard in fixture_node.held}
    return (
        len(held) == 256
        and all(not fixture_node.cluster.shards.moving for fixture_node in fixture_nodes)
        and all(fixture_node.cluster.shards.owners() == owners for fixture_node in fixture_nodes)
        and owners == _homes(fixture_nodes)
    )


def _homes(fixture_nodes: Sequence[FreezableNode]) -> dict[int, str]:
    """The node that should have each shard, by what each says of itself."""
    rendezvous = RendezvousHash()
    members = {fixture_node.name: fixture_node.cluster.members.me for fixture_node in fixture_nodes}
    rendezvous.see(View(members, {}, 0, 0.0))
    return {shard: holder.name for shard in range(SHARDS) if (holder := rendezvous.of(shard)) is not None}


def key_on(fixture_node: FreezableNode, fixture_nodes: Iterable[FreezableNode] = ()) -> str:
    """A ledger that lives there."""
    for number in count():
        if shard_of(ActorId("ledger", f"k{number}")) in fixture_node.held:
            return f"k{number}"
    raise AssertionError
