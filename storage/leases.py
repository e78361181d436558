"""Whose writes count: the epoch of a shard, in Postgres. A take-over raises it; older ones are refused from then on."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from actors.runtime.directory import Fence
from actors.runtime.ids import SHARDS, ActorId, shard_of
from storage.errors import Fenced
from storage.postgres import Database, Dedicated, Transaction

SILENT_WITH_FENCE_S: Final = 2.0
"""How long the lock of a fence stays of a session that says nothing in the middle of its transaction: a node that is
frozen there must not keep the others from taking over what it held."""


class ShardEpoch(msgspec.Struct, frozen=True, kw_only=True):
    """The last take-over of a shard, by whichever node; ``node`` is empty if there was none yet."""

    epoch: int
    node: str


async def hold(tx: Transaction, fence: Fence) -> None:
    """Raise ``Fenced`` if the token is stale; else no take-over happens before this transaction has ended."""
    check_held(await tx.fetchval(held_epoch("$1"), fence.shard), fence)


def held_epoch(shard: str) -> str:
    """SQL whose one row has the ``epoch`` that counts for a shard, for a statement that holds it on the way.
    ``shard``: the parameter with its number.
    """
    return _HOLD.replace(":shard", shard)


def check_held(epoch: int | None, fence: Fence) -> None:
    """Raise ``Fenced`` if that is not the token's; else it is held, as by ``hold``."""
    if epoch != fence.epoch:
        raise Fenced(fence.shard, fence.epoch)


class Leases:
    """Take-overs of shards. With ``own``, a connection for nothing else, calls must not overlap."""

    def __init__(self, *, db: Database, own: Dedicated | None = None) -> None:
        self._db = db
        self._rows: Database | Dedicated = own or db

    async def take_all(self, node: str) -> dict[int, int]:
        """Take every shard for ``node``: shard → its new epoch. Writes under older epochs are refused from here on."""
        return await self.take(range(SHARDS), node)

    async def take(self, shards: Sequence[int], node: str) -> dict[int, int]:
        """Take these shards for ``node``: shard → its new epoch. Waits for writes under way (they count still)."""
        rows = await self._rows.fetch(_TAKE, list(shards), node)
        return {row["shard"]: row["epoch"] for row in rows}

    async def read(self, shards: Sequence[int]) -> dict[int, ShardEpoch]:
        """How these shards stand now."""
        rows = await self._rows.fetch(
            "select shard, epoch, node from shards where shard = any($1::smallint[])", list(shards)
        )
        return {row["shard"]: ShardEpoch(epoch=row["epoch"], node=row["node"]) for row in rows}

    async def fence_of(self, kind: str, key: str) -> Fence:
        """An actor's token in force, whichever node holds it: for what is written on a person's behalf."""
        shard = shard_of(ActorId(kind, key))
        taken = await self.read([shard])
        return Fence(shard=shard, epoch=taken[shard].epoch)

    async def raise_from(self, epochs: Mapping[int, int], node: str) -> dict[int, int]:
        """Take, for ``node``, those of these shards whose epoch is still as given: shard → its new epoch.

        A node that was frozen between reading and taking finds that another one has the shard, and leaves it alone.
        """
        rows = await self._rows.fetch(_RAISE, list(epochs), list(epochs.values()), node)
        return {row["shard"]: row["epoch"] for row in rows}

    async def cluster_id(self) -> str:
        """The id that distinguishes this database from others; made when it is first asked for."""
        await self._db.execute("insert into cluster (id) values ($1) on conflict do nothing", str(uuid.uuid4()))
        return str(await self._db.fetchval("select id from cluster"))


_HOLD: Final = f"""
select epoch, set_config('idle_in_transaction_session_timeout', '{SILENT_WITH_FENCE_S * 1000:.0f}', true)
from shards where shard = :shard for share
"""
# Rows are locked in order of their number, as every reader of the fence does, so that take-overs cannot deadlock.
_TAKE = """
with mine as (select shard from shards where shard = any($1::smallint[]) order by shard for update)
update shards s set epoch = s.epoch + 1, node = $2, taken_at = now() from mine where s.shard = mine.shard
returning s.shard, s.epoch
"""
_RAISE = """
with wanted as (select * from unnest($1::smallint[], $2::bigint[]) as w (shard, epoch)),
mine as (
    select s.shard from shards s join wanted w on w.shard = s.shard and w.epoch = s.epoch
    order by s.shard for update of s
)
update shards s set epoch = s.epoch + 1, node = $3, taken_at = now()
from mine join wanted w on w.shard = mine.shard where s.shard = mine.shard and s.epoch = w.epoch
returning s.shard, s.epoch
"""
