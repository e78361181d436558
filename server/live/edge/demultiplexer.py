"""The first protocol on every connection: reads request heads, keeps the requests of the mounts and passes on the rest.

A WebSocket upgrade for a mount takes the transport away, polling requests are answered. The other requests go to the
HTTP server's own protocol object, byte for byte, in whatever pieces they arrive. The demultiplexer stays before it and
follows where each request ends, so that an unfinished head has a deadline on every request of a connection, and an
upgrade or a poll may come on a connection that has carried ordinary requests before (proxies reuse connections like
that).
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final, Protocol, cast

from server.live.edge.admission import AllowedOrigins
from server.live.edge.connections import Admission
from server.live.edge.limits import EdgeLimits
from server.live.edge.request import BadRequest, BodyTooLarge, Head, RequestBody, body_of
from server.live.edge.session import EngineSession
from server.live.edge.sessions import EngineSessions

_HEAD: Final = 0  # between requests, or in a head
_BODY: Final = 1  # in the body of a request of ours
_POLL: Final = 2  # a request of ours waits for its answer; what comes meanwhile waits too
_HTTP: Final = 3  # in the body of a request that the HTTP server has
_RAW: Final = 4  # everything is the HTTP server's from here on
_BUSY: Final = 5  # a request of ours waits until the HTTP server has answered the one before
_LINGER: Final = 6  # answered and closing: what still comes is thrown away
_GONE: Final = 7

_BUSY_LOOK_S: Final = 0.005

_REFUSALS: Final = {Admission.PORT_FULL: (503, "1"), Admission.ADDRESS_FULL: (429, "5")}  # status and Retry-After


class MountedRequests(Protocol):
    """Answers the requests that are not the HTTP server's."""

    def is_mounted(self, path: str) -> bool:
        """Whether requests for this path are answered by `websocket` and `request`, not by the HTTP server."""
        ...

    def post_begins(self, head: Head) -> EngineSession | None:
        """The session that a POST is for, if it may have one now."""
        ...

    def websocket(self, demultiplexer: HttpDemultiplexer, head: Head) -> None:
        """Answers an upgrade, or takes the transport."""
        ...

    def request(self, demultiplexer: HttpDemultiplexer, head: Head, body: bytes, posting: EngineSession | None) -> None:
        """Answers a polling request, now or later."""
        ...


class DemultiplexerServer(Protocol):
    """What all connections of a server share, as one of them needs it."""

    @property
    def limits(self) -> EdgeLimits: ...

    @property
    def sessions(self) -> EngineSessions: ...

    @property
    def requests(self) -> MountedRequests: ...

    @property
    def origins(self) -> AllowedOrigins: ...

    @property
    def head_refusal(self) -> tuple[str, bytes]:
        """Content type and body of the answer to a head that is too large."""
        ...

    @property
    def http(self) -> Callable[[], Any]:
        """Makes the HTTP server's protocol for one connection."""
        ...

    def enter(self, demultiplexer: HttpDemultiplexer) -> Admission:
        """Counts a new connection in, if there is room."""
        ...

    def left(self, demultiplexer: HttpDemultiplexer) -> None:
        """Counts a connection out."""
        ...


class HttpDemultiplexer(asyncio.Protocol):
    """See the module. Owns no task; one short timer, only in the case of `_BUSY`."""

    __slots__ = (
        "_body",
        "_buffer",
        "_carrier",
        "_due",
        "_entry",
        "_head",
        "_http",
        "_polled",
        "_posting",
        "_server",
        "_state",
        "_transport",
        "active_at",
        "is_inside",
        "peer",
    )

    def __init__(self, server: DemultiplexerServer, *, is_inside: bool = False) -> None:
        """`is_inside`: it came in where only the cluster's nodes do."""
        self._server = server
        self.is_inside = is_inside
        self._transport: asyncio.Transport | None = None
        self._http: Any = None  # the HTTP server's protocol for this connection, once there was a request for it
        self._state = _HEAD
        self._buffer = bytearray()
        self._head: Head | None = None
        self._body: RequestBody | None = None
        self._polled: EngineSession | None = None
        self._posting: EngineSession | None = None
        self._carrier: asyncio.Task[None] | None = None  # who takes the request at hand to another node
        self._due = 0.0
        self._entry = math.inf  # when the wheel's entry that counts comes up; the others of this connection are stale
        self.peer = ""
        self.active_at = 0.0

    # -- transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        peer = transport.get_extra_info("peername")
        self.peer = peer[0] if isinstance(peer, tuple) else ""
        self.active_at = self._server.sessions.clock()
        refusal = _REFUSALS.get(self._server.enter(self))
        if refusal is not None:
            status, after_s = refusal
            self.answer(status, b"Too many connections", headers=[("Retry-After", after_s)], is_last=True)
            return
        self._set_due(self._server.limits.head_timeout_s)

    def data_received(self, data: bytes) -> None:
        if self._state == _RAW:
            self._http.data_received(data)
        elif self._state == _HEAD and not self._buffer:
            self._consume(data)
        elif self._state < _LINGER:
            self._buffer += data
            if self._state not in (_POLL, _BUSY):
                data, self._buffer = bytes(self._buffer), bytearray()
                self._consume(data)
            elif len(self._buffer) > self._server.limits.max_head_bytes:
                self._require_transport().pause_reading()

    def eof_received(self) -> bool | None:
        if self._http is not None and self._state in (_RAW, _HTTP):
            return cast("bool | None", self._http.eof_received())
        return False

    def pause_writing(self) -> None:
        if self._http is not None:
            self._http.pause_writing()

    def resume_writing(self) -> None:
        if self._http is not None:
            self._http.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._state = _GONE
        self._server.left(self)
        if self._polled is not None:
            self._polled.poll_lost(self)
        if self._carrier is not None:
            self._carrier.cancel()
        self._post_ended()
        if self._http is not None:
            self._http.connection_lost(exc)
        self._transport = self._http = None

    def _require_transport(self) -> asyncio.Transport:
        assert self._transport is not None
        return self._transport

    # -- requests

    def _consume(self, data: bytes) -> None:
        """Takes whole requests from the bytes, as far as they go."""
        position = 0
        while position < len(data):
            if self._state == _HEAD:
                position = self._read_head(data, position)
            elif self._state == _BODY:
                position = self._read_body(data, position)
            elif self._state == _HTTP:
                position = self._pass_body(data, position)
            elif self._state == _RAW:
                self._http.data_received(data[position:])
                return
            elif self._state in (_POLL, _BUSY):
                self._buffer += data[position:]
                return
            else:
                return

    def _read_head(self, data: bytes, position: int) -> int:
        while data[position : position + 2] == b"\r\n":
            position += 2  # empty lines before a request line are to be ignored (RFC 9112 section 2.2)
        end = data.find(b"\r\n\r\n", position)
        limit = self._server.limits.max_head_bytes
        if end < 0 and len(data) - position <= limit:
            if position < len(data):
                self._buffer += data[position:]
                self._set_due(self._server.limits.head_timeout_s, at_most=True)
            return len(data)
        if end < 0 or end - position > limit:
            content_type, body = self._server.head_refusal
            self.answer(431, body, content_type=content_type, is_last=True)
            return len(data)
        return self._route(data, position, end)

    def _route(self, data: bytes, start: int, end: int) -> int:
        try:
            head = Head(data[start:end])
            is_ours = self._server.requests.is_mounted(head.path)
            self._body = body_of(head, keep_up_to=self._server.limits.max_payload if is_ours else None)
        except BadRequest:
            return self._raw(data, start)
        except BodyTooLarge:
            self.answer(413, b"Payload is too large", is_last=True)
            return len(data)
        if is_ours:
            return self._ours(head, data, end + 4)
        if head.is_upgrade or head.method == "CONNECT":
            return self._raw(data, start)
        self._pass(data[start : end + 4])
        self._state = _HEAD if self._body.is_done else _HTTP
        self._set_due(self._server.limits.keepalive_timeout_s)
        return end + 4

    # -- requests of the HTTP server

    def _pass(self, data: bytes) -> None:
        if self._http is None:
            self._http = self._server.http()
            self._http.connection_made(self._transport)
        self._http.data_received(data)

    def _raw(self, data: bytes, start: int) -> int:
        """What cannot be followed is the HTTP server's to answer or refuse, and so is the rest of the connection."""
        self._state = _RAW
        self._pass(data[start:])
        return len(data)

    def _pass_body(self, data: bytes, position: int) -> int:
        assert self._body is not None
        try:
            end = self._body.feed(data, position)
        except BadRequest:
            return self._raw(data, position)
        self._http.data_received(data[position:end])
        self._set_due(self._server.limits.body_idle_timeout_s)
        if self._body.is_done:
            self._state = _HEAD
            self._set_due(self._server.limits.keepalive_timeout_s)
        return end

    def _is_http_idle(self) -> bool:
        """Whether the HTTP server has answered all that it was given and waits for more."""
        if self._http is None:
            return True
        waiter = self._http._waiter
        return waiter is not None and not waiter.done() and not self._http._messages

    # -- requests of ours

    def _ours(self, head: Head, data: bytes, after: int) -> int:
        self._head = head
        if head.is_websocket:
            self._buffer += data[after:]
            after = len(data)
        if not self._is_http_idle():
            self._state = _BUSY
            self._set_due(self._server.limits.keepalive_timeout_s)
            asyncio.get_running_loop().call_later(_BUSY_LOOK_S, self._look_again)
            return after
        return self._begin(head, after)

    def _look_again(self) -> None:
        if self._state != _BUSY or self._head is None:
            return
        if not self._is_http_idle():
            asyncio.get_running_loop().call_later(_BUSY_LOOK_S, self._look_again)
            return
        self._begin(self._head, 0)
        self._go_on()

    def _begin(self, head: Head, after: int) -> int:
        assert self._body is not None
        if head.is_websocket and self._body.is_done:
            self._state = _POLL
            self._server.requests.websocket(self, head)
            return after
        self._posting = self._server.requests.post_begins(head)
        if self._body.is_done:
            self._request(head, b"")
            return after
        self._state = _BODY
        self._set_due(self._server.limits.body_timeout_s)
        if head.headers.get("expect", "").lower() == "100-continue":
            self._require_transport().write(b"HTTP/1.1 100 Continue\r\n\r\n")
        return after

    def _read_body(self, data: bytes, position: int) -> int:
        assert self._body is not None
        assert self._head is not None
        try:
            position = self._body.feed(data, position)
        except BodyTooLarge:
            self.answer(413, b"Payload is too large", is_last=True)
            return len(data)
        except BadRequest:
            self.answer(400, b"Bad request body", is_last=True)
            return len(data)
        if self._body.is_done:
            self._request(self._head, bytes(self._body.content))
        return position

    def _request(self, head: Head, body: bytes) -> None:
        self._state = _POLL
        posting = self._posting
        self._post_ended()
        self._body = None
        self._server.requests.request(self, head, body, posting)

    def _post_ended(self) -> None:
        posting, self._posting = self._posting, None
        if posting is not None:
            posting.post_ended()

    # -- answers

    def waits_for(self, session: EngineSession) -> None:
        """The poll of this session has no answer yet."""
        self._polled = session

    def is_carried_by(self, carrier: asyncio.Task[None]) -> None:
        """The request at hand is on its way to another node; `carrier` is cancelled when the client leaves."""
        self._carrier = carrier

    def when_its_turn(self, head: Head, go_on: Callable[[], None]) -> None:
        """Goes on with a request that had to wait, unless its connection is gone."""
        if self._state == _POLL and self._head is head:
            go_on()

    def answer_poll(self, payload: bytes) -> None:
        self._polled = None
        self.answer(200, payload)

    def answer(
        self,
        status: int,
        body: bytes,
        *,
        headers: list[tuple[str, str]] | None = None,
        content_type: str = "text/plain; charset=UTF-8",
        is_last: bool = False,
    ) -> None:
        """Writes a whole response to the request at hand and goes on with the next one, or closes."""
        head = self._head
        cors = self._server.origins.cors(head.headers) if head is not None else []
        shown = b"" if head is not None and head.method == "HEAD" else body
        response = _response(status, len(shown), [*cors, *(headers or [])], content_type)
        self._answer(response, shown, is_last=is_last)

    def relay(self, head: bytes, body: bytes) -> None:
        """Writes another node's response, as `answer` does; `head` has no end yet and says nothing of connections."""
        self._answer(head, body, is_last=False)

    def _answer(self, response: bytes, body: bytes, *, is_last: bool) -> None:
        is_last = is_last or self._head is None or not self._head.is_keep_alive
        closing = b"\r\nConnection: close" if is_last else b""
        self._require_transport().write(response + closing + b"\r\n\r\n" + body)
        self._head = self._body = self._carrier = None
        self._post_ended()
        if is_last:
            self._linger()
            return
        self._state = _HEAD
        self._set_due(self._server.limits.keepalive_timeout_s)
        if self._buffer:
            asyncio.get_running_loop().call_soon(self._go_on)

    def _go_on(self) -> None:
        """With what arrived while a request of ours was being answered."""
        if self._transport is None or self._state in (_POLL, _BUSY) or self._state >= _LINGER:
            return
        self._transport.resume_reading()
        data, self._buffer = bytes(self._buffer), bytearray()
        if data:
            self._consume(data)

    def _linger(self) -> None:
        """Closing with bytes unread would reset the connection and could take the answer with it (RFC 9112, 9.6)."""
        transport = self._require_transport()
        self._buffer = bytearray()
        self._state = _LINGER
        if self._http is not None or not transport.can_write_eof():
            transport.close()
        else:
            transport.write_eof()
        self._set_due(self._server.limits.close_timeout_s)

    def take(self) -> tuple[asyncio.Transport, bytes]:
        """Gives the transport away, with the bytes that were read and are not ours; the demultiplexer is done."""
        transport, rest = self._require_transport(), bytes(self._buffer)
        transport.resume_reading()
        self._transport, self._state, self._buffer = None, _GONE, bytearray()
        self._head = self._body = self._carrier = None  # the sweep may hold this object for a while yet
        if self._http is not None:
            self._http.transport = None  # so that the HTTP server lets go without closing what is no longer its own
            self._http.connection_lost(None)
            self._http = None
        return transport, rest

    def abort(self) -> None:
        """Cuts the connection."""
        if self._transport is not None:
            self._transport.abort()

    # -- time

    def _set_due(self, seconds: float, *, at_most: bool = False) -> None:
        now = self._server.sessions.clock()
        due = now + seconds
        if at_most and self._due <= due:
            return
        self.active_at = now
        self._due = due
        if due < self._entry:
            self._entry = due
            self._server.sessions.wheel.add(self, due)

    def check(self, now: float) -> float | None:
        if now < self._entry or self._transport is None or self._state in (_GONE, _RAW):
            return None
        due = self._due if now < self._due else self._overdue(now)
        self._entry = math.inf if due is None else due
        return due

    def _overdue(self, now: float) -> float | None:
        if self._state == _POLL or (self._state != _LINGER and self._is_waited_for()):
            self._due = now + self._server.limits.keepalive_timeout_s
            return self._due
        if self._state == _BODY and self._head is not None:
            self.answer(408, b"The body did not arrive in time", is_last=True)
            return self._due
        transport = self._require_transport()
        if self._state == _LINGER:
            transport.abort()
            return None
        transport.close()
        self._state = _LINGER  # until what is unsent is sent, and not for ever
        self._due = now + self._server.limits.close_timeout_s
        return self._due

    def is_idle(self) -> bool:
        """See `connections.Plain`. One whose answer is not all sent yet isn't idle."""
        if self._transport is None or self._transport.get_write_buffer_size():
            return False
        if self._state in (_BODY, _LINGER):
            return True
        if self._state == _HTTP:
            return self._transport.is_reading()
        return self._state in (_HEAD, _RAW) and self._is_http_idle()

    def _is_waited_for(self) -> bool:
        """The client is not to blame: the HTTP server is at work, or does not want to read more now."""
        if self._state == _HTTP:
            return not self._require_transport().is_reading()
        return not self._buffer and not self._is_http_idle()


def _response(status: int, length: int, headers: list[tuple[str, str]], content_type: str) -> bytes:
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", "Cache-Control: no-store"]
    if status != HTTPStatus.NO_CONTENT:
        lines += [f"Content-Type: {content_type}", f"Content-Length: {length}"]
        lines += ["X-Content-Type-Options: nosniff"]
    lines += [f"{name}: {value}" for name, value in headers]
    return "\r\n".join(lines).encode("latin-1")
