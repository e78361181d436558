"""The leases of the shards in Redis: which node should act for each."""

from __future__ import annotations

from collections.abc import Mapping

from storage.members import Holder, Keys, Scripts
from storage.redis import Script
from storage.shard_table import Move


class ShardLeases:
    """As one node asks for them. Raises ``StorageError``."""

    def __init__(self, *, me: Holder, keys: Keys, redis: Scripts, silent_after_s: float) -> None:
        """A holder without a heartbeat for ``silent_after_s`` does not live."""
        self._me = me
        self._keys = keys
        self._redis = redis
        self._silent_after_s = silent_after_s
        self._script = Script.load("shards")

    async def give(self, wanted: Mapping[int, Holder]) -> list[Move]:
        """Tries to give these shards so; the moves say which node holds each afterwards."""
        if not wanted:
            return []
        pairs = [word for shard, to in wanted.items() for word in (shard, str(to))]
        version, winners = await self._redis.run(
            self._script,
            keys=self._keys.state,
            args=[str(self._me), round(self._silent_after_s * 1000), *pairs],
            timeout_s=self._silent_after_s / 2,
        )
        held = zip(winners[::2], winners[1::2], strict=True)
        return [Move(int(shard), Holder.read(holder.decode()), int(version)) for shard, holder in held]
