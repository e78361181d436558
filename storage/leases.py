"""Whose writes count: the epoch of a shard, in Postgres. A take-over raises it; older ones are refused from then on."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from actors.runtime.ids import SHARDS
from storage.errors import Fenced
from storage.postgres import Database, Transaction


class Fence(msgspec.Struct, frozen=True, kw_only=True):
    """The token of an owner: valid until somebody else takes the shard."""

    shard: int
    epoch: int


async def hold(tx: Transaction, fence: Fence) -> None:
    """Raise ``Fenced`` if the token is stale; else no take-over happens before this transaction has ended."""
    epoch = await tx.fetchval("select epoch from shards where shard = $1 for share", fence.shard)
    if epoch != fence.epoch:
        raise Fenced(fence.shard, fence.epoch)


class Leases:
    """Take-overs of shards."""

    def __init__(self, *, db: Database) -> None:
        self._db = db

    async def take_all(self, node: str) -> dict[int, int]:
        """Take every shard for ``node``: shard → its new epoch. Writes under older epochs are refused from here on."""
        return await self.take(range(SHARDS), node)

    async def take(self, shards: Sequence[int], node: str) -> dict[int, int]:
        """Take these shards for ``node``: shard → its new epoch. Waits for writes under way (they count still)."""
        rows = await self._db.fetch(_TAKE, list(shards), node)
        return {row["shard"]: row["epoch"] for row in rows}


# Rows are locked in order of their number, as every reader of the fence does, so that take-overs cannot deadlock.
_TAKE = """
with mine as (select shard from shards where shard = any($1::smallint[]) order by shard for update)
update shards s set epoch = s.epoch + 1, node = $2, taken_at = now() from mine where s.shard = mine.shard
returning s.shard, s.epoch
"""
