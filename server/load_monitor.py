"""How this process fares: how late its loop is, how busy it is and how much memory it has, looked at all the time."""

from __future__ import annotations

import math
import os
import resource
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Final

from actors.runtime import Clock
from actors.runtime.clock import Handle

BEAT_S: Final = 0.25
REPORT_EVERY: Final = 4
LAG_KEPT: Final = 40
LOAD_OVER_S: Final = 10.0

_STATM: Final = Path("/proc/self/statm")


class LoadMonitor:
    """One repeating timer. ``report`` is told the load about once a second.

    ``loop_lag_s``: the latest that the timer was in the last 10 s. ``load``: the share of one core that the process
    used, 0 to 1, smoothed over 10 s, so that a start or a single peak moves nothing.
    """

    def __init__(
        self, *, clock: Clock, report: Callable[[float], None], cpu_s: Callable[[], float] = time.process_time
    ) -> None:
        self._clock = clock
        self._report = report
        self._cpu_s = cpu_s
        self._lags: deque[float] = deque(maxlen=LAG_KEPT)
        self._beats = 0
        self._timer: Handle | None = None
        self.load = 0.0

    def start(self) -> None:
        """Wants a running loop."""
        self._at, self._used = self._clock.monotonic(), self._cpu_s()
        self._timer = self._clock.call_later(BEAT_S, self._beat)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    @property
    def loop_lag_s(self) -> float:
        return max(self._lags, default=0.0)

    @property
    def rss_bytes(self) -> int:
        """Resident now; where the system does not tell, the most there ever was."""
        try:
            return int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        except OSError:
            return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

    def _beat(self) -> None:
        now, used = self._clock.monotonic(), self._cpu_s()
        passed_s = max(BEAT_S, now - self._at)
        self._lags.append(passed_s - BEAT_S)
        busy = min(1.0, (used - self._used) / passed_s)
        self.load += (busy - self.load) * -math.expm1(-passed_s / LOAD_OVER_S)
        self._at, self._used = now, used
        self._timer = self._clock.call_later(BEAT_S, self._beat)
        self._beats += 1
        if self._beats % REPORT_EVERY == 0:
            self._report(round(self.load, 2))
