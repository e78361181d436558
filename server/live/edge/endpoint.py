"""The live edge as the application sees it: Socket.IO at its paths and HTTP on one port, and the fan-out."""

from __future__ import annotations

import asyncio
import socket as sockets
import ssl as tls
import time
from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any, Literal

from server.live.edge.admission import NOBODY_TRUSTED, Trusted
from server.live.edge.application import Application
from server.live.edge.client import Client, client_of
from server.live.edge.fanout import Fanout
from server.live.edge.limits import EdgeLimits
from server.live.edge.msgpack import MsgpackParser
from server.live.edge.nodes import ALONE, SessionNodes
from server.live.edge.packet import Parser
from server.live.edge.recovery import RecoveryBuffers
from server.live.edge.server import EdgeServer, HttpSide
from server.live.edge.session import EngineSession
from server.live.edge.socket import Socket
from server.live.edge.socket_server import SocketServer
from server.live.edge.socketio import JsonParser

ParserName = Literal["json", "msgpack"]

DEFAULT_PATHS: Mapping[str, ParserName] = {"/socket.io": "json", "/socket.io-msgpack": "msgpack"}


class Edge:
    """Everything between the listening socket and the application."""

    def __init__(
        self,
        *,
        application: Application,
        http: HttpSide,
        limits: EdgeLimits | None = None,
        trusted: Trusted = NOBODY_TRUSTED,
        nodes: SessionNodes = ALONE,
        namespaces: Collection[str] = ("/",),
        paths: Mapping[str, ParserName] = DEFAULT_PATHS,
        fanout: Fanout | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.limits = limits or EdgeLimits()
        self.fanout = fanout or Fanout()
        self._recovery_buffers = RecoveryBuffers(clock=clock)
        self.fanout.keep_events_in(self._recovery_buffers)
        self._socket_servers = {
            path: SocketServer(
                application=application,
                parser=_parser(name, self.limits),
                limits=self.limits,
                namespaces=namespaces,
                clock=clock,
                subscriptions=self.fanout,
                recovery_buffers=self._recovery_buffers,
            )
            for path, name in paths.items()
        }
        self.server = EdgeServer(
            mounts={path: partial(_open, socket_server) for path, socket_server in self._socket_servers.items()},
            http=http,
            limits=self.limits,
            trusted=trusted,
            nodes=nodes,
            clock=clock,
        )

    async def start(
        self,
        *,
        host: str | None = None,
        port: int = 0,
        sock: sockets.socket | None = None,
        ssl: tls.SSLContext | None = None,
        reuse_port: bool | None = None,
    ) -> None:
        """Listens, on `host` and `port` or on a socket that is bound already."""
        await self.server.start(host=host, port=port, sock=sock, ssl=ssl, reuse_port=reuse_port)

    async def listen_inside(
        self, *, host: str | None = None, port: int = 0, sock: sockets.socket | None = None
    ) -> None:
        """Listens for the cluster's other nodes as well, until `close`: HTTP without TLS, and requests for sessions of
        this node that reached another one. Sessions are not opened there. Only the nodes may reach it."""
        await self.server.listen_inside(host=host, port=port, sock=sock)

    @property
    def addresses(self) -> list[Any]:
        """Where it listens."""
        return self.server.addresses

    @property
    def inside_addresses(self) -> list[Any]:
        """Where it listens for the other nodes."""
        return self.server.inside_addresses

    @property
    def forwarded(self) -> int:
        """Requests that were taken to other nodes, since the start."""
        return self.server.forwarding.count

    @property
    def sockets(self) -> list[Socket]:
        """Every connected socket."""
        clients = (client_of(session) for session in self.server.sessions.by_sid.values())
        return [socket for client in clients if client is not None for socket in client.sockets]

    @property
    def session_count(self) -> int:
        return len(self.server.sessions.by_sid)

    @property
    def slow_count(self) -> int:
        return len(self.server.sessions.slow)

    def broadcast(self, event: str, *args: Any) -> None:
        """Emits to every connected socket."""
        for socket in self.sockets:
            socket.emit(event, *args)

    async def drain(self, *, within_s: float, reason: str = "server shutting down", is_listening: bool = False) -> None:
        """Opens no more sessions and closes those that there are, spread over `within_s`; clients reconnect by
        themselves. With `is_listening`, HTTP is served on until `close`."""
        await self.server.drain(within_s=within_s, reason=reason, is_listening=is_listening)

    async def close(self) -> None:
        """Closes what is left and ends the handlers that still run."""
        await self.server.close()
        self.fanout.close()
        self._recovery_buffers.close()
        tasks = [task for socket_server in self._socket_servers.values() for task in socket_server.tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _open(socket_server: SocketServer, session: EngineSession) -> Client:
    return Client(session=session, socket_server=socket_server)


def _parser(name: ParserName, limits: EdgeLimits) -> Parser:
    if name == "msgpack":
        return MsgpackParser(max_depth=limits.max_depth)
    return JsonParser(max_depth=limits.max_depth, max_attachments=limits.max_attachments)
