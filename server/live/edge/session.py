"""An Engine.IO session: one client over polling, WebSocket, or the first and then the second.

Nothing here owns a task, a queue or a timer. What is sent goes straight to the transport; over polling it waits in a
bounded list for the next poll. Deadlines are looked at by the sweep, and again at every request of the session, so that
one that has passed is never missed between two sweeps.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final, Protocol

from server.live.edge import engineio, websocket
from server.live.edge.engineio import InvalidPacket, Outgoing
from server.live.edge.limits import EdgeLimits
from server.live.edge.polling import Poll, Polling
from server.live.edge.wheel import HasDeadline, Wheel

_OPEN: Final = 0
_CLOSING: Final = 1  # closed for everyone but the next poll, which takes what is left
_CLOSED: Final = 2


class SessionHandler(Protocol):
    """What lives on a session. Every call is synchronous and on the loop's thread."""

    def receive(self, data: str | bytes) -> None:
        """A message; InvalidPacket closes the session."""
        ...

    def closed(self, reason: str) -> None:
        """Once, when nothing can be sent any more."""
        ...

    def writable(self) -> None:
        """The session was slow and has caught up."""
        ...

    def upgraded(self) -> None:
        """The session has gone over to WebSocket."""
        ...

    def check(self, now: float) -> float:
        """As HasDeadline.check; infinity when nothing is due."""
        ...


class Carrier(HasDeadline, Protocol):
    """A WebSocket that carries the session, or probes whether it can."""

    is_probed: bool
    """The client's probe has come and was answered."""

    @property
    def write(self) -> Callable[[bytes], None]:
        """Writes frames to the transport; never waits."""
        ...

    @property
    def window(self) -> int:
        """In bits, of what may be written compressed; 0 when nothing may."""
        ...

    @property
    def unsent_bytes(self) -> int: ...

    def close(self, code: int, reason: str = "") -> None:
        """Sends the close frame and waits for the client's, as long as the limits allow."""
        ...


class SessionOwner(Protocol):
    """What a session shares with the other sessions of its server."""

    @property
    def limits(self) -> EdgeLimits: ...

    @property
    def clock(self) -> Callable[[], float]: ...

    @property
    def node_tag(self) -> str:
        """Session ids end with it."""
        ...

    @property
    def wheel(self) -> Wheel[HasDeadline]: ...

    def is_behind(self, now: float) -> bool:
        """Whether this process stood still, so that what has arrived may not have been read."""
        ...

    def opened(self, session: EngineSession) -> None: ...

    def slowed(self, session: EngineSession) -> None:
        """More waits to be sent than a room's messages may add to."""
        ...

    def caught_up(self, session: EngineSession) -> None:
        """The session is not slow, or not any more."""
        ...

    def ended(self, session: EngineSession) -> None:
        """May be called again."""
        ...


class EngineSession:
    """See the module. `wire` writes frames straight to the socket; None whenever that is not the whole truth
    (polling, upgrading, slow, closed), and then `send` knows what to do."""

    __slots__ = (
        "_connection",
        "_is_paused",
        "_over_by",
        "_ping_due",
        "_polling",
        "_pong_by",
        "_probe",
        "_sessions",
        "_state",
        "head",
        "remote",
        "sid",
        "upper",
        "wire",
    )

    def __init__(self, *, sessions: SessionOwner, head: bytes, remote: str) -> None:
        """`head` is the request that opened the session, `remote` the client's address."""
        now = sessions.clock()
        self._sessions = sessions
        self.sid = engineio.new_sid(sessions.node_tag)
        self.head = head
        self.remote = remote
        self.upper: SessionHandler | None = None
        self.wire: Callable[[bytes], None] | None = None
        self._connection: Carrier | None = None
        self._probe: Carrier | None = None
        self._polling: Polling | None = None
        self._is_paused = False
        self._state = _OPEN
        self._ping_due = now + sessions.limits.ping_interval_s
        self._pong_by = 0.0
        self._over_by = 0.0
        sessions.opened(self)

    # -- birth

    def start(self, upper: SessionHandler, connection: Carrier | None) -> Outgoing:
        """Puts `upper` on the session and gives the handshake packet; without a connection it begins with polling."""
        limits = self._sessions.limits
        self.upper = upper
        if connection is None:
            self._polling = Polling()
        else:
            self._connection = connection
            self.wire = connection.write
        self._sessions.wheel.add(self, min(self._ping_due, upper.check(self._sessions.clock())))
        return engineio.open_packet(
            sid=self.sid,
            upgrades=[] if connection is not None else ["websocket"],
            ping_interval_s=limits.ping_interval_s,
            ping_timeout_s=limits.ping_timeout_s,
            max_payload=limits.max_payload,
        )

    @property
    def transport(self) -> str:
        return "polling" if self._connection is None else "websocket"

    @property
    def window(self) -> int:
        """In bits, of what may be written compressed; 0 when nothing may, as over polling."""
        return 0 if self._connection is None else self._connection.window

    @property
    def is_polled(self) -> bool:
        """A poll waits for something to send."""
        return self._polling is not None and self._polling.has_poll

    @property
    def is_posting(self) -> bool:
        """A POST's body is on its way."""
        return self._polling is not None and self._polling.is_posting

    @property
    def is_open(self) -> bool:
        return self._state == _OPEN

    @property
    def is_slow(self) -> bool:
        """More waits to be sent than a room's messages may add to."""
        return self._is_paused

    # -- out

    def send(self, outgoing: Outgoing) -> None:
        """Writes or queues; never waits. Past the bound on unsent bytes the session is closed."""
        wire = self.wire
        if wire is not None:
            wire(outgoing.frames)
        elif self._state == _OPEN:
            self._send_later(outgoing)

    def _send_later(self, outgoing: Outgoing) -> None:
        if self._polling is not None:
            self._queue(self._polling, outgoing)
        elif self._connection is not None:
            if self._connection.unsent_bytes > self._sessions.limits.max_unsent_bytes:
                self.close("slow consumer", code=websocket.POLICY_VIOLATION)
            else:
                self._connection.write(outgoing.frames)

    def _queue(self, polling: Polling, outgoing: Outgoing) -> None:
        polling.put(outgoing)
        if polling.has_poll:
            polling.answer(self._take_payload(polling))
        elif polling.unsent_bytes > self._sessions.limits.max_unsent_bytes:
            self.close("slow consumer")
        elif polling.unsent_bytes > self._sessions.limits.slow_bytes and not self._is_paused:
            self.pause()

    def pause(self) -> None:
        """The other side reads more slowly than we write."""
        self.wire = None
        if not self._is_paused and self._state == _OPEN:
            self._is_paused = True
            self._sessions.slowed(self)

    def resume(self) -> None:
        """It has caught up."""
        if not self._is_paused:
            return
        self._is_paused = False
        self._sessions.caught_up(self)
        if self._state == _OPEN:
            self.wire = self._connection.write if self._connection is not None else None
            if self.upper is not None:
                self.upper.writable()

    # -- in

    def receive(self, connection: Carrier, data: str | bytes) -> None:
        """A WebSocket message of the session's connection or of its probe."""
        try:
            if connection is self._connection:
                self._packet(data)
            elif connection is self._probe:
                self._probe_packet(connection, data)
        except InvalidPacket as error:
            self.close("parse error", code=websocket.PROTOCOL_ERROR, detail=str(error))

    def _packet(self, data: str | bytes) -> None:
        if self._state != _OPEN:
            return
        assert self.upper is not None
        if self._pong_by:
            self._alive()
        if isinstance(data, bytes):
            self.upper.receive(data)
        elif data[:1] == engineio.MESSAGE:
            self.upper.receive(data[1:])
        else:
            self._rare_packet(engineio.check_text(data))

    def _rare_packet(self, kind: str) -> None:
        if kind == engineio.CLOSE:
            self._closed_by_client()
        elif kind in (engineio.OPEN, engineio.PING):
            raise InvalidPacket("a client sends no such packet")

    def _alive(self) -> None:
        """Whatever arrives shows that the other side lives."""
        self._pong_by = 0.0
        self._ping_due = self._sessions.clock() + self._sessions.limits.ping_interval_s

    # -- polling

    def poll(self, poll: Poll) -> bool:
        """A poll of the session: answered now or later. False when it is refused with 400."""
        self._check_now()
        polling = self._polling
        if polling is None or self._state == _CLOSED:
            return False
        if self._state == _CLOSING:
            self._poll_of_the_end(polling, poll)
            return True
        if polling.has_poll:
            self.close("transport error")
            return False
        if polling.has_outgoing:
            poll.answer_poll(self._take_payload(polling))
        elif self._probe is not None and self._probe.is_probed:
            poll.answer_poll(engineio.NOOP_PACKET.payload)
        else:
            polling.wait(poll)
        return True

    def post_begins(self) -> bool:
        """Whether a body may be taken; a second one at the same time closes the session."""
        self._check_now()
        polling = self._polling
        if self._state != _OPEN or polling is None:
            return False
        if polling.is_posting:
            self.close("transport error", is_abrupt=True)
            return False
        polling.is_posting = True
        return True

    def post_ended(self) -> None:
        """The body is there, or will not come any more: the next POST may begin."""
        if self._polling is not None:
            self._polling.is_posting = False

    def post(self, packets: list[str | bytes]) -> bool:
        """The packets of a body, all of them in order; False when the session is closed, be it by one of them."""
        if self._state != _OPEN:
            return False
        try:
            for packet in packets:
                self._packet(packet)
        except InvalidPacket:
            self.close("parse error", is_abrupt=True)
            return False
        return True

    def poll_lost(self, poll: Poll) -> None:
        """The connection of a waiting poll is gone, and the client with it."""
        if self._polling is not None and self._polling.drop(poll):
            self.lost("transport close")

    def _take_payload(self, polling: Polling) -> bytes:
        payload = polling.take_payload()
        self.resume()
        return payload

    def _release_poll(self) -> None:
        """Answers the poll that waits with a NOOP packet: the client then goes on over WebSocket, or ends."""
        if self._polling is not None:
            self._polling.answer(engineio.NOOP_PACKET.payload)

    # -- upgrade

    @property
    def is_probable(self) -> bool:
        """Whether a WebSocket may try to take over: one at a time, and only from polling."""
        self.check(self._sessions.clock())
        return self._state == _OPEN and self._connection is None and self._probe is None

    def attach_probe(self, connection: Carrier) -> None:
        """A WebSocket that wants to take over."""
        self._probe = connection
        self._sessions.wheel.add(connection, self._sessions.clock() + self._sessions.limits.upgrade_timeout_s)

    def is_on(self, connection: Carrier) -> bool:
        """Whether this is the session's transport, and not a probe or what was one."""
        return self._connection is connection

    def is_probe(self, connection: Carrier) -> bool:
        return self._probe is connection

    def _probe_packet(self, connection: Carrier, data: str | bytes) -> None:
        if data == "2probe" and not connection.is_probed:
            connection.is_probed = True
            connection.write(engineio.PROBE_ANSWER.frames)
            self._release_poll()
        elif data == engineio.UPGRADE and connection.is_probed and self._state == _OPEN:
            self._upgrade(connection)
        else:
            self.probe_lost(connection)
            connection.close(websocket.PROTOCOL_ERROR, "probe expected")

    def _upgrade(self, connection: Carrier) -> None:
        self._probe, self._connection = None, connection
        self._release_poll()
        polling, self._polling = self._polling, None
        was_slow, self._is_paused = self._is_paused, False
        self._sessions.caught_up(self)
        self.wire = connection.write
        if self.upper is not None:
            self.upper.upgraded()
        for outgoing in polling.take() if polling is not None else ():
            connection.write(outgoing.frames)  # which may find the new transport slow as well
        if was_slow and not self._is_paused and self.upper is not None:
            self.upper.writable()

    def probe_lost(self, connection: Carrier) -> None:
        if self._probe is connection:
            self._probe = None

    # -- time

    def _check_now(self) -> None:
        now = self._sessions.clock()
        if not self._sessions.is_behind(now):
            self.check(now)

    def check(self, now: float) -> float | None:
        if self._state == _CLOSED:
            return None
        if self._state == _CLOSING:
            if now < self._over_by:
                return self._over_by
            self._forget()
            return None
        if self._pong_by and now >= self._pong_by:
            self.close("ping timeout", is_abrupt=True)
        elif not self._pong_by and now >= self._ping_due:
            self._ping(now)
        return self._next_due(now)

    def _ping(self, now: float) -> None:
        limits = self._sessions.limits
        # Counted from when it was due, so that the client's own sum of the two times holds; from now if we are so late
        # that too little would be left to answer.
        is_late = now - self._ping_due > limits.ping_timeout_s / 2
        self._pong_by = (now if is_late else self._ping_due) + limits.ping_timeout_s
        self.send(engineio.PING_PACKET)

    def _next_due(self, now: float) -> float | None:
        if self._state == _OPEN and self.upper is not None:
            mine = min(self._pong_by, now + self._sessions.limits.ping_interval_s) if self._pong_by else self._ping_due
            due = min(mine, self.upper.check(now))
            if self._state == _OPEN and due < math.inf:
                return due
        return self._over_by if self._state == _CLOSING else None

    # -- end

    def close(self, reason: str, *, code: int = websocket.NORMAL, detail: str = "", is_abrupt: bool = False) -> None:
        """Ends the session from our side; `reason` goes to `upper`, `code` and `detail` into the close frame.

        Over polling the next polls take what is left and the close packet, unless the end is abrupt.
        """
        if self._state != _OPEN:
            return
        self._shut(reason, _CLOSING)
        if self._connection is not None:
            self._connection.close(code, detail or reason)
            self._forget()
        elif self._polling is not None and self._polling.has_poll:
            self._finish(self._polling)
        elif is_abrupt:
            self._forget()
        else:
            self._over_by = self._sessions.clock() + self._sessions.limits.close_timeout_s
            self._sessions.wheel.add(self, self._over_by)

    def lost(self, reason: str) -> None:
        """The transport is gone."""
        if self._state == _OPEN:
            self._shut(reason, _CLOSED)
        self._forget()

    def _closed_by_client(self) -> None:
        self._release_poll()
        self._shut("transport close", _CLOSED)
        if self._connection is not None:
            self._connection.close(websocket.NORMAL, "")
        self._forget()

    def _shut(self, reason: str, state: int) -> None:
        self.wire = None
        self._state = state
        self._sessions.caught_up(self)
        probe, self._probe = self._probe, None
        if probe is not None:
            probe.close(websocket.GOING_AWAY, reason)
        if self.upper is not None:
            self.upper.closed(reason)

    def _poll_of_the_end(self, polling: Polling, poll: Poll) -> None:
        """What was left first, and the close packet in an answer of its own: clients act on one at once, and would
        take a disconnect that came along for a lost connection."""
        if polling.has_outgoing:
            poll.answer_poll(self._take_payload(polling))
        else:
            polling.wait(poll)
            self._finish(polling)

    def _finish(self, polling: Polling) -> None:
        """The last answer of a polling session."""
        self._forget()
        polling.answer(engineio.CLOSE_PACKET.payload)

    def _forget(self) -> None:
        self._state = _CLOSED
        self._polling = None
        self._connection = None
        self.upper = None
        self._sessions.ended(self)
