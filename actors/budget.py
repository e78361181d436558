"""How much a person may do at a time, whatever the number of their devices. Pure: told the time.

A person has one budget for each kind of deed: a bucket that is measured in seconds, so that it refills by itself. A
deed costs the time that its rate leaves for it; in a role whose factor is 2 it costs half of that, from the same
bucket.

A node says a moment later what was spent on it, and hears in answer what was spent on all (``draw``, ``heard``). So on
one node a budget is exact at once; over several its rate is exact, and its burst may be had once on each before they
know of one another, and is paid back.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Mapping
from typing import Literal

import msgspec

from actors.runtime import DomainError

Deed = Literal["chat", "reaction", "moderation"]
Role = Literal["viewer", "moderator", "owner", "admin"]

MAX_BUCKETS = 100_000
DEEPEST = 10  # times the burst: how far what others have seen may push a bucket down
LEAST_NEWS_S = 0.05  # less than this is the way that the news took
_ROUNDING_S = 1e-6


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """``per_s`` a second with ``burst`` at once."""

    per_s: float
    burst: int


class Spent(msgspec.Struct, frozen=True, kw_only=True):
    """What a person has spent here since it was last said, the first of it ``age_s`` ago.

    ``deepest_s``: how far the bucket may be pushed down by it.
    """

    key: str
    cost_s: float
    age_s: float
    deepest_s: float


class _Bucket:
    """``full_at``: when nothing of it is spent any more. ``unsaid_s`` of it were spent here, from ``since`` on."""

    __slots__ = ("full_at", "pace", "since", "unsaid_s")

    def __init__(self, pace: Pace) -> None:
        self.pace = pace
        self.full_at = 0.0
        self.unsaid_s = 0.0
        self.since = 0.0


class Budgets:
    """Of all people of a node. Bounded: the longest unused is forgotten."""

    def __init__(
        self, *, paces: Mapping[Deed, Pace], factors: Mapping[Role, float], max_buckets: int = MAX_BUCKETS
    ) -> None:
        self._paces = paces
        self._factors = factors
        self._max_buckets = max_buckets
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()
        self._unsaid: dict[str, None] = {}

    def spend(self, deed: Deed, role: Role, person_id: str, *, at: float) -> None:
        """Take one deed out of the person's budget, or raise ``rate_limited``, which costs nothing."""
        key = f"{deed}:{person_id}"
        bucket = self._bucket(key, deed)
        cost_s = self._cost_s(deed, role)
        wait_s = max(bucket.full_at - at, 0.0) + cost_s - bucket.pace.burst / bucket.pace.per_s
        if wait_s > _ROUNDING_S:
            raise DomainError("rate_limited", f"Wait {wait_s:.1f} s before the next one.", retry_after_s=wait_s)
        bucket.full_at = max(bucket.full_at, at) + cost_s
        self._say(key, bucket, cost_s, at)

    def give_back(self, deed: Deed, role: Role, person_id: str, *, at: float) -> None:
        """What was spent came to nothing."""
        key = f"{deed}:{person_id}"
        bucket = self._buckets.get(key)
        if bucket is not None:
            cost_s = self._cost_s(deed, role)
            bucket.full_at -= cost_s
            self._say(key, bucket, -cost_s, at)

    def draw(self, limit: int, *, at: float) -> list[Spent]:
        """What is to be said to the others, at most so many; it counts as said."""
        drawn = []
        for key in list(self._unsaid)[:limit]:
            del self._unsaid[key]
            bucket = self._buckets.get(key)
            if bucket is not None:
                deepest_s = DEEPEST * bucket.pace.burst / bucket.pace.per_s
                drawn.append(Spent(key=key, cost_s=bucket.unsaid_s, age_s=at - bucket.since, deepest_s=deepest_s))
                bucket.unsaid_s = 0.0
        return drawn

    def heard(self, key: str, level_s: float, *, at: float) -> None:
        """As all nodes together saw it ``at`` that time, the bucket was full again ``level_s`` later."""
        bucket = self._buckets.get(key)
        if bucket is None:
            return
        full_at = at + level_s + bucket.unsaid_s
        if full_at > bucket.full_at + max(LEAST_NEWS_S, 0.5 / bucket.pace.per_s):
            bucket.full_at = full_at

    def _bucket(self, key: str, deed: Deed) -> _Bucket:
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = _Bucket(self._paces[deed])
            if len(self._buckets) > self._max_buckets:
                self._buckets.popitem(last=False)
        else:
            self._buckets.move_to_end(key)
        return bucket

    def _cost_s(self, deed: Deed, role: Role) -> float:
        return 1 / (self._paces[deed].per_s * self._factors[role])

    def _say(self, key: str, bucket: _Bucket, cost_s: float, at: float) -> None:
        if key not in self._unsaid:
            self._unsaid[key] = None
            bucket.since = at
            bucket.unsaid_s = 0.0
        bucket.unsaid_s += cost_s


def role_of(person_id: str, roles: Collection[str], *, owner_id: str, moderators: Collection[str] = ()) -> Role:
    """What somebody with these account roles is in a room of this owner with these moderators."""
    if "admin" in roles:
        return "admin"
    if person_id == owner_id:
        return "owner"
    return "moderator" if "moderator" in roles or person_id in moderators else "viewer"
