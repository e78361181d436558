"""One connection of the RTMP server: bytes in, a publication out, and its deadlines."""

from __future__ import annotations

import asyncio
import contextlib
import enum
import logging
from collections.abc import Callable
from typing import Protocol, cast

from media.errors import ProtocolError, PublishRefused
from media.publication import IngestProtocol, Publication, PublishRequest
from media.rtmp.chunk import VIDEO, RtmpMessage
from media.rtmp.ingest import RtmpIngest
from media.rtmp.limits import RtmpCounters, RtmpLimits, counted_address
from media.rtmp.protocol import (
    ConnectionEnding,
    DataMalformed,
    Event,
    Metadata,
    PublishStopped,
    PublishWanted,
    ServerProtocol,
)

MUCH_BYTES = 64 * 1024
"""A quarter of what one read can take."""
GRID_S = 0.01


class Phase(enum.Enum):
    HANDSHAKE = enum.auto()
    IDLE = enum.auto()
    JUDGED = enum.auto()
    PUBLISHING = enum.auto()
    LINGERING = enum.auto()
    GONE = enum.auto()


class ConnectionServer(Protocol):
    """The server, as one of its connections needs it."""

    @property
    def counters(self) -> RtmpCounters: ...

    @property
    def clock(self) -> Callable[[], float]:
        """Monotonic, for deadlines."""
        ...

    @property
    def wall(self) -> Callable[[], float]:
        """Seconds since the epoch, for the units."""
        ...

    @property
    def log(self) -> logging.Logger: ...

    def admit(self, connection: RtmpConnection) -> bool:
        """Counts a new connection in; False when there are too many."""
        ...

    def count_pending(self, address: str, change: int) -> None:
        """One connection of the address more, or less, that does not publish."""
        ...

    def judge(self, connection: RtmpConnection, request: PublishRequest) -> None:
        """Asks whether the client may publish, and calls ``accepted`` or ``refused`` later."""
        ...

    def log_end(self, connection: RtmpConnection) -> None: ...

    def forget(self, connection: RtmpConnection) -> None: ...


class RtmpConnection(asyncio.Protocol):
    """Belongs to its server, which calls ``check_deadlines`` at each sweep."""

    def __init__(self, *, server: ConnectionServer, limits: RtmpLimits) -> None:
        self.phase = Phase.HANDSHAKE
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
        self._read_at = 0.0
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
        if not self._server.admit(self):
            self.phase = Phase.GONE
            self._transport.abort()
            return
        self._is_pending = True
        self._deadline = self._server.clock() + self._limits.handshake_s
        self._transport.set_write_buffer_limits(high=self._limits.max_unsent_bytes)

    def data_received(self, data: bytes) -> None:
        if self.phase in (Phase.LINGERING, Phase.GONE):
            return
        self._server.counters.received_bytes += len(data)
        self._last_bytes, self._read_at = self._server.clock(), self._server.wall()
        try:
            events = self._protocol.receive(data)
            self._flush()
            self._handle(events)
        except ProtocolError as error:
            self._server.counters.protocol_errors += 1
            self._drop(f"protocol error: {error}")
        else:
            if self.phase is Phase.HANDSHAKE and self._protocol.is_handshaken:
                self._idle()
            elif self.phase is Phase.PUBLISHING:
                self._rest(len(data))

    def _rest(self, received: int) -> None:
        """Let some of the media gather before it is read: waking up costs more than reading does. A publisher that has
        sent much in that time is read on at once, so that none is held up."""
        if received > MUCH_BYTES or self._transport is None or self._transport.is_closing():
            return
        self._transport.pause_reading()
        # After those who read the publication: by then they know what they wait for.
        asyncio.get_running_loop().call_soon(self._sleep)

    def _sleep(self) -> None:
        """Woken up at the same moments as other publishers."""
        loop = asyncio.get_running_loop()
        patience_s = self._publication.patience_s if self._publication is not None else 0.0
        if patience_s < GRID_S:
            self._read_on()
        else:
            loop.call_at((loop.time() + patience_s) // GRID_S * GRID_S, self._read_on)

    def _read_on(self) -> None:
        if self.phase is Phase.PUBLISHING and self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def eof_received(self) -> bool:
        return False

    def pause_writing(self) -> None:
        self._drop("the peer does not read")

    def connection_lost(self, exc: Exception | None) -> None:
        if self.phase is Phase.GONE:
            return
        self._end_publication(self.reason)
        self._release_pending()
        self.phase = Phase.GONE
        self._waiting.clear()
        self._server.log_end(self)
        self._server.forget(self)

    def check_deadlines(self, now: float) -> None:
        if self.phase is Phase.PUBLISHING:
            if now - self._last_bytes > self._limits.silence_s or now - self._last_media > self._limits.stall_s:
                self._time_out("timeout")
        elif self.phase is Phase.LINGERING:
            if now > self._deadline:
                self.abort()
        elif self.phase is not Phase.JUDGED and now > self._deadline:
            self._time_out("timeout: nothing was published")

    def stop(self, reason: str) -> None:
        """End the connection from this side, with a status for the publisher."""
        if self.phase is Phase.PUBLISHING:
            self._leave(self._protocol.stop(reason))
        elif self.phase is not Phase.LINGERING:
            self._drop(reason)

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def accepted(self, publication: Publication) -> None:
        if self.phase is not Phase.JUDGED:
            publication.close("disconnected")
            return
        self.phase = Phase.PUBLISHING
        self._last_bytes = self._last_media = self._server.clock()
        self._publication = publication
        self._ingest = RtmpIngest(publication=publication, clock=self._server.clock)
        self.has_published = True
        self._server.counters.published += 1
        self._server.log.info("rtmp %s publishes", self.remote)
        self._release_pending()
        self._protocol.accept()
        self._flush()
        publication.on_stop(lambda reason: self._stop_run(publication, reason))
        self._resume()

    def refused(self, refusal: PublishRefused) -> None:
        self._server.counters.refused += 1
        if self.phase in (Phase.JUDGED, Phase.PUBLISHING):
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
        if self.phase is not Phase.JUDGED and self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def _handle(self, events: list[Event]) -> None:
        for index, event in enumerate(events):
            if self.phase in (Phase.LINGERING, Phase.GONE):
                return
            if self.phase is Phase.JUDGED:
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
        ingest = self._ingest
        if ingest is None:
            return
        self._last_media = self._last_bytes
        feed = ingest.video if message.type == VIDEO else ingest.audio
        try:
            feed(message.timestamp, message.payload, at=self._read_at)
        except PublishRefused as refusal:
            self.refused(refusal)

    def _want(self, wanted: PublishWanted) -> None:
        self.phase = Phase.JUDGED
        if self._transport is not None:
            self._transport.pause_reading()
        request = PublishRequest(
            key=wanted.key, protocol=self._scheme, remote=self.remote, user_agent=wanted.user_agent,
            is_backup=wanted.is_backup,
        )  # fmt: skip
        self._server.judge(self, request)

    def _flush(self) -> None:
        data = self._protocol.take()
        if data and self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def _idle(self) -> None:
        """Wait for a publish, but not for long."""
        self.phase = Phase.IDLE
        self._deadline = self._server.clock() + self._limits.publish_s
        if not self._is_pending:
            self._is_pending = True
            self._server.count_pending(self.address, 1)

    def _release_pending(self) -> None:
        if self._is_pending:
            self._is_pending = False
            self._server.count_pending(self.address, -1)

    def _leave(self, ending: ConnectionEnding) -> None:
        """Send what is queued, then close. The socket is read on for a while: closing it at once could take back
        what the peer has not read yet."""
        self._end_publication(ending.reason)
        self.reason = ending.reason
        self._flush()
        if self.phase is Phase.GONE or self._transport is None:
            return
        self.phase = Phase.LINGERING
        self._deadline = self._server.clock() + self._limits.linger_s
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
        if self.phase is Phase.GONE:
            return
        self.phase, self._deadline = Phase.LINGERING, 0.0
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
