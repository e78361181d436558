"""A stream that is fetched as HLS: segments by HTTP, taken apart by a process of its own, paced to real time."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
import time
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final, Protocol

from media.confinement import environment
from media.errors import ProtocolError
from media.pull.flv_tags import FlvReader
from media.pull.hls import MAX_PLAYLIST_BYTES, MediaPlaylist, Resource, Variant, parse
from media.pull.publishing import Publish, Publishing
from media.pull.segment_keys import KEY_BYTES, decrypted
from media.restream.connection import Streams, Trouble
from media.rtmp.chunk import AUDIO, VIDEO, RtmpMessage

OPEN_S: Final = 30.0
SILENT_S: Final = 20.0
STALE_TARGETS: Final = 4.0
"""So many target durations without a new segment, and ``OPEN_S``, end the source."""
MAX_SEGMENT_BYTES: Final = 32 * 1024 * 1024
MAX_INIT_BYTES: Final = 1024 * 1024
MIN_RELOAD_S: Final = 0.5
LEFT_S: Final = 1.0
MAX_DEPTH: Final = 3
"""Multivariant playlists that name multivariant playlists."""
READ_BYTES: Final = 64 * 1024
MAX_OFF_S: Final = 20.0
"""A timestamp that is further off than this is a new beginning."""

Span = tuple[int, int]


class Get(Protocol):
    """Fetches over HTTP."""

    async def __call__(self, url: str, max_bytes: int, span: Span | None = None) -> tuple[bytes, str]:
        """The body at an address, of at most so many bytes, and the address that it came from after redirects; of a
        ``span`` (offset, size) that part of it. Raises ``Trouble``, ``OSError`` or ``TimeoutError``."""


class Pacer:
    """How long to wait before a message of a time (ms) is due, when the first was due at once."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._origin: float | None = None

    def wait_s(self, at_ms: int) -> float:
        now = self._clock()
        if self._origin is None or abs(self._origin + at_ms / 1000 - now) > MAX_OFF_S:
            self._origin = now - at_ms / 1000
        return max(0.0, self._origin + at_ms / 1000 - now)


class HlsPlayback:
    """Plays one stream into one publication: a lane of its own for sound that comes apart. ``received_bytes`` counts
    what came.
    """

    def __init__(
        self,
        *,
        url: str,
        get: Get,
        publish: Publish,
        on_live: Callable[[], None],
        wall: Callable[[], float] = time.time,
    ) -> None:
        """``on_live`` is called once it is published here."""
        self.received_bytes = 0
        self._url = url
        self._last_key: tuple[str, bytes] | None = None
        self._get = get
        self._pacer = Pacer(time.monotonic)
        self._beginning = asyncio.Lock()
        self._stopping = asyncio.Event()
        self._publishing = Publishing(publish=publish, on_live=on_live, on_stop=self._stopping.set, wall=wall)

    async def run(self) -> None:
        """Until the source ends or is stopped: always raises, as ``RtmpPlayback.run``."""
        works = [self._stopped()]
        try:
            works += [self._lane(url) for url in await self._lanes()]
            await first_to_end(works)
        finally:
            for work in works:
                work.close()
            self._publishing.close()

    async def _stopped(self) -> None:
        await self._stopping.wait()
        raise self._publishing.ending()

    async def _lanes(self) -> list[str]:
        """The addresses of the media playlists: one, or pictures and sound."""
        url, sound = self._url, None
        for _ in range(MAX_DEPTH):
            playlist = await self._playlist(url)
            if isinstance(playlist, MediaPlaylist):
                return [url] if sound is None else [url, sound]
            url, sound = playlist.url, playlist.sound
        raise ProtocolError("the playlists name one another")

    async def _lane(self, url: str) -> None:
        """Always raises. That all is fetched is no end before all is played."""
        process, (reader, writer) = await _remuxer()
        try:
            await first_to_end([self._play(reader), self._fetch(url, writer)])
        finally:
            writer.transport.abort()
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)
            await process.wait()

    # from the other server to the process

    async def _fetch(self, url: str, writer: asyncio.StreamWriter) -> None:
        """Raises, or waits for ever when the last segment was sent."""
        number, init = None, None
        found_at = time.monotonic()
        while True:
            playlist = await self._playlist(url)
            if not isinstance(playlist, MediaPlaylist):
                raise ProtocolError("a variant is no media playlist")
            for segment in playlist.after(number):
                if segment.init is not None and segment.init != init:
                    init = segment.init
                    await self._send(writer, init, MAX_INIT_BYTES)
                await self._send(writer, segment.body, MAX_SEGMENT_BYTES)
                number, found_at = segment.number, time.monotonic()
            if playlist.has_ended:
                writer.write_eof()
                await asyncio.Future()
            if time.monotonic() - found_at > OPEN_S + STALE_TARGETS * playlist.target_s:
                raise Trouble("timeout", "the playlist has no new segments")
            await asyncio.sleep(max(MIN_RELOAD_S, playlist.target_s / 2))

    async def _playlist(self, url: str) -> MediaPlaylist | Variant:
        body, base = await self._get(url, MAX_PLAYLIST_BYTES)
        self.received_bytes += len(body)
        return parse(body.decode("utf-8", "replace"), base)

    async def _send(self, writer: asyncio.StreamWriter, wanted: Resource, max_bytes: int) -> None:
        if wanted.span is not None and wanted.span[1] > max_bytes:
            raise ProtocolError("a segment is too large")
        body, _ = await self._get(wanted.url, max_bytes, wanted.span)
        self.received_bytes += len(body)
        if wanted.key is not None:
            key = await self._key(wanted.key.url)
            body = await asyncio.to_thread(decrypted, body, key=key, iv=wanted.key.iv)
        try:
            writer.write(body)
            await writer.drain()
        except OSError:
            # The process has left: what it could still read of the stream tells more.
            await asyncio.sleep(LEFT_S)
            raise

    async def _key(self, url: str) -> bytes:
        """The last one is kept: most streams have one for many segments."""
        if self._last_key is None or self._last_key[0] != url:
            self._last_key = (url, (await self._get(url, KEY_BYTES))[0])
            self.received_bytes += KEY_BYTES
        return self._last_key[1]

    # from the process to the publication

    async def _play(self, reader: asyncio.StreamReader) -> None:
        """Always raises."""
        flv = FlvReader()
        while True:
            try:
                async with asyncio.timeout(SILENT_S if self._publishing.is_live else OPEN_S):
                    data = await reader.read(READ_BYTES)
            except TimeoutError:
                raise Trouble("timeout") from None
            if not data:
                raise Trouble("closed", "the source has ended or is in no known format")
            for message in flv.feed(data):
                await self._take(message)

    async def _take(self, message: RtmpMessage) -> None:
        """When it is due."""
        if message.type not in (AUDIO, VIDEO):
            return
        wait_s = self._pacer.wait_s(message.timestamp)
        if wait_s > 0:
            await asyncio.sleep(wait_s)
        self._publishing.take(message)
        async with self._beginning:
            if not self._publishing.is_live:
                await self._publishing.begin()


async def first_to_end(works: Sequence[Coroutine[Any, Any, None]]) -> None:
    """Raises what the first of them raises, and ends the others."""
    tasks = [asyncio.get_running_loop().create_task(work, name="a work of a source") for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        next(iter(done)).result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _remuxer() -> tuple[Process, Streams]:
    """A process that turns segments into FLV, and the way to it and from it. Raises ``OSError``."""
    ours, theirs = socket.socketpair()
    try:
        with theirs:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", "media.pull.remuxer", str(theirs.fileno()), str(os.getpid())),
                stdin=DEVNULL,
                stdout=DEVNULL,
                stderr=DEVNULL,
                pass_fds=[theirs.fileno()],
                env=environment(),
            )
        return process, await asyncio.open_unix_connection(sock=ours)
    except BaseException:
        ours.close()
        raise
