"""Which node owns each shard: a lease in Redis says which should act, an epoch in Postgres whose writes count.

A lease is live while its holder is a member. What is true of a shard on this node:

    elsewhere   another live node holds the lease
    free        no live node holds it                      → mine, if this node is the one to have it
    mine        this node holds the lease, no epoch yet    → held
    held        this node serves it under an epoch         → moving, or elsewhere when it was lost
    moving      its actors are being handed back           → elsewhere, or held again if no node took it

Taking goes: read the epoch, win the lease, raise the epoch if it is still the one that was read, serve. Each heartbeat
brings the table of leases, and all that follows from it is done here; an answer that was lost is made up for by the
next table. Without Redis no node can take over, so what is held stays held.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Protocol

from actors.runtime import SHARDS, ActorId, Clock, Placement, shard_of
from actors.runtime.errors import Unavailable
from storage.errors import StorageError
from storage.leases import ShardEpoch
from storage.members import SILENT_AFTER_S, Holder, View
from storage.rendezvous import RendezvousHash
from storage.shard_leases import ShardLeases
from storage.shard_table import Move, ShardTable
from storage.wakeup import Wakeup

log = logging.getLogger(__name__)

NODE_KIND: Final = "node"
"""Actors of this kind live on the node that their key names."""
MOST_MOVING: Final = 4
"""Shards on their way at once from one node: the actors that the next owner has to load delay its messages."""
SERVED_S: Final = 1.0
"""How long the next owner, which has a shard's lease, is waited for to serve it before the next shard goes."""
FIND_S: Final = 3.0
RELEASE_S: Final = 5.0
COMPARE_S: Final = 5.0
RETRY_S: Final = 0.25


class Epochs(Protocol):
    """The side of the leases that outlives Redis. Raises ``StorageError``."""

    async def read(self, shards: Sequence[int]) -> dict[int, ShardEpoch]: ...

    async def raise_from(self, epochs: Mapping[int, int], node: str) -> dict[int, int]: ...


Release = Callable[[int, float], Awaitable[None]]
"""Hands the actors of a shard back within so many seconds: they write back, and go. 0: they just go."""


@dataclass(frozen=True, kw_only=True)
class ShardCallbacks:
    """What the shards call, on the event loop. ``announce_moves`` and ``announce_served`` send to the other nodes which
    leases went where and which shards this node serves now; ``on_moved`` gets, a turn later, the shards that have
    another owner or are served under another epoch: messages to their actors before may be lost. ``refresh`` has a
    heartbeat soon.
    """

    release: Release
    announce_moves: Callable[[Sequence[Move]], None]
    announce_served: Callable[[Sequence[int]], None]
    on_moved: Callable[[Collection[int]], None]
    refresh: Callable[[], None]


@dataclass(frozen=True, kw_only=True)
class ShardLimits:
    """``young_s``: for how long after Redis was found empty other nodes may still have to say what they hold."""

    silent_after_s: float = SILENT_AFTER_S
    young_s: float = SILENT_AFTER_S
    most_moving: int = MOST_MOVING
    find_s: float = FIND_S
    release_s: float = RELEASE_S
    served_s: float = SERVED_S


class Shards:
    """The directory of one node. ``start`` once it has joined, ``see`` each heartbeat's view, ``stop`` last."""

    def __init__(
        self,
        *,
        me: Holder,
        leases: ShardLeases,
        epochs: Epochs,
        clock: Clock,
        callbacks: ShardCallbacks,
        limits: ShardLimits = ShardLimits(),
    ) -> None:
        self.me = me
        self._leases = leases
        self._epochs = epochs
        self._clock = clock
        self._callbacks = callbacks
        self._limits = limits
        self._table = ShardTable(me=me, clock=clock, on_lost=self._lost, on_moved=callbacks.on_moved)
        self._wakeup = Wakeup(clock=clock)
        self._rendezvous = RendezvousHash()
        self._seen_at = self._compared_at = clock.monotonic()
        self._handed: dict[int, asyncio.Future[None]] = {}
        self._may_move = False
        self._ending: set[int] = set()
        self._doubted: set[int] = set()
        self._emptied: set[asyncio.Future[None]] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    # The directory.

    def cached(self, actor_id: ActorId) -> Placement | None:
        if actor_id.kind == NODE_KIND:
            return Placement(actor_id.key, 0)
        return self._table.placement(shard_of(actor_id))

    async def find(self, actor_id: ActorId) -> Placement:
        """The owner, once there is one. Raises ``Unavailable`` when there is none in time."""
        placement = self.cached(actor_id)
        if placement is not None:
            return placement
        self._callbacks.refresh()
        self._wakeup.set()
        waiting = self._table.wait(shard_of(actor_id))
        alarm = self._clock.call_later(self._limits.find_s, partial(_give_up, waiting, actor_id))
        try:
            return await waiting
        finally:
            alarm.cancel()
            self._table.stop_waiting(shard_of(actor_id), waiting)

    def invalidate(self, actor_id: ActorId) -> None:
        """Another node's shard is looked up anew. One of ours is compared with Postgres, which has refused a write."""
        if actor_id.kind == NODE_KIND:
            return
        shard = shard_of(actor_id)
        if shard in self._table.held:
            self._doubted.add(shard)
            self._wakeup.set()
        self._callbacks.refresh()

    # What this node serves.

    @property
    def held(self) -> Mapping[int, int]:
        """The shards served here, with their epochs."""
        return self._table.held

    @property
    def moving(self) -> Collection[int]:
        return self._table.moving

    def owners(self) -> dict[int, str]:
        """The name of each shard's live holder, where one is known."""
        return self._table.owners()

    # News.

    def see(self, view: View) -> None:
        """A heartbeat's view. What was lost by it is lost at once."""
        self._doubt_after_absence(view)
        self._rendezvous.see(view)
        self._may_move = view.lives(self.me)
        before = len(self._table.held)
        self._table.see(view)
        lost = before - len(self._table.held)
        if lost > 0:
            log.warning("lost %d shards, which others have taken over", lost)
        self._wakeup.set()

    def _doubt_after_absence(self, view: View) -> None:
        """Others may have had our shards, and given them back, while we were out of touch or Redis lost its data."""
        now = self._clock.monotonic()
        absent_s, self._seen_at = now - self._seen_at, now
        if absent_s > self._limits.silent_after_s or view.age_s < absent_s:
            self._doubted.update(self._table.held)

    def handle(self, moves: Iterable[Move]) -> None:
        """What another node announced. Only news: of our own shards the table alone decides."""
        for move in moves:
            if move.shard in self._table.held:
                self._doubted.add(move.shard)
                self._callbacks.refresh()
            elif 0 <= move.shard < SHARDS:
                self._table.note(move)
        self._wakeup.set()

    def handle_served(self, shards: Iterable[int]) -> None:
        """Another node serves these shards: this node, if it handed one over, goes on with the next."""
        for shard in shards:
            if shard in self._handed:
                _finish(self._handed[shard])

    # Life.

    def start(self) -> None:
        self._spawn("shards", self._run())

    async def stop(self) -> None:
        """Serves nothing any more. The leases go with the membership."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._table.unplace()

    def abdicate(self) -> None:
        """Everything is lost at once, and nothing taken again: this process is a member no more."""
        self._table.forget()
        for shard in list(self._table.held):
            self._table.lose(shard, "replaced")
        self._table.settle_all()

    async def emptied(self, *, within_s: float) -> bool:
        """Whether all shards have been handed over, in time. Waits for what follows from being marked as draining."""
        if self._is_empty() or self._rendezvous.are_none:
            return self._is_empty()
        over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._emptied.add(over)
        alarm = self._clock.call_later(within_s, partial(_finish, over))
        try:
            await over
        finally:
            alarm.cancel()
            self._emptied.discard(over)
        return self._is_empty()

    def _is_empty(self) -> bool:
        return not self._table.held and not self._table.moving

    async def _run(self) -> None:
        retry_s: float | None = None
        while True:
            await self._wakeup.wait(retry_s)
            try:
                await self._reconcile()
                retry_s = None
            except StorageError as error:
                log.warning("shards wait: %s", error)
                retry_s = RETRY_S

    async def _reconcile(self) -> None:
        await self._check_doubted()
        await self._renew_missing()
        await self._take(self._takeable())
        self._hand_over_some()
        if self._is_empty() or self._rendezvous.are_none:
            for over in self._emptied:
                _finish(over)

    # Keeping.

    async def _check_doubted(self) -> None:
        """Now and then all: a lease may have gone and come back between two heartbeats."""
        now = self._clock.monotonic()
        if now - self._compared_at >= COMPARE_S:
            self._compared_at = now
            self._doubted.update(self._table.held)
        doubted, self._doubted = self._doubted, set()
        try:
            await self._compare([shard for shard in doubted if shard in self._table.held])
        except StorageError:
            self._doubted |= doubted
            raise

    async def _renew_missing(self) -> None:
        """Takes the leases of shards that are held and free in the table: Redis has lost its data, or has taken this
        node for dead, and no other node has taken them."""
        missing = [shard for shard in self._table.held if self._table.holder(shard) is None]
        if missing and self._table.lives:
            await self._compare(await self._win(missing))

    async def _compare(self, shards: Sequence[int]) -> None:
        """Drops the shards that Postgres knows under another epoch than ours."""
        if not shards:
            return
        taken = await self._epochs.read(shards)
        stale = [
            shard for shard in shards if shard in self._table.held and taken[shard].epoch != self._table.held[shard]
        ]
        for shard in stale:
            self._table.lose(shard, f"epoch {self._table.held[shard]} is stale")
        if stale:
            log.warning("lost %d shards, whose epochs are stale", len(stale))

    def _lost(self, shard: int, why: str) -> None:
        log.debug("lost shard %d: %s", shard, why)
        self._ending.add(shard)
        self._spawn(f"end shard {shard}", self._end(shard))

    async def _end(self, shard: int) -> None:
        try:
            await self._callbacks.release(shard, 0.0)
        finally:
            self._ending.discard(shard)
            self._wakeup.set()

    # Taking.

    def _takeable(self) -> list[int]:
        """The shards whose lease is ours and that are not served yet, and the free ones that should be ours."""
        if not self._table.lives:
            return []
        free = (
            s
            for s in range(SHARDS)
            if s not in self._table.held and s not in self._table.moving and s not in self._ending
        )
        return [shard for shard in free if self._is_for_me(shard)]

    def _is_for_me(self, shard: int) -> bool:
        holder = self._table.holder(shard)
        return holder == self.me or (holder is None and self._rendezvous.of(shard) == self.me)

    async def _take(self, shards: Sequence[int]) -> None:
        if not shards:
            return
        taken = await self._epochs.read(shards)
        wanted = [shard for shard in shards if self._may_claim(shard, taken[shard])]
        won = {shard: taken[shard].epoch for shard in await self._win(wanted)}
        if not won:
            return
        epochs = await self._epochs.raise_from(won, self.me.name)
        served = [shard for shard in epochs if self._table.holder(shard) == self.me]
        for shard in served:
            self._table.held[shard] = epochs[shard]
            self._table.settle(shard)
        if served:
            self._callbacks.announce_served(served)
        if len(epochs) < len(won):
            self._wakeup.set()  # another node took them in between, so look again
        log.debug("took %d shards", len(epochs))

    def _may_claim(self, shard: int, taken: ShardEpoch) -> bool:
        """While Redis' data is young, the nodes that hold shards have not all written so yet: theirs are left alone."""
        is_young = self._table.view.age_s < self._limits.young_s
        return not is_young or self._table.holder(shard) == self.me or taken.node in ("", self.me.name)

    async def _win(self, shards: Sequence[int]) -> list[int]:
        """Asks for the leases of these shards; those that this node holds then."""
        moves = await self._give(dict.fromkeys(shards, self.me))
        return [move.shard for move in moves if move.to == self.me]

    async def _give(self, wanted: Mapping[int, Holder]) -> list[Move]:
        moves = await self._leases.give(wanted)
        for move in moves:
            self._table.note(move)
        return moves

    # Handing over.

    def _hand_over_some(self) -> None:
        """Starts as many moves as may be under way; each that ends wakes the loop for the next."""
        for shard in list(self._table.held):
            successor = self._rendezvous.of(shard)
            if not self._may_move or len(self._handed) >= self._limits.most_moving:
                return
            if successor is not None and successor != self.me:
                epoch = self._table.held.pop(shard)
                self._table.moving.add(shard)
                served = self._handed[shard] = asyncio.get_running_loop().create_future()
                self._table.settle(shard)
                self._spawn(f"move shard {shard}", self._hand_over(shard, epoch, successor, served))

    async def _hand_over(self, shard: int, epoch: int, successor: Holder, served: asyncio.Future[None]) -> None:
        try:
            await self._callbacks.release(shard, self._limits.release_s)
            await self._give({shard: successor})
        except StorageError as error:
            log.warning("shard %d stays: %s", shard, error)
        finally:
            self._table.moving.discard(shard)
            self._moved(shard, epoch)
        if shard not in self._table.held:
            await self._until(served)
        if self._handed.get(shard) is served:  # else it has come back and is on its way again
            del self._handed[shard]
        self._wakeup.set()

    async def _until(self, served: asyncio.Future[None]) -> None:
        """Waits until the other node serves the shard, or ``served_s``: its notice may be lost."""
        alarm = self._clock.call_later(self._limits.served_s, partial(_finish, served))
        try:
            await served
        finally:
            alarm.cancel()

    def _moved(self, shard: int, epoch: int) -> None:
        """The shard is another node's now; or ours as before, also if neither is known: then the next table decides,
        and the epoch in Postgres guards."""
        holder = self._table.holder(shard)
        if holder is None or holder == self.me:
            self._table.held[shard] = epoch
            self._may_move = False  # until the next heartbeat: Redis is away, or takes the next owner for dead
        elif (news := self._table.news(shard)) is not None:
            self._callbacks.announce_moves([news])
        self._table.settle(shard)
        self._wakeup.set()

    def _spawn(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("%s failed", task.get_name(), exc_info=error)


def _give_up(waiting: asyncio.Future[Placement], actor_id: ActorId) -> None:
    if not waiting.done():
        waiting.set_exception(Unavailable(actor_id, "no owner yet", retry_after_s=0.5))


def _finish(over: asyncio.Future[None]) -> None:
    if not over.done():
        over.set_result(None)
