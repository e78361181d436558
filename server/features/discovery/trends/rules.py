"""How much one use of a hashtag counts: pure.

A trend is what many people say who have little to do with one another. So an account counts once a day for a hashtag,
less on each further day, and less among people who follow one another.
"""

from __future__ import annotations

from typing import Final

MAX_TAGS: Final = 5
"""A post with more hashtags is made for lists, and counts for none."""
TAU_S: Final = 6 * 3_600 / 0.6931471805599453
"""A use counts half after six hours."""


def weight(*, days: int, friends: int) -> float:
    """``days``: on which the person has used it, this one included. ``friends``: recent users of it who follow the
    person and are followed by them. A ring of n adds up to about ln(n) strangers.
    """
    return 1.0 / (max(1, days) * (1 + max(0, friends)))
