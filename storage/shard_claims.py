"""How a node takes shards, and notices those that it has lost: leases in Redis, epochs in Postgres."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final, Protocol

from actors.runtime import SHARDS, Clock
from storage.errors import StorageError
from storage.leases import ShardEpoch
from storage.members import Holder
from storage.rendezvous import RendezvousHash
from storage.shard_leases import ShardLeases
from storage.shard_ports import ShardCallbacks
from storage.shard_table import Move, ShardTable
from storage.wakeup import Wakeup

log = logging.getLogger(__name__)

COMPARE_S: Final = 5.0


class Epochs(Protocol):
    """The side of the leases that outlives Redis. Raises ``StorageError``."""

    async def read(self, shards: Sequence[int]) -> dict[int, ShardEpoch]: ...

    async def raise_from(self, epochs: Mapping[int, int], node: str) -> dict[int, int]: ...


class ShardClaims:
    """Changes the table's ``held``. What waits on Redis or Postgres raises ``StorageError``, and is called again."""

    def __init__(
        self,
        *,
        leases: ShardLeases,
        epochs: Epochs,
        clock: Clock,
        table: ShardTable,
        rendezvous: RendezvousHash,
        callbacks: ShardCallbacks,
        wakeup: Wakeup,
        ending: Collection[int],
        young_s: float,
    ) -> None:
        """``wakeup`` has all of this called again. ``ending``: the shards that were lost and whose actors have not gone
        yet, before which they are not taken. For ``young_s`` after Redis was found empty, other nodes may still have to
        say what they hold."""
        self._me = table.me
        self._leases = leases
        self._epochs = epochs
        self._clock = clock
        self._table = table
        self._rendezvous = rendezvous
        self._callbacks = callbacks
        self._wakeup = wakeup
        self._ending = ending
        self._young_s = young_s
        self._compared_at = clock.monotonic()
        self._doubted: set[int] = set()

    # Keeping.

    def doubt(self, shards: Iterable[int]) -> None:
        """These are compared with Postgres next."""
        self._doubted.update(shards)

    async def check_doubted(self) -> None:
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

    async def renew_missing(self) -> None:
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

    # Taking.

    async def take(self) -> None:
        """Takes the shards whose lease is ours and that are not served yet, and the free ones that should be ours."""
        await self._take(self._takeable())

    def _takeable(self) -> list[int]:
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
        return holder == self._me or (holder is None and self._rendezvous.of(shard) == self._me)

    async def _take(self, shards: Sequence[int]) -> None:
        if not shards:
            return
        taken = await self._epochs.read(shards)
        wanted = [shard for shard in shards if self._may_claim(shard, taken[shard])]
        won = {shard: taken[shard].epoch for shard in await self._win(wanted)}
        if not won:
            return
        epochs = await self._epochs.raise_from(won, self._me.name)
        served = [shard for shard in epochs if self._table.holder(shard) == self._me]
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
        is_young = self._table.view.age_s < self._young_s
        return not is_young or self._table.holder(shard) == self._me or taken.node in ("", self._me.name)

    async def _win(self, shards: Sequence[int]) -> list[int]:
        """Asks for the leases of these shards; those that this node holds then."""
        moves = await self.give(dict.fromkeys(shards, self._me))
        return [move.shard for move in moves if move.to == self._me]

    async def give(self, wanted: Mapping[int, Holder]) -> list[Move]:
        """Tries to give these shards so; the table knows the outcome."""
        moves = await self._leases.give(wanted)
        for move in moves:
            self._table.note(move)
        return moves
