"""One connection to an RTMP target, from the handshake to the last unit."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence

from media.errors import MediaError
from media.relay import End, Item, Tracks
from media.restream.states import Reason
from media.rtmp import flv
from media.rtmp.client import (
    ClientEvent,
    ClientProtocol,
    Published,
    PublishRejected,
    Redirected,
    RtmpAddress,
    parse_url,
)
from media.unit import Kind, Track, Unit

#: From the connection to the target's leave to publish.
OPEN_S = 15.0
#: A target takes at least ``SLICE_BYTES`` in this time, or the connection is given up.
STALL_S = 20.0
SLICE_BYTES = 64 * 1024
GOODBYE_S = 2.0
MAX_DETAIL_CHARS = 200
CARRIED = frozenset((*flv.VIDEO_FOURCC.values(), *flv.AUDIO_FOURCC.values()))

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Connect = Callable[[RtmpAddress], Awaitable[Streams]]
"""Opens a connection. Raises ``Trouble``, ``OSError`` or ``TimeoutError``."""


class Trouble(MediaError):
    """A connection that ended, or was none. ``is_refusal``: trying again soon will not help."""

    def __init__(self, reason: Reason, detail: str = "", *, is_refusal: bool = False) -> None:
        super().__init__(reason)
        self.reason: Reason = reason
        self.detail = detail
        self.is_refusal = is_refusal


class Moved(MediaError):
    """The target is at another address."""

    def __init__(self, address: RtmpAddress) -> None:
        super().__init__(address.host)
        self.address = address


def trouble_of(error: Exception) -> Trouble:
    """What ended a connection, in the words of ``RestreamState`` and ``PullState``."""
    match error:
        case Trouble():
            return error
        case Moved():
            return Trouble("closed")
        case TimeoutError():
            return Trouble("timeout")
        case MediaError():
            return Trouble("protocol")
        case OSError():
            return Trouble("tls" if type(error).__module__ == "ssl" else "unreachable")
        case _:
            return Trouble("address", is_refusal=True)


class TargetConnection:
    """Sends one stream to one target. ``sent_bytes`` counts what the system has taken."""

    def __init__(self, *, address: RtmpAddress, streams: Streams) -> None:
        self.sent_bytes = 0
        self._address = address
        self._reader, self._writer = streams
        self._protocol = ClientProtocol(address=address)
        self._timescales: dict[Kind, int] = {}
        self._origin_ms: int | None = None
        self._at_ms = 0

    async def open(self) -> None:
        """Returns when the target takes the stream. Raises ``Trouble``, ``Moved``, ``ProtocolError``, ``OSError``, or
        ``TimeoutError`` after ``OPEN_S``.
        """
        async with asyncio.timeout(OPEN_S):
            await self._flush()
            while not self._protocol.is_publishing:
                await self._receive()
                await self._flush()

    async def watch(self) -> None:
        """Read what the target sends, until it ends the connection: raises as ``open`` does."""
        while True:
            await self._receive()

    async def send(self, items: Sequence[Item]) -> str | None:
        """Send what a relay's reader had, in order; the reason of its end, if that was among it.

        Raises ``Trouble`` when the target is too slow, or cannot be sent such tracks, and ``OSError``.
        """
        for item in items:
            if isinstance(item, End):
                return item.reason
            if isinstance(item, Tracks):
                self._send_tracks(item.tracks)
            elif item.kind in self._timescales:
                self._send_unit(item)
            await self._flush()
        return None

    async def finish(self) -> None:
        """End the stream at the target, as far as it takes that within ``GOODBYE_S``, and the connection."""
        with contextlib.suppress(OSError, TimeoutError, Trouble):
            async with asyncio.timeout(GOODBYE_S):
                self._protocol.finish()
                await self._flush()
                self._writer.close()
                await self._writer.wait_closed()

    def abort(self) -> None:
        """End the connection at once; what waits to be sent is lost. Idempotent."""
        self._writer.transport.abort()

    def _send_tracks(self, tracks: Sequence[Track]) -> None:
        for track in tracks:
            if track.codec not in CARRIED:
                raise Trouble("codec", track.codec, is_refusal=True)
        self._timescales = {track.kind: track.timescale for track in tracks}
        self._protocol.send_tracks(tracks, timestamp=self._at_ms)

    def _send_unit(self, unit: Unit) -> None:
        """Times begin at 0 with the first unit; what lies before that is sent as 0."""
        at_ms = unit.dts * 1000 // self._timescales[unit.kind]
        if self._origin_ms is None:
            self._origin_ms = at_ms
        self._at_ms = max(0, at_ms - self._origin_ms)
        self._protocol.send_unit(unit, origin_ms=min(self._origin_ms, at_ms))

    async def _receive(self) -> None:
        data = await self._reader.read(SLICE_BYTES)
        if not data:
            raise Trouble("closed")
        for event in self._protocol.receive(data):
            self._judge(event)

    def _judge(self, event: ClientEvent) -> None:
        match event:
            case Redirected(tc_url):
                raise Moved(moved(self._address, tc_url))
            case PublishRejected(code, description):
                detail = f"{code} {description}".replace(self._address.key, "…")
                raise Trouble("rejected", detail.strip()[:MAX_DETAIL_CHARS], is_refusal=True)
            case Published():
                pass

    async def _flush(self) -> None:
        data = memoryview(self._protocol.take())
        for start in range(0, len(data), SLICE_BYTES):
            piece = data[start : start + SLICE_BYTES]
            self._writer.write(piece)
            try:
                async with asyncio.timeout(STALL_S):
                    await self._writer.drain()
            except TimeoutError:
                raise Trouble("too_slow") from None
            self.sent_bytes += len(piece)


def moved(address: RtmpAddress, tc_url: str) -> RtmpAddress:
    """Where a redirect leads. Raises ``Trouble`` when that is no RTMP address, or would show the key in clear."""
    try:
        new = parse_url(f"{tc_url.rstrip('/')}/{address.key}")
    except ValueError:
        raise Trouble("address", "the target redirects to what is no RTMP address", is_refusal=True) from None
    if address.is_tls and not new.is_tls:
        raise Trouble("address", "the target redirects to an address without TLS", is_refusal=True)
    return new
