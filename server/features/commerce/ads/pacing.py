"""How much of a campaign's money may be spent by a moment: evenly over its dates. Pure."""

from __future__ import annotations

import datetime as dt
from typing import Final

AHEAD: Final = dt.timedelta(minutes=1)
"""So much earlier may money be given to a node that is to spend it."""
LEAST_IMPRESSIONS: Final = 20
"""That a lease is for, where there is money for them."""
SHARE: Final = 4
"""A node is given this part of what may be spent, so that others have some."""


def allowed(*, limit: int, starts_at: dt.datetime, ends_at: dt.datetime, now: dt.datetime) -> int:
    """Thousandths that may be spent by ``now`` of ``limit`` minor units in all. The last is free at the end."""
    gone = min(now + AHEAD, ends_at) - starts_at
    if now < starts_at or gone <= dt.timedelta(0):
        return 0
    return (
        limit
        * 1_000
        * (gone // dt.timedelta(milliseconds=1))
        // ((ends_at - starts_at) // dt.timedelta(milliseconds=1))
    )


def lease_of(*, room: int, bid: int) -> int:
    """Thousandths that a node is given of ``room``; 0: not even one impression."""
    amount = min(room, max(bid * LEAST_IMPRESSIONS, room // SHARE))
    return amount if amount >= bid else 0
