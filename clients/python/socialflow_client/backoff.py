"""How long to wait before the next attempt."""

from __future__ import annotations

import random
from typing import Final

FIRST_S: Final = 0.25
MOST_S: Final = 15.0


def pause_s(attempt: int) -> float:
    """Of the attempts in vain the first is 0: twice as long each time, up to ``MOST_S``, half of it by chance."""
    longest = min(MOST_S, FIRST_S * 2 ** min(attempt, 10))
    return random.uniform(longest / 2, longest)  # noqa: S311 - spreads clients over time
