"""How a node hands shards over: their actors go, the lease follows, and the other node is waited for to serve them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from functools import partial
from typing import Any

from actors.runtime import Clock
from storage.errors import StorageError
from storage.members import Holder
from storage.rendezvous import RendezvousHash
from storage.shard_ports import ShardCallbacks, ShardLimits
from storage.shard_table import Move, ShardTable
from storage.wakeup import Wakeup

log = logging.getLogger(__name__)

Give = Callable[[Mapping[int, Holder]], Awaitable[list[Move]]]
"""Tries to give leases so; the table knows the outcome. Raises ``StorageError``."""


class ShardHandover:
    """Moves shards from the table's ``held`` to ``moving``, and back if no other node took them.

    ``may_move``: whether the last heartbeat saw this node live, and no move has failed since.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        table: ShardTable,
        rendezvous: RendezvousHash,
        callbacks: ShardCallbacks,
        limits: ShardLimits,
        wakeup: Wakeup,
        give: Give,
        spawn: Callable[[str, Coroutine[Any, Any, None]], None],
    ) -> None:
        """``wakeup`` has ``hand_over_some`` called again. ``spawn`` runs a named task and owns it."""
        self.may_move = False
        self._me = table.me
        self._clock = clock
        self._table = table
        self._rendezvous = rendezvous
        self._callbacks = callbacks
        self._limits = limits
        self._wakeup = wakeup
        self._give = give
        self._spawn = spawn
        self._handed: dict[int, asyncio.Future[None]] = {}

    def handle_served(self, shards: Iterable[int]) -> None:
        """Another node serves these shards: this node, if it handed one over, goes on with the next."""
        for shard in shards:
            if shard in self._handed:
                finish(self._handed[shard])

    def hand_over_some(self) -> None:
        """Starts as many moves as may be under way; each that ends wakes the loop for the next."""
        for shard in list(self._table.held):
            successor = self._rendezvous.of(shard)
            if not self.may_move or len(self._handed) >= self._limits.most_moving:
                return
            if successor is not None and successor != self._me:
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
        alarm = self._clock.call_later(self._limits.served_s, partial(finish, served))
        try:
            await served
        finally:
            alarm.cancel()

    def _moved(self, shard: int, epoch: int) -> None:
        """The shard is another node's now; or ours as before, also if neither is known: then the next table decides,
        and the epoch in Postgres guards."""
        holder = self._table.holder(shard)
        if holder is None or holder == self._me:
            self._table.held[shard] = epoch
            self.may_move = False  # until the next heartbeat: Redis is away, or takes the next owner for dead
        elif (news := self._table.news(shard)) is not None:
            self._callbacks.announce_moves([news])
        self._table.settle(shard)
        self._wakeup.set()


def finish(over: asyncio.Future[None]) -> None:
    """Resolves the future, if nothing has before."""
    if not over.done():
        over.set_result(None)
