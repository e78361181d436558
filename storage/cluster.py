"""A node's part in the cluster: membership, the bus and the shards, joined."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import msgspec

from actors.runtime import Clock, Directory, LoopClock, Transport
from actors.runtime.errors import Unavailable
from storage.bus import Bus, InboxStreams
from storage.bus_entry import VERSION
from storage.leases import Leases
from storage.members import (
    BEAT_S,
    INCARNATION_LENGTH,
    SILENT_AFTER_S,
    Holder,
    Keys,
    Member,
    Members,
    Scripts,
    View,
)
from storage.postgres import Database
from storage.redis import Redis
from storage.redis_streams import RedisStreams
from storage.shard_claims import Epochs
from storage.shard_leases import ShardLeases
from storage.shard_ports import ShardCallbacks, ShardLimits
from storage.shard_table import Move
from storage.shards import Shards

log = logging.getLogger(__name__)

WEIGHTS: Final = ((0.9, 0.5), (0.75, 0.75), (0.0, 1.0))
"""From which load on a node takes which share."""
WEIGHT_HOLDS_S: Final = 60.0
"""A share changes at most so often, since each change moves shards."""
LIGHTER_BY: Final = 0.1
"""A load must fall so far below a step before the share grows again."""


class Host(Protocol):
    """The node, whose actors go where their shard goes."""

    async def release(self, shard: int, *, budget_s: float) -> None: ...

    def cut_off(self) -> None:
        """No other node can be reached: the asks that they have not answered are refused."""


class _Notice(msgspec.Struct, frozen=True, array_like=True):
    """What the clusters of two nodes send each other over the bus. Later versions may append fields."""

    moves: list[tuple[int, str, str, int]] = []
    has_left: bool = False
    served: list[int] = []


@dataclass(frozen=True, kw_only=True)
class ClusterCallbacks:
    """What the cluster calls, on the event loop. ``on_moved``: these shards have another owner. ``on_replaced``:
    another process has joined under this name; everything is stopped here, and this process had better end.
    """

    on_join: Callable[[Member], None] = lambda _: None
    on_leave: Callable[[Member], None] = lambda _: None
    on_moved: Callable[[Collection[int]], None] = lambda _: None
    on_replaced: Callable[[], None] = lambda: None


@dataclass(frozen=True, kw_only=True)
class ClusterEngines:
    """What the nodes share: scripts and streams of Redis, epochs in Postgres, whose database ``cluster_id`` names."""

    cluster_id: str
    redis: Scripts
    streams: InboxStreams
    epochs: Epochs


class Cluster:
    """Made before the node, which gets its ``directory`` and ``transport``; ``start`` when the node has started.

    Then ``drain`` (optional: hands everything over first), the node's own stop, and ``stop``.
    """

    def __init__(
        self,
        *,
        me: Member,
        name: str,
        engines: ClusterEngines,
        clock: Clock,
        callbacks: ClusterCallbacks = ClusterCallbacks(),
        beat_s: float = BEAT_S,
        silent_after_s: float = SILENT_AFTER_S,
        is_alone: bool = False,
    ) -> None:
        self._clock = clock
        self._host: Host | None = None
        self._callbacks = callbacks
        self._opened: list[Redis] = []
        self._weight_since = float("-inf")
        keys = Keys.of(name)
        self.members = Members(
            me=me,
            cluster_id=engines.cluster_id,
            keys=keys,
            redis=engines.redis,
            clock=clock,
            on_view=self._see,
            on_join=self._joined,
            on_leave=self._left,
            on_replaced=self._replaced,
            beat_s=beat_s,
            silent_after_s=silent_after_s,
        )
        self.bus = Bus(
            name=me.name,
            incarnation=me.incarnation,
            keys=keys,
            streams=engines.streams,
            clock=clock,
            peers=self.members,
            on_signal=self._handle,
            on_away=self._cut_off,
            version=me.reads,
        )
        self.shards = Shards(
            me=me.holder,
            leases=ShardLeases(me=me.holder, keys=keys, redis=engines.redis, silent_after_s=silent_after_s),
            epochs=engines.epochs,
            clock=clock,
            callbacks=ShardCallbacks(
                release=self._release,
                announce_moves=self._announce_moves,
                announce_served=self._announce_served,
                on_moved=callbacks.on_moved,
                refresh=self.members.refresh,
            ),
            limits=ShardLimits(silent_after_s=silent_after_s, young_s=0.0 if is_alone else silent_after_s),
        )

    @classmethod
    async def open(
        cls,
        *,
        node: str,
        name: str,
        redis_url: str,
        db: Database,
        roles: Sequence[str] = ("actors",),
        address: str = "",
        version: str = "",
        clock: Clock | None = None,
        callbacks: ClusterCallbacks = ClusterCallbacks(),
        is_alone: bool = False,
    ) -> Cluster:
        """On real engines, with connections of its own to Redis. Raises ``Unavailable`` or another ``StorageError``.

        ``node`` is this node's name, ``name`` the cluster's; ``is_alone``: no other node can reach this Redis, so that
        none is waited for when it is empty.
        """
        clock = clock or LoopClock()
        own = db.dedicated({})  # kept open, so that a server that has no connection left does not stop take-overs
        await own.open()
        leases = Leases(db=db, own=own)
        cluster_id = await leases.cluster_id()
        opened = [await Redis.connect(redis_url)]
        try:
            opened.append(await Redis.connect(redis_url, max_connections=1))
        except BaseException:
            await opened[0].close()
            raise
        me = Member(
            name=node,
            incarnation=secrets.token_hex(INCARNATION_LENGTH // 2),
            roles=tuple(roles),
            address=address,
            started_at=clock.time(),
            version=version,
            reads=VERSION,
        )
        cluster = cls(
            me=me,
            name=name,
            engines=ClusterEngines(
                cluster_id=cluster_id,
                redis=opened[0],
                streams=RedisStreams(writer=opened[0], reader=opened[1]),
                epochs=leases,
            ),
            clock=clock,
            callbacks=callbacks,
            is_alone=is_alone,
        )
        cluster._opened = opened
        return cluster

    # Life.

    async def start(self, host: Host) -> None:
        """Joins, listens, and takes this node's share. Raises ``WrongCluster`` or ``Unavailable``."""
        self._host = host
        await self.members.join()
        self.bus.start()
        self.members.start()
        self.shards.start()

    async def drain(self, *, budget_s: float) -> bool:
        """Hands all shards to the others with their actors' state. Whether that was done in time; False if alone."""
        self.members.say(is_draining=True)
        return await self.shards.emptied(within_s=budget_s)

    async def stop(self) -> None:
        """Leaves, so that what was not handed over is taken by the others at once. Closes what ``open`` opened."""
        await self.shards.stop()
        await self.members.leave()
        self._send_all(_Notice(has_left=True))
        await self.bus.stop()
        await asyncio.gather(*(engine.close() for engine in self._opened))

    def report(self, *, load: float) -> None:
        """How busy this node is, 0 to 1. Its share of the shards follows in steps, and slowly."""
        now = self._clock.monotonic()
        weight = self._weight_at(load)
        if weight != self.members.me.weight and now - self._weight_since >= WEIGHT_HOLDS_S:
            self._weight_since = now
            self.members.say(load=load, weight=weight)
        else:
            self.members.say(load=load)

    def _weight_at(self, load: float) -> float:
        weight = _weight(load)
        return weight if weight <= self.members.me.weight else _weight(load + LIGHTER_BY)

    # For the server.

    @property
    def directory(self) -> Directory:
        return self.shards

    @property
    def transport(self) -> Transport:
        return self.bus

    @property
    def me(self) -> Holder:
        return self.members.me.holder

    @property
    def is_degraded(self) -> bool:
        """Redis is away: what is local goes on, what needs another node is refused."""
        return self.members.is_away or self.bus.is_away

    @property
    def is_deaf(self) -> bool:
        """This node does not read what other nodes send, although Redis is there."""
        return self.bus.is_deaf

    # Called by the parts.

    def _see(self, view: View) -> None:
        self.shards.see(view)

    def _joined(self, member: Member) -> None:
        self._callbacks.on_join(member)

    def _left(self, member: Member) -> None:
        if member.name != self.me.name:
            self.bus.forget(member.name)
        self._callbacks.on_leave(member)

    def _replaced(self) -> None:
        self.shards.abdicate()
        self._callbacks.on_replaced()

    async def _release(self, shard: int, budget_s: float) -> None:
        if self._host is not None:
            await self._host.release(shard, budget_s=budget_s)

    def _cut_off(self) -> None:
        if self._host is not None:
            self._host.cut_off()

    def _announce_moves(self, moves: Sequence[Move]) -> None:
        self._send_all(_Notice(moves=[(move.shard, *move.to, move.version) for move in moves]))

    def _announce_served(self, shards: Sequence[int]) -> None:
        self._send_all(_Notice(served=list(shards)))

    def _send_all(self, notice: _Notice) -> None:
        """To each node that can be written to: the next heartbeat brings the others the same."""
        data = msgspec.msgpack.encode(notice)
        for member in self.members.view.members.values():
            if member.name != self.me.name:
                try:
                    self.bus.signal(member.name, data)
                except Unavailable as error:
                    log.debug("not sent: %s", error)

    def _handle(self, sender: str, data: bytes) -> None:
        try:
            said = msgspec.msgpack.decode(data, type=_Notice)
        except msgspec.DecodeError as error:
            log.warning("%s sent something unreadable: %s", sender, error)
            return
        self.shards.handle(Move(shard, Holder(name, incarnation), at) for shard, name, incarnation, at in said.moves)
        self.shards.handle_served(said.served)
        if said.has_left:
            self.members.refresh()


def _weight(load: float) -> float:
    return next((weight for least, weight in WEIGHTS if load >= least), 1.0)
