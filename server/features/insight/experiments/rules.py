"""Which arm of an experiment a person is in, and what the difference between two arms comes to: pure."""

from __future__ import annotations

import bisect
import hashlib
import itertools
import math
from collections.abc import Sequence
from typing import Final

import msgspec

WHOLE: Final = 100.0
SLACK: Final = 1e-6
"""By which shares may miss the whole, as thirds do."""
Z_95: Final = 1.959963984540054


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """What people of one arm did: how many, the mean, and the variance between them (0 for fewer than two)."""

    people: int
    mean: float
    variance: float


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """``value``: the mean of an arm less that of another; with 95% confidence it lies from ``low`` to ``high``."""

    value: float
    low: float
    high: float

    @property
    def is_significant(self) -> bool:
        return self.low > 0 or self.high < 0


def is_whole(shares: Sequence[float]) -> bool:
    return abs(math.fsum(shares) - WHOLE) <= SLACK


def arm_of(name: str, person_id: str, arms: Sequence[str], shares: Sequence[float]) -> str:
    """The same for a person as long as the shares stay, and of each experiment anew. Shares in percent, 100 in all."""
    digest = hashlib.sha256(f"{name}\0{person_id.lower()}".encode()).digest()
    point = int.from_bytes(digest[:8], "big") / 2**64 * WHOLE
    ends = list(itertools.accumulate(shares))
    return arms[min(bisect.bisect_right(ends, point), len(arms) - 1)]


def difference(one: Sample, other: Sample) -> Difference | None:
    """Welch's interval by the normal distribution; None for fewer than two people in either arm."""
    if one.people < 2 or other.people < 2:
        return None
    value = one.mean - other.mean
    margin = Z_95 * math.sqrt(one.variance / one.people + other.variance / other.people)
    return Difference(value=value, low=value - margin, high=value + margin)
