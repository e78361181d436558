"""What was published of a stream, for what is cut out of it: the source's segments, wherever they lie.

While the stream is on the air they are on the node that it is published on, in memory or stored; afterwards they are
the recording.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from media.hls.answers import InStore, OnDisk
from media.hls.events import InitReady
from media.hls.reel import Reel, Stretch
from server.http.errors import Problem
from server.live.addresses import MediaAddresses
from server.live.playback import Playback
from server.live.pull import Pull
from server.live.viewings import Viewer
from storage.objects import NoSuchObject, ObjectStore
from storage.recording import Init, Recordings, Segment

READ_S: Final = 20.0
MARGIN_S: Final = 12.0
"""Segments are no longer than this, so that one that begins this much earlier may hold the time that is asked for."""

Read = Callable[[str], Awaitable[bytes]]


class Gone(Exception):
    """A file that was listed is there no more."""


@dataclass(frozen=True, kw_only=True)
class FootageStream:
    """``media_node``: that it is published on, empty or meaningless for one that is not on the air."""

    id: str
    is_on_air: bool
    media_node: str


@dataclass(frozen=True, kw_only=True)
class Footage:
    """``reel`` lists, ``read`` gives the bytes of its files; it raises ``Gone``, ``Unavailable`` or a ``Problem``."""

    reel: Reel
    read: Read


class FootageFinder:
    def __init__(
        self,
        *,
        playback: Playback,
        recordings: Recordings,
        objects: ObjectStore,
        pull: Pull,
        addresses: MediaAddresses,
        me: str,
    ) -> None:
        self._playback = playback
        self._recordings = recordings
        self._objects = objects
        self._pull = pull
        self._addresses = addresses
        self._me = me

    async def find(
        self, stream: FootageStream, viewer: Viewer, *, seconds: float, stop_s: float | None = None
    ) -> Footage | None:
        """What there is of the ``seconds`` before ``stop_s`` of the media clock (None: before the end); None when there
        is nothing of the stream at all. Raises ``Unavailable`` or a ``Problem``."""
        if self._is_elsewhere(stream):
            return await self._pulled(stream, viewer, seconds, stop_s)
        found = self._live(stream.id, seconds, stop_s) if stream.is_on_air else None
        return found or await self._recorded(stream.id, seconds, stop_s)

    def _is_elsewhere(self, stream: FootageStream) -> bool:
        is_here = not stream.is_on_air or stream.media_node in ("", self._me)
        return not is_here and self._pull.can_reach(stream.media_node)

    async def picture(self, stream: FootageStream, viewer: Viewer) -> bytes | None:
        """The latest picture of the stream."""
        here = self._playback.picture(stream.id)
        if here is not None:
            return await asyncio.to_thread(_read_file, here.path)
        try:
            if self._is_elsewhere(stream):
                return await self._fetch(stream.media_node, f"{self._base(stream.id, viewer)}/thumbnail.webp")
            return await self._object(f"streams/{stream.id}/thumbnail.webp")
        except (Gone, Problem):
            return None

    def live_reel(self, stream_id: str, seconds: float, stop_s: float | None) -> Reel | None:
        """What this node has of a stream that is published here."""
        held = self._playback.known(stream_id)
        return held.index.reel(seconds, stop_s) if held is not None else None

    def _live(self, stream_id: str, seconds: float, stop_s: float | None) -> Footage | None:
        reel = self.live_reel(stream_id, seconds, stop_s)
        return None if reel is None else Footage(reel=reel, read=lambda name: self._read_live(stream_id, name))

    async def _read_live(self, stream_id: str, name: str) -> bytes:
        held = self._playback.known(stream_id)
        location = held.index.locate(name) if held is not None else None
        if isinstance(location, InStore):
            return await self._object(location.object_key)
        if isinstance(location, OnDisk):
            data = await asyncio.to_thread(_read_file, location.path, location.offset, location.size)
            return data if data is not None else await self._init(stream_id, name)
        raise Gone(name)

    async def _init(self, stream_id: str, name: str) -> bytes:
        """An initialisation whose live file has gone is an object too."""
        for init in await self._recordings.inits(stream_id):
            if init.name == name:
                return await self._object(init.object_key)
        raise Gone(name)

    async def _recorded(self, stream_id: str, seconds: float, stop_s: float | None) -> Footage | None:
        extent = await self._recordings.extent_ms(stream_id)
        if extent is None:
            return None
        begin_s, end_s = extent[0] / 1000, extent[1] / 1000
        stop_s = end_s if stop_s is None else stop_s
        inits = {(init.rendition, init.name): init for init in await self._recordings.inits(stream_id)}
        from_ms, to_ms = round((stop_s - seconds - MARGIN_S) * 1000), round(stop_s * 1000)
        rows = await self._recordings.between(stream_id, from_ms=from_ms, to_ms=to_ms)
        found = [_stretch(row, inits[key]) for row in rows if (key := (row.rendition, row.init_name)) in inits]
        wanted = [each for each in found if each.start_s + each.duration_s > stop_s - seconds]
        wanted.sort(key=lambda each: (each.about.kind != "video", each.about.rendition, each.start_s))
        return Footage(reel=Reel(begin_s=begin_s, end_s=end_s, stretches=wanted), read=self._object)

    async def _pulled(
        self, stream: FootageStream, viewer: Viewer, seconds: float, stop_s: float | None
    ) -> Footage | None:
        node, base = stream.media_node, self._base(stream.id, viewer)
        stop = "" if stop_s is None else f"&stop_ms={stop_s * 1000:.0f}"
        body = await self._fetch(node, f"{base}/footage.json?ms={seconds * 1000:.0f}{stop}")
        reel = msgspec.json.decode(body, type=Reel | None)
        return None if reel is None else Footage(reel=reel, read=lambda name: self._fetch(node, f"{base}/{name}"))

    def _base(self, stream_id: str, viewer: Viewer) -> str:
        return f"/hls/{self._addresses.relayed(stream_id, viewer)}"

    async def _fetch(self, node: str, path: str) -> bytes:
        fetched = await self._pull.fetch(node, path)
        if fetched.status != 200:
            raise Gone(path)
        return fetched.body

    async def _object(self, key: str) -> bytes:
        try:
            async with asyncio.timeout(READ_S):
                return b"".join([chunk async for chunk in self._objects.open(key)])
        except NoSuchObject:
            raise Gone(key) from None
        except TimeoutError:
            raise Problem(503, "The store of recordings takes too long", retry_after_s=2.0) from None


def _stretch(row: Segment, init: Init) -> Stretch:
    return Stretch(
        about=msgspec.convert({**init.info, "path": ""}, InitReady),
        init=init.object_key,
        files=(row.object_key,),
        start_s=row.media_time_ms / 1000,
        duration_s=row.duration_ms / 1000,
        size=row.bytes,
    )


def _read_file(path: str, offset: int = 0, size: int = -1) -> bytes | None:
    try:
        with Path(path).open("rb") as file:
            file.seek(offset)
            return file.read(size)
    except OSError:
        return None
