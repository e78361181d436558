"""How the engine does on this node."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

import msgspec

from server.feature import Gauges
from server.features.town.assistant.engines import FAILURES, EngineFailed, Failure

REMEMBERED: Final = 500
FAILURES_KEPT: Final = 20


class Failed(msgspec.Struct, frozen=True, kw_only=True):
    at: datetime
    failure: Failure
    says: str


class Figures:
    """Since the node began; of first words, the last ``REMEMBERED``, of failures the last ``FAILURES_KEPT``."""

    def __init__(self, *, now: Callable[[], datetime]) -> None:
        self._now = now
        self.answers = 0
        self.failures: Counter[str] = Counter()
        self._failed: deque[Failed] = deque(maxlen=FAILURES_KEPT)
        self._first_s: deque[float] = deque(maxlen=REMEMBERED)

    def began(self, after_s: float) -> None:
        self._first_s.append(after_s)

    def answered(self) -> None:
        self.answers += 1

    def failed(self, error: EngineFailed) -> None:
        self.failures[error.failure] += 1
        self._failed.appendleft(Failed(at=self._now(), failure=error.failure, says=str(error)))

    @property
    def last_failures(self) -> Sequence[Failed]:
        """The newest first."""
        return tuple(self._failed)

    def first_word_s(self, share: float) -> float | None:
        """Within which so large a share of the engine's first words came."""
        ordered = sorted(self._first_s)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else None

    def gauges(self) -> Gauges:
        counted = {
            f"assistant_failures_{one}": (f"Answers of the assistant's engine that failed: {one}", float(count))
            for one, count in ((name, self.failures[name]) for name in FAILURES)
        }
        return {
            "assistant_answers": ("Answers of the assistant's engine that came to their end", float(self.answers)),
            "assistant_first_word_p95_seconds": (
                "Until the first word of the assistant's engine, of its last answers",
                self.first_word_s(0.95) or 0.0,
            ),
            **counted,
        }
