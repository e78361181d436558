"""When a publisher's frames were captured, told by the clock here. Sans-I/O.

A sender says it in the header extension abs-capture-time of some packets, by its own wall clock; of one that does not,
sender reports say which wall clock time its RTP time stood for. What its wall clock is off by is told by when its
reports arrive, less half of a round trip.
"""

from __future__ import annotations

from typing import Final

from media.clock import WINDOW_S, Least
from media.webrtc import rtp

EXTENSION: Final = "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time"
#: A frame that is said to be older than this when it arrives, or to come from the future, was dated by another clock.
MAX_AGE_S: Final = 10.0
#: For how much media time a statement holds: senders leave it out of most packets.
HOLDS_S: Final = 5.0
_STATED_BYTES: Final = (8, 16)


class PublisherClock:
    """What a publisher's wall clock, of which all its sources tell, is off from the clock here, both in seconds."""

    def __init__(self) -> None:
        self.round_trip_s: float | None = None
        self._least = Least(window_s=WINDOW_S)
        self._behind_s: float | None = None

    def reported(self, ntp: int, now: float) -> None:
        """A sender report of that NTP time has arrived. 0: the sender has no wall clock."""
        if ntp:
            self._behind_s = self._least.add(now - rtp.ntp_seconds(ntp), now)

    def here(self, seconds: float) -> float | None:
        """When it was ``seconds`` by the publisher's clock; None before its first report."""
        if self._behind_s is None:
            return None
        return seconds + self._behind_s - (self.round_trip_s or 0.0) / 2


class SourceCaptures:
    """Of one source: the publisher's wall clock at an RTP time."""

    def __init__(self, *, rate: int) -> None:
        self._rate = rate
        self._stated: tuple[int, float] | None = None

    def stated(self, ticks: int, value: bytes) -> None:
        """The extension of a packet with this RTP time (without wrap). What is malformed is passed over."""
        if len(value) in _STATED_BYTES:
            self._stated = (ticks, _seconds(value))

    def at(self, ticks: int, *, reported_s: float | None) -> float | None:
        """When a frame of this RTP time was captured. ``reported_s``: wall clock less RTP clock, of reports."""
        if self._stated is not None:
            since_s = (ticks - self._stated[0]) / self._rate
            if abs(since_s) <= HOLDS_S:
                return self._stated[1] + since_s
        return None if reported_s is None else ticks / self._rate + reported_s


def _seconds(value: bytes) -> float:
    """By the sender's clock: where the frame was captured elsewhere, what that clock is off is told beside it."""
    captured = rtp.ntp_seconds(int.from_bytes(value[:8], "big"))
    return captured + int.from_bytes(value[8:], "big", signed=True) / (1 << 32)


def credible(captured: float | None, now: float) -> float | None:
    """A frame that has just arrived; None where the time is not to be believed. Not in the future, whatever the error
    of the estimate."""
    if captured is None or not now - MAX_AGE_S <= captured <= now + MAX_AGE_S:
        return None
    return min(captured, now)


def encoded(at: float) -> bytes:
    """The extension of a packet that goes out: the wall clock here (seconds since 1970), which is the sender's too."""
    return rtp.ntp_time(at).to_bytes(8, "big") + bytes(8)
