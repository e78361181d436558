"""From RTMP's 32-bit milliseconds to clocks that only go forward. Sans-I/O.

One :class:`RtmpTimeline` serves all tracks of a publication, so that whatever happens to the encoder's clock (a wrap, a
restart, a jump) happens to sound and picture alike and they stay together.
"""

from __future__ import annotations

from media.clock import beyond, clamped
from media.unit import Kind

MAX_JUMP_MS = 10_000
#: How far the other track must go on to call it a pause (encoders send their tracks in turns of up to some seconds),
#: and how much of it timestamps may miss.
PAUSE_MS = 3_000
MAX_STAND_MS = 1_000
_MAX_BACK_MS = 100
_STEP_MS = 20
_WRAP = 1 << 32
_HALF = 1 << 31
_KEEP_PREVIOUS_MS = 10_000
AUDIO_TOLERANCE_MS = 50
AUDIO_SLACK_MS = 10
#: A packet is moved by at most this share of its length.
_SLEW = 8


class RtmpTimeline:
    """Milliseconds since the first unit. ``place`` never goes back within one track.

    A timestamp more than 10 s ahead of all tracks, or behind its own, moves the base so that the clock goes on just
    after the latest unit. The base before stays known for a while: the other track's last units may still be of it.
    A track may pause for any time. If its timestamps stood still meanwhile, it is put where the other one is.
    """

    def __init__(self, *, first: int) -> None:
        self.rebased = 0
        self._raw = first
        self._offset = -first
        self._previous: int | None = None
        self._moved_at = 0
        self._last: dict[Kind, int] = {}
        self._latest = 0
        self._heard: dict[Kind, int] = {}
        self._missed: dict[Kind, int] = {}

    def place(self, kind: Kind, timestamp: int) -> int:
        """Where a unit of that track with this timestamp belongs."""
        raw = self._unwrap(timestamp)
        last = self._last.get(kind)
        if last is None:
            at = max(0, self._locate(kind, raw, self._latest, MAX_JUMP_MS))
        else:
            at = max(last, self._locate(kind, raw, last, _MAX_BACK_MS))
            at += self._stood(kind, at - last)
        self._last[kind] = at
        self._heard[kind] = self._latest = max(self._latest, at)
        return at

    def _stood(self, kind: Kind, progress: int) -> int:
        """What this track's timestamps have missed of a pause in which the other track went on."""
        missed = self._latest - self._heard[kind] - progress
        if self._latest - self._heard[kind] <= PAUSE_MS or missed <= MAX_STAND_MS:
            return 0
        self._missed[kind] = self._missed.get(kind, 0) + missed
        return missed

    def _unwrap(self, timestamp: int) -> int:
        ahead = (timestamp - self._raw) % _WRAP
        self._raw += ahead - _WRAP if ahead >= _HALF else ahead
        return self._raw

    def _locate(self, kind: Kind, raw: int, last: int, max_back_ms: int) -> int:
        moved = raw + self._missed.get(kind, 0)
        at = moved + self._offset if self._previous is None else self._nearest(moved, last)
        if at - last >= -max_back_ms and at - self._latest <= MAX_JUMP_MS:
            return at
        return self._rebase(raw)

    def _nearest(self, raw: int, last: int) -> int:
        assert self._previous is not None
        now, before = raw + self._offset, raw + self._previous
        at = min(now, before, key=lambda at: abs(at - last))
        if at - self._moved_at > _KEEP_PREVIOUS_MS:
            self._previous = None
        return at

    def _rebase(self, raw: int) -> int:
        self.rebased += 1
        self._previous = self._offset
        self._missed.clear()
        self._moved_at = self._latest + _STEP_MS
        self._offset = self._moved_at - raw
        return self._moved_at


class SampleClock:
    """Audio positions counted in samples: a millisecond timestamp is too coarse to put packets end to end.

    The count is followed within 10 ms of the timestamps, and slewed back into that band: the clocks of samples and of
    timestamps may drift. More than 50 ms off, it starts over from the timestamps.
    """

    def __init__(self, *, rate: int) -> None:
        self.resynchronised = 0
        self._rate = rate
        self._tolerance = AUDIO_TOLERANCE_MS * rate // 1000
        self._slack = AUDIO_SLACK_MS * rate // 1000
        self._next: int | None = None
        self._last = -1

    def place(self, at_ms: float, samples: int) -> int:
        """The position in samples of a packet that is ``samples`` long and was stamped ``at_ms``."""
        target = round(at_ms * self._rate / 1000)
        position = self._next
        if position is None:
            position = target
        elif abs(target - position) > self._tolerance:
            self.resynchronised += 1
            position = target
        else:
            position += round(clamped(beyond(target - position, self._slack), samples / _SLEW))
        position = max(position, self._last + 1)
        self._last = position
        self._next = position + samples
        return position
