"""Messages cut into chunks and put together again (RTMP 1.0, section 5.3). Sans-I/O.

The reader takes bytes as they come and never waits for a whole chunk: payload goes straight into the message. Runs
of continuation chunks are taken in one go, their one-byte headers cut out by a strided delete, so that small chunks
cost little more than large ones.
"""

from __future__ import annotations

import msgspec

from media.errors import ProtocolError

DEFAULT_CHUNK_BYTES = 128
MAX_CHUNK_BYTES = 0x7FFFFFFF

SET_CHUNK_SIZE = 1
ABORT = 2
ACKNOWLEDGEMENT = 3
USER_CONTROL = 4
WINDOW_SIZE = 5
PEER_BANDWIDTH = 6
AUDIO = 8
VIDEO = 9
DATA_AMF3 = 15
COMMAND_AMF3 = 17
DATA = 18
COMMAND = 20
AGGREGATE = 22

_MEDIA = frozenset((AUDIO, VIDEO, AGGREGATE))
_EXTENDED = 0xFFFFFF
_HEADER_BYTES = (11, 7, 3, 0)
_CONTINUATIONS = tuple(bytes((0xC0 | chunk_stream,)) for chunk_stream in range(64))


class RtmpMessage(msgspec.Struct, frozen=True, gc=False):
    """One RTMP message. ``timestamp`` is milliseconds modulo 2**32; the payload is its taker's."""

    type: int
    stream_id: int
    timestamp: int
    payload: bytes | bytearray


class ChunkLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What one connection may make the reader keep."""

    max_message_bytes: int = 8 * 1024 * 1024
    max_command_bytes: int = 256 * 1024
    max_partial_bytes: int = 16 * 1024 * 1024
    max_chunk_streams: int = 64


class _ChunkStream:
    """What the next header of a chunk stream may leave out, and the message under way."""

    __slots__ = ("delta", "extended", "id", "length", "payload", "stream_id", "timestamp", "type")

    def __init__(self, chunk_stream: int) -> None:
        self.id = chunk_stream
        self.timestamp = 0
        self.delta = 0
        self.extended = False
        self.length = 0
        self.type = 0
        self.stream_id = 0
        self.payload = bytearray()


class ChunkReader:
    """Bytes in, messages out. Set Chunk Size and Abort take effect here and are not handed on.

    Raises ProtocolError when the peer breaks the format or a limit; the reader is of no use afterwards.
    """

    def __init__(self, *, limits: ChunkLimits) -> None:
        self.chunk_bytes = DEFAULT_CHUNK_BYTES
        self.partial_bytes = 0
        self.max_partial_bytes = limits.max_partial_bytes
        self._limits = limits
        self._streams: dict[int, _ChunkStream] = {}
        self._rest = b""
        self._current: _ChunkStream | None = None
        self._left = 0

    def receive(self, data: bytes) -> list[RtmpMessage]:
        """The messages that ``data`` completes, in the order in which they were completed."""
        if self._rest:
            data = self._rest + data
            self._rest = b""
        messages: list[RtmpMessage] = []
        position, end = 0, len(data)
        while position < end:
            if self._current is None:
                used = self._read_header(data, position, end)
                if not used:
                    self._rest = data[position:]
                    break
                position += used
            position += self._read_payload(data, position, end)
            if self._is_complete():
                self._finish(messages)
        return messages

    def _is_complete(self) -> bool:
        stream = self._current
        return stream is not None and len(stream.payload) == stream.length

    def _read_header(self, data: bytes, start: int, end: int) -> int:
        """Parse one chunk header; the number of bytes it took, 0 when it is not whole yet."""
        first = data[start]
        chunk_stream, at = first & 0x3F, start + 1
        if chunk_stream < 2:
            at += 1 + chunk_stream
            if at > end:
                return 0
            chunk_stream = 64 + int.from_bytes(data[start + 1 : at], "little")
        form = first >> 6
        fields = at + _HEADER_BYTES[form]
        if fields > end:
            return 0
        stream = self._streams.get(chunk_stream)
        if stream is None:
            stream = self._new_stream(chunk_stream, form)
        used = self._continue(stream, data, fields) if form == 3 else self._start(stream, form, data, at)
        if used < 0:
            return 0
        self._current = stream
        self._left = min(self.chunk_bytes, stream.length - len(stream.payload))
        return fields + used - start

    def _new_stream(self, chunk_stream: int, form: int) -> _ChunkStream:
        # Some clients open a chunk stream with the 7-byte header; the message stream is then 0.
        if form > 1:
            raise ProtocolError(f"chunk stream {chunk_stream} starts with a header of type {form}")
        if len(self._streams) >= self._limits.max_chunk_streams:
            raise ProtocolError(f"more than {self._limits.max_chunk_streams} chunk streams")
        stream = self._streams[chunk_stream] = _ChunkStream(chunk_stream)
        return stream

    def _start(self, stream: _ChunkStream, form: int, data: bytes, at: int) -> int:
        """Types 0 to 2; the bytes of the extended timestamp, -1 when they are not here yet."""
        if stream.payload:
            raise ProtocolError(f"a message starts inside another on chunk stream {stream.id}")
        fields, used = at + _HEADER_BYTES[form], 0
        field = int.from_bytes(data[at : at + 3], "big")
        extended = field == _EXTENDED
        if extended:
            if fields + 4 > len(data):
                return -1
            field, used = int.from_bytes(data[fields : fields + 4], "big"), 4
        if form < 2:
            self._describe(stream, data, at)
        if form == 0:
            stream.stream_id = int.from_bytes(data[at + 7 : at + 11], "little")
            stream.timestamp = field
        else:
            stream.timestamp = (stream.timestamp + field) & 0xFFFFFFFF
        stream.delta = field
        stream.extended = extended
        return used

    def _describe(self, stream: _ChunkStream, data: bytes, at: int) -> None:
        length, kind = int.from_bytes(data[at + 3 : at + 6], "big"), data[at + 6]
        limits = self._limits
        if length > (limits.max_message_bytes if kind in _MEDIA else limits.max_command_bytes):
            raise ProtocolError(f"a message of type {kind} with {length} bytes is over the limit")
        stream.length, stream.type = length, kind

    def _continue(self, stream: _ChunkStream, data: bytes, at: int) -> int:
        """Type 3: more of a message, or one just like the last, its timestamp as much later (section 5.3.1.2.4).

        The extended timestamp is repeated here. Some senders leave it out inside a message, which shows in the
        four bytes not being the ones of the message's first chunk.
        """
        used = 0
        if stream.extended:
            if at + 4 > len(data):
                return -1
            field = int.from_bytes(data[at : at + 4], "big")
            if not stream.payload:
                stream.delta = field
            used = 4 if field == stream.delta else 0
        if not stream.payload:
            stream.timestamp = (stream.timestamp + stream.delta) & 0xFFFFFFFF
        return used

    def _read_payload(self, data: bytes, start: int, end: int) -> int:
        """Move what is here of the current message into it, following chunks of the same message included."""
        stream = self._current
        assert stream is not None
        left = self._left
        if end - start <= left or stream.extended or stream.id > 63:
            taken = data[start : start + left]
            used = len(taken)
            self._left = left - used
            self._add(stream, taken)
        else:
            used = self._read_run(stream, data, start, end)
        if not self._left and len(stream.payload) < stream.length:
            self._current = None
        return used

    def _read_run(self, stream: _ChunkStream, data: bytes, start: int, end: int) -> int:
        """The rest of this chunk, which is all here, and the continuation chunks that follow it at once."""
        left, size = self._left, self.chunk_bytes
        after = stream.length - len(stream.payload) - left
        stop = min(end, start + left + after + (after + size - 1) // size)
        headers = data[start + left : stop : size + 1]
        run = len(headers) - len(headers.lstrip(_CONTINUATIONS[stream.id]))
        stop = min(stop, start + left + run * (size + 1))
        if run:
            taken = bytearray(memoryview(data)[start:stop])
            del taken[left :: size + 1]
            self._left = min(left + run * size, left + after) - len(taken)
            self._add(stream, taken)
        else:
            self._left = 0
            self._add(stream, data[start:stop])
        return stop - start

    def _add(self, stream: _ChunkStream, taken: bytes | bytearray) -> None:
        self.partial_bytes += len(taken)
        if self.partial_bytes > self.max_partial_bytes:
            raise ProtocolError(f"more than {self.max_partial_bytes} bytes of unfinished messages")
        if stream.payload or not isinstance(taken, bytearray):
            stream.payload += taken
        else:
            stream.payload = taken

    def _finish(self, messages: list[RtmpMessage]) -> None:
        stream = self._current
        assert stream is not None
        self._current = None
        payload = self._release(stream)
        if stream.type == SET_CHUNK_SIZE:
            self._set_chunk_size(payload)
        elif stream.type == ABORT:
            self._abort(payload)
        else:
            messages.append(RtmpMessage(stream.type, stream.stream_id, stream.timestamp, payload))

    def _release(self, stream: _ChunkStream) -> bytearray:
        payload = stream.payload
        self.partial_bytes -= len(payload)
        stream.payload = bytearray()
        return payload

    def _set_chunk_size(self, payload: bytearray) -> None:
        size = int.from_bytes(payload[:4], "big")
        if len(payload) < 4 or not 0 < size <= MAX_CHUNK_BYTES:
            raise ProtocolError(f"chunk size {size}")
        self.chunk_bytes = size

    def _abort(self, payload: bytearray) -> None:
        if len(payload) < 4:
            raise ProtocolError("an abort message without its chunk stream")
        stream = self._streams.get(int.from_bytes(payload[:4], "big"))
        if stream is not None:
            self._release(stream)


class _Sent:
    __slots__ = ("delta", "length", "stream_id", "timestamp", "type")

    def __init__(self, message: RtmpMessage, delta: int | None) -> None:
        self.type = message.type
        self.stream_id = message.stream_id
        self.timestamp = message.timestamp
        self.length = len(message.payload)
        self.delta = delta


class ChunkWriter:
    """Messages in, bytes out, each header as short as what went before on its chunk stream (2 to 63) allows."""

    def __init__(self) -> None:
        self.chunk_bytes = DEFAULT_CHUNK_BYTES
        self._sent: dict[int, _Sent] = {}

    def write(self, chunk_stream: int, message: RtmpMessage) -> bytes:
        """The chunks of one message."""
        field, form = self._choose(chunk_stream, message)
        extension = field.to_bytes(4, "big") if field >= _EXTENDED else b""
        head = bytes((form << 6 | chunk_stream,)) + self._fields(form, field, message) + extension
        size, payload = self.chunk_bytes, message.payload
        if len(payload) <= size:
            return head + payload
        between = _CONTINUATIONS[chunk_stream] + extension
        view = memoryview(payload)
        return head + between.join([view[at : at + size] for at in range(0, len(payload), size)])

    def _choose(self, chunk_stream: int, message: RtmpMessage) -> tuple[int, int]:
        last = self._sent.get(chunk_stream)
        if last is None or last.stream_id != message.stream_id or message.timestamp < last.timestamp:
            # No delta is remembered: readers disagree on what a type 3 after a type 0 adds.
            self._sent[chunk_stream] = _Sent(message, None)
            return message.timestamp, 0
        delta = message.timestamp - last.timestamp
        self._sent[chunk_stream] = _Sent(message, delta)
        if last.type != message.type or last.length != len(message.payload):
            return delta, 1
        return delta, 2 if delta != last.delta else 3

    def _fields(self, form: int, field: int, message: RtmpMessage) -> bytes:
        fields = min(field, _EXTENDED).to_bytes(3, "big") if form < 3 else b""
        if form < 2:
            fields += len(message.payload).to_bytes(3, "big") + bytes((message.type,))
        if form == 0:
            fields += message.stream_id.to_bytes(4, "little")
        return fields
