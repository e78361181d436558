"""Target durations: how long the segments of a playlist may be."""

from __future__ import annotations

import math

#: What a target duration is raised to, in seconds.
_TARGET_STEPS = (2, 4, 6, 10, 20)


def target_for(duration_s: float) -> int:
    """The least step that a segment of this length fits: a duration is compared rounded (RFC 8216bis, 4.4.3.1)."""
    needed = math.floor(duration_s + 0.5)
    return next((step for step in _TARGET_STEPS if step >= needed), needed)
