"""One listening port for Engine.IO and HTTP: mounts, admission, the sweep, and the way down."""

from __future__ import annotations

import asyncio
import math
import socket as sockets
import ssl as tls
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Final

from server.live.edge import engineio, websocket
from server.live.edge.admission import AddressQuota, AllowedOrigins, ConnectionRate
from server.live.edge.connection import WebSocketConnection
from server.live.edge.connections import Admission, PlainConnections
from server.live.edge.demultiplexer import HttpDemultiplexer
from server.live.edge.engineio import InvalidPacket
from server.live.edge.forward import MARK, Forwarding
from server.live.edge.limits import EdgeLimits
from server.live.edge.listener import Listener
from server.live.edge.nodes import Address, is_tag
from server.live.edge.request import Head
from server.live.edge.session import EngineSession, SessionHandler
from server.live.edge.sessions import EngineSessions

_LAST_POLLS_LOOK_S: Final = 0.02


Mounts = Mapping[str, Callable[[EngineSession], SessionHandler]]
"""What to put on a session, by path without the slash at its end."""

Switching = tuple[bytes, int]
"""As `websocket.switching_protocols` gives it."""


Refusal = tuple[str, bytes]
"""Content type and body."""

HEAD_REFUSAL: Final[Refusal] = ("text/plain; charset=UTF-8", b"Request head is too large")


class EdgeServer:
    """Engine.IO v4 at the mounts, over polling and WebSocket; every other request is the HTTP server's.

    It may listen inside as well, for the cluster's other nodes: HTTP, and requests that they take here because the
    session is ours. No session is opened there and nothing is taken further.

    `http` makes the HTTP server's protocol for one connection: an `aiohttp.web.Server`, called. Its own end is its
    owner's affair, before or after `close`.
    """

    def __init__(
        self,
        *,
        mounts: Mounts,
        http: Callable[[], Any],
        limits: EdgeLimits | None = None,
        allowed_origins: Collection[str] = (),
        trusted_proxies: Iterable[str] = (),
        node_tag: str = "",
        elsewhere: Callable[[str], Address | None] = lambda _: None,
        head_refusal: Refusal = HEAD_REFUSAL,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`node_tag` is what this node's session ids end with; `elsewhere` says where the node with another tag has its
        internal listener, None when there is none (any more). `head_refusal` is said with 431.
        """
        if node_tag and not is_tag(node_tag):
            raise ValueError(f"{node_tag!r} cannot be a node's tag")
        self.limits = limits or EdgeLimits()
        self.http = http
        self.head_refusal = head_refusal
        self.origins = AllowedOrigins(allowed_origins)
        self._addresses = AddressQuota(
            trusted_proxies=trusted_proxies,
            limit=self.limits.max_sessions_per_address,
            limit_loopback=self.limits.limit_loopback,
        )
        self.sessions = EngineSessions(limits=self.limits, clock=clock, forget=self._addresses.leave, node_tag=node_tag)
        self.forwarding = Forwarding(sessions=self.sessions, elsewhere=elsewhere, left=self.left)
        self._mounts = {path + slash: open_upper for path, open_upper in mounts.items() for slash in ("", "/")}
        self._connection_rate = ConnectionRate(
            rate=self.limits.connect_rate, burst=self.limits.connect_burst, max_wait_s=self.limits.connect_wait_s
        )
        self._demultiplexers = PlainConnections(
            most=self.limits.max_connections,
            per_address=self.limits.max_connections_per_address,
            key=self._addresses.of_peer,
        )
        self._inside = PlainConnections(
            most=self.limits.max_connections, per_address=self.limits.max_connections, key=lambda _: None
        )
        self._listener: Listener | None = None
        self._inside_listener: Listener | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._is_draining = False
        self.refused = 0  # sessions and connections, since the start

    # -- life

    async def start(
        self,
        *,
        host: str | None = None,
        port: int = 0,
        sock: sockets.socket | None = None,
        ssl: tls.SSLContext | None = None,
        backlog: int = 4096,
        reuse_port: bool | None = None,
    ) -> None:
        """Listens, on `host` and `port` or on a socket that is bound already."""
        listener = Listener(
            protocol=lambda: HttpDemultiplexer(self),
            ssl=ssl,
            handshake_timeout_s=self.limits.head_timeout_s,
            backlog=backlog,
        )
        await listener.open(host=host, port=port, sock=sock, reuse_port=reuse_port)
        self._listener = listener
        self._sweep()

    async def listen_inside(
        self, *, host: str | None = None, port: int = 0, sock: sockets.socket | None = None, backlog: int = 4096
    ) -> None:
        """Listens for the cluster's other nodes, without TLS, where nobody else comes. Besides `start`; `close` ends
        it, `drain` does not."""
        listener = Listener(protocol=lambda: HttpDemultiplexer(self, is_inside=True), backlog=backlog)
        await listener.open(host=host, port=port, sock=sock)
        self._inside_listener = listener

    @property
    def addresses(self) -> list[Any]:
        """Where it listens."""
        return [] if self._listener is None else self._listener.addresses

    @property
    def inside_addresses(self) -> list[Any]:
        """Where it listens for the other nodes."""
        return [] if self._inside_listener is None else self._inside_listener.addresses

    def _sweep(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self.sessions.wheel.tick_s, self._sweep)
        now = self.sessions.clock()
        self.sessions.sweep(now)
        if self._listener is not None:
            self._listener.look(now)

    async def drain(self, *, within_s: float, reason: str = "server shutting down", is_listening: bool = False) -> None:
        """Opens no more sessions (503) and closes those that there are, who came first going first, spread evenly over
        the time, so that clients reconnect elsewhere. WebSockets and polls of other nodes' sessions are let go last.
        Then sessions over polling have up to the same time again (and at most `close_timeout_s`) for the poll that
        tells them. With `is_listening`, HTTP is served on until `close`; without, others may listen in our place."""
        self._is_draining = True
        if self._listener is not None and not is_listening:
            self._listener.close()
        sessions = list(self.sessions.by_sid.values())
        slices = max(1, min(len(sessions), int(within_s / 0.05)))
        size = math.ceil(len(sessions) / slices)
        for number in range(slices):
            for session in sessions[number * size : (number + 1) * size]:
                session.close(reason, code=websocket.GOING_AWAY)
            await asyncio.sleep(within_s / slices)
        self.forwarding.let_go()
        await self._last_polls(within_s=min(within_s, self.limits.close_timeout_s))

    async def _last_polls(self, *, within_s: float) -> None:
        until = self.sessions.clock() + within_s
        while self.sessions.by_sid and self.sessions.clock() < until:  # noqa: ASYNC110 - the sweep ends some of them
            await asyncio.sleep(_LAST_POLLS_LOOK_S)

    async def close(self) -> None:
        """Closes everything that is left, at once."""
        await self.drain(within_s=0)
        await asyncio.sleep(0)  # what was said last goes out before the connections are cut
        if self._timer is not None:
            self._timer.cancel()
        await self.forwarding.close()
        for listener in (self._listener, self._inside_listener):
            if listener is not None:
                listener.close()
        self._listener = self._inside_listener = None
        for demultiplexer in (*self._demultiplexers, *self._inside):
            demultiplexer.abort()

    # -- for Front

    def enter(self, demultiplexer: HttpDemultiplexer) -> Admission:
        """Counts a connection in, if there is room. The other nodes' connections have a count of their own: they are
        for sessions that are here already."""
        if demultiplexer.is_inside:
            admission = self._inside.enter(demultiplexer)
        else:
            admission = self._demultiplexers.enter(demultiplexer, others=self._served_otherwise)
        self.refused += admission is not Admission.ADMITTED
        return admission

    @property
    def _served_otherwise(self) -> int:
        return len(self.sessions.by_sid) + len(self.forwarding.splices)

    def left(self, demultiplexer: HttpDemultiplexer) -> None:
        self._demultiplexers.leave(demultiplexer)
        self._inside.leave(demultiplexer)

    def is_mounted(self, path: str) -> bool:
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
            self.refused += 1
            after_s = math.ceil(self._connection_rate.retry_after_s())
            demultiplexer.answer(503, b"Too many at once", headers=[("Retry-After", str(after_s))], is_last=True)
        elif not wait_s:
            open_session()
        else:
            asyncio.get_running_loop().call_later(wait_s, demultiplexer.when_its_turn, head, open_session)

    def _open(self, demultiplexer: HttpDemultiplexer, head: Head) -> EngineSession | None:
        if self._is_draining:
            demultiplexer.answer(503, b"Shutting down", headers=[("Retry-After", "1")], is_last=True)
            return None
        remote = self._addresses.client(demultiplexer.peer, head.headers)
        if not self._addresses.enter(remote):
            self.refused += 1
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
        self.left(demultiplexer)
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
