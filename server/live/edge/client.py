"""Socket.IO on a session: the namespaces that a client has joined, its events and their acknowledgements."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable, Collection, Coroutine
from functools import partial
from types import CoroutineType
from typing import Any, Final, Protocol

from server.live.edge import packet as packets
from server.live.edge import request, websocket
from server.live.edge.engineio import InvalidPacket, Outgoing, new_sid
from server.live.edge.limits import EdgeLimits
from server.live.edge.packet import Parser, Partial, SocketPacket
from server.live.edge.pending_ack import PendingAck
from server.live.edge.recovery import RecoveryBuffer, RecoveryBuffers
from server.live.edge.session import EngineSession

_log: Final = logging.getLogger(__name__)

_CONNECTING: Final = 0
_CONNECTED: Final = 1
_GONE: Final = 2

# Of these a client may come back to what it had; the others are said on purpose.
_RECOVERABLE: Final = frozenset({"transport close", "transport error", "ping timeout", "server shutting down"})

_MAX_ASKS: Final = 64  # of one socket, unanswered


class ConnectRefused(Exception):
    """Raised by an application's `on_connect`: the client gets `connect_error` with this message and data."""

    def __init__(self, message: str, data: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.data = data


class AskFailed(Exception):
    """The client did not acknowledge in time, or is gone."""


class Application(Protocol):
    """What is served. Calls come on the loop's thread, for one socket in the order in which its packets came."""

    def on_connect(self, socket: Socket, auth: Any) -> Awaitable[None] | None:
        """Accepts by returning (or finishing), refuses with ConnectRefused. Events wait until then."""
        ...

    def on_event(self, socket: Socket, event: str, args: list[Any]) -> Any:
        """The acknowledgement's payload, or an awaitable or an Answer of it; a tuple is several arguments. An awaitable
        gets a task of its own, an Answer does without."""
        ...

    def on_disconnect(self, socket: Socket, reason: str) -> None:
        """Once for every socket that was accepted, when it is gone."""
        ...


class SocketServer:
    """What the clients of one path share: application, parser, namespaces, limits, and the tasks of their handlers."""

    __slots__ = (
        "application",
        "clock",
        "gone",
        "limits",
        "namespaces",
        "parser",
        "recovery_buffers",
        "tasks",
        "upgraded",
        "writable",
    )

    def __init__(
        self,
        *,
        application: Application,
        parser: Parser,
        limits: EdgeLimits,
        namespaces: Collection[str],
        clock: Callable[[], float],
        writable: Callable[[Socket], None],
        upgraded: Callable[[Socket], None],
        gone: Callable[[Socket], None],
        recovery_buffers: RecoveryBuffers,
    ) -> None:
        """`writable`, `upgraded` and `gone` are told of sockets that have caught up, of those that have gone over to
        WebSocket, and of those that have left."""
        self.application = application
        self.parser = parser
        self.limits = limits
        self.namespaces = frozenset(namespaces)
        self.clock = clock
        self.writable = writable
        self.upgraded = upgraded
        self.gone = gone
        self.recovery_buffers = recovery_buffers
        self.tasks: set[asyncio.Task[Any]] = set()

    def open(self, session: EngineSession) -> Client:
        return Client(session=session, socket_server=self)

    def spawn(self, running: Coroutine[Any, Any, None], name: str) -> None:
        """Runs it as a task that is owned here."""
        task = asyncio.get_running_loop().create_task(running, name=name)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)


class Socket:
    """One client in one namespace. `state` belongs to the application, `topics` to the fan-out.

    `owner` is for the application to set while it decides: only the same one may recover a connection's state.
    """

    __slots__ = (
        "_asks",
        "_client",
        "_held",
        "_next_ask",
        "_status",
        "is_ready",
        "namespace",
        "owner",
        "recovery_buffer",
        "session",
        "sid",
        "state",
        "topics",
    )

    def __init__(self, *, client: Client, namespace: str) -> None:
        self.session = client.session
        self.sid = new_sid()
        self.namespace = namespace
        self.state: Any = None
        self.topics: tuple[str, ...] = ()
        self.owner: str | None = None
        self.recovery_buffer: RecoveryBuffer | None = None  # of a client that may recover
        self._client = client
        self._status = _CONNECTING
        self.is_ready = False  # connected, and whole frames may be written past it: for the fan-out's loop
        self._held: list[Any] | None = None  # while connecting: Outgoing from us, Packet from them
        self._asks: dict[int, asyncio.Future[list[Any]]] | None = None
        self._next_ask = 0

    @property
    def remote(self) -> str:
        """The client's address, as seen through trusted proxies."""
        return self.session.remote

    @property
    def headers(self) -> dict[str, str]:
        """Of the request that opened the session, names in lower case; parsed at each use."""
        return request.parse_headers(self.session.head)

    @property
    def transport(self) -> str:
        """ "websocket" or "polling", as of now."""
        return self.session.transport

    @property
    def parser(self) -> Parser:
        return self._client.socket_server.parser

    @property
    def is_connected(self) -> bool:
        return self._status == _CONNECTED

    def emit(self, event: str, *args: Any) -> None:
        """Sends an event; nothing happens when the socket is gone. What is emitted while connecting goes out after."""
        if self._status == _GONE:
            return
        if self.recovery_buffer is None:
            self.send(self.parser.event(self.namespace, [event, *args]))
        else:
            self.recovery_buffer.add([event, *args], self._emit)

    def _emit(self, args: list[Any]) -> int:
        outgoing = self.parser.event(self.namespace, args)
        self.send(outgoing)
        return len(outgoing.text) + sum(map(len, outgoing.attachments))

    def send(self, outgoing: Outgoing) -> None:
        """Sends what was encoded for this socket's parser and namespace."""
        if self._status == _CONNECTED:
            self.session.send(outgoing)
        elif self._status == _CONNECTING:
            self.hold(outgoing)

    def ask(self, event: str, *args: Any, timeout_s: float = 10.0) -> asyncio.Future[list[Any]]:
        """Sends an event and gives its acknowledgement's arguments; AskFailed after `timeout_s` or at the end."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[list[Any]] = loop.create_future()
        if self._asks is None:
            self._asks = {}
        if self._status == _GONE or len(self._asks) >= _MAX_ASKS:
            answer.set_exception(AskFailed("gone" if self._status == _GONE else "too many unanswered"))
            return answer
        number, self._next_ask = self._next_ask, self._next_ask + 1
        self._asks[number] = answer
        timer = loop.call_later(timeout_s, self._ask_expired, number)
        answer.add_done_callback(lambda _: timer.cancel())
        self.send(self.parser.event(self.namespace, [event, *args], number))
        return answer

    def disconnect(self, *, reason: str | None = None) -> None:
        """Sends DISCONNECT and closes the client's whole connection; `reason` is what `on_disconnect` hears."""
        self._client.disconnect(self, reason or "server namespace disconnect")

    # -- for RecoveryBuffers

    def cut(self) -> None:
        """Closes the session as broken, and its sockets with it: the client has come back on another connection."""
        self.session.close("transport error", is_abrupt=True)

    # -- for Client

    def hold(self, item: Any) -> None:
        if self._held is None:
            self._held = []
        self._held.append(item)

    def forget_held(self) -> None:
        """Of ours; what they have said stays."""
        self._held = [item for item in self.held if isinstance(item, SocketPacket)]

    @property
    def held(self) -> list[Any]:
        return self._held or []

    @property
    def is_connecting(self) -> bool:
        return self._status == _CONNECTING

    def accepted(self) -> list[Any]:
        held, self._held, self._status = self._held or [], None, _CONNECTED
        self.is_ready = self.recovery_buffer is None  # what has a trail is not written past it
        return held

    def left(self) -> None:
        self._status, self._held, self.is_ready = _GONE, None, False
        asks, self._asks = self._asks or {}, None
        for answer in asks.values():
            if not answer.done():
                answer.set_exception(AskFailed("gone"))

    def answered(self, number: int | None, args: list[Any]) -> None:
        answer = self._asks.pop(number, None) if self._asks and number is not None else None
        if answer is not None and not answer.done():
            answer.set_result(args)

    def _ask_expired(self, number: int) -> None:
        answer = self._asks.pop(number, None) if self._asks else None
        if answer is not None and not answer.done():
            answer.set_exception(AskFailed("timeout"))


class Client:
    """The upper side of one session."""

    __slots__ = ("_attempts", "_connect_by", "_in_flight", "_partial", "_sockets", "session", "socket_server")

    def __init__(self, *, session: EngineSession, socket_server: SocketServer) -> None:
        self.session = session
        self.socket_server = socket_server
        self._sockets: tuple[Socket, ...] = ()  # nearly always one: a tuple of it is a quarter of a dict
        self._partial: Partial | None = None
        self._attempts = 0
        self._in_flight = 0
        self._connect_by = socket_server.clock() + socket_server.limits.connect_timeout_s

    def _socket(self, namespace: str) -> Socket | None:
        for socket in self._sockets:
            if socket.namespace == namespace:
                return socket
        return None

    @property
    def sockets(self) -> list[Socket]:
        """Those that were accepted."""
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
            self._recover(socket, packet.data)
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

    def _recover(self, socket: Socket, auth: dict[str, Any]) -> None:
        """Takes up the client's trail, if there is one; else begins one. What is published while the application
        decides is held behind what was missed."""
        found = self.socket_server.recovery_buffers.take(auth.get("pid"))
        missed = found.after(auth.get("offset")) if found is not None else None
        if found is None:
            socket.recovery_buffer = RecoveryBuffer(sid=socket.sid)
        elif missed is None:
            self.socket_server.recovery_buffers.drop(found)
            socket.recovery_buffer = RecoveryBuffer(sid=socket.sid)
        else:
            socket.recovery_buffer, socket.sid = found, found.sid
            self.socket_server.recovery_buffers.came(found, socket)
            for args in missed:
                socket.hold(self.socket_server.parser.event(socket.namespace, args))

    def _settle_recovery(self, socket: Socket, recovery_buffer: RecoveryBuffer) -> None:
        """The application has said whose socket it is; another one's trail is none of its business."""
        if (
            socket.sid == recovery_buffer.sid
            and recovery_buffer.owner is not None
            and recovery_buffer.owner != socket.owner
        ):
            self.socket_server.recovery_buffers.drop(recovery_buffer)
            socket.sid = new_sid()
            socket.forget_held()
            recovery_buffer = socket.recovery_buffer = RecoveryBuffer(sid=socket.sid)
        recovery_buffer.owner = socket.owner
        self.socket_server.recovery_buffers.came(recovery_buffer, socket)

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
        recovery_buffer = socket.recovery_buffer
        if recovery_buffer is not None:
            self._settle_recovery(socket, recovery_buffer)
        pid = socket.recovery_buffer.pid if socket.recovery_buffer is not None else None
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
        self._leave_recovery(socket, is_kept=True)  # for the same client with a better token
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
        self._leave_recovery(socket, is_kept=reason in _RECOVERABLE)
        self._remove(socket)
        if was_connected:
            self._tell_gone(socket, reason)
        if not self._sockets and self.session.is_open:
            self._connect_by = self.socket_server.clock() + self.socket_server.limits.connect_timeout_s

    def _leave_recovery(self, socket: Socket, *, is_kept: bool) -> None:
        if socket.recovery_buffer is not None and socket.recovery_buffer.socket is socket:
            self.socket_server.recovery_buffers.left(socket.recovery_buffer, socket.topics, is_kept=is_kept)

    def _remove(self, socket: Socket) -> None:
        self._sockets = tuple(other for other in self._sockets if other is not socket)
        socket.left()
        self.socket_server.gone(socket)

    def _tell_gone(self, socket: Socket, reason: str) -> None:
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
                self.socket_server.writable(socket)

    def upgraded(self) -> None:
        for socket in self._sockets:
            self.socket_server.upgraded(socket)

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
