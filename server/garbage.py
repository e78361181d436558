"""How a process that serves looks for garbage: seldom, and never among what its start has made."""

from __future__ import annotations

import gc
from typing import Final

THRESHOLDS: Final = (100_000, 50, 100)


def look_seldom() -> None:
    """All that is referred to now stays until the process ends."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
