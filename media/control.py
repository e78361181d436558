"""What the node and its media process say to each other, and the channel between them.

Two processes of one machine share a Unix socket pair. A frame is a 4-byte big-endian length and a msgpack array
``[id, is_answer, body]``: ``id`` 0 is a notice, another one asks for the answer that carries it back. Media bytes never
come this way: they lie as files in the run folder.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import socket
from collections.abc import Awaitable, Callable
from typing import Any, Literal, TypeVar, cast

import msgspec

from media.errors import MediaError
from media.hls.events import Event

MAX_FRAME_BYTES = 8 * 1024 * 1024
MAX_BUFFER_BYTES = 32 * 1024 * 1024
MAX_PENDING = 4_096

log = logging.getLogger("media.control")


class ControlMessage(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Root of all that is said over the channel."""


# ----------------------------------------------------------------------------------------------- the media process asks


class AuthorizePublish(ControlMessage, frozen=True, kw_only=True):
    """Somebody presents a key over RTMP; answered by ``Granted`` or ``Refused``."""

    key: str
    protocol: str
    remote: str
    user_agent: str = ""


class Granted(ControlMessage, frozen=True, kw_only=True):
    """Leave to publish; ``epoch`` is the fencing token in every object key of the run. ``owner_id``: whose stream.
    ``label``: its title and its owner's username, for the log.
    ``target_s``: the target duration of the stream's playlists, 0 if it has none yet."""

    stream_id: str
    epoch: int
    publication: int
    first_segment: int
    media_time_ms: int
    latency: str
    is_recorded: bool
    owner_id: str = ""
    label: str = ""
    target_s: int = 0

    @property
    def log_name(self) -> str:
        """What the log calls the stream."""
        return f"stream {self.stream_id} {self.label}".rstrip()


class Refused(ControlMessage, frozen=True, kw_only=True):
    """``code`` is a refusal code of publishing, or the slug of an HTTP problem; ``status`` an HTTP status."""

    code: str
    message: str
    status: int = 403


# ----------------------------------------------------------------------------------------------- the media process says


class MediaReady(ControlMessage, frozen=True, kw_only=True):
    """All ports are bound: RTMP's TCP port and WebRTC's UDP port (0: none)."""

    rtmp_port: int
    webrtc_port: int


class PublishStarted(ControlMessage, frozen=True, kw_only=True):
    stream_id: str
    publication: int
    tracks: tuple[dict[str, Any], ...]


class PublishEnded(ControlMessage, frozen=True, kw_only=True):
    stream_id: str
    publication: int
    reason: str


class Progress(ControlMessage, frozen=True, kw_only=True):
    """About once a second and publication; ``at`` is the wall clock of the newest unit."""

    stream_id: str
    publication: int
    media_time_ms: int
    next_segment: int
    at: float
    health: dict[str, Any]


class Packaged(ControlMessage, frozen=True, kw_only=True):
    """One step of a stream's packaging, in order."""

    stream_id: str
    publication: int
    event: Event


class Flushed(ControlMessage, frozen=True, kw_only=True):
    """Everything of a publication that ended is stored and was reported."""

    stream_id: str
    publication: int


class Pictured(ControlMessage, frozen=True, kw_only=True):
    """A new thumbnail lies at ``path``."""

    stream_id: str
    path: str
    at: float


class ViewerGone(ControlMessage, frozen=True, kw_only=True):
    """A WebRTC viewer's connection ended by itself."""

    resource_id: str


class MediaCounters(ControlMessage, frozen=True, kw_only=True):
    """Every few seconds, for the operators: totals since the process started, by metric name."""

    values: dict[str, float]


# ------------------------------------------------------------------------------------------------------- the node asks


class OfferWhip(ControlMessage, frozen=True, kw_only=True):
    """A publisher's offer, with the leave that its key was given; answered by ``Answered`` or ``Refused``.

    ``offered_by``: who makes it, each with how many of its offers may wait to be connected.
    """

    grant: Granted
    sdp: str
    resource_id: str
    remote: str
    user_agent: str = ""
    offered_by: dict[str, int] = {}


class OfferWhep(ControlMessage, frozen=True, kw_only=True):
    """A viewer's offer; ``offered_by`` as for a publisher's."""

    stream_id: str
    sdp: str
    resource_id: str
    offered_by: dict[str, int] = {}


class Answered(ControlMessage, frozen=True, kw_only=True):
    sdp: str
    etag: str


class PatchIce(ControlMessage, frozen=True, kw_only=True):
    """A trickle or restart fragment; answered by ``Patched`` or ``Refused``."""

    resource_id: str
    fragment: str
    etag: str | None


class Patched(ControlMessage, frozen=True, kw_only=True):
    """``fragment`` empty: nothing to tell back (204)."""

    fragment: str = ""
    etag: str = ""


class CloseWebrtc(ControlMessage, frozen=True, kw_only=True):
    """End a WHIP or WHEP resource; answered by ``Patched``, or ``Refused`` when there is none."""

    resource_id: str


class FindWebrtc(ControlMessage, frozen=True, kw_only=True):
    """Whether there is such a WHIP or WHEP resource; answered by ``Patched``, or ``Refused`` when there is none."""

    resource_id: str


# ------------------------------------------------------------------------------------------------------- the node says


class StopPublication(ControlMessage, frozen=True, kw_only=True):
    stream_id: str
    publication: int
    reason: str


class ForgetStream(ControlMessage, frozen=True, kw_only=True):
    """The stream has ended: its live files may go."""

    stream_id: str


class Drain(ControlMessage, frozen=True, kw_only=True):
    """Take nobody new, end everybody, flush, leave."""

    budget_s: float


Body = (
    AuthorizePublish
    | Granted
    | Refused
    | MediaReady
    | PublishStarted
    | PublishEnded
    | Progress
    | Packaged
    | Flushed
    | Pictured
    | ViewerGone
    | MediaCounters
    | OfferWhip
    | OfferWhep
    | Answered
    | PatchIce
    | Patched
    | CloseWebrtc
    | FindWebrtc
    | StopPublication
    | ForgetStream
    | Drain
)
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
