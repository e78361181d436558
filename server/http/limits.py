"""How often a client may call: token buckets."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol


@dataclass(frozen=True, slots=True)
class CallRate:
    """``burst`` calls at once, refilled at ``per_s`` a second; ``name`` keeps one kind of call apart from another."""

    name: str
    per_s: float
    burst: int


OWN_SETTINGS: Final = CallRate("own_settings", per_s=1.0, burst=60)
"""For calls by which people look at, and take away, what they sign in with: a page makes several at once."""


def hourly(name: str, count: int) -> CallRate:
    """``count`` calls of one account in an hour; at once, at most what comes back within 20 minutes."""
    return CallRate(name, per_s=count / 3600, burst=max(1, count // 3))


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What taking one call out of a budget has come to. ``wait_s``: 0 when the call may go on, else the seconds until
    it may. ``remaining``: calls that may follow at once. ``full_in_s``: until the whole burst is there again.
    """

    wait_s: float = 0.0
    remaining: int
    full_in_s: float


Budget = tuple[str, CallRate]
"""A key, and the rate at which it may call."""


class RateLimiter(Protocol):
    async def take(self, key: str, rate: CallRate) -> Taken:
        """A call that may not go on takes nothing."""
        ...

    async def take_all(self, budgets: Sequence[Budget]) -> float:
        """One call out of each budget, or out of none: 0, or the seconds until the first that refuses has one."""
        ...

    async def refund(self, budgets: Sequence[Budget]) -> None:
        """What was taken shall not count."""
        ...


def untouched(rate: CallRate) -> Taken:
    """What is told of a budget that is not taken from."""
    return Taken(remaining=rate.burst, full_in_s=0.0)


def policy_header(rates: Sequence[CallRate]) -> str:
    """``RateLimit-Policy`` (draft-ietf-httpapi-ratelimit-headers-10 section 3): ``q`` calls in ``w`` seconds."""
    return ", ".join(f'"{rate.name}";q={rate.burst};w={max(1, math.ceil(rate.burst / rate.per_s))}' for rate in rates)


def limit_header(taken: Sequence[tuple[CallRate, Taken]]) -> str:
    """``RateLimit`` (section 4): ``r`` calls remain; the quota is whole again in ``t`` seconds."""
    return ", ".join(f'"{rate.name}";r={one.remaining};t={math.ceil(one.full_in_s)}' for rate, one in taken)


class TokenBuckets:
    """The rate limiter of one node. Holds at most ``max_keys`` buckets; the least recently used is forgotten first."""

    def __init__(self, *, monotonic: Callable[[], float] = time.monotonic, max_keys: int = 100_000) -> None:
        self._monotonic = monotonic
        self._max_keys = max_keys
        self._buckets: OrderedDict[tuple[str, str], tuple[float, float]] = OrderedDict()

    async def take(self, key: str, rate: CallRate) -> Taken:
        now = self._monotonic()
        bucket = (rate.name, key)
        tokens, at = self._buckets.pop(bucket, (float(rate.burst), now))
        tokens = min(float(rate.burst), tokens + (now - at) * rate.per_s)
        is_allowed = tokens >= 1
        left = tokens - 1 if is_allowed else tokens
        self._buckets[bucket] = (left, now)
        if len(self._buckets) > self._max_keys:
            self._buckets.popitem(last=False)
        wait_s = 0.0 if is_allowed else (1 - left) / rate.per_s
        return Taken(wait_s=wait_s, remaining=int(left), full_in_s=(rate.burst - left) / rate.per_s)

    async def take_all(self, budgets: Sequence[Budget]) -> float:
        for number, (key, rate) in enumerate(budgets):
            wait_s = (await self.take(key, rate)).wait_s
            if wait_s > 0:
                await self.refund(budgets[:number])
                return wait_s
        return 0.0

    async def refund(self, budgets: Sequence[Budget]) -> None:
        for key, rate in budgets:
            bucket = (rate.name, key)
            if bucket in self._buckets:
                tokens, at = self._buckets[bucket]
                self._buckets[bucket] = (min(float(rate.burst), tokens + 1), at)
