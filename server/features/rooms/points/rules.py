"""The rules of channel points. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Final

MAX_POINTS: Final = 1_000_000_000
"""What one act may cost or stake."""
SEEN_S: Final = 30
"""A person who was counted as a viewer within these seconds is watching."""


def minute_of(at: datetime) -> int:
    """The number of the minute: a person earns once in each."""
    return int(at.timestamp()) // 60
