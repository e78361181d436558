"""What becomes of a ticket, and how soon it is to be answered. Pure.

``open``: agents are to answer; ``pending``: the person is; ``solved``: answered for good, and closed after a while
without another message; ``closed``: nothing more is to come.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final, Literal

State = Literal["open", "pending", "solved", "closed"]
Priority = Literal["low", "normal", "high", "urgent"]

RANKS: Final[dict[Priority, int]] = {"low": 0, "normal": 1, "high": 2, "urgent": 3}
_SHARES: Final[dict[Priority, float]] = {"low": 3.0, "normal": 1.0, "high": 0.25, "urgent": 1 / 24}
"""Of the time in which a ticket of normal priority is to be answered."""


def answer_within(priority: Priority, normal: timedelta) -> timedelta:
    return normal * _SHARES[priority]


def state_after_message(state: State, *, is_requester: bool) -> State:
    """A person who writes opens their ticket again; an agent's answer waits for the person."""
    if is_requester:
        return "open"
    return "pending" if state == "open" else state
