"""The RTMP server: sockets, deadlines and bounds around :mod:`media.rtmp.protocol`.

A connection has no task of its own. Bytes arrive in a callback, one timer sweeps all connections for deadlines, and
only the question whether a client may publish is a task, for as long as it takes; nothing more is read meanwhile, which
bounds what waits for the answer to the events of one read.
"""

from __future__ import annotations

import asyncio
import collections
import contextlib
import enum
import logging
import math
import socket
import ssl as tls
import time
from collections.abc import Awaitable, Callable
from ipaddress import IPv4Address, IPv6Network, ip_address
from typing import cast

import msgspec

from media.errors import ProtocolError, PublishRefused
from media.log_lines import LogLines
from media.publication import IngestProtocol, Publication, PublishRequest
from media.rtmp.chunk import VIDEO, ChunkLimits, RtmpMessage
from media.rtmp.ingest import RtmpIngest
from media.rtmp.protocol import (
    ConnectionEnding,
    DataMalformed,
    Event,
    Metadata,
    PublishStopped,
    PublishWanted,
    ServerProtocol,
)

Authorize = Callable[[PublishRequest], Awaitable[Publication]]
Clock = Callable[[], float]

#: An aborted connection reports its end within a few turns of the loop.
_ABORT_S = 1.0
#: A sweep that comes so late finds that we stood still ourselves: what has arrived meanwhile is to be read before
#: anybody is missed, so it is for the next one.
_STOOD_STILL_S = 1.0


class RtmpLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Deadlines in seconds and bounds of a server.

    ``silence_s`` counts from a publisher's last byte, ``stall_s`` from its last whole media message.
    ``pending`` are connections that do not publish.
    """

    handshake_s: float = 5.0
    publish_s: float = 10.0
    authorize_s: float = 10.0
    silence_s: float = 5.0
    stall_s: float = 15.0
    linger_s: float = 2.0
    sweep_s: float = 0.5
    max_connections: int = 1_000
    max_pending_per_address: int = 64
    max_unsent_bytes: int = 256 * 1024
    chunks: ChunkLimits = ChunkLimits()


def counted_address(peer: str) -> str:
    """What bounds by address count: the /64 of IPv6, IPv4 where it is mapped into IPv6."""
    try:
        address = ip_address(peer.partition("%")[0])
    except ValueError:
        return peer
    if isinstance(address, IPv4Address):
        return str(address)
    mapped = address.ipv4_mapped
    return str(mapped) if mapped is not None else str(IPv6Network((int(address) >> 64 << 64, 64)))


class RtmpCounters(msgspec.Struct):
    """Totals since the server was made. Ended publications are added to the unit counts when they end."""

    accepted: int = 0
    turned_away: int = 0
    published: int = 0
    refused: int = 0
    protocol_errors: int = 0
    timeouts: int = 0
    received_bytes: int = 0
    units: int = 0
    units_without_header: int = 0
    units_malformed: int = 0
    units_of_other_tracks: int = 0
    data_malformed: int = 0


class _Phase(enum.Enum):
    HANDSHAKE = enum.auto()
    IDLE = enum.auto()
    JUDGED = enum.auto()
    PUBLISHING = enum.auto()
    LINGERING = enum.auto()
    GONE = enum.auto()


class RtmpServer:
    """Accepts publishers. ``authorize`` is asked once a publish and answers with a publication or PublishRefused.

    ``clock`` is monotonic and times the deadlines, ``wall`` stamps the units. Belongs to the loop that started it.
    """

    def __init__(
        self,
        *,
        authorize: Authorize,
        limits: RtmpLimits | None = None,
        clock: Clock = time.monotonic,
        wall: Clock = time.time,
        ssl: tls.SSLContext | None = None,
        log: logging.Logger | None = None,
    ) -> None:
        self.counters = RtmpCounters()
        self._limits = limits or RtmpLimits()
        self._authorize = authorize
        self._clock = clock
        self._wall = wall
        self._ssl = ssl
        self._log = log or logging.getLogger(__name__)
        self._connections: set[_Connection] = set()
        self._pending: collections.Counter[str] = collections.Counter()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._sweeper: asyncio.TimerHandle | None = None
        self._swept_at = clock()
        self._stranger_lines = LogLines(now=clock())
        self._empty = asyncio.Event()
        self._is_closing = False

    @property
    def connections(self) -> int:
        """How many are open."""
        return len(self._connections)

    @property
    def publishers(self) -> int:
        """How many of them publish."""
        return sum(connection.phase is _Phase.PUBLISHING for connection in self._connections)

    async def start(self, *, host: str = "", port: int | None = None, sock: socket.socket | None = None) -> int:
        """Listen on ``sock``, or on ``host`` and ``port`` (0 or None: any free one); gives the port."""
        loop = asyncio.get_running_loop()
        timeout = self._limits.handshake_s if self._ssl is not None else None

        def connection() -> _Connection:
            return _Connection(server=self, limits=self._limits)

        if sock is not None:
            self._server = await loop.create_server(
                connection, sock=sock, ssl=self._ssl, ssl_handshake_timeout=timeout, backlog=512
            )
        else:
            self._server = await loop.create_server(
                connection, host or None, port or 0, ssl=self._ssl, ssl_handshake_timeout=timeout, backlog=512
            )
        self._schedule_sweep()
        return int(self._server.sockets[0].getsockname()[1])

    async def close(self, *, budget_s: float) -> None:
        """Stop listening, end the publishers, and be rid of all connections within the budget."""
        self._is_closing = True
        if self._server is not None:
            self._server.close()
        for connection in list(self._connections):
            connection.stop("shutdown")
        self._note_emptiness()
        await self._wait_for_emptiness(budget_s)
        for connection in list(self._connections):
            connection.abort()
        await self._wait_for_emptiness(_ABORT_S)
        await self._end_tasks()
        if self._sweeper is not None:
            self._sweeper.cancel()

    def sweep(self) -> None:
        """Close the connections whose deadlines have passed. Runs by itself every ``sweep_s``."""
        now = self._clock()
        for connection in list(self._connections):
            connection.check_deadlines(now)

    def _schedule_sweep(self) -> None:
        self._sweeper = asyncio.get_running_loop().call_later(self._limits.sweep_s, self._on_sweep)

    def _on_sweep(self) -> None:
        now = self._clock()
        stood_still = now - self._swept_at >= self._limits.sweep_s + _STOOD_STILL_S
        if not stood_still:
            self.sweep()
        self._swept_at = math.inf if stood_still else now  # the next one is never put off as well
        self._schedule_sweep()

    async def _end_tasks(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _wait_for_emptiness(self, budget_s: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(budget_s):
                await self._empty.wait()

    def _note_emptiness(self) -> None:
        if not self._connections:
            self._empty.set()

    def _admit(self, connection: _Connection) -> bool:
        """Let a new connection in, unless there are too many in all or too many idle ones from its address."""
        limits, address = self._limits, connection.address
        is_full = len(self._connections) >= limits.max_connections
        if self._is_closing or is_full or self._pending[address] >= limits.max_pending_per_address:
            self.counters.turned_away += 1
            return False
        self.counters.accepted += 1
        self._connections.add(connection)
        self._pending[address] += 1
        return True

    def _count_pending(self, address: str, change: int) -> None:
        self._pending[address] += change
        if self._pending[address] <= 0:
            del self._pending[address]

    def _log_end(self, connection: _Connection) -> None:
        """One line a publisher. Connections that never published share a bounded number of lines."""
        more = "" if connection.has_published else self._stranger_lines.take(self._clock())
        if more is not None:
            self._log.info("rtmp %s closed: %s%s", connection.remote, connection.reason, more)

    def _forget(self, connection: _Connection) -> None:
        self._connections.discard(connection)
        self._note_emptiness()

    def _judge(self, connection: _Connection, request: PublishRequest) -> None:
        task = asyncio.get_running_loop().create_task(
            self._ask(connection, request), name=f"rtmp authorize {request.remote}"
        )
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _ask(self, connection: _Connection, request: PublishRequest) -> None:
        try:
            async with asyncio.timeout(self._limits.authorize_s):
                publication = await self._authorize(request)
        except PublishRefused as refusal:
            connection.refused(refusal)
        except TimeoutError:
            connection.refused(PublishRefused("unavailable", "the server could not decide in time"))
        except Exception:
            # The edge to whoever decides: its failure is this publisher's refusal and nobody else's trouble.
            self._log.exception("rtmp %s: could not decide about a publisher", request.remote)
            connection.refused(PublishRefused("unavailable", "the server has a fault"))
        else:
            connection.accepted(publication)


class _Connection(asyncio.Protocol):
    def __init__(self, *, server: RtmpServer, limits: RtmpLimits) -> None:
        self.phase = _Phase.HANDSHAKE
        self.address = ""
        self._server = server
        self._limits = limits
        self._protocol = ServerProtocol(limits=limits.chunks)
        self._transport: asyncio.Transport | None = None
        self.remote = ""
        self._scheme: IngestProtocol = "rtmp"
        self.reason = "disconnected"
        self._deadline = 0.0
        self._last_bytes = 0.0
        self._last_media = 0.0
        self._waiting: list[Event] = []
        self._publication: Publication | None = None
        self._ingest: RtmpIngest | None = None
        self._is_pending = False
        self.has_published = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        peer = transport.get_extra_info("peername")
        self.address, self.remote = (counted_address(peer[0]), f"{peer[0]}:{peer[1]}") if peer else ("", "")
        self._scheme = "rtmps" if transport.get_extra_info("ssl_object") is not None else "rtmp"
        if not self._server._admit(self):
            self.phase = _Phase.GONE
            self._transport.abort()
            return
        self._is_pending = True
        self._deadline = self._server._clock() + self._limits.handshake_s
        self._transport.set_write_buffer_limits(high=self._limits.max_unsent_bytes)

    def data_received(self, data: bytes) -> None:
        if self.phase in (_Phase.LINGERING, _Phase.GONE):
            return
        self._server.counters.received_bytes += len(data)
        self._last_bytes = self._server._clock()
        try:
            events = self._protocol.receive(data)
            self._flush()
            self._handle(events)
        except ProtocolError as error:
            self._server.counters.protocol_errors += 1
            self._drop(f"protocol error: {error}")
        else:
            if self.phase is _Phase.HANDSHAKE and self._protocol.is_handshaken:
                self._idle()

    def eof_received(self) -> bool:
        return False

    def pause_writing(self) -> None:
        self._drop("the peer does not read")

    def connection_lost(self, exc: Exception | None) -> None:
        if self.phase is _Phase.GONE:
            return
        self._end_publication(self.reason)
        self._release_pending()
        self.phase = _Phase.GONE
        self._waiting.clear()
        self._server._log_end(self)
        self._server._forget(self)

    def check_deadlines(self, now: float) -> None:
        if self.phase is _Phase.PUBLISHING:
            if now - self._last_bytes > self._limits.silence_s or now - self._last_media > self._limits.stall_s:
                self._time_out("timeout")
        elif self.phase is _Phase.LINGERING:
            if now > self._deadline:
                self.abort()
        elif self.phase is not _Phase.JUDGED and now > self._deadline:
            self._time_out("timeout: nothing was published")

    def stop(self, reason: str) -> None:
        """End the connection from this side, with a status for the publisher."""
        if self.phase is _Phase.PUBLISHING:
            self._leave(self._protocol.stop(reason))
        elif self.phase is not _Phase.LINGERING:
            self._drop(reason)

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def accepted(self, publication: Publication) -> None:
        if self.phase is not _Phase.JUDGED:
            publication.close("disconnected")
            return
        self.phase = _Phase.PUBLISHING
        self._last_bytes = self._last_media = self._server._clock()
        self._publication = publication
        self._ingest = RtmpIngest(publication=publication, clock=self._server._clock)
        self.has_published = True
        self._server.counters.published += 1
        self._server._log.info("rtmp %s publishes", self.remote)
        self._release_pending()
        self._protocol.accept()
        self._flush()
        publication.on_stop(lambda reason: self._stop_run(publication, reason))
        self._resume()

    def refused(self, refusal: PublishRefused) -> None:
        self._server.counters.refused += 1
        if self.phase in (_Phase.JUDGED, _Phase.PUBLISHING):
            self._leave(self._protocol.refuse(refusal))

    def _stop_run(self, publication: Publication, reason: str) -> None:
        if self._publication is publication:
            self.stop(reason)

    def _resume(self) -> None:
        events, self._waiting = self._waiting, []
        try:
            self._handle(events)
        except ProtocolError as error:
            self._server.counters.protocol_errors += 1
            self._drop(f"protocol error: {error}")
        if self.phase is not _Phase.JUDGED and self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def _handle(self, events: list[Event]) -> None:
        for index, event in enumerate(events):
            if self.phase in (_Phase.LINGERING, _Phase.GONE):
                return
            if self.phase is _Phase.JUDGED:
                self._waiting.extend(events[index:])
                return
            if isinstance(event, RtmpMessage):
                self._media(event)
            elif isinstance(event, PublishWanted):
                self._want(event)
            elif isinstance(event, Metadata):
                if self._ingest is not None:
                    self._ingest.metadata(event.values)
            elif isinstance(event, DataMalformed):
                self._server.counters.data_malformed += 1
            elif isinstance(event, PublishStopped):
                self._end_publication("ended")
                self._idle()
            else:
                self._leave(event)

    def _media(self, message: RtmpMessage) -> None:
        ingest, server = self._ingest, self._server
        if ingest is None:
            return
        self._last_media = self._last_bytes
        feed = ingest.video if message.type == VIDEO else ingest.audio
        try:
            feed(message.timestamp, message.payload, at=server._wall())
        except PublishRefused as refusal:
            self.refused(refusal)

    def _want(self, wanted: PublishWanted) -> None:
        self.phase = _Phase.JUDGED
        if self._transport is not None:
            self._transport.pause_reading()
        request = PublishRequest(
            key=wanted.key, protocol=self._scheme, remote=self.remote, user_agent=wanted.user_agent
        )
        self._server._judge(self, request)

    def _flush(self) -> None:
        data = self._protocol.take()
        if data and self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def _idle(self) -> None:
        """Wait for a publish, but not for long."""
        self.phase = _Phase.IDLE
        self._deadline = self._server._clock() + self._limits.publish_s
        if not self._is_pending:
            self._is_pending = True
            self._server._count_pending(self.address, 1)

    def _release_pending(self) -> None:
        if self._is_pending:
            self._is_pending = False
            self._server._count_pending(self.address, -1)

    def _leave(self, ending: ConnectionEnding) -> None:
        """Send what is queued, then close. The socket is read on for a while: closing it at once could take back
        what the peer has not read yet."""
        self._end_publication(ending.reason)
        self.reason = ending.reason
        self._flush()
        if self.phase is _Phase.GONE or self._transport is None:
            return
        self.phase = _Phase.LINGERING
        self._deadline = self._server._clock() + self._limits.linger_s
        if not self._transport.is_closing():
            self._transport.resume_reading()
            self._half_close(self._transport)

    def _half_close(self, transport: asyncio.Transport) -> None:
        if not transport.can_write_eof():
            transport.close()
            return
        try:
            transport.write_eof()
        except OSError:
            # The peer has gone already and the transport does not know it yet.
            transport.abort()

    def _drop(self, reason: str) -> None:
        """Close without ceremony."""
        if self.phase is _Phase.GONE:
            return
        self.phase, self._deadline = _Phase.LINGERING, 0.0
        self.reason = reason
        self._end_publication(reason)
        self._waiting.clear()
        self.abort()

    def _time_out(self, reason: str) -> None:
        self._server.counters.timeouts += 1
        self._drop(reason)

    def _end_publication(self, reason: str) -> None:
        publication, self._publication = self._publication, None
        ingest, self._ingest = self._ingest, None
        if publication is None or ingest is None:
            return
        with contextlib.suppress(ProtocolError, PublishRefused):
            ingest.finish()
        counters, counts = self._server.counters, ingest.counts
        counters.units += counts.units
        counters.units_without_header += counts.without_header
        counters.units_malformed += counts.malformed
        counters.units_of_other_tracks += counts.other_tracks
        publication.close(reason)
