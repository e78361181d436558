"""The channel between a node and its media process: two processes of one machine on a Unix socket pair.

A frame is a 4-byte big-endian length and a msgpack array ``[id, is_answer, body]``: ``id`` 0 is a notice, another one
asks for the answer that carries it back. Media bytes never come this way: they lie as files in the run folder.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import socket
from collections.abc import Awaitable, Callable
from typing import Literal, TypeVar, cast

import msgspec

from media.control import Body, ControlMessage, Refused
from media.errors import MediaError

MAX_FRAME_BYTES = 8 * 1024 * 1024
MAX_BUFFER_BYTES = 32 * 1024 * 1024
MAX_PENDING = 4_096

log = logging.getLogger(__name__)
S = TypeVar("S", bound=ControlMessage)


class _Frame(msgspec.Struct, array_like=True):
    id: int
    kind: Literal["notice", "ask", "answer"]
    body: Body


class ChannelClosed(MediaError):
    """The other process has gone, or does not read any more; what was asked may have been carried out."""


class Channel(asyncio.Protocol):
    """One end. ``handle`` gets notices in order; ``serve`` answers asks, each in a task of its own.

    ``closed`` is resolved, with nothing, when the other end has gone.
    """

    def __init__(
        self,
        *,
        handle: Callable[[ControlMessage], None],
        serve: Callable[[ControlMessage], Awaitable[ControlMessage]],
        max_buffer: int = MAX_BUFFER_BYTES,
    ) -> None:
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._handle = handle
        self._serve = serve
        self._max_buffer = max_buffer
        self._ids = itertools.count(1)
        self._pending: dict[int, asyncio.Future[ControlMessage]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._received = bytearray()
        self._transport: asyncio.Transport | None = None
        self._encoder = msgspec.msgpack.Encoder()
        self._decoder = msgspec.msgpack.Decoder(_Frame)

    @classmethod
    async def open(
        cls,
        sock: socket.socket,
        *,
        handle: Callable[[ControlMessage], None],
        serve: Callable[[ControlMessage], Awaitable[ControlMessage]],
    ) -> Channel:
        """A channel over one end of a connected Unix socket pair, which it owns from now on."""
        sock.setblocking(False)
        _, channel = await asyncio.get_running_loop().create_connection(
            lambda: cls(handle=handle, serve=serve), sock=sock
        )
        return channel

    def tell(self, said: ControlMessage) -> None:
        """Say something once. Raises ``ChannelClosed`` when the other end has gone or stopped reading."""
        self._write(_Frame(0, "notice", said))  # type: ignore[arg-type]  # every Said is in Body

    async def ask(self, said: ControlMessage, answer: type[S], *, timeout_s: float) -> S | Refused:
        """Ask and wait. Raises ``ChannelClosed`` or ``TimeoutError``; cancelling forgets the question."""
        if len(self._pending) >= MAX_PENDING:
            raise ChannelClosed("too many questions are open")
        number = next(self._ids)
        future = self._pending[number] = asyncio.get_running_loop().create_future()
        try:
            self._write(_Frame(number, "ask", said))  # type: ignore[arg-type]
            async with asyncio.timeout(timeout_s):
                answered = await future
        finally:
            self._pending.pop(number, None)
        if not isinstance(answered, answer | Refused):
            raise MediaError(f"{type(said).__name__} was answered by {type(answered).__name__}")
        return answered

    def close(self) -> None:
        """End the channel; open questions raise ``ChannelClosed``. Idempotent."""
        if self._transport is not None:
            self._transport.close()

    @property
    def _is_closing(self) -> bool:
        return self._transport is None or self._transport.is_closing()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        for future in self._pending.values():
            if not future.done():
                future.set_exception(ChannelClosed("the other process has gone"))
        for task in self._tasks:
            task.cancel()
        if not self.closed.done():
            self.closed.set_result(None)

    def data_received(self, data: bytes) -> None:
        self._received += data
        start = 0
        while len(self._received) - start >= 4:
            size = int.from_bytes(self._received[start : start + 4], "big")
            if size > MAX_FRAME_BYTES:
                log.error("a frame of %d bytes on the control channel: closing it", size)
                self.close()
                return
            if len(self._received) - start - 4 < size or self._is_closing:
                break
            self._take(bytes(self._received[start + 4 : start + 4 + size]))
            start += 4 + size
        del self._received[:start]

    def _take(self, data: bytes) -> None:
        try:
            frame = self._decoder.decode(data)
        except msgspec.DecodeError as error:
            log.error("a frame on the control channel makes no sense, closing it: %s", error)
            self.close()
            return
        if frame.kind == "notice":
            self._note(frame.body)
        elif frame.kind == "answer":
            future = self._pending.get(frame.id)
            if future is not None and not future.done():
                future.set_result(frame.body)
        else:
            task = asyncio.get_running_loop().create_task(
                self._answer(frame), name=f"answer {type(frame.body).__name__}"
            )
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _note(self, said: ControlMessage) -> None:
        try:
            self._handle(said)
        except Exception:
            # The named edge between the two processes: one notice that goes wrong is not the end of every stream.
            log.exception("%s was not understood", type(said).__name__)

    async def _answer(self, frame: _Frame) -> None:
        try:
            answer = await self._serve(frame.body)
        except asyncio.CancelledError:
            raise
        except Exception:
            # The named edge between the two processes: the asker gets an answer, whatever happened.
            log.exception("%s failed", type(frame.body).__name__)
            answer = Refused(code="unavailable", message="Something went wrong on the server.", status=500)
        try:
            self._write(_Frame(frame.id, "answer", answer))  # type: ignore[arg-type]
        except ChannelClosed:
            log.debug("nobody waits for an answer any more")

    def _write(self, frame: _Frame) -> None:
        if self._transport is None or self._transport.is_closing():
            raise ChannelClosed("the other process has gone")
        if self._transport.get_write_buffer_size() > self._max_buffer:
            self._transport.abort()
            raise ChannelClosed("the other process does not read any more")
        body = self._encoder.encode(frame)
        self._transport.write(len(body).to_bytes(4, "big") + body)
