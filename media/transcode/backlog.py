"""Units on their way to a worker: those that wait, and those that it has and did not answer yet. Sans-I/O."""

from __future__ import annotations

from collections import deque

from media.unit import Unit

MAX_UNITS = 512
MAX_BYTES = 16 * 1024 * 1024
#: Pictures that wait longer are of no use to anybody by the time that they are made.
MAX_WAIT_S = 2.0


class Backlog:
    """Bounded twice: what a worker has, and what waits behind it. Both are ten seconds of sound, or a long GOP.

    When there is too much, or pictures have waited for ``MAX_WAIT_S``, the pictures that wait are dropped and go on
    with the next key frame. Sound, which costs little to convert, loses the oldest, and only if that was not enough.
    """

    def __init__(self, *, max_units: int = MAX_UNITS, max_bytes: int = MAX_BYTES) -> None:
        self.dropped = 0
        self._max_units = max_units
        self._max_bytes = max_bytes
        self._waiting: deque[Unit] = deque()
        self._waiting_bytes = 0
        self._given: deque[int] = deque()
        self._given_bytes = 0
        self._needs_key = False

    @property
    def under_way(self) -> int:
        """How many units the worker has and did not answer."""
        return len(self._given)

    def put(self, unit: Unit) -> None:
        """A unit of the source."""
        if unit.kind == "video" and self._needs_key and not unit.is_key:
            self.dropped += 1
            return
        if unit.kind == "video":
            self._needs_key = False
        self._append(unit)
        if self._is_full() or (unit.kind == "video" and self._is_late(unit)):
            self._shed_pictures()
        while self._is_full():
            self._pop()
            self.dropped += 1

    def give(self) -> list[Unit]:
        """What the worker may have now."""
        units: list[Unit] = []
        while self._waiting and len(self._given) < self._max_units and self._given_bytes < self._max_bytes:
            unit = self._pop()
            units.append(unit)
            self._given.append(len(unit.data))
            self._given_bytes += len(unit.data)
        return units

    def answered(self, count: int) -> None:
        """The worker is done with the first of what it was given."""
        for _ in range(min(count, len(self._given))):
            self._given_bytes -= self._given.popleft()

    def lose(self) -> None:
        """The worker is gone with what it had. What waits is for the next, pictures from a key frame on."""
        self.dropped += len(self._given)
        self._given.clear()
        self._given_bytes = 0
        waiting = list(self._waiting)
        self._waiting.clear()
        self._waiting_bytes = 0
        self._needs_key = True
        for unit in waiting:
            self.put(unit)

    def clear(self) -> None:
        """Other tracks begin: what was to be made of the former ones is not any more."""
        self.dropped += len(self._waiting) + len(self._given)
        self._waiting.clear()
        self._given.clear()
        self._waiting_bytes = self._given_bytes = 0
        self._needs_key = False

    def _append(self, unit: Unit) -> None:
        self._waiting.append(unit)
        self._waiting_bytes += len(unit.data)

    def _pop(self) -> Unit:
        unit = self._waiting.popleft()
        self._waiting_bytes -= len(unit.data)
        return unit

    def _is_full(self) -> bool:
        return len(self._waiting) > self._max_units or self._waiting_bytes > self._max_bytes

    def _is_late(self, newest: Unit) -> bool:
        oldest = next(unit for unit in self._waiting if unit.kind == "video")
        return newest.at - oldest.at > MAX_WAIT_S

    def _shed_pictures(self) -> None:
        """Drop those that wait; the newest stays if it is a key frame."""
        waiting = list(self._waiting)
        newest = waiting[-1] if waiting[-1].kind == "video" and waiting[-1].is_key else None
        kept = [unit for unit in waiting if unit.kind == "audio" or unit is newest]
        if len(kept) == len(waiting):
            return
        self.dropped += len(waiting) - len(kept)
        self._waiting = deque(kept)
        self._waiting_bytes = sum(len(unit.data) for unit in kept)
        self._needs_key = newest is None
