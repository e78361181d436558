"""What a stream's actor keeps of the health that the media process reports: the last minutes, and the faults. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Any

#: The history has one sample in so many seconds, for so long.
SAMPLE_S = 2.0
HISTORY_S = 300.0
#: Reports come about once a second.
SLACK_S = 0.5
#: The owner is sent the faults when they have been the same for so long, and not more often than that.
HOLD_S = 3.0
PAUSE_S = 10.0
#: What is as the owner chose it is shown and not sent.
_SENT = frozenset(("error", "warning"))
_SAMPLED = ("bitrate", "fps", "loudness", "jitter_ms")


class HealthWatch:
    """``history`` is of this incarnation of the actor, the oldest first."""

    def __init__(self) -> None:
        self.history: deque[dict[str, Any]] = deque(maxlen=round(HISTORY_S / SAMPLE_S))
        self._found: tuple[str, ...] = ()
        self._found_at = 0.0
        self._sent: tuple[str, ...] = ()
        self._sent_at = float("-inf")

    def add(self, health: dict[str, Any], *, at: float, now: float) -> None:
        """A report; ``at`` is the wall clock of its media, ``now`` monotonic."""
        if not self.history or at - self.history[-1]["at"] >= SAMPLE_S - SLACK_S or at < self.history[-1]["at"]:
            self.history.append({"at": at, **{name: health.get(name) for name in _SAMPLED}})
        found = tuple(names_of(health.get("faults", ())))
        if found != self._found:
            self._found, self._found_at = found, now

    def due(self, now: float) -> tuple[str, ...] | None:
        """The names of the faults, if the owner is to be sent them now."""
        is_settled = self._found != self._sent and now - self._found_at >= HOLD_S
        return self._found if is_settled and now - self._sent_at >= PAUSE_S else None

    def sent(self, names: tuple[str, ...], now: float) -> None:
        self._sent, self._sent_at = names, now


def names_of(faults: Iterable[dict[str, Any]]) -> list[str]:
    """Those that are more than information."""
    return [fault["name"] for fault in faults if fault["severity"] in _SENT]
