"""How the engine does on this node."""

from __future__ import annotations

from collections import Counter, deque
from typing import Final

from server.feature import Gauges
from server.features.town.assistant.engines import FAILURES, EngineFailed

REMEMBERED: Final = 500


class Figures:
    """Since the node began; of first words, the last ``REMEMBERED``."""

    def __init__(self) -> None:
        self.answers = 0
        self.failures: Counter[str] = Counter()
        self.last_failure = ""
        self._first_s: deque[float] = deque(maxlen=REMEMBERED)

    def began(self, after_s: float) -> None:
        self._first_s.append(after_s)

    def answered(self) -> None:
        self.answers += 1

    def failed(self, error: EngineFailed) -> None:
        self.failures[error.failure] += 1
        self.last_failure = str(error)

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
