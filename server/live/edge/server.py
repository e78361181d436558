"""One listening port for Engine.IO and HTTP: mounts, admission, the sweep, and the way down."""

from __future__ import annotations

import asyncio
import math
import socket as sockets
import ssl as tls
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from server.live.edge import websocket
from server.live.edge.admission import NOBODY_TRUSTED, AddressQuota, AllowedOrigins, Trusted
from server.live.edge.connections import Admission, PlainConnections
from server.live.edge.demultiplexer import HttpDemultiplexer
from server.live.edge.engine_requests import EngineRequests, Mounts
from server.live.edge.forward import Forwarding
from server.live.edge.limits import EdgeLimits
from server.live.edge.listener import Listener
from server.live.edge.nodes import ALONE, SessionNodes
from server.live.edge.sessions import EngineSessions

_LAST_POLLS_LOOK_S: Final = 0.02


Refusal = tuple[str, bytes]
"""Content type and body."""

HEAD_REFUSAL: Final[Refusal] = ("text/plain; charset=UTF-8", b"Request head is too large")


@dataclass(frozen=True, kw_only=True)
class HttpSide:
    """``protocol`` makes the HTTP server's protocol for one connection: an `aiohttp.web.Server` (what
    `AppRunner.server` is after `setup`), called. ``head_refusal`` answers requests whose head is too large.
    """

    protocol: Callable[[], Any]
    head_refusal: Refusal = HEAD_REFUSAL


class EdgeServer:
    """Engine.IO v4 at the mounts, over polling and WebSocket; every other request is the HTTP server's.

    It may listen inside as well, for the cluster's other nodes: HTTP, and requests that they take here because the
    session is ours. No session is opened there and nothing is taken further.

    The end of the HTTP server is its owner's affair, before or after `close`.
    """

    def __init__(
        self,
        *,
        mounts: Mounts,
        http: HttpSide,
        limits: EdgeLimits | None = None,
        trusted: Trusted = NOBODY_TRUSTED,
        nodes: SessionNodes = ALONE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.limits = limits or EdgeLimits()
        self.http = http.protocol
        self.head_refusal = http.head_refusal
        self.origins = AllowedOrigins(trusted.origins)
        addresses = AddressQuota(
            trusted_proxies=trusted.proxies,
            limit=self.limits.max_sessions_per_address,
            limit_loopback=self.limits.limit_loopback,
        )
        self.sessions = EngineSessions(limits=self.limits, clock=clock, forget=addresses.leave, node_tag=nodes.tag)
        self.forwarding = Forwarding(sessions=self.sessions, elsewhere=nodes.elsewhere, left=self.left)
        self.requests = EngineRequests(
            mounts=mounts,
            sessions=self.sessions,
            origins=self.origins,
            addresses=addresses,
            forwarding=self.forwarding,
            left=self.left,
        )
        self._demultiplexers = PlainConnections(
            most=self.limits.max_connections,
            per_address=self.limits.max_connections_per_address,
            key=addresses.of_peer,
        )
        self._inside = PlainConnections(
            most=self.limits.max_connections, per_address=self.limits.max_connections, key=lambda _: None
        )
        self._listener: Listener | None = None
        self._inside_listener: Listener | None = None
        self._timer: asyncio.TimerHandle | None = None

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
        """Listens for the cluster's other nodes, without TLS; no client may reach it. Besides `start`; `close` ends it,
        `drain` does not."""
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
        """Opens no more sessions (503) and closes those that there are, the oldest first, spread evenly over the time,
        so that clients reconnect to other nodes. WebSockets and polls of other nodes' sessions are closed last.
        Then sessions over polling have up to the same time again (and at most `close_timeout_s`) for the poll that
        carries the close packet. With `is_listening`, HTTP is served on until `close`; without, another process may
        listen in our place."""
        self.requests.is_draining = True
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

    # -- for HttpDemultiplexer

    def enter(self, demultiplexer: HttpDemultiplexer) -> Admission:
        """Counts a connection in, if there is room. The other nodes' connections have a count of their own: they are
        for sessions that are here already."""
        if demultiplexer.is_inside:
            return self._inside.enter(demultiplexer)
        return self._demultiplexers.enter(demultiplexer, others=self._served_otherwise)

    @property
    def _served_otherwise(self) -> int:
        return len(self.sessions.by_sid) + len(self.forwarding.splices)

    def left(self, demultiplexer: HttpDemultiplexer) -> None:
        self._demultiplexers.leave(demultiplexer)
        self._inside.leave(demultiplexer)
