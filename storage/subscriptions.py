"""Until when a subscription gives its rights."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

GRACE: Final = timedelta(days=3)
"""How long one that renews itself keeps its rights while the payment of the next month is awaited."""
HOLDS: Final = f"""
({{0}}.paid_until + case when {{0}}.is_cancelled or {{0}}.state = 'ended' then interval '0'
    else interval '{GRACE.days} days' end > now())
"""
"""``{0}``: a row of ``subscriptions``."""
