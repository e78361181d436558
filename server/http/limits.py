"""How often a client may call: token buckets."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class CallRate:
    """``burst`` calls at once, refilled at ``per_s`` a second; ``name`` keeps one kind of call apart from another."""

    name: str
    per_s: float
    burst: int


def hourly(name: str, count: int) -> CallRate:
    """``count`` calls of one account in an hour; at once, at most what comes back within 20 minutes."""
    return CallRate(name, per_s=count / 3600, burst=max(1, count // 3))


class RateLimiter(Protocol):
    async def take(self, key: str, rate: CallRate) -> float:
        """0 when the call may go on, else the seconds until it may."""
        ...

    async def refund(self, key: str, rate: CallRate) -> None:
        """What was taken shall not count."""
        ...


class TokenBuckets:
    """The rate limiter of one node. Holds at most ``max_keys`` buckets; the least recently used is forgotten first."""

    def __init__(self, *, monotonic: Callable[[], float] = time.monotonic, max_keys: int = 100_000) -> None:
        self._monotonic = monotonic
        self._max_keys = max_keys
        self._buckets: OrderedDict[tuple[str, str], tuple[float, float]] = OrderedDict()

    async def take(self, key: str, rate: CallRate) -> float:
        now = self._monotonic()
        bucket = (rate.name, key)
        tokens, at = self._buckets.pop(bucket, (float(rate.burst), now))
        tokens = min(float(rate.burst), tokens + (now - at) * rate.per_s)
        is_allowed = tokens >= 1
        self._buckets[bucket] = (tokens - 1 if is_allowed else tokens, now)
        if len(self._buckets) > self._max_keys:
            self._buckets.popitem(last=False)
        return 0.0 if is_allowed else (1 - tokens) / rate.per_s

    async def refund(self, key: str, rate: CallRate) -> None:
        bucket = (rate.name, key)
        if bucket in self._buckets:
            tokens, at = self._buckets[bucket]
            self._buckets[bucket] = (min(float(rate.burst), tokens + 1), at)
