"""The epochs of shards in memory."""

from __future__ import annotations

from collections.abc import Sequence

from actors.runtime.ids import SHARDS
from storage.memory.tables import Tables


class MemoryLeases:
    """As ``Leases``."""

    def __init__(self, *, tables: Tables) -> None:
        self._tables = tables

    async def take_all(self, node: str) -> dict[int, int]:
        return await self.take(range(SHARDS), node)

    async def take(self, shards: Sequence[int], node: str) -> dict[int, int]:
        self._tables.reach()
        for shard in shards:
            self._tables.epochs[shard] += 1
        return {shard: self._tables.epochs[shard] for shard in shards}
