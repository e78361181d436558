"""The order of recommendations: a weighted sum of named features, of which the largest summand is the reason. Pure."""

from __future__ import annotations

import math
import operator
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final, Literal

import msgspec

Reason = Literal["alike", "followed", "trending", "similar", "affinity", "more", "new", "friends"]

WEIGHTS: Final[Mapping[Reason, float]] = {
    "alike": 1.0,
    "followed": 0.6,
    "friends": 0.7,
    "trending": 0.5,
    "similar": 0.5,
    "affinity": 0.5,
    "more": 1.0,
    "new": 0.4,
}
LESS: Final = 1.5
"""What each "less of this" of an owner takes."""
VARIETY: Final = 0.6
"""What each further item of one owner is worth, in proportion to the one before."""
HALF_LIFE_S: Final = 24 * 3600.0
ENOUGH_WEIGHT: Final = 20.0
_WEIGHTS: Final = tuple(WEIGHTS.values())
_ENOUGH: Final = math.log1p(ENOUGH_WEIGHT)


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """One item for one person. ``age_s`` None: how old it is says nothing. The features lie from 0 to 1, but ``less``
    and ``more``, which count."""

    id: str
    owner_id: str
    age_s: float | None = None
    alike: float = 0.0
    followed: bool = False
    friends: float = 0.0
    trend: float = 0.0
    similar: float = 0.0
    affinity: float = 0.0
    more: int = 0
    less: int = 0


class Recommended(msgspec.Struct, frozen=True):
    id: str
    reason: Reason


def features(one: Candidate) -> tuple[float, ...]:
    """In the order of ``WEIGHTS``, each from 0 to 1."""
    fresh = 0.0 if one.age_s is None else 0.5 ** (max(one.age_s, 0.0) / HALF_LIFE_S)
    return (
        min(max(one.alike, 0.0), 1.0),
        float(one.followed),
        min(one.friends, 1.0),
        min(one.trend, 1.0),
        min(one.similar, 1.0),
        min(1.0, math.log1p(max(one.affinity, 0.0)) / _ENOUGH) if one.affinity else 0.0,
        1 - 0.5**one.more,
        fresh,
    )


def score(one: Candidate) -> float:
    total: float = sum(map(operator.mul, _WEIGHTS, features(one)))
    return total - LESS * min(one.less, 5)


def reason_of(one: Candidate) -> Reason:
    """The feature that adds most."""
    added, reason = max(zip(map(operator.mul, _WEIGHTS, features(one)), WEIGHTS, strict=True), key=lambda pair: pair[0])
    return reason if added > 0 else "new"


def best_first(candidates: Sequence[Candidate]) -> list[Candidate]:
    return sorted(candidates, key=lambda one: (-score(one), one.id))


def diverse(candidates: Sequence[Candidate], limit: int) -> list[Recommended]:
    """Best first; the n-th of an owner counts ``VARIETY ** n``, and one that is below zero comes last."""
    seen: Counter[str] = Counter()
    varied = []
    for one in best_first(candidates):
        value = score(one)
        varied.append((value * VARIETY ** seen[one.owner_id] if value > 0 else value, one))
        seen[one.owner_id] += 1
    varied.sort(key=lambda pair: (-pair[0], pair[1].id))
    return [Recommended(one.id, reason_of(one)) for _, one in varied[:limit]]
