"""WebRTC over TCP for peers whose networks let no UDP out: passive candidates (RFC 6544), frames of RFC 4571.

A connection that was just accepted is a stranger's. The first frame has to be a check that is signed for a session, and
has to come soon; what else a stranger sends ends the connection without an answer. How many of them there may be is
bounded, and too many cost the oldest their place.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Hashable, Sequence
from typing import Final, Protocol

import msgspec

from media.webrtc import stun
from media.webrtc.paths import Address, Path, Run

MAX_FRAME: Final = 2_048
STRANGER_S: Final = 5.0
MAX_STRANGERS: Final = 256
MAX_STRANGERS_OF_ADDRESS: Final = 32
MAX_CONNECTIONS: Final = 4_000
#: What the kernel is told to hold for one peer; it takes twice as much.
SEND_BUFFER_BYTES: Final = 96 * 1024
#: What waits beside it, at most: a large key frame. Whoever reads too slowly loses packets, as over UDP.
MAX_WAITING_BYTES: Final = 256 * 1024
#: Whoever has lost all for this long is dropped.
SLOW_S: Final = 10.0
_SIZE_BYTES: Final = 2


class FrameTooLong(ValueError):
    """Nobody sends such a datagram."""


class Deframer:
    """Bytes in, datagrams out. Holds less than one frame. Sans-I/O."""

    def __init__(self) -> None:
        self._held = b""

    def push(self, data: bytes, *, longest: int) -> list[bytes]:
        """Raises FrameTooLong as soon as one is announced."""
        frames: list[bytes] = []
        held, start = self._held + data, 0
        while len(held) - start >= _SIZE_BYTES:
            size = int.from_bytes(held[start : start + _SIZE_BYTES], "big")
            if size > longest:
                raise FrameTooLong(size)
            end = start + _SIZE_BYTES + size
            if len(held) < end:
                break
            frames.append(held[start + _SIZE_BYTES : end])
            start = end
        self._held = held[start:]
        return frames


class TcpPath:
    """One connection. What would wait for too long is lost; see :class:`Path`."""

    def __init__(self, transport: asyncio.Transport, clock: Callable[[], float]) -> None:
        self.address: Address = transport.get_extra_info("peername")
        self.dropped = 0
        self._transport = transport
        self._clock = clock
        self._full_since: float | None = None

    @property
    def key(self) -> Hashable:
        return self

    def send(self, datagram: bytes) -> None:
        self._write(len(datagram).to_bytes(_SIZE_BYTES, "big") + datagram, 1)

    def send_runs(self, heads: Sequence[bytes], bodies: Sequence[bytes], runs: Sequence[Run]) -> None:
        frames: list[bytes] = []
        for head, body in zip(heads, bodies, strict=True):
            frames += ((len(head) + len(body)).to_bytes(_SIZE_BYTES, "big"), head, body)
        self._write(b"".join(frames), len(heads))

    def close(self) -> None:
        """What waits is sent before, unless the peer does not take it."""
        if self._full_since is None:
            self._transport.close()
        else:
            self._transport.abort()

    def _write(self, framed: bytes, count: int) -> None:
        if self._transport.is_closing() or self._is_full():
            self.dropped += count
        else:
            self._transport.write(framed)

    def _is_full(self) -> bool:
        if self._transport.get_write_buffer_size() < MAX_WAITING_BYTES:
            self._full_since = None
            return False
        now = self._clock()
        if self._full_since is None:
            self._full_since = now
        elif now - self._full_since > SLOW_S:
            self._transport.abort()
        return True


class Sessions(Protocol):
    """What connections need of the port."""

    def check(self, datagram: bytes, path: Path, now: float) -> bool:
        """Whether it is a signed check for a session, of the path's if it has one already; then it is answered."""

    def receive(self, datagram: bytes, path: Path, now: float) -> None:
        """DTLS, SRTP or SRTCP."""

    def lost(self, path: Path) -> None: ...


class Totals(msgspec.Struct):
    """Since the start. ``refused``: connections of strangers that were ended."""

    accepted: int = 0
    refused: int = 0


class TcpListener:
    """Passive sockets on the addresses of the UDP ones. ``close`` it before the port."""

    def __init__(self, sessions: Sessions) -> None:
        self.totals = Totals()
        self._sessions = sessions
        self._loop = asyncio.get_running_loop()
        self._servers: list[asyncio.Server] = []
        self._connections: dict[_Connection, None] = {}
        self._strangers: dict[_Connection, None] = {}

    @property
    def connections(self) -> int:
        return len(self._connections)

    async def listen(self, sock: socket.socket) -> None:
        """``sock`` is bound and becomes the listener's."""
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        self._servers.append(await self._loop.create_server(lambda: _Connection(self, self._sessions), sock=sock))

    async def close(self) -> None:
        """Idempotent."""
        for server in self._servers:
            server.close()
        for connection in list(self._connections):
            connection.end()

    def came(self, connection: _Connection) -> bool:
        """False: there is no room."""
        self.totals.accepted += 1
        if len(self._connections) >= MAX_CONNECTIONS:
            self.totals.refused += 1
            return False
        self._connections[connection] = self._strangers[connection] = None
        neighbours = [other for other in self._strangers if other.host == connection.host]
        if len(neighbours) > MAX_STRANGERS_OF_ADDRESS:
            self.refuse(neighbours[0])
        elif len(self._strangers) > MAX_STRANGERS:
            self.refuse(next(iter(self._strangers)))
        return True

    def known(self, connection: _Connection) -> None:
        """It is a session's."""
        self._strangers.pop(connection, None)

    def refuse(self, connection: _Connection) -> None:
        self.totals.refused += 1
        connection.end()
        self.left(connection)

    def left(self, connection: _Connection) -> None:
        """Idempotent."""
        self._connections.pop(connection, None)
        self._strangers.pop(connection, None)


class _Connection(asyncio.Protocol):
    def __init__(self, listener: TcpListener, sessions: Sessions) -> None:
        self.host = ""
        self._listener = listener
        self._sessions = sessions
        self._loop = asyncio.get_running_loop()
        self._frames = Deframer()
        self._is_known = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._path = TcpPath(transport, self._loop.time)
        self.host = self._path.address[0]
        self._patience = self._loop.call_later(STRANGER_S, self._listener.refuse, self)
        if not self._listener.came(self):
            self.end()

    def data_received(self, data: bytes) -> None:
        now = self._loop.time()
        longest = MAX_FRAME if self._is_known else stun.MAX_DATAGRAM
        try:
            for frame in self._frames.push(data, longest=longest):
                if self._transport.is_closing():
                    return
                self._take(frame, now)
        except FrameTooLong:
            self._listener.refuse(self)

    def _take(self, frame: bytes, now: float) -> None:
        if self._is_known and frame and not stun.is_stun(frame):
            self._sessions.receive(frame, self._path, now)
        elif self._sessions.check(frame, self._path, now):
            self._is_known = True
            self._patience.cancel()
            self._listener.known(self)
        elif not self._is_known:
            self._listener.refuse(self)

    def connection_lost(self, _: Exception | None) -> None:
        self._patience.cancel()
        self._listener.left(self)
        self._sessions.lost(self._path)

    def end(self) -> None:
        self._patience.cancel()
        self._transport.abort()
