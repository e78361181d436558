"""One MP4 over segments as they lie in the store: its beginning (``moov``) and the list of its parts are all that is
stored of it, whatever its length."""

from __future__ import annotations

import asyncio
import itertools
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import AsyncIterator
from typing import Final

import msgspec

from media.hls.cmaf import TrackHead, read_fragments, read_init
from media.hls.movie import MovieTrack, movie_head
from storage.objects import ObjectStore

MAX_LAYOUTS: Final = 8
"""Kept in memory: of twelve hours, 86,400 parts, about 15 MB."""
MP4: Final = "video/mp4"


class FilePart(msgspec.Struct, frozen=True, array_like=True):
    """An object of the file, and its length."""

    key: str
    size: int


class Composition:
    """Reads segments, one after the other, in order of time. Raises ``MediaError`` and ``NoSuchObject``."""

    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects
        self._heads: dict[str, TrackHead] = {}
        self._tracks: dict[str, MovieTrack] = {}
        self._parts: list[FilePart] = []
        self._at = 0

    async def add(self, rendition: str, init_key: str, key: str) -> None:
        if init_key not in self._heads:
            self._heads[init_key] = read_init(await self._read(init_key))
        head = self._heads[init_key]
        track = self._tracks.setdefault(rendition, MovieTrack(head))
        track.use(head)
        data = await self._read(key)
        await asyncio.to_thread(_add, track, data, self._at)
        self._parts.append(FilePart(key, len(data)))
        self._at += len(data)

    async def store(self, prefix: str) -> tuple[int, int]:
        """Bytes of the beginning, and of the whole file."""
        head = await asyncio.to_thread(movie_head, list(self._tracks.values()), content_bytes=self._at)
        body = msgspec.json.encode(self._parts)
        await self._objects.put(_parts_key(prefix), body, content_type="application/json")
        await self._objects.put(_head_key(prefix), head, content_type=MP4)
        return len(head), len(head) + self._at

    async def _read(self, key: str) -> bytes:
        return b"".join([chunk async for chunk in self._objects.open(key)])


class Layout:
    """The parts of a file by their offsets."""

    def __init__(self, parts: list[FilePart]) -> None:
        self._parts = parts
        self._starts = list(itertools.accumulate((part.size for part in parts), initial=0))

    def spans(self, offset: int, count: int) -> list[tuple[str, int, int]]:
        """Which bytes of which objects: key, offset in it, how many."""
        found = []
        at = bisect_right(self._starts, offset) - 1
        while count > 0 and at < len(self._parts):
            within = offset - self._starts[at]
            size = min(count, self._parts[at].size - within)
            if size > 0:
                found.append((self._parts[at].key, within, size))
            offset, count, at = offset + size, count - size, at + 1
        return found


class ComposedFiles:
    """The bytes of files that were composed, by the prefix that they are stored under."""

    def __init__(self, *, objects: ObjectStore) -> None:
        self._objects = objects
        self._layouts: OrderedDict[str, Layout] = OrderedDict()

    async def read(self, prefix: str, head_bytes: int, offset: int, count: int) -> AsyncIterator[bytes]:
        if offset < head_bytes:
            size = min(count, head_bytes - offset)
            async for chunk in self._objects.open(_head_key(prefix), offset=offset, size=size):
                yield chunk
            offset, count = offset + size, count - size
        if count <= 0:
            return
        for key, within, size in (await self._layout(prefix)).spans(offset - head_bytes, count):
            async for chunk in self._objects.open(key, offset=within, size=size):
                yield chunk

    async def _layout(self, prefix: str) -> Layout:
        held = self._layouts.get(prefix)
        if held is None:
            body = b"".join([chunk async for chunk in self._objects.open(_parts_key(prefix))])
            held = self._layouts[prefix] = Layout(msgspec.json.decode(body, type=list[FilePart]))
            if len(self._layouts) > MAX_LAYOUTS:
                self._layouts.popitem(last=False)
        return held


def _head_key(prefix: str) -> str:
    return f"{prefix}/head.mp4"


def _parts_key(prefix: str) -> str:
    return f"{prefix}/parts.json"


def _add(track: MovieTrack, data: bytes, at: int) -> None:
    for fragment in read_fragments(data):
        track.add(fragment, at + fragment.data_at)
