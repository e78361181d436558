"""Two connections as one: the bytes of each go to the other, and they end together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

from server.live.edge.sessions import EngineSessions


class SplicedEnd(asyncio.Protocol):
    """One of the two connections."""

    __slots__ = ("_splice", "is_ended", "other", "transport")

    def __init__(self, splice: Splice) -> None:
        self._splice = splice
        self.other: SplicedEnd | None = None
        self.transport: asyncio.Transport | None = None
        self.is_ended = False  # it will send nothing more

    @property
    def is_open(self) -> bool:
        return self.transport is not None and not self.transport.is_closing()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._splice.touch()
        if self.other is not None:
            self.other.write(data)

    def write(self, data: bytes) -> None:
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write(data)

    def pause_writing(self) -> None:
        if self.other is not None and self.other.is_open:
            cast(asyncio.Transport, self.other.transport).pause_reading()

    def resume_writing(self) -> None:
        if self.other is not None and self.other.is_open:
            cast(asyncio.Transport, self.other.transport).resume_reading()

    def eof_received(self) -> bool:
        self.is_ended = True
        return self._splice.half_closed(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None
        self._splice.lost(self)


class Splice:
    """`near` is the client's connection, `far` the node's, which is there first. Nothing is kept between them beyond a
    write buffer's high-water mark each; a side that is full stops the reading on the other. When one side ends the
    other gets the bytes that were sent, and as long as a closing handshake takes. A silence longer than sessions allow
    ends both.
    """

    __slots__ = ("_due", "_is_closing", "_over", "_sessions", "far", "near")

    def __init__(self, *, sessions: EngineSessions, over: Callable[[Splice], None]) -> None:
        """`over` is called when both ends are gone."""
        self._sessions = sessions
        self._over = over
        self._is_closing = False
        self._due = 0.0
        self.near = SplicedEnd(self)
        self.far = SplicedEnd(self)

    def begin(self, near: asyncio.Transport, sent: bytes) -> None:
        """Takes the client's transport over; the node gets the bytes of `sent` first. Once."""
        self.near.transport = near
        self.near.other, self.far.other = self.far, self.near
        near.set_protocol(self.near)
        for end in (self.near, self.far):
            if end.transport is not None:
                slow_bytes = self._sessions.limits.slow_bytes
                end.transport.set_write_buffer_limits(high=slow_bytes, low=slow_bytes // 4)
        self.touch()
        self._sessions.wheel.add(self, self._due)
        self.far.write(sent)
        if not self.far.is_open:
            self.close()

    def touch(self) -> None:
        """Either side has sent something: puts the deadline off."""
        if not self._is_closing:
            limits = self._sessions.limits
            self._due = self._sessions.clock() + limits.ping_interval_s + limits.ping_timeout_s

    def half_closed(self, end: SplicedEnd) -> bool:
        """One side will send nothing more; whether it stays open for what the other still sends."""
        self._soon()
        other = end.other
        if other is None or not other.is_open or other.is_ended:
            self.close()
            return False
        transport = cast(asyncio.Transport, other.transport)
        if not transport.can_write_eof():
            transport.close()
            return False
        transport.write_eof()
        return True

    def lost(self, end: SplicedEnd) -> None:
        if self.near.transport is None and self.far.transport is None:
            self._over(self)
        elif end.other is not None:
            self.close()

    def close(self) -> None:
        """Ends both when what was sent is written."""
        self._soon()
        for end in (self.near, self.far):
            if end.is_open:
                cast(asyncio.Transport, end.transport).close()

    def abort(self) -> None:
        """Cuts both."""
        for end in (self.near, self.far):
            if end.transport is not None:
                end.transport.abort()

    def _soon(self) -> None:
        if not self._is_closing:
            self._is_closing = True
            self._due = self._sessions.clock() + self._sessions.limits.close_timeout_s
            self._sessions.wheel.add(self, self._due)

    def check(self, now: float) -> float | None:
        if self.near.transport is None and self.far.transport is None:
            return None
        if now < self._due:
            return self._due
        self.abort()
        return None
