"""One WebSocket of the edge on its transport: bytes to events, fair turns, the closing handshake."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final

from server.live.edge import websocket
from server.live.edge.session import EngineSession
from server.live.edge.sessions import EngineSessions
from server.live.edge.websocket import Event, FrameReader

_DATA: Final = (websocket.TEXT, websocket.BINARY)

_OPEN: Final = 0
_CLOSING: Final = 1  # our close frame is out, theirs is not here
_BROKEN: Final = 2  # likewise, and what they send can no longer be read
_CLOSED: Final = 3  # both are done, and what is unsent is on its way out
_LOST: Final = 4


class WebSocketConnection(asyncio.Protocol):
    """Takes over a transport after the 101 response. Everything runs in the transport's callbacks."""

    __slots__ = (
        "_backlog",
        "_close_by",
        "_reader",
        "_sessions",
        "_state",
        "is_probed",
        "session",
        "transport",
        "window",
        "write",
    )

    def __init__(self, *, transport: asyncio.Transport, sessions: EngineSessions, window: int = 0) -> None:
        """`window`, in bits, of what may be written compressed; 0 when that was not agreed on."""
        self.transport = transport
        self.window = window
        self.write = transport.write
        self.session: EngineSession | None = None
        self.is_probed = False
        self._sessions = sessions
        self._reader = FrameReader(max_bytes=sessions.limits.max_payload, may_inflate=window > 0)
        self._backlog: deque[Event] | None = None
        self._state = _OPEN
        self._close_by = 0.0
        transport.set_write_buffer_limits(high=sessions.limits.slow_bytes, low=sessions.limits.slow_bytes // 4)

    @property
    def unsent_bytes(self) -> int:
        return self.transport.get_write_buffer_size()

    # -- in

    def data_received(self, data: bytes) -> None:
        if self._state >= _BROKEN:
            return
        events = self._reader.feed(data)
        if self._backlog is not None:
            self._backlog.extend(events)
        elif len(events) == 1:
            self._event(events[0])
        elif len(events) <= self._sessions.limits.events_per_turn:
            for event in events:
                self._event(event)
        else:
            self._backlog = deque(events)
            self.transport.pause_reading()
            self._turn()

    def _turn(self) -> None:
        """A share of a flood of small messages; the rest when the other connections have had their turn."""
        backlog = self._backlog
        if backlog is None:
            return
        for _ in range(min(len(backlog), self._sessions.limits.events_per_turn)):
            self._event(backlog.popleft())
        if backlog and self._state < _CLOSED:
            asyncio.get_running_loop().call_soon(self._turn)
            return
        self._backlog = None
        if not self.transport.is_closing():
            self.transport.resume_reading()

    def _event(self, event: Event) -> None:
        opcode, data = event
        if opcode in _DATA:
            if self.session is not None and self._state == _OPEN:
                self.session.receive(self, data)
        elif opcode == websocket.PING:
            if self._state == _OPEN:
                self._pong(data)
        elif opcode == websocket.CLOSE:
            self._closed_by_client(*data)
        elif opcode == websocket.VIOLATION:
            self._violation(*data)

    def _pong(self, data: bytes) -> None:
        # A client that sends pings and reads nothing must not make this server hoard the answers.
        if self.unsent_bytes <= self._sessions.limits.slow_bytes:
            self.write(websocket.frame(websocket.PONG, data))

    def _closed_by_client(self, code: int, reason: str) -> None:
        if self._state == _OPEN:
            self.write(websocket.close_frame(code, reason))
        self._state = _CLOSED
        self.transport.close()
        self._look_at_end()
        self._lost("transport close")

    def _look_at_end(self) -> None:
        """A peer that does not read would keep its transport for ever."""
        self._close_by = self._sessions.clock() + self._sessions.limits.close_timeout_s
        self._sessions.wheel.add(self, self._close_by)

    def _violation(self, code: int, reason: str) -> None:
        session = self.session
        if session is not None and session.is_on(self):
            session.close("parse error" if code != websocket.TOO_BIG else "transport error", code=code, detail=reason)
        self.close(code, reason)
        self._state = max(self._state, _BROKEN)
        self._hang_up()

    def _hang_up(self) -> None:
        """Their close frame could not be read any more, so nothing is waited for (RFC 6455 section 7.1.7). What they
        still send is read and thrown away: closing on unread bytes would take our close frame with it."""
        if self.transport.is_closing():
            return
        if self.transport.can_write_eof():
            self.transport.write_eof()
        else:
            self.transport.close()

    # -- out

    def pause_writing(self) -> None:
        if self.session is not None and self.session.is_on(self):
            self.session.pause()

    def resume_writing(self) -> None:
        if self.session is not None and self.session.is_on(self):
            self.session.resume()

    def close(self, code: int, reason: str = "") -> None:
        """Sends the close frame and waits for theirs, as long as the limits allow. A clogged transport is cut."""
        if self._state != _OPEN:
            return
        self._state = _CLOSING
        if self.unsent_bytes > self._sessions.limits.slow_bytes:
            self.transport.abort()
            return
        self.write(websocket.close_frame(code, reason))
        self._look_at_end()

    def check(self, now: float) -> float | None:
        """The deadline of a probe, or of a closing handshake."""
        if self._state == _OPEN:
            session = self.session
            if session is None or not session.is_probe(self):
                return None
            session.probe_lost(self)
            self.close(websocket.POLICY_VIOLATION, "upgrade timeout")
            return None
        if self._state == _LOST:
            return None
        if now < self._close_by:
            return self._close_by
        self.transport.abort()
        return None

    # -- end

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._state = _LOST
        self._backlog = None
        self._lost("transport close" if exc is None else "transport error")

    def _lost(self, reason: str) -> None:
        session, self.session = self.session, None
        if session is None:
            return
        if session.is_on(self):
            session.lost(reason)
        else:
            session.probe_lost(self)
