"""Keeps a media clock with real time although a publisher's clock is slow or fast. Sans-I/O.

Packets arrive late and never early, so the least late packet of some seconds shows how a clock runs. What it is off is
slewed: media time goes a little faster or slower for a while, and never back.
"""

from __future__ import annotations

#: Over how much arrival time, at most, the least late packet is looked for; at least half of it.
WINDOW_S = 10.0
#: A clock that is off by no more than this is left as it is: players have more in their buffers.
TOLERANCE_S = 0.1
#: What is off beyond the tolerance shrinks to a third within this much media time.
SETTLE_S = 10.0
#: Media time goes at most this much faster or slower than the publisher's.
MAX_SLEW = 0.1
#: What is off by more than this is no live clock: a file that is sent as fast as it goes, say.
NOT_LIVE_S = 30.0
_MAX_PROGRESS_S = 1.0


def beyond(value: float, tolerance: float) -> float:
    """By how much ``value`` leaves the band of ``tolerance`` around 0, with its sign."""
    return value - clamped(value, tolerance)


def clamped(value: float, most: float) -> float:
    """``value``, but neither above ``most`` nor below its negative."""
    return max(-most, min(most, value))


class Least:
    """The least of the values of the last ``window_s`` seconds, exact to half of that."""

    def __init__(self, *, window_s: float) -> None:
        self._half_s = window_s / 2
        self._since: float | None = None
        self._before: float | None = None
        self._current: float | None = None

    def add(self, value: float, now: float) -> float:
        """Take a value into the window and answer its least."""
        if self._since is None or now - self._since >= self._half_s:
            self._since, self._before, self._current = now, self._current, None
        self._current = value if self._current is None else min(self._current, value)
        return self._current if self._before is None else min(self._before, self._current)


class Discipline:
    """How far a clock's media time is shifted so that it goes on as real time does since ``now`` showed ``media_s``.

    Times are seconds, ``now`` is monotonic. ``shift_s`` is what to add; it stays 0 for the first ``WINDOW_S``.
    """

    def __init__(self, *, media_s: float, now: float) -> None:
        self.shift_s = 0.0
        self.drift_s = 0.0
        """What the clock has lost against real time, or won if below 0, since ``WINDOW_S`` after the begin: what an
        encoder sends ahead at first, and how long its packets wait to be read, is no drift."""
        self._settled_s: float | None = None
        self._began_at = now
        self._ahead_s = now - media_s
        self._highest_s = media_s
        self._least = Least(window_s=WINDOW_S)

    def follow(self, media_s: float, now: float) -> float:
        """The shift, after a unit of ``media_s`` (not shifted) has arrived."""
        least_s = self._least.add(now - media_s - self._ahead_s, now)
        late_s = least_s - self.shift_s
        self._note_drift(least_s, now)
        progress_s = min(media_s - self._highest_s, _MAX_PROGRESS_S)
        if progress_s > 0:
            self._highest_s = media_s
        if progress_s > 0 and now - self._began_at >= WINDOW_S and abs(late_s) <= NOT_LIVE_S:
            self.shift_s += clamped(beyond(late_s, TOLERANCE_S) / SETTLE_S, MAX_SLEW) * progress_s
        return self.shift_s

    def _note_drift(self, least_s: float, now: float) -> None:
        if self._settled_s is None and now - self._began_at >= WINDOW_S:
            self._settled_s = least_s
        is_live = self._settled_s is not None and abs(least_s) <= NOT_LIVE_S
        self.drift_s = least_s - (self._settled_s or 0.0) if is_live else 0.0

    def moved(self, media_s: float) -> None:
        """What ``follow`` is called with is ``media_s`` more from now on, for good."""
        self._least = Least(window_s=WINDOW_S)
        self._highest_s += media_s
