"""Where the bytes lie that a stream's names stand for. Sans-I/O."""

from __future__ import annotations

from media.hls.answers import InStore, Location, OnDisk
from media.hls.events import InitReady, PartReady, SegmentReady, SegmentStored


class Locations:
    """By the names that playlists list. A segment that is a file and an object at once is read from its file."""

    def __init__(self) -> None:
        self._held: dict[str, Location] = {}
        self._parts: dict[str, list[str]] = {}
        self._stored: dict[str, Location] = {}

    def of(self, name: str) -> Location | None:
        """None for a name that stands for nothing (any more)."""
        return self._held.get(name)

    def parts(self, segment: str) -> tuple[str, ...]:
        """The names of a segment's parts so far, in order."""
        return tuple(self._parts.get(segment, ()))

    def add(self, event: InitReady | SegmentReady) -> None:
        """The whole file is there."""
        self._held[event.name] = OnDisk(event.path, 0, event.size)

    def add_part(self, segment: str, event: PartReady) -> None:
        """A stretch of the file of ``segment`` is there."""
        self._held[event.name] = OnDisk(event.path, event.offset, event.size)
        self._parts.setdefault(segment, []).append(event.name)

    def join_parts(self, segment: str) -> None:
        """The segment's file ends with the last of its parts. Ignored without any."""
        last = self._held.get(self._parts[segment][-1]) if segment in self._parts else None
        if isinstance(last, OnDisk):
            self._held[segment] = OnDisk(last.path, 0, last.offset + last.size)

    def store(self, event: SegmentStored) -> None:
        """The segment is an object, from which it is read once its file has gone."""
        held = self._stored if event.name in self._held else self._held
        held[event.name] = InStore(event.object_key, event.size)

    def remove(self, segment: str) -> bool:
        """The segment's file has gone, and its parts with it. Whether its bytes are still to be had, from the store."""
        for part in self._parts.pop(segment, ()):
            self._held.pop(part, None)
        stored = self._stored.pop(segment, None)
        if stored is None:
            self._held.pop(segment, None)
            return False
        self._held[segment] = stored
        return True
