"""The bit rates of a rendition as multivariant playlists state them (RFC 8216bis, 4.4.6.2). Sans-I/O."""

from __future__ import annotations

from collections import deque
from typing import Final

RECENT_SEGMENTS: Final = 150
"""What is live is described by the last five minutes: a stream that began with a still picture says what it is now."""
_LEAST_S: Final = 0.5
_MEASURED_S: Final = 1.0


class Bandwidth:
    """Of everything that was counted, and of the last ``RECENT_SEGMENTS``. Bits/s, rounded up to two figures, so that a
    playlist does not change with every segment."""

    def __init__(self) -> None:
        self._bytes = 0
        self._seconds = 0.0
        self._peak = 0.0
        self._recent: deque[tuple[int, float]] = deque(maxlen=RECENT_SEGMENTS)

    @property
    def is_measured(self) -> bool:
        """Whether there has been a second of whole segments."""
        return self._seconds >= _MEASURED_S

    def count(self, size: int, seconds: float) -> None:
        """A whole segment. The rate of one below half a second says nothing of the peak."""
        self._bytes += size
        self._seconds += seconds
        self._peak = max(self._peak, _rate(size, seconds))
        self._recent.append((size, seconds))

    @property
    def whole(self) -> tuple[int, int]:
        """Peak and average since the start."""
        average = self._bytes * 8 / self._seconds if self._seconds else 0.0
        return rounded(max(self._peak, average)), rounded(average)

    @property
    def recent(self) -> tuple[int, int]:
        """Peak and average of the last segments."""
        seconds = sum(each for _, each in self._recent)
        average = sum(size for size, _ in self._recent) * 8 / seconds if seconds else 0.0
        peak = max((_rate(size, each) for size, each in self._recent), default=0.0)
        return rounded(max(peak, average)), rounded(average)


def _rate(size: int, seconds: float) -> float:
    return size * 8 / seconds if seconds >= _LEAST_S else 0.0


def rounded(bandwidth: float) -> int:
    step: int = 10 ** max(len(str(int(bandwidth))) - 2, 2)
    return (int(bandwidth) // step + 1) * step
