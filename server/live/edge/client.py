"""Socket.IO on a session: the namespaces that a client has joined, its events and their acknowledgements."""

from __future__ import annotations

import logging
import math
from collections.abc import Awaitable
from functools import partial
from types import CoroutineType
from typing import Any, Final

from server.live.edge import packet as packets
from server.live.edge import socket_recovery, websocket
from server.live.edge.application import ConnectRefused
from server.live.edge.engineio import InvalidPacket, Outgoing
from server.live.edge.packet import Parser, Partial, SocketPacket
from server.live.edge.pending_ack import PendingAck
from server.live.edge.session import EngineSession
from server.live.edge.socket import Socket
from server.live.edge.socket_server import SocketServer

_log: Final = logging.getLogger(__name__)


# After these a client may recover; the others are closed on purpose.
_RECOVERABLE: Final = frozenset({"transport close", "transport error", "ping timeout", "server shutting down"})


class Client:
    """The Socket.IO side of one session: decodes its packets, and hands connects and events to the application."""

    __slots__ = ("_attempts", "_connect_by", "_in_flight", "_partial", "_sockets", "session", "socket_server")

    def __init__(self, *, session: EngineSession, socket_server: SocketServer) -> None:
        self.session = session
        self.socket_server = socket_server
        self._sockets: tuple[Socket, ...] = ()  # nearly always one: a tuple of it is a quarter of a dict
        self._partial: Partial | None = None
        self._attempts = 0
        self._in_flight = 0
        self._connect_by = socket_server.clock() + socket_server.limits.connect_timeout_s

    @property
    def parser(self) -> Parser:
        return self.socket_server.parser

    def _socket(self, namespace: str) -> Socket | None:
        for socket in self._sockets:
            if socket.namespace == namespace:
                return socket
        return None

    @property
    def sockets(self) -> list[Socket]:
        """The sockets that the application has accepted."""
        return [socket for socket in self._sockets if socket.is_connected]

    # -- in

    def receive(self, data: str | bytes) -> None:
        if self._partial is not None:
            self._attachment(data)
            return
        found = self.socket_server.parser.decode(data)
        if isinstance(found, SocketPacket):
            self._packet(found)
        else:
            self._partial = found

    def _attachment(self, data: str | bytes) -> None:
        assert self._partial is not None
        if isinstance(data, str):
            raise InvalidPacket("text where an attachment is due")
        if self._partial.parked_bytes + len(data) > self.socket_server.limits.max_payload:
            self.session.close("parse error", code=websocket.TOO_BIG, detail="attachments are too big")
            return
        found = self._partial.add(data)
        if found is not None:
            self._partial = None
            self._packet(found)

    def _packet(self, packet: SocketPacket) -> None:
        socket = self._socket(packet.namespace)
        if packet.type == packets.CONNECT and socket is None:
            self._connect(packet)
        elif socket is None or packet.type in (packets.CONNECT, packets.CONNECT_ERROR):
            raise InvalidPacket("packet out of order")
        elif packet.type == packets.DISCONNECT:
            self._leave(socket, "client namespace disconnect")
        elif socket.is_connecting:
            self._hold(socket, packet)
        elif packet.type == packets.EVENT:
            self._event(socket, packet)
        else:
            socket.answered(packet.id, packet.data)

    def _hold(self, socket: Socket, packet: SocketPacket) -> None:
        if len(socket.held) >= self.socket_server.limits.max_waiting_events:
            raise InvalidPacket("too many events before the connect was answered")
        socket.hold(packet)

    # -- connect

    def _connect(self, packet: SocketPacket) -> None:
        limits, namespace = self.socket_server.limits, packet.namespace
        self._attempts += 1
        if self._attempts > limits.max_connect_attempts or len(self._sockets) >= limits.max_namespaces:
            raise InvalidPacket("too many connects")
        if namespace not in self.socket_server.namespaces:
            self.session.send(self.socket_server.parser.connect_error(namespace, {"message": "Invalid namespace"}))
            return
        socket = Socket(client=self, namespace=namespace)
        if isinstance(packet.data, dict) and packet.data.get("recover") is True:
            socket_recovery.take_up(socket, packet.data, self.socket_server.recovery_buffers)
        self._sockets += (socket,)
        try:
            deciding = self.socket_server.application.on_connect(socket, packet.data)
        except ConnectRefused as refused:
            self._refuse(socket, refused.message, refused.data)
        except Exception:
            self._connect_failed(socket)
        else:
            if deciding is None:
                self._accept(socket)
            else:
                self.socket_server.spawn(self._deciding(socket, deciding), f"edge:connect:{socket.sid}")

    async def _deciding(self, socket: Socket, deciding: Awaitable[None]) -> None:
        try:
            await deciding
        except ConnectRefused as refused:
            self._refuse(socket, refused.message, refused.data)
        except Exception:
            self._connect_failed(socket)
        else:
            self._accept(socket)

    def _connect_failed(self, socket: Socket) -> None:
        _log.exception("connect handler failed")
        self._refuse(socket, "Internal error", {"code": "internal"})

    def _accept(self, socket: Socket) -> None:
        if not socket.is_connecting:
            return
        self._connect_by = math.inf
        pid = socket_recovery.settle(socket, self.socket_server.recovery_buffers)
        held = socket.accepted()
        self.session.send(self.socket_server.parser.connect(socket.namespace, socket.sid, pid))
        for item in held:
            if isinstance(item, Outgoing):
                socket.send(item)
        for item in held:
            if isinstance(item, SocketPacket) and socket.is_connected:
                self._held_packet(socket, item)

    def _held_packet(self, socket: Socket, packet: SocketPacket) -> None:
        if packet.type == packets.EVENT:
            self._event(socket, packet)
        else:
            socket.answered(packet.id, packet.data)

    def _refuse(self, socket: Socket, message: str, data: dict[str, Any] | None) -> None:
        if not socket.is_connecting:
            return
        socket_recovery.leave(
            socket, self.socket_server.recovery_buffers, is_kept=True
        )  # for the same client with a better token
        self._remove(socket)
        error: dict[str, Any] = {"message": message}
        if data is not None:
            error["data"] = data
        self.session.send(self.socket_server.parser.connect_error(socket.namespace, error))

    # -- events

    def _event(self, socket: Socket, packet: SocketPacket) -> None:
        if self._in_flight >= self.socket_server.limits.max_in_flight:
            self._acknowledge(socket, packet.id, _OVERLOADED)
            return
        if packet.data is None:
            self._acknowledge(socket, packet.id, _TOO_DEEP)
            return
        name, *args = packet.data
        try:
            result = self.socket_server.application.on_event(socket, name, args)
        except Exception:
            _log.exception("event handler failed", extra={"event_name": name})
            result = _INTERNAL
        if isinstance(result, PendingAck):
            self._in_flight += 1
            result.when_given(partial(self._answered, socket, packet.id, name))
        elif result is None or isinstance(result, dict | tuple | list | str):
            self._acknowledge(socket, packet.id, result)
        elif isinstance(result, CoroutineType | Awaitable):  # asking the protocol is slow: it is last
            self._in_flight += 1
            self.socket_server.spawn(self._answering(socket, packet.id, name, result), f"edge:event:{name[:64]}")
        else:
            self._acknowledge(socket, packet.id, result)

    def _answered(self, socket: Socket, id_: int | None, name: str, payload: Any, error: BaseException | None) -> None:
        self._in_flight -= 1
        if error is not None:
            _log.error("event handler failed", exc_info=error, extra={"event_name": name})
            payload = _INTERNAL
        self._acknowledge(socket, id_, payload)

    async def _answering(self, socket: Socket, id_: int | None, name: str, answer: Awaitable[Any]) -> None:
        """Acknowledges in the same step in which the answer comes, so that no event slips in between."""
        try:
            result = await answer
        except Exception:
            _log.exception("event handler failed", extra={"event_name": name})
            result = _INTERNAL
        finally:
            self._in_flight -= 1
        self._acknowledge(socket, id_, result)

    def _acknowledge(self, socket: Socket, id_: int | None, result: Any) -> None:
        if id_ is None or not socket.is_connected:
            return
        args = list(result) if isinstance(result, tuple) else [] if result is None else [result]
        try:
            outgoing = self.socket_server.parser.ack(socket.namespace, id_, args)
        except (TypeError, ValueError, RecursionError):
            _log.exception("an acknowledgement could not be encoded")
            outgoing = self.socket_server.parser.ack(socket.namespace, id_, [_INTERNAL])
        self.session.send(outgoing)

    # -- end

    def disconnect(self, socket: Socket, reason: str) -> None:
        if self._socket(socket.namespace) is not socket:
            return
        self.session.send(self.socket_server.parser.disconnect(socket.namespace))
        self._leave(socket, reason)
        self.session.close(reason)

    def _leave(self, socket: Socket, reason: str) -> None:
        was_connected = socket.is_connected
        socket_recovery.leave(socket, self.socket_server.recovery_buffers, is_kept=reason in _RECOVERABLE)
        self._remove(socket)
        if was_connected:
            self._disconnected(socket, reason)
        if not self._sockets and self.session.is_open:
            self._connect_by = self.socket_server.clock() + self.socket_server.limits.connect_timeout_s

    def _remove(self, socket: Socket) -> None:
        self._sockets = tuple(other for other in self._sockets if other is not socket)
        socket.left()
        self.socket_server.subscriptions.gone(socket)

    def _disconnected(self, socket: Socket, reason: str) -> None:
        try:
            self.socket_server.application.on_disconnect(socket, reason)
        except Exception:
            _log.exception("disconnect handler failed")

    def closed(self, reason: str) -> None:
        self._partial = None
        for socket in self._sockets:
            self._leave(socket, reason)

    def writable(self) -> None:
        for socket in self._sockets:
            if socket.is_connected:
                self.socket_server.subscriptions.writable(socket)

    def upgraded(self) -> None:
        for socket in self._sockets:
            self.socket_server.subscriptions.upgraded(socket)

    def check(self, now: float) -> float:
        if now >= self._connect_by:
            self._connect_by = math.inf
            self.session.close("connect timeout", detail="connect timeout")
        return self._connect_by


_INTERNAL: Final[dict[str, Any]] = {"ok": False, "error": {"code": "internal", "message": "Something went wrong"}}
_TOO_DEEP: Final[dict[str, Any]] = {
    "ok": False,
    "error": {"code": "invalid", "message": "The event is nested too deeply."},
}
_OVERLOADED: Final[dict[str, Any]] = {
    "ok": False,
    "error": {"code": "overloaded", "message": "Too many requests at once", "retry_after_ms": 200},
}


def client_of(session: EngineSession) -> Client | None:
    """The Socket.IO side of a session, if that is what it carries."""
    return session.upper if isinstance(session.upper, Client) else None
