"""How much a person may do at a time, whatever the number of their devices. Pure: the caller gives the time.

A person has one budget for each kind of action: a bucket that is measured in seconds, so that it refills by itself. An
action costs the time that its rate leaves for it; in a role whose factor is 2 it costs half of that, from the same
bucket.

A node reports a moment later what was consumed on it, and the answer is what was consumed on all (``take_pending``,
``apply``). So on one node a budget is exact at once; over several its rate is exact, and its burst may be had once on
each before they know of one another, and is paid back.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Mapping
from typing import Literal

import msgspec

from actors.runtime import DomainError

Role = Literal["viewer", "moderator", "owner", "admin"]

MAX_BUCKETS = 100_000
DEEPEST = 10  # times the burst: how far what others have seen may push a bucket down
LEAST_NEWS_S = 0.05  # less than this is the way that the news took
_ROUNDING_S = 1e-6


class Rate(msgspec.Struct, frozen=True, kw_only=True):
    """``per_s`` a second with ``burst`` at once."""

    per_s: float
    burst: int


class Consumption(msgspec.Struct, frozen=True, kw_only=True):
    """What a person has consumed here since the last report, the first of it ``age_s`` ago.

    ``deepest_s``: how far the bucket may be pushed down by it.
    """

    key: str
    cost_s: float
    age_s: float
    deepest_s: float


class _Bucket:
    """``full_at``: when nothing of it is spent any more. ``unsent_s`` of it were spent here, from ``since`` on."""

    __slots__ = ("full_at", "rate", "since", "unsent_s")

    def __init__(self, rate: Rate) -> None:
        self.rate = rate
        self.full_at = 0.0
        self.unsent_s = 0.0
        self.since = 0.0


class RateLimits:
    """Of all people of a node. Bounded: the longest unused is forgotten. An action is known by its name."""

    def __init__(
        self, *, rates: Mapping[str, Rate], factors: Mapping[Role, float], max_buckets: int = MAX_BUCKETS
    ) -> None:
        self._rates = dict(rates)
        self._factors = factors
        self._max_buckets = max_buckets
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()
        self._unsent: dict[str, None] = {}

    def add(self, action: str, rate: Rate) -> None:
        """Raises ``ValueError`` for an action that has a rate already."""
        if action in self._rates:
            raise ValueError(f"{action!r} has a rate already")
        self._rates[action] = rate

    def consume(self, action: str, role: Role, person_id: str, *, at: float) -> None:
        """Take one deed out of the person's budget, or raise ``rate_limited``, which costs nothing."""
        key = f"{action}:{person_id}"
        bucket = self._bucket(key, action)
        cost_s = self._cost_s(action, role)
        wait_s = max(bucket.full_at - at, 0.0) + cost_s - bucket.rate.burst / bucket.rate.per_s
        if wait_s > _ROUNDING_S:
            raise DomainError("rate_limited", f"Wait {wait_s:.1f} s before the next one.", retry_after_s=wait_s)
        bucket.full_at = max(bucket.full_at, at) + cost_s
        self._note(key, bucket, cost_s, at)

    def refund(self, action: str, role: Role, person_id: str, *, at: float) -> None:
        """What was spent came to nothing."""
        key = f"{action}:{person_id}"
        bucket = self._buckets.get(key)
        if bucket is not None:
            cost_s = self._cost_s(action, role)
            bucket.full_at -= cost_s
            self._note(key, bucket, -cost_s, at)

    def take_pending(self, limit: int, *, at: float) -> list[Consumption]:
        """What is to be reported to the other nodes, at most so many; it counts as reported."""
        taken = []
        for key in list(self._unsent)[:limit]:
            del self._unsent[key]
            bucket = self._buckets[key]
            deepest_s = DEEPEST * bucket.rate.burst / bucket.rate.per_s
            taken.append(Consumption(key=key, cost_s=bucket.unsent_s, age_s=at - bucket.since, deepest_s=deepest_s))
            bucket.unsent_s = 0.0
        return taken

    def apply(self, key: str, level_s: float, *, at: float) -> None:
        """As all nodes together saw it ``at`` that time, the bucket was full again ``level_s`` later."""
        bucket = self._buckets.get(key)
        if bucket is None:
            return
        full_at = at + level_s + bucket.unsent_s
        if full_at > bucket.full_at + max(LEAST_NEWS_S, 0.5 / bucket.rate.per_s):
            bucket.full_at = full_at

    def _bucket(self, key: str, action: str) -> _Bucket:
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = _Bucket(self._rates[action])
            if len(self._buckets) > self._max_buckets:
                forgotten, _ = self._buckets.popitem(last=False)
                self._unsent.pop(forgotten, None)
        else:
            self._buckets.move_to_end(key)
        return bucket

    def _cost_s(self, action: str, role: Role) -> float:
        return 1 / (self._rates[action].per_s * self._factors[role])

    def _note(self, key: str, bucket: _Bucket, cost_s: float, at: float) -> None:
        if key not in self._unsent:
            self._unsent[key] = None
            bucket.since = at
        bucket.unsent_s += cost_s


def role_of(person_id: str, roles: Collection[str], *, owner_id: str, moderators: Collection[str] = ()) -> Role:
    """The role that a person with these account roles has in a room of this owner with these moderators."""
    if "admin" in roles:
        return "admin"
    if person_id == owner_id:
        return "owner"
    return "moderator" if "moderator" in roles or person_id in moderators else "viewer"
