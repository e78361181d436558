"""What other nodes have written for this one: which entries can be read and are new. No I/O."""

from __future__ import annotations

from collections import deque
from typing import Final, NamedTuple

import msgspec

from storage.bus_entry import FRAMES, PING, SIGNAL, BusCounters, BusEntry

SENDERS_KEPT: Final = 1024
BAD_KEPT: Final = 32


class Unread(NamedTuple):
    """An entry that was skipped, kept for the operator."""

    id: str
    reason: str
    data: bytes


class Inbox:
    """Opens entries. ``unread`` has the last ones that were skipped."""

    def __init__(self, *, counters: BusCounters, version: int) -> None:
        self.unread: deque[Unread] = deque(maxlen=BAD_KEPT)
        self._counters = counters
        self._version = version
        self._last: dict[tuple[str, str], int] = {}  # sequence, by sender and incarnation
        self._decode = msgspec.msgpack.Decoder(BusEntry).decode

    def open(self, entry_id: str, data: bytes) -> BusEntry | None:
        """The entry; None for one that cannot be read. Raises nothing, whatever the bytes."""
        try:
            entry = self._decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            self._skip(entry_id, str(error), data)
            return None
        if entry.version not in (self._version - 1, self._version) or entry.kind not in (FRAMES, SIGNAL, PING):
            self._skip(entry_id, f"version {entry.version}, kind {entry.kind}", data)
            return None
        return entry

    def _skip(self, entry_id: str, reason: str, data: bytes) -> None:
        self._counters.unreadable += 1
        self.unread.append(Unread(entry_id, reason, data[:1024]))

    def is_new(self, entry: BusEntry) -> bool:
        """False for an entry that was written twice; counts those that are missing before this one."""
        sender = (entry.sender, entry.incarnation)
        last = self._last.pop(sender, None)
        if last is None and len(self._last) >= SENDERS_KEPT:
            del self._last[next(iter(self._last))]
        self._last[sender] = entry.sequence if last is None else max(last, entry.sequence)
        if last is None:
            return True
        if entry.sequence <= last:
            self._counters.duplicates += 1
            return False
        self._counters.gaps += entry.sequence - last - 1
        return True
