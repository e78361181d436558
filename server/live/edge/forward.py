"""Requests for a session of another node: taken to that node's internal listener, once, and its answer back.

A polling request goes over whole, on a connection of its own, and so does its answer. A WebSocket that wants to take a
session over is spliced: bytes both ways, as fast as the slower side reads.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Any, Final

from server.live.edge import engineio
from server.live.edge.demultiplexer import HttpDemultiplexer
from server.live.edge.nodes import Address, tag_in
from server.live.edge.request import BadRequest, Head, fields
from server.live.edge.sessions import EngineSessions
from server.live.edge.splice import Splice

MARK: Final = "x-socialflow-forwarded"
"""On what a node sends on for another; believed on the internal listener only."""

_log: Final = logging.getLogger(__name__)

_OF_ONE_HOP: Final = frozenset(
    {
        "connection",
        "content-length",
        "expect",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_SAID_ANEW: Final = frozenset({MARK, "forwarded", "x-forwarded-for"})
_CONTROLS: Final = frozenset(map(chr, (*range(9), *range(10, 32), 127)))


class Forwarding:
    """What this node takes to others. Owns a task for each request under way, and the splices."""

    def __init__(
        self,
        *,
        sessions: EngineSessions,
        elsewhere: Callable[[str], Address | None],
        left: Callable[[HttpDemultiplexer], None],
    ) -> None:
        """`elsewhere`: where the node with a tag has its internal listener, None when there is none. `left` is
        called with a demultiplexer whose connection was spliced.
        """
        self._sessions = sessions
        self._limits = sessions.limits
        self._elsewhere = elsewhere
        self._left = left
        self._carriers: set[asyncio.Task[None]] = set()
        self._polls: dict[asyncio.Task[None], HttpDemultiplexer] = {}
        self.splices: set[Splice] = set()
        self.count = 0  # requests, since the start

    def address_of(self, sid: str) -> Address | None:
        """Where the session's node listens; None when it is ours, unknown or gone."""
        tag = tag_in(sid)
        return None if tag is None or tag == self._sessions.node_tag else self._elsewhere(tag)

    def let_go(self) -> None:
        """Ends the WebSockets and answers the polls that wait here: with the close packet, since their sessions end
        with the connections that they were taken on."""
        for splice in list(self.splices):
            splice.close()
        for carrier, demultiplexer in list(self._polls.items()):
            if not carrier.done() and not carrier.cancelling():
                carrier.cancel()
                demultiplexer.answer_poll(engineio.CLOSE_PACKET.payload)

    async def close(self) -> None:
        """Gives up what is under way."""
        for splice in list(self.splices):
            splice.abort()
        for carrier in list(self._carriers):
            carrier.cancel()
        await asyncio.gather(*self._carriers, return_exceptions=True)

    # -- polling

    def request(
        self, demultiplexer: HttpDemultiplexer, head: Head, body: bytes, *, address: Address, client: str
    ) -> None:
        """Answers `demultiplexer` with what the node at `address` answers; `client` is whose request it is."""
        try:
            length = [("Content-Length", str(len(body)))] if head.method == "POST" else []
            sent = _head_for_node(head, client, [("Connection", "close"), *length]) + body
        except BadRequest:
            demultiplexer.answer(400, b"Bad request")
            return
        carrier = self._carry(demultiplexer, self._exchange(demultiplexer, address, sent))
        if head.method == "GET":
            self._polls[carrier] = demultiplexer
            carrier.add_done_callback(self._polls.pop)

    def _carry(self, demultiplexer: HttpDemultiplexer, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        self.count += 1
        carrier = asyncio.get_running_loop().create_task(work, name="request for another node")
        self._carriers.add(carrier)
        carrier.add_done_callback(self._carriers.discard)
        demultiplexer.is_carried_by(carrier)
        return carrier

    async def _exchange(self, demultiplexer: HttpDemultiplexer, address: Address, sent: bytes) -> None:
        try:
            reader, writer = await self._connect(address)
        except OSError as error:
            _log.debug("no node at %s:%d: %s", *address, error)
            demultiplexer.answer(400, b"Session ID unknown")  # so that the client opens another one
            return
        try:
            async with asyncio.timeout(self._answer_within_s):
                writer.write(sent)
                head, body = await _answer(reader, max_bytes=self._limits.max_relayed_bytes)
        except TimeoutError:
            demultiplexer.answer(504, b"The session's node does not answer")
        except (OSError, BadRequest, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            _log.debug("no answer of %s:%d: %s", *address, error)
            demultiplexer.answer(502, b"The session's node gave no answer")
        else:
            demultiplexer.relay(head, body)
        finally:
            writer.transport.abort()

    @property
    def _answer_within_s(self) -> float:
        """A poll that has nothing to say is answered with a ping; so nothing takes longer than from one to the end."""
        return self._limits.ping_interval_s + self._limits.ping_timeout_s

    async def _connect(self, address: Address) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        async with asyncio.timeout(self._limits.node_connect_timeout_s):
            return await asyncio.open_connection(*address, limit=self._limits.max_head_bytes)

    # -- WebSocket

    def websocket(self, demultiplexer: HttpDemultiplexer, head: Head, *, address: Address, client: str) -> None:
        """Splices the connection of `demultiplexer` with one to the node at `address`, which answers the upgrade."""
        try:
            sent = _head_for_node(head, client, [("Connection", "Upgrade"), ("Upgrade", "websocket")])
        except BadRequest:
            demultiplexer.answer(400, b"Bad request", is_last=True)
            return
        self._carry(demultiplexer, self._splice(demultiplexer, address, sent))

    async def _splice(self, demultiplexer: HttpDemultiplexer, address: Address, sent: bytes) -> None:
        splice = Splice(sessions=self._sessions, over=self.splices.discard)
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._limits.node_connect_timeout_s):
                await loop.create_connection(lambda: splice.far, *address)
        except OSError as error:
            splice.abort()
            _log.debug("no node at %s:%d: %s", *address, error)
            demultiplexer.answer(400, b"Session ID unknown", is_last=True)
            return
        except asyncio.CancelledError:
            splice.abort()
            raise
        transport, rest = demultiplexer.take()
        self._left(demultiplexer)
        self.splices.add(splice)
        splice.begin(transport, sent + rest)


def _head_for_node(head: Head, client: str, more: list[tuple[str, str]]) -> bytes:
    """The request's head for the next hop, its end included. BadRequest when another reader could read it otherwise."""
    named = {name.strip().lower() for name in head.headers.get("connection", "").split(",")}
    kept = [
        (name, value)
        for name, value in head.headers.items()
        if name not in _OF_ONE_HOP and name not in _SAID_ANEW and name not in named
    ]
    told = [("X-Forwarded-For", client), (MARK, "1")] if client else [(MARK, "1")]
    lines = [f"{head.method} {head.path}?{head.query_text} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in (*kept, *told, *more)]
    if any(not _CONTROLS.isdisjoint(line) for line in lines):
        raise BadRequest("control character")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"


async def _answer(reader: asyncio.StreamReader, *, max_bytes: int) -> tuple[bytes, bytes]:
    """A response: the head without its end and what is of one hop, and the body. BadRequest; what the reader raises."""
    lines = (await reader.readuntil(b"\r\n\r\n"))[:-4].decode("latin-1").split("\r\n")
    version, _, status = lines[0].partition(" ")
    if not version.startswith("HTTP/1.") or not status[:3].isdigit() or not 200 <= int(status[:3]) < 600:
        raise BadRequest("status line")
    found = fields(lines)
    length = found.get("content-length", "0" if int(status[:3]) == HTTPStatus.NO_CONTENT else "")
    if not (length.isascii() and length.isdigit()) or int(length) > max_bytes or "transfer-encoding" in found:
        raise BadRequest("response body")
    body = await reader.readexactly(int(length))
    kept = [line for line in lines[1:] if line.partition(":")[0].lower() not in _OF_ONE_HOP]
    if int(status[:3]) != HTTPStatus.NO_CONTENT:
        kept.append(f"Content-Length: {len(body)}")
    return "\r\n".join([f"HTTP/1.1 {status}", *kept]).encode("latin-1"), body
