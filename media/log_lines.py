"""A bound on log lines that any client can cause. Without I/O."""

from __future__ import annotations

PER_S = 5.0


class LogLines:
    """A token bucket of lines: ``per_s`` a second, and as many at once. ``now`` is monotonic."""

    def __init__(self, *, now: float, per_s: float = PER_S) -> None:
        self._per_s = per_s
        self._tokens = per_s
        self._at = now
        self._left_out = 0

    def take(self, now: float) -> str | None:
        """What to append to the line: how many were left out since the last one. None: leave this one out as well."""
        self._tokens = min(self._per_s, self._tokens + (now - self._at) * self._per_s)
        self._at = now
        if self._tokens < 1.0:
            self._left_out += 1
            return None
        self._tokens -= 1.0
        left_out, self._left_out = self._left_out, 0
        return f" ({left_out} more lines like this one were left out)" if left_out else ""
