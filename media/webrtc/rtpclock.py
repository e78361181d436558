"""One RTP clock on the media clock, and what sender reports (RFC 3550, section 6.4.1) say of it. Sans-I/O."""

from __future__ import annotations

import statistics
from collections import deque

from media.clock import Discipline

#: How long a kind must be away to count as paused.
PAUSE_S = 1.0
_REPORT_AGE_S = 30.0
_REPORTS = 9
_MAX_STEP_S = 1.0


class SenderClock:
    """How the sender's wall clock and one of its RTP clocks relate: the median of the last reports.

    Senders pair "now" with the timestamp of their last packet, so that one report alone is off by up to a packet's
    length and more.
    """

    def __init__(self) -> None:
        self._offsets: deque[float] = deque(maxlen=_REPORTS)

    @property
    def offset_s(self) -> float | None:
        """Wall clock less RTP clock in seconds, None while there is no report."""
        return statistics.median(self._offsets) if self._offsets else None

    def add(self, offset_s: float) -> bool:
        """Take a report. False if it contradicts those before by more than a second: one of the two clocks was set."""
        before = self.offset_s
        is_set = before is not None and abs(offset_s - before) > _MAX_STEP_S
        if is_set:
            self.forget()
        self._offsets.append(offset_s)
        return not is_set

    def forget(self) -> None:
        self._offsets.clear()


class RtpClock:
    """One RTP clock on the media clock: ``ticks`` is at ``media_s`` when the clock here shows ``now``."""

    def __init__(self, *, rate: int, ticks: int, media_s: float, now: float) -> None:
        self.rate = rate
        self.heard_at = now
        self.sender = SenderClock()
        self.is_new = True
        self.is_over = False
        self.last_pts = -1
        self._offset = round(media_s * rate) - ticks
        self._moved_s = 0.0
        self._discipline = Discipline(media_s=media_s, now=now)
        self._last_ticks = ticks
        self._resumed_at = now
        self._reported_at = now

    def pts(self, ticks: int) -> int:
        return ticks + self._offset + round((self._moved_s + self._discipline.shift_s) * self.rate)

    def unmoved_s(self, ticks: int) -> float:
        """Media time without what sender reports have moved."""
        return self.pts(ticks) / self.rate - self._moved_s

    @property
    def lead_s(self) -> float | None:
        """Media time less the sender's wall clock; None before the first report."""
        offset_s = self.sender.offset_s
        return None if offset_s is None else self.pts(0) / self.rate - offset_s

    def report(self, offset_s: float) -> bool:
        self._reported_at = self.heard_at
        return self.sender.add(offset_s)

    def move(self, seconds: float) -> None:
        self._moved_s += seconds
        self._discipline.moved(seconds)

    def progress_s(self, ticks: int) -> float:
        """Since the last frame."""
        return (ticks - self._last_ticks) / self.rate

    def follow(self, ticks: int, now: float) -> None:
        """Stay with real time as packets arrive."""
        self._discipline.follow((ticks + self._offset) / self.rate + self._moved_s, now)

    def goes_on(self, now: float) -> bool:
        """Whether its frames have come all the time lately."""
        return now - self.heard_at <= PAUSE_S / 2 and now - self._resumed_at >= PAUSE_S

    def arrived(self, ticks: int, now: float) -> None:
        if now - self.heard_at > PAUSE_S / 2:
            self._resumed_at = now
        self._last_ticks, self.heard_at = ticks, now
        if now - self._reported_at > _REPORT_AGE_S:
            self.sender.forget()
