"""What the nodes of a cluster know together: what people have spent, and how many sockets accounts have. In Redis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from actors.rate_limits import Consumption
from storage.members import Keys
from storage.redis import Redis, Script, Word

TIMEOUT_S = 1.0


class AdmissionTable:
    """Any number of people in one exchange; it raises ``Unavailable`` while Redis is away."""

    def __init__(self, *, redis: Redis, cluster: str, node: str) -> None:
        self._redis = redis
        self._prefix = Keys.of(cluster).prefix
        self._node = node
        self._consume = Script.load("consume")
        self._sockets = Script.load("sockets")

    async def consume(self, spent: Sequence[Consumption]) -> list[float]:
        """Adds to what the nodes know; in how many seconds each bucket is full again."""
        micro = [round(value * 1e6) for one in spent for value in (one.cost_s, one.age_s, one.deepest_s)]
        keys = [f"{self._prefix}:consumed:{one.key}" for one in spent]
        levels = await self._redis.run(self._consume, keys=keys, args=micro, timeout_s=TIMEOUT_S)
        return [level / 1e6 for level in levels]

    async def count_sockets(self, counts: Mapping[str, int], *, holds_s: float) -> list[int]:
        """Says how many sockets accounts have here, for so long; how many they have on the other nodes."""
        keys = [f"{self._prefix}:sockets:{account}" for account in counts]
        args: list[Word] = [self._node, round(holds_s * 1000), *counts.values()]
        sums = await self._redis.run(self._sockets, keys=keys, args=args, timeout_s=TIMEOUT_S)
        return [int(one) for one in sums]
