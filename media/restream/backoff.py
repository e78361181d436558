"""How long to wait before a target is tried again. Pure."""

from __future__ import annotations

import random
from collections.abc import Callable

FIRST_S = 1.0
FIRST_REFUSED_S = 10.0
MAX_S = 60.0
#: A connection that was live for so long counts as a success: the next failure is the first one again.
STABLE_S = 30.0


def pause_s(failures: int, *, is_refusal: bool, chance: Callable[[], float] = random.random) -> float:
    """After so many failures in a row, at least one: doubled each time, the last half of it left to chance, so that all
    targets of a server that was away do not return at once.
    """
    first = FIRST_REFUSED_S if is_refusal else FIRST_S
    longest = min(MAX_S, first * 2.0 ** min(failures - 1, 16))
    return longest * (0.5 + 0.5 * chance())
