"""Which node owns each shard: a lease in Redis says which should act, an epoch in Postgres whose writes count.

A lease is live while its holder is a member. What is true of a shard on this node:

    elsewhere   another live node holds the lease
    free        no live node holds it                      → mine, if this node is the one to have it
    mine        this node holds the lease, no epoch yet    → held
    held        this node serves it under an epoch         → moving, or elsewhere when it was lost
    moving      its actors are being handed back           → elsewhere, or held again if no node took it

Taking goes: read the epoch, win the lease, raise the epoch if it is still the one that was read, serve. Each heartbeat
brings the table of leases, and all that follows from it is done by the next reconciliation; an answer that was lost is
made up for by the next table. Without Redis no node can take over, so what is held stays held.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Coroutine, Iterable, Mapping
from functools import partial
from typing import Any, Final

from actors.runtime import SHARDS, ActorId, Clock, Placement, shard_of
from actors.runtime.errors import Unavailable
from storage.errors import StorageError
from storage.members import Holder, View
from storage.rendezvous import RendezvousHash
from storage.shard_claims import Epochs, ShardClaims
from storage.shard_handover import ShardHandover, finish
from storage.shard_leases import ShardLeases
from storage.shard_ports import ShardCallbacks, ShardLimits
from storage.shard_table import Move, ShardTable
from storage.wakeup import Wakeup

log = logging.getLogger(__name__)

NODE_KIND: Final = "node"
"""Actors of this kind live on the node that their key names."""
RETRY_S: Final = 0.25


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
        limits: ShardLimits,
    ) -> None:
        self.me = me
        self._clock = clock
        self._callbacks = callbacks
        self._limits = limits
        self._table = ShardTable(me=me, clock=clock, on_lost=self._lost, on_moved=callbacks.on_moved)
        self._wakeup = Wakeup(clock=clock)
        self._rendezvous = RendezvousHash()
        self._seen_at = clock.monotonic()
        self._ending: set[int] = set()
        self._emptied: set[asyncio.Future[None]] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._claims = ShardClaims(
            leases=leases,
            epochs=epochs,
            clock=clock,
            table=self._table,
            rendezvous=self._rendezvous,
            callbacks=callbacks,
            wakeup=self._wakeup,
            ending=self._ending,
            young_s=limits.young_s,
        )
        self._handover = ShardHandover(
            clock=clock,
            table=self._table,
            rendezvous=self._rendezvous,
            callbacks=callbacks,
            limits=limits,
            wakeup=self._wakeup,
            give=self._claims.give,
            spawn=self._spawn,
        )

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
            self._claims.doubt([shard])
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
        self._handover.may_move = view.lives(self.me)
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
            self._claims.doubt(self._table.held)

    def handle(self, moves: Iterable[Move]) -> None:
        """What another node announced. Only news: of our own shards the table alone decides."""
        for move in moves:
            if move.shard in self._table.held:
                self._claims.doubt([move.shard])
                self._callbacks.refresh()
            elif 0 <= move.shard < SHARDS:
                self._table.note(move)
        self._wakeup.set()

    def handle_served(self, shards: Iterable[int]) -> None:
        """Another node serves these shards: this node, if it handed one over, goes on with the next."""
        self._handover.handle_served(shards)

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
        alarm = self._clock.call_later(within_s, partial(finish, over))
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
        await self._claims.check_doubted()
        await self._claims.renew_missing()
        await self._claims.take()
        self._handover.hand_over_some()
        if self._is_empty() or self._rendezvous.are_none:
            for over in self._emptied:
                finish(over)

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
