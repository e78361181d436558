"""One listening port for Engine.IO and HTTP: mounts, admission, the sweep, and the way down."""

from __future__ import annotations

import asyncio
import math
import socket as sockets
import ssl as tls
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from server.live.edge import engineio, websocket
from server.live.edge.admission import Addresses, Origins, Turnstile
from server.live.edge.connection import WebSocketConnection
from server.live.edge.engineio import InvalidPacket
from server.live.edge.front import Front
from server.live.edge.limits import EdgeLimits
from server.live.edge.request import Head
from server.live.edge.session import Session, Sessions, Upper

Mounts = Mapping[str, Callable[[Session], Upper]]
"""What to put on a session, by path without the slash at its end."""


class Port:
    """Engine.IO v4 at the mounts, over polling and WebSocket; every other request is the HTTP server's.

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
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.limits = limits or EdgeLimits()
        self.http = http
        self.origins = Origins(allowed_origins)
        self.sessions = Sessions(limits=self.limits, clock=clock)
        self._mounts = {path + slash: open_upper for path, open_upper in mounts.items() for slash in ("", "/")}
        self._addresses = Addresses(
            trusted_proxies=trusted_proxies,
            limit=self.limits.max_sessions_per_address,
            limit_loopback=self.limits.limit_loopback,
        )
        self._turnstile = Turnstile(
            rate=self.limits.connect_rate, burst=self.limits.connect_burst, max_wait_s=self.limits.connect_wait_s
        )
        self._fronts: set[Front] = set()
        self._server: asyncio.Server | None = None
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
        loop = asyncio.get_running_loop()

        def front() -> Front:
            return Front(self)

        if sock is not None:
            self._server = await loop.create_server(front, sock=sock, ssl=ssl, backlog=backlog)
        else:
            self._server = await loop.create_server(
                front, host=host, port=port, ssl=ssl, backlog=backlog, reuse_port=reuse_port
            )
        self._sweep()

    @property
    def addresses(self) -> list[Any]:
        """Where it listens."""
        return [] if self._server is None else [sock.getsockname() for sock in self._server.sockets]

    def _sweep(self) -> None:
        self.sessions.sweep(self.sessions.clock())
        self._timer = asyncio.get_running_loop().call_later(self.sessions.wheel.tick_s, self._sweep)

    async def drain(self, *, within_s: float, reason: str = "server shutting down") -> None:
        """Accepts no more and closes the sessions, spread evenly over the time, so that clients reconnect elsewhere."""
        self._is_draining = True
        if self._server is not None:
            self._server.close()
        sessions = list(self.sessions.by_sid.values())
        slices = max(1, min(len(sessions), int(within_s / 0.05)))
        for number in range(slices):
            for session in sessions[number::slices]:
                session.close(reason, code=websocket.GOING_AWAY)
            await asyncio.sleep(within_s / slices)

    async def close(self) -> None:
        """Closes everything that is left, at once."""
        await self.drain(within_s=0)
        if self._timer is not None:
            self._timer.cancel()
        for front in list(self._fronts):
            front.abort()
        if self._server is not None:
            self._server.close()
            self._server = None

    # -- for Front

    def accepted(self, front: Front) -> bool:
        if len(self._fronts) + len(self.sessions.by_sid) >= self.limits.max_connections:
            self.refused += 1
            return False
        self._fronts.add(front)
        return True

    def left(self, front: Front) -> None:
        self._fronts.discard(front)

    def mount(self, path: str) -> Callable[[Session], Upper] | None:
        return self._mounts.get(path)

    def post_begins(self, head: Head) -> Session | None:
        """The session that a POST is for, if it may have one now; the answer is given when the body is there."""
        if head.method != "POST":
            return None
        session = self.sessions.by_sid.get(_query(head).get("sid", ""))
        return session if session is not None and session.post_begins() else None

    def websocket(self, front: Front, head: Head) -> None:
        """An upgrade request: a new session, or the probe of a polling one."""
        query = _query(head)
        refusal = self._refusal(head, query)
        if refusal is None and query.get("transport") != "websocket":
            refusal = 400, b"Transport unknown"
        if refusal is not None:
            front.answer(*refusal, is_last=True)
            return
        try:
            switching = websocket.switching_protocols(head.headers)
        except websocket.HandshakeError as error:
            front.answer(error.status, error.detail.encode(), headers=[("Sec-WebSocket-Version", "13")], is_last=True)
            return
        sid = query.get("sid")
        if sid:
            self._probe(front, sid, switching)
        else:
            self._in_turn(front, head, lambda: self._open_websocket(front, head, switching))

    def request(self, front: Front, head: Head, body: bytes, posting: Session | None) -> None:
        """A polling request with its whole body."""
        query = _query(head)
        refusal = self._refusal(head, query)
        if refusal is not None:
            front.answer(*refusal)
        elif head.method == "OPTIONS":
            front.answer(204, b"", headers=_PREFLIGHT)
        elif query.get("transport") != "polling":
            front.answer(400, b"Transport unknown")
        elif not query.get("sid") and head.method != "GET":
            front.answer(400, b"Bad handshake method")
        elif not query.get("sid"):
            self._in_turn(front, head, lambda: self._open_polling(front, head))
        elif head.method == "GET":
            self._poll(front, query["sid"])
        elif head.method == "POST" and posting is not None:
            self._post(front, body, posting)
        else:
            front.answer(400, b"Session ID unknown" if head.method == "POST" else b"Bad request")

    def _refusal(self, head: Head, query: dict[str, str]) -> tuple[int, bytes] | None:
        if not self.origins.admits(head.headers):
            return 403, b"Origin not allowed"
        if head.method != "OPTIONS" and query.get("EIO") != "4":
            return 400, b"Unsupported protocol version"
        return None

    # -- sessions

    def _in_turn(self, front: Front, head: Head, open_session: Callable[[], None]) -> None:
        """Opens a session now, or when it is its turn, if the connection is still there then."""
        wait_s = self._turnstile.enter(self.sessions.clock())
        if wait_s is None:
            self.refused += 1
            after_s = math.ceil(self._turnstile.retry_after_s())
            front.answer(503, b"Too many at once", headers=[("Retry-After", str(after_s))], is_last=True)
        elif not wait_s:
            open_session()
        else:
            asyncio.get_running_loop().call_later(wait_s, front.when_its_turn, head, open_session)

    def _open(self, front: Front, head: Head) -> Session | None:
        if self._is_draining:
            front.answer(503, b"Shutting down", headers=[("Retry-After", "1")], is_last=True)
            return None
        remote = self._addresses.client(front.peer, head.headers)
        if not self._addresses.enter(remote):
            self.refused += 1
            front.answer(429, b"Too many connections", headers=[("Retry-After", "5")], is_last=True)
            return None
        return Session(sessions=self.sessions, head=head.raw, remote=remote, forget=self._addresses.leave)

    def _open_polling(self, front: Front, head: Head) -> None:
        session = self._open(front, head)
        if session is not None:
            front.answer(200, session.start(self._mounts[head.path](session), None).payload)

    def _open_websocket(self, front: Front, head: Head, switching: bytes) -> None:
        session = self._open(front, head)
        if session is None:
            return
        connection, rest = self._take(front)
        connection.session = session
        opened = session.start(self._mounts[head.path](session), connection)
        connection.write(switching + opened.frames)
        if rest:
            connection.data_received(rest)

    def _probe(self, front: Front, sid: str, switching: bytes) -> None:
        session = self.sessions.by_sid.get(sid)
        if session is None:
            front.answer(400, b"Session ID unknown", is_last=True)
            return
        is_probable = session.is_probable
        connection, rest = self._take(front)
        connection.write(switching)
        if not is_probable:
            # The session has its WebSocket, or one that tries. Clients expect this one to open before it is closed.
            connection.close(websocket.POLICY_VIOLATION, "no upgrade is due")
            return
        connection.session = session
        session.attach_probe(connection)
        if rest:
            connection.data_received(rest)

    def _take(self, front: Front) -> tuple[WebSocketConnection, bytes]:
        transport, rest = front.take()
        self._fronts.discard(front)
        connection = WebSocketConnection(transport=transport, sessions=self.sessions)
        transport.set_protocol(connection)
        return connection, rest

    def _poll(self, front: Front, sid: str) -> None:
        session = self.sessions.by_sid.get(sid)
        if session is None:
            front.answer(400, b"Session ID unknown")
            return
        front.waits_for(session)
        if not session.poll(front):
            front.answer(400, b"Bad request")

    def _post(self, front: Front, body: bytes, session: Session) -> None:
        try:
            is_taken = session.post(engineio.split_payload(body))
        except InvalidPacket:
            session.close("parse error", is_abrupt=True)
            is_taken = False
        front.answer(*((200, b"ok") if is_taken else (400, b"Invalid payload")))


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
