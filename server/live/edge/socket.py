"""One Socket.IO client in one namespace, as the application and the fan-out use it."""

from __future__ import annotations

import asyncio
from typing import Any, Final, Protocol

from server.live.edge import request
from server.live.edge.engineio import Outgoing, new_sid
from server.live.edge.packet import Parser, SocketPacket
from server.live.edge.recovery import RecoveryBuffer
from server.live.edge.session import EngineSession

_CONNECTING: Final = 0
_CONNECTED: Final = 1
_GONE: Final = 2
_MAX_ASKS: Final = 64  # of one socket, unanswered


class AskFailed(Exception):
    """The client did not acknowledge in time, or is gone."""


class SocketOwner(Protocol):
    """The client that a socket belongs to, as the socket needs it."""

    @property
    def session(self) -> EngineSession: ...

    @property
    def parser(self) -> Parser: ...

    def disconnect(self, socket: Socket, reason: str) -> None:
        """Sends DISCONNECT, and closes the session with this reason."""
        ...


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

    def __init__(self, *, client: SocketOwner, namespace: str) -> None:
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
        return self._client.parser

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
        """Sends DISCONNECT and closes the client's whole connection; `on_disconnect` gets the `reason`."""
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
        """Drops the packets that were to be sent; those that the client has sent stay."""
        self._held = [item for item in self.held if isinstance(item, SocketPacket)]

    @property
    def held(self) -> list[Any]:
        return self._held or []

    @property
    def is_connecting(self) -> bool:
        return self._status == _CONNECTING

    def accepted(self) -> list[Any]:
        held, self._held, self._status = self._held or [], None, _CONNECTED
        self.is_ready = self.recovery_buffer is None  # what has a recovery buffer is not written past it
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
