"""How a sum is shared, to the last minor unit, and what of watched time counts. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, TypeVar

K = TypeVar("K", bound=Hashable)
WHOLE: Final = 100
"""Per cent."""


@dataclass(frozen=True, kw_only=True)
class Watched:
    """What one person watched of one stream or video on one day, in seconds."""

    person_id: str
    day: date
    media_id: str
    seconds: int


def shared(total: int, weights: Mapping[K, int]) -> dict[K, int]:
    """``total`` in parts as their weights are, by largest remainder: they come to it. Of equal remainders the first in
    the order of names gets more. All 0 when no weight is above 0.
    """
    whole = sum(weights.values())
    if whole <= 0:
        return dict.fromkeys(weights, 0)
    parts = {key: total * weight // whole for key, weight in weights.items()}
    by_remainder = sorted(weights, key=lambda key: (-(total * weights[key] % whole), str(key)))
    for key in by_remainder[: total - sum(parts.values())]:
        parts[key] += 1
    return parts


def counted(watched: Iterable[Watched], *, most_a_day: int) -> dict[str, int]:
    """Seconds of each stream and video. A person counts for ``most_a_day`` seconds a day, shared among what they
    watched.
    """
    days: dict[tuple[str, date], dict[str, int]] = defaultdict(dict)
    for one in watched:
        of_day = days[one.person_id, one.day]
        of_day[one.media_id] = of_day.get(one.media_id, 0) + one.seconds
    found: dict[str, int] = defaultdict(int)
    for of_day in days.values():
        capped = of_day if sum(of_day.values()) <= most_a_day else shared(most_a_day, of_day)
        for media_id, seconds in capped.items():
            found[media_id] += seconds
    return dict(found)


def pool_of(income: int, percent: int) -> int:
    """What the server shares of what it has earned in a month, rounded down; nothing of a loss."""
    return max(0, income) * percent // WHOLE


def parts_of(amount: int, owner_id: str, percents: Mapping[str, int] | None) -> dict[str, int]:
    """What each gets of the amount of a stream or video. ``percents`` come to 100; None: all is the owner's."""
    return shared(amount, percents or {owner_id: WHOLE})


def fault_in_parts(parts: Mapping[str, int], given: int) -> str | None:
    """``given``: how many parts were named."""
    if len(parts) < given:
        return "names a person twice"
    total: Any = sum(parts.values())
    return None if total == WHOLE else f"must come to 100 per cent, not {total}"
