"""Requests of Engine.IO v4: handshakes, polls and upgrades, each answered here or forwarded to the session's node."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Mapping

from server.live.edge import engineio, websocket
from server.live.edge.admission import AddressQuota, AllowedOrigins, ConnectionRate
from server.live.edge.connection import WebSocketConnection
from server.live.edge.demultiplexer import HttpDemultiplexer
from server.live.edge.engineio import InvalidPacket
from server.live.edge.forward import MARK, Forwarding
from server.live.edge.nodes import Address
from server.live.edge.request import Head
from server.live.edge.session import EngineSession, SessionHandler
from server.live.edge.sessions import EngineSessions

Mounts = Mapping[str, Callable[[EngineSession], SessionHandler]]
"""What to put on a session, by path without the slash at its end."""

Switching = tuple[bytes, int]
"""As `websocket.switching_protocols` gives it."""


class EngineRequests:
    """Answers the requests for the mounts. See `HttpDemultiplexer` for the order of the calls."""

    def __init__(
        self,
        *,
        mounts: Mounts,
        sessions: EngineSessions,
        origins: AllowedOrigins,
        addresses: AddressQuota,
        forwarding: Forwarding,
        left: Callable[[HttpDemultiplexer], None],
    ) -> None:
        """`left` counts out a connection whose transport a WebSocket has taken."""
        self.sessions = sessions
        self.limits = sessions.limits
        self.origins = origins
        self.forwarding = forwarding
        self.is_draining = False  # no session is opened any more
        self._mounts = {path + slash: open_upper for path, open_upper in mounts.items() for slash in ("", "/")}
        self._addresses = addresses
        self._left = left
        self._connection_rate = ConnectionRate(
            rate=self.limits.connect_rate, burst=self.limits.connect_burst, max_wait_s=self.limits.connect_wait_s
        )

    def is_mounted(self, path: str) -> bool:
        """Whether requests for this path are answered here, not by the HTTP server."""
        return path in self._mounts

    def post_begins(self, head: Head) -> EngineSession | None:
        """The session that a POST is for, if it may have one now; the answer is given when the body is there."""
        if head.method != "POST":
            return None
        session = self.sessions.by_sid.get(_query(head).get("sid", ""))
        return session if session is not None and session.post_begins() else None

    def websocket(self, demultiplexer: HttpDemultiplexer, head: Head) -> None:
        """An upgrade request: a new session, or the probe of a polling one."""
        query = _query(head)
        refusal = self._refusal(demultiplexer, head, query)
        if refusal is None and query.get("transport") != "websocket":
            refusal = 400, b"Transport unknown"
        if refusal is not None:
            demultiplexer.answer(*refusal, is_last=True)
            return
        try:
            switching = websocket.switching_protocols(head.headers, may_deflate=self.limits.is_deflating)
        except websocket.HandshakeError as error:
            demultiplexer.answer(
                error.status, error.detail.encode(), headers=[("Sec-WebSocket-Version", "13")], is_last=True
            )
            return
        sid = query.get("sid")
        if sid:
            self._probe(demultiplexer, head, sid, switching)
        else:
            self._in_turn(demultiplexer, head, lambda: self._open_websocket(demultiplexer, head, switching))

    def request(self, demultiplexer: HttpDemultiplexer, head: Head, body: bytes, posting: EngineSession | None) -> None:
        """A polling request with its whole body."""
        query = _query(head)
        refusal = self._refusal(demultiplexer, head, query)
        if refusal is not None:
            demultiplexer.answer(*refusal)
        elif head.method == "OPTIONS":
            demultiplexer.answer(204, b"", headers=_PREFLIGHT)
        elif query.get("transport") != "polling":
            demultiplexer.answer(400, b"Transport unknown")
        elif not query.get("sid") and head.method != "GET":
            demultiplexer.answer(400, b"Bad handshake method")
        elif not query.get("sid"):
            self._in_turn(demultiplexer, head, lambda: self._open_polling(demultiplexer, head))
        elif head.method in ("GET", "POST") and (address := self._elsewhere(demultiplexer, query["sid"])) is not None:
            client = self._addresses.client(demultiplexer.peer, head.headers)
            self.forwarding.request(demultiplexer, head, body, address=address, client=client)
        elif head.method == "GET":
            self._poll(demultiplexer, query["sid"])
        elif head.method == "POST" and posting is not None:
            self._post(demultiplexer, body, posting)
        else:
            demultiplexer.answer(400, b"Session ID unknown" if head.method == "POST" else b"Bad request")

    def _elsewhere(self, demultiplexer: HttpDemultiplexer, sid: str) -> Address | None:
        """Where the request is to be taken. What another node took here stays here."""
        return None if demultiplexer.is_inside or sid in self.sessions.by_sid else self.forwarding.address_of(sid)

    def _refusal(self, demultiplexer: HttpDemultiplexer, head: Head, query: dict[str, str]) -> tuple[int, bytes] | None:
        if demultiplexer.is_inside and "," in head.headers.get(MARK, ""):
            return 508, b"Forwarded twice"
        if demultiplexer.is_inside and (MARK not in head.headers or not query.get("sid")):
            return 403, b"For the cluster's other nodes"
        if not self.origins.admits(head.headers):
            return 403, b"Origin not allowed"
        if head.method != "OPTIONS" and query.get("EIO") != "4":
            return 400, b"Unsupported protocol version"
        return None

    # -- sessions

    def _in_turn(self, demultiplexer: HttpDemultiplexer, head: Head, open_session: Callable[[], None]) -> None:
        """Opens a session now, or when it is its turn, if the connection is still there then."""
        wait_s = self._connection_rate.enter(self.sessions.clock())
        if wait_s is None:
            after_s = math.ceil(self._connection_rate.retry_after_s())
            demultiplexer.answer(503, b"Too many at once", headers=[("Retry-After", str(after_s))], is_last=True)
        elif not wait_s:
            open_session()
        else:
            asyncio.get_running_loop().call_later(wait_s, demultiplexer.when_its_turn, head, open_session)

    def _open(self, demultiplexer: HttpDemultiplexer, head: Head) -> EngineSession | None:
        if self.is_draining:
            demultiplexer.answer(503, b"Shutting down", headers=[("Retry-After", "1")], is_last=True)
            return None
        remote = self._addresses.client(demultiplexer.peer, head.headers)
        if not self._addresses.enter(remote):
            demultiplexer.answer(429, b"Too many connections", headers=[("Retry-After", "5")], is_last=True)
            return None
        return EngineSession(sessions=self.sessions, head=head.raw, remote=remote)

    def _open_polling(self, demultiplexer: HttpDemultiplexer, head: Head) -> None:
        session = self._open(demultiplexer, head)
        if session is not None:
            demultiplexer.answer(200, session.start(self._mounts[head.path](session), None).payload)

    def _open_websocket(self, demultiplexer: HttpDemultiplexer, head: Head, switching: Switching) -> None:
        session = self._open(demultiplexer, head)
        if session is None:
            return
        response, window = switching
        connection, rest = self._take(demultiplexer, window)
        connection.session = session
        opened = session.start(self._mounts[head.path](session), connection)
        connection.write(response + opened.frames)
        if rest:
            connection.data_received(rest)

    def _probe(self, demultiplexer: HttpDemultiplexer, head: Head, sid: str, switching: Switching) -> None:
        session = self.sessions.by_sid.get(sid)
        address = self._elsewhere(demultiplexer, sid)
        if address is not None:
            client = self._addresses.client(demultiplexer.peer, head.headers)
            self.forwarding.websocket(demultiplexer, head, address=address, client=client)
            return
        if session is None:
            demultiplexer.answer(400, b"Session ID unknown", is_last=True)
            return
        is_probable = session.is_probable
        response, window = switching
        connection, rest = self._take(demultiplexer, window)
        connection.write(response)
        if not is_probable:
            # The session has its WebSocket, or one that tries. Clients expect this one to open before it is closed.
            connection.close(websocket.POLICY_VIOLATION, "no upgrade is due")
            return
        connection.session = session
        session.attach_probe(connection)
        if rest:
            connection.data_received(rest)

    def _take(self, demultiplexer: HttpDemultiplexer, window: int) -> tuple[WebSocketConnection, bytes]:
        transport, rest = demultiplexer.take()
        self._left(demultiplexer)
        connection = WebSocketConnection(transport=transport, sessions=self.sessions, window=window)
        transport.set_protocol(connection)
        return connection, rest

    def _poll(self, demultiplexer: HttpDemultiplexer, sid: str) -> None:
        session = self.sessions.by_sid.get(sid)
        if session is None:
            demultiplexer.answer(400, b"Session ID unknown")
            return
        demultiplexer.waits_for(session)
        if not session.poll(demultiplexer):
            demultiplexer.answer(400, b"Bad request")

    def _post(self, demultiplexer: HttpDemultiplexer, body: bytes, session: EngineSession) -> None:
        try:
            is_taken = session.post(engineio.split_payload(body))
        except InvalidPacket:
            session.close("parse error", is_abrupt=True)
            is_taken = False
        demultiplexer.answer(*((200, b"ok") if is_taken else (400, b"Invalid payload")))


def _query(head: Head) -> dict[str, str]:
    try:
        return head.query
    except ValueError:
        return {}


_PREFLIGHT = [
    ("Access-Control-Allow-Methods", "GET, POST, OPTIONS"),
    ("Access-Control-Allow-Headers", "Content-Type, Authorization"),
    ("Access-Control-Max-Age", "600"),
]
