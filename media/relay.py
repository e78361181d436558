"""One writer, many bounded readers. Sans-I/O: no clock, no asyncio; a reader brings its own wake-up call.

A reader that falls behind loses units up to the next key frame and knows how many; the writer and the other
readers never notice. A reader that joins gets the units since the last key frame first (``from_key=True``), so
that what it makes starts with a picture.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

import msgspec

from media.unit import Track, Unit


class Tracks(msgspec.Struct, frozen=True):
    """In a reader's queue: from here on units belong to these tracks."""

    tracks: tuple[Track, ...]


class End(msgspec.Struct, frozen=True):
    """In a reader's queue: nothing follows."""

    reason: str


Item = Tracks | Unit | End

MAX_UNITS = 2_048
MAX_BYTES = 32 * 1024 * 1024
#: What is kept for readers to come fits into their queues with room for what arrives before they first look.
MAX_GOP_UNITS = MAX_UNITS // 2
MAX_GOP_BYTES = MAX_BYTES // 2


class Reader:
    """A bounded queue of what a relay wrote since the reader joined.

    ``take`` empties it. ``wake`` is called, synchronously, when the queue goes from empty to not empty; it may
    unsubscribe readers, and must not raise.
    """

    def __init__(
        self, *, wake: Callable[[], None], max_units: int, max_bytes: int, patience: Callable[[], float]
    ) -> None:
        self.dropped_units = 0
        self.patience = patience
        self._wake = wake
        self._items: deque[Item] = deque()
        self._bytes = 0
        self._max_units = max_units
        self._max_bytes = max_bytes
        self._needs_key = False
        self._has_lost = False
        self._has_video = False

    def take(self) -> list[Item]:
        """Everything that waits, oldest first; empty when nothing does."""
        items = list(self._items)
        self._items.clear()
        self._bytes = 0
        return items

    def _put_control(self, item: Tracks | End) -> None:
        """Tracks that no unit followed are replaced, and so are any when there are too many: the last ones hold."""
        if isinstance(item, Tracks):
            self._has_video = any(track.kind == "video" for track in item.tracks)
            if self._items and isinstance(self._items[-1], Tracks):
                self._items[-1] = item
                return
            if len(self._items) >= self._max_units:
                self._clear_units()
                self._needs_key = True
                self._items.clear()
        self._append(item)

    def _put(self, unit: Unit) -> None:
        if self._needs_key and not self._ends_gap(unit):
            self.dropped_units += self._has_lost  # before its first key frame a reader has lost nothing
            return
        if len(self._items) >= self._max_units or self._bytes + len(unit.data) > self._max_bytes:
            self._overflow(unit)
            return
        self._bytes += len(unit.data)
        self._append(unit)

    def _ends_gap(self, unit: Unit) -> bool:
        if not unit.is_key or (self._has_video and unit.kind != "video"):
            return False
        self._needs_key = False
        self._has_lost = False
        return True

    def _overflow(self, unit: Unit) -> None:
        self._clear_units()
        self._needs_key = self._has_lost = True
        if len(unit.data) <= self._max_bytes and self._ends_gap(unit):
            self._bytes = len(unit.data)
            self._append(unit)
        else:
            self.dropped_units += 1

    def _clear_units(self) -> None:
        """Drop and count the units; of the tracks that were announced between them only the last still matter."""
        tracks = [item for item in self._items if isinstance(item, Tracks)]
        self.dropped_units += len(self._items) - len(tracks)
        self._items = deque(tracks[-1:])
        self._bytes = 0

    def _append(self, item: Item) -> None:
        was_empty = not self._items
        self._items.append(item)
        if was_empty:
            self._wake()


class Relay:
    """Fans one publication out to its readers. Everything is synchronous and belongs to one loop."""

    def __init__(self, *, max_gop_units: int = MAX_GOP_UNITS, max_gop_bytes: int = MAX_GOP_BYTES) -> None:
        self.tracks: tuple[Track, ...] = ()
        self.ended: str | None = None
        self._readers: tuple[Reader, ...] = ()
        self._gop: list[Unit] = []
        self._gop_bytes = 0
        self._before: list[Unit] = []
        """The units from the key frame before the last one up to that, where they fit beside the others."""
        self._max_gop_units = max_gop_units
        self._max_gop_bytes = max_gop_bytes
        self._has_video = False
        self._has_seen_video = False

    def configure(self, tracks: Sequence[Track]) -> None:
        """Announce the tracks of the units that follow; the same tracks again, or any after the end, are no change."""
        if tuple(tracks) == self.tracks or self.ended is not None:
            return
        self.tracks = tuple(tracks)
        self._has_video = any(track.kind == "video" for track in tracks)
        self._forget_gop()
        for reader in self._readers:
            reader._put_control(Tracks(self.tracks))

    def write(self, unit: Unit) -> None:
        """Hand one unit to every reader. Never blocks, never raises for a slow one; does nothing after the end."""
        if self.ended is not None:
            return
        if unit.kind == "video" and not self._has_seen_video:
            self._begin_video()
        self._remember(unit)
        for reader in self._readers:
            reader._put(unit)

    def _begin_video(self) -> None:
        """Sound that came before any picture was for all readers; from now on readers begin with a key frame."""
        self._has_seen_video = True
        for reader in self._readers:
            reader._needs_key = True

    def close(self, reason: str) -> None:
        """End every reader, now and later ones. Idempotent: the first reason stays."""
        if self.ended is not None:
            return
        self.ended = reason
        self._forget_gop()
        readers, self._readers = self._readers, ()
        for reader in readers:
            reader._put_control(End(reason))

    def subscribe(
        self,
        wake: Callable[[], None],
        *,
        from_key: bool = True,
        from_before: bool = False,
        max_units: int = MAX_UNITS,
        max_bytes: int = MAX_BYTES,
        patience: Callable[[], float] = lambda: 0.0,
    ) -> Reader:
        """A new reader: first the tracks, then the units since the last key frame, or only from the next one on.
        ``from_before``: since the key frame before the last one, where they are still held. ``patience``: see
        ``patience_s``."""
        reader = Reader(wake=wake, max_units=max_units, max_bytes=max_bytes, patience=patience)
        if self.tracks:
            reader._put_control(Tracks(self.tracks))
        reader._needs_key = self._has_video and self._has_seen_video and not (from_key and self._gop)
        if from_key:
            for unit in [*(self._before if from_before else ()), *self._gop]:
                reader._put(unit)
        if self.ended is not None:
            reader._put_control(End(self.ended))
        else:
            self._readers += (reader,)
        return reader

    def unsubscribe(self, reader: Reader) -> None:
        """Forget a reader. Idempotent."""
        self._readers = tuple(each for each in self._readers if each is not reader)

    @property
    def patience_s(self) -> float:
        """For how long nobody needs what comes next: as the least patient reader says, 0 without any."""
        return min((reader.patience() for reader in self._readers), default=0.0)

    @property
    def readers(self) -> int:
        return len(self._readers)

    def _remember(self, unit: Unit) -> None:
        if not self._has_video:
            return
        if unit.kind == "video" and unit.is_key:
            is_short = 2 * len(self._gop) <= self._max_gop_units and 2 * self._gop_bytes <= self._max_gop_bytes
            before = self._gop if is_short else []
            self._forget_gop()
            self._before = before
        elif not self._gop:
            return
        self._gop.append(unit)
        self._gop_bytes += len(unit.data)
        if len(self._gop) > self._max_gop_units or self._gop_bytes > self._max_gop_bytes:
            self._forget_gop()

    def _forget_gop(self) -> None:
        self._gop, self._before = [], []
        self._gop_bytes = 0
