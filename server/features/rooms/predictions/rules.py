"""The rules of predictions: their states by time, and who is paid what. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, Literal

import msgspec

State = Literal["open", "locked", "resolved", "cancelled"]

MAX_SECONDS: Final = 86_400
MAX_UNRESOLVED: Final = 3
"""Predictions of one room that have not ended."""
UNRESOLVED_FOR: Final = timedelta(days=1)
"""So long after the lock a prediction that nobody resolved is cancelled, and everybody has their points back."""

_RANKS: Final[dict[State, int]] = {"open": 0, "locked": 1, "resolved": 2, "cancelled": 2}


class Stake(msgspec.Struct, frozen=True, kw_only=True):
    """What one entry has staked on one outcome."""

    entry_id: str
    outcome: int
    points: int


def state_at(
    now: datetime, *, closes_at: datetime, locked_at: datetime | None, ended_at: datetime | None, winner: int | None
) -> State:
    if ended_at is not None:
        return "cancelled" if winner is None else "resolved"
    return "locked" if locked_at is not None or now >= closes_at else "open"


def revision(points: int, state: State) -> int:
    """Grows with every change: nothing is staked after the lock."""
    return points + _RANKS[state]


def payouts(stakes: Sequence[Stake], winner: int | None) -> dict[str, int]:
    """Entry → points; they add up to what was staked, to the point.

    Those who staked on ``winner`` share everything by what they staked. The points that rounding down leaves go one
    each to the largest remainders, then to the lowest ids. With nobody on the winner, or none, everybody has theirs
    back.
    """
    won = sum(stake.points for stake in stakes if stake.outcome == winner)
    if not won:
        return {stake.entry_id: stake.points for stake in stakes}
    pot = sum(stake.points for stake in stakes)
    paid = {stake.entry_id: 0 for stake in stakes}
    remainders: list[tuple[int, str]] = []
    for stake in stakes:
        if stake.outcome == winner:
            paid[stake.entry_id], rest = divmod(pot * stake.points, won)
            remainders.append((-rest, stake.entry_id))
    for _, entry_id in sorted(remainders)[: pot - sum(paid.values())]:
        paid[entry_id] += 1
    return paid
