"""The rules of polls. Pure: the caller gives the time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final, Literal

State = Literal["open", "closed"]

MAX_SECONDS: Final = 86_400
MAX_OPEN: Final = 5
"""Polls of one room that are open at once."""


def state_at(now: datetime, *, closes_at: datetime, closed_at: datetime | None) -> State:
    """A poll is closed by hand or by time, whichever comes first; whether that was noted does not matter."""
    return "closed" if closed_at is not None or now >= closes_at else "open"


def revision(votes: Sequence[int], state: State) -> int:
    """Grows with every change: of two states of one poll the one with the higher revision is the later."""
    return sum(votes) + (1 if state == "closed" else 0)
