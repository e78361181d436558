"""Messages that no actor handled."""

from __future__ import annotations

from collections import Counter, deque
from typing import NamedTuple

from actors.runtime.ids import ActorId


class DeadLetter(NamedTuple):
    """A message that nobody handled. `at` is wall clock."""

    at: float
    id: ActorId
    message: str
    reason: str


class DeadLetters:
    """The last `keep` dead letters, and how many there were for each reason."""

    __slots__ = ("counts", "last")

    def __init__(self, *, keep: int) -> None:
        self.last: deque[DeadLetter] = deque(maxlen=keep)
        self.counts: Counter[str] = Counter()

    @property
    def total(self) -> int:
        return self.counts.total()

    def add(self, at: float, actor_id: ActorId, message: str, reason: str) -> None:
        self.counts[reason] += 1
        self.last.append(DeadLetter(at, actor_id, message, reason))
