"""From RTMP's 32-bit milliseconds to clocks that only go forward. Sans-I/O.

One :class:`Timeline` serves all tracks of a publication, so that whatever happens to the encoder's clock (a wrap, a
restart, a jump) happens to sound and picture alike and they stay together.
"""

from __future__ import annotations

from media.unit import Kind

MAX_JUMP_MS = 10_000
_MAX_BACK_MS = 100
_STEP_MS = 20
_WRAP = 1 << 32
_HALF = 1 << 31
_KEEP_PREVIOUS_MS = 10_000
AUDIO_TOLERANCE_MS = 50


class Timeline:
    """Milliseconds since the first unit. ``place`` never goes back within one track.

    A timestamp more than 10 s ahead of its track, or behind it, moves the base so that the clock goes on just after
    the latest unit. The base before stays known for a while: the other track's last units may still be of it.
    """

    def __init__(self, *, first: int) -> None:
        self.rebased = 0
        self._raw = first
        self._offset = -first
        self._previous: int | None = None
        self._moved_at = 0
        self._last: dict[Kind, int] = {}

    def place(self, kind: Kind, timestamp: int) -> int:
        """Where a unit of that track with this timestamp belongs."""
        raw = self._unwrap(timestamp)
        last = self._last.get(kind)
        if last is None:
            at = max(0, self._locate(raw, max(self._last.values(), default=0), -MAX_JUMP_MS))
        else:
            at = max(last, self._locate(raw, last, -_MAX_BACK_MS))
        self._last[kind] = at
        return at

    def _unwrap(self, timestamp: int) -> int:
        ahead = (timestamp - self._raw) % _WRAP
        self._raw += ahead - _WRAP if ahead >= _HALF else ahead
        return self._raw

    def _locate(self, raw: int, last: int, max_back_ms: int) -> int:
        at = raw + self._offset
        if self._previous is not None:
            at = self._nearest(raw, last)
        if max_back_ms <= at - last <= MAX_JUMP_MS:
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
        self._moved_at = max(self._last.values(), default=0) + _STEP_MS
        self._offset = self._moved_at - raw
        return self._moved_at


class SampleClock:
    """Audio positions counted in samples: a millisecond timestamp is too coarse to put packets end to end.

    The count is followed as long as it stays within 50 ms of the timestamps; past that it starts over from them.
    """

    def __init__(self, *, rate: int) -> None:
        self.resynchronised = 0
        self._rate = rate
        self._tolerance = AUDIO_TOLERANCE_MS * rate // 1000
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
        position = max(position, self._last + 1)
        self._last = position
        self._next = position + samples
        return position
