"""RFC 6455 for a server, without I/O: bytes in, events and bytes out.

A message arrives whole: fragments are put together here and their sum is bounded, and so is what a compressed one
holds. Violations are events too, so that what came before one is still delivered.
"""

from __future__ import annotations

import binascii
import codecs
import hashlib
from struct import Struct
from typing import Any, Final

from server.live.edge import deflate

CONTINUATION: Final = 0x0
TEXT: Final = 0x1
BINARY: Final = 0x2
CLOSE: Final = 0x8
PING: Final = 0x9
PONG: Final = 0xA

_DEFLATED: Final = 0x40  # RSV1, beside the opcode of a message's first frame: the payload is compressed

NORMAL: Final = 1000
GOING_AWAY: Final = 1001
PROTOCOL_ERROR: Final = 1002
NO_STATUS: Final = 1005  # never on the wire: the close frame was empty
INVALID_DATA: Final = 1007
POLICY_VIOLATION: Final = 1008
TOO_BIG: Final = 1009
TRY_AGAIN: Final = 1013

_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_U16: Final = Struct("!H")
_U64: Final = Struct("!Q")
_MAX_CONTROL: Final = 125
_PLAIN: Final = (0x80 | TEXT, 0x80 | BINARY)  # first bytes of messages in one frame

Event = tuple[int, Any]
"""(TEXT, str), (BINARY | PING | PONG, bytes), (CLOSE, (code, reason)) or (VIOLATION, (code, reason))."""

VIOLATION: Final = -1


class HandshakeError(Exception):
    """The upgrade cannot be answered with 101; `status` is what to answer (RFC 6455 section 4.2.2)."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


class _Broken(Exception):
    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


def accept_token(key: str) -> bytes:
    """`Sec-WebSocket-Accept` for a client's key."""
    digest = hashlib.sha1(key.encode("latin-1") + _GUID, usedforsecurity=False).digest()
    return binascii.b2a_base64(digest, newline=False)


def switching_protocols(headers: dict[str, str], *, may_deflate: bool = True) -> tuple[bytes, int]:
    """The 101 response to an upgrade request whose (lower case) headers these are; HandshakeError otherwise.

    And the window, in bits, of what may be sent compressed: 0 when compression was not agreed on.
    """
    if headers.get("sec-websocket-version") != "13":
        raise HandshakeError(426, "Sec-WebSocket-Version must be 13")
    key = headers.get("sec-websocket-key", "")
    try:
        is_key = len(binascii.a2b_base64(key, strict_mode=True)) == 16
    except ValueError:  # binascii.Error, and what is not ASCII
        is_key = False
    if not is_key:
        raise HandshakeError(400, "Sec-WebSocket-Key must be 16 bytes in base64")
    agreed = _agree(headers.get("sec-websocket-extensions")) if may_deflate else None
    extensions = b"" if agreed is None else b"\r\nSec-WebSocket-Extensions: " + agreed.answer.encode()
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
        + accept_token(key)
        + extensions
        + b"\r\n\r\n"
    ), 0 if agreed is None else agreed.window


def _agree(extensions: str | None) -> deflate.Agreement | None:
    try:
        return None if extensions is None else deflate.agree(extensions)
    except deflate.Malformed as error:
        raise HandshakeError(400, str(error)) from None


def deflated_frame(opcode: int, payload: bytes, window: int) -> bytes:
    """One whole frame, compressed with this window if that makes it shorter."""
    deflated = deflate.deflate(payload, window)
    return frame(opcode | _DEFLATED, deflated) if len(deflated) < len(payload) else frame(opcode, payload)


def frame(opcode: int, payload: bytes) -> bytes:
    """One whole unmasked frame."""
    length = len(payload)
    if length < 126:
        return bytes((0x80 | opcode, length)) + payload
    if length < 65536:
        return bytes((0x80 | opcode, 126)) + _U16.pack(length) + payload
    return bytes((0x80 | opcode, 127)) + _U64.pack(length) + payload


def close_frame(code: int, reason: str = "") -> bytes:
    """A close frame; NO_STATUS gives an empty one. The reason is cut to fit, between characters."""
    if code == NO_STATUS:
        return frame(CLOSE, b"")
    text = reason.encode("utf-8", "replace")[: _MAX_CONTROL - 2].decode("utf-8", "ignore").encode()
    return frame(CLOSE, _U16.pack(code) + text)


def _is_close_code(code: int) -> bool:
    return 1000 <= code <= 1003 or 1007 <= code <= 1014 or 3000 <= code <= 4999


def _unmask(payload: bytes | bytearray, mask: bytes | bytearray) -> bytes:
    length = len(payload)
    key = (mask * (length // 4 + 1))[:length]
    return (int.from_bytes(payload, "little") ^ int.from_bytes(key, "little")).to_bytes(length, "little")


def _parse_close(payload: bytes) -> tuple[int, str]:
    if not payload:
        return NO_STATUS, ""
    if len(payload) == 1:
        raise _Broken(PROTOCOL_ERROR, "close code cut short")
    code: int = _U16.unpack_from(payload)[0]
    if not _is_close_code(code):
        raise _Broken(PROTOCOL_ERROR, "close code not allowed")
    return code, _text(payload[2:])


def _text(payload: bytes | bytearray) -> str:
    try:
        return payload.decode("utf-8")
    except UnicodeDecodeError:
        raise _Broken(INVALID_DATA, "text is not UTF-8") from None


class FrameReader:
    """The receiving half of one connection. After CLOSE or VIOLATION nothing more is read.

    Text is checked as it arrives, so that what is not UTF-8 is refused at its first wrong byte even in the middle of
    a frame (section 8.1 asks for no less, and a long frame need not be waited for). Compressed text is inflated and
    checked when all of it is there.
    """

    __slots__ = (
        "_buffer",
        "_decoder",
        "_done",
        "_may_inflate",
        "_message",
        "_need",
        "_opcode",
        "_payload_at",
        "_scanned",
        "max_bytes",
    )

    def __init__(self, *, max_bytes: int, may_inflate: bool = False) -> None:
        """`may_inflate`: compression was agreed on."""
        self.max_bytes = max_bytes
        self._may_inflate = may_inflate
        self._buffer: bytearray | None = None  # an unfinished frame
        self._need = 0  # bytes that the buffer must hold before looking again is worth it
        self._payload_at = 0  # where the payload of the unfinished frame starts, if it is text; else 0
        self._scanned = 0  # bytes of that payload that the decoder has seen
        self._message: bytearray | None = None  # fragments so far
        self._opcode = 0  # of those fragments, with _DEFLATED if they are compressed
        self._decoder: codecs.IncrementalDecoder | None = None
        self._done = False

    def feed(self, data: bytes) -> list[Event]:
        """What these bytes complete, in order."""
        if self._done:
            return []
        if self._buffer is None and self._message is None and (event := self._whole(data)) is not None:
            return [event]
        events: list[Event] = []
        try:
            self._feed(data, events)
        except _Broken as broken:
            self._done = True
            self._buffer = self._message = None
            events.append((VIOLATION, (broken.code, broken.reason)))
        return events

    def _whole(self, data: bytes) -> Event | None:
        """What nearly everything is: one plain message in one frame of at most 64 KiB, and nothing else. None when it
        is not that, or not in order."""
        size = len(data)
        if size < 6 or data[0] not in _PLAIN:
            return None
        start, length = 6, data[1] - 0x80
        if length == 126 and size > 8:
            start, length = 8, data[2] << 8 | data[3]
        if start + length != size or length > self.max_bytes or (length < 126 and start == 8):
            return None
        payload = _unmask(data[start:], data[start - 4 : start])
        if data[0] == _PLAIN[1]:
            return BINARY, payload
        try:
            return TEXT, payload.decode()
        except UnicodeDecodeError:
            return None

    def _feed(self, data: bytes, events: list[Event]) -> None:
        chunk: bytes | bytearray = data
        if self._buffer is not None:
            self._buffer += data
            if len(self._buffer) < self._need:
                self._scan(self._buffer)
                return
            chunk, self._buffer = self._buffer, None
        rest = self._frames(chunk, events)
        if rest < len(chunk) and not self._done:
            self._need -= rest
            self._buffer = bytearray(chunk[rest:])
            self._payload_at = max(0, self._payload_at - rest)
            self._scan(self._buffer)

    def _scan(self, buffer: bytearray) -> None:
        """Checks what there is of the unfinished text frame."""
        start = self._payload_at
        if not start or len(buffer) <= start + self._scanned:
            return
        turn = self._scanned % 4
        mask = buffer[start - 4 : start]
        part = _unmask(buffer[start + self._scanned :], mask[turn:] + mask[:turn])
        if self._decoder is None:
            self._decoder = _utf8()
        _check_text(self._decoder, part, False)
        self._scanned += len(part)

    def _frames(self, data: bytes | bytearray, events: list[Event]) -> int:
        """Reads frames until one is incomplete; the position of that one. `_need` is where it would end."""
        position, end = 0, len(data)
        while position < end and not self._done:
            start, length = self._head(data, position, end)
            self._need = start + length
            if self._need > end:
                self._payload_at = start if start <= end and self._is_plain_text(data[position] & 0x4F) else 0
                return position
            payload = _unmask(data[start : start + length], data[start - 4 : start])
            self._frame(data[position], payload, events)
            self._scanned = 0
            position = start + length
        return position

    def _is_plain_text(self, opcode: int) -> bool:
        return opcode == TEXT or (opcode == CONTINUATION and self._opcode == TEXT)

    def _head(self, data: bytes | bytearray, position: int, end: int) -> tuple[int, int]:
        """(where the payload starts, its length); points past `end` when the head itself is incomplete."""
        if end - position < 2:
            return end + 1, 0
        first, second = data[position], data[position + 1]
        self._check_head(first, second)
        length, start = second & 0x7F, position + 6
        if length == 126:
            if end - position < 4:
                return end + 1, 0
            length, start = _U16.unpack_from(data, position + 2)[0], position + 8
            self._check_minimal(length, 126)
        elif length == 127:
            if end - position < 10:
                return end + 1, 0
            length, start = _U64.unpack_from(data, position + 2)[0], position + 14
            self._check_minimal(length, 65536)
        self._check_size(first, length)
        return start, length

    def _check_head(self, first: int, second: int) -> None:
        opcode = first & 0x0F
        if first & 0x70 and not self._is_deflated(first):
            raise _Broken(PROTOCOL_ERROR, "reserved bits are set")
        if not second & 0x80:
            raise _Broken(PROTOCOL_ERROR, "frame is not masked")
        if opcode >= CLOSE:
            if opcode > PONG:
                raise _Broken(PROTOCOL_ERROR, "unknown opcode")
            if not first & 0x80 or (second & 0x7F) > _MAX_CONTROL:
                raise _Broken(PROTOCOL_ERROR, "control frame fragmented or too long")
        elif opcode > BINARY:
            raise _Broken(PROTOCOL_ERROR, "unknown opcode")
        elif (opcode == CONTINUATION) != (self._message is not None):
            raise _Broken(PROTOCOL_ERROR, "fragments out of order")

    def _is_deflated(self, first: int) -> bool:
        """Whether the reserved bits are the one that a message's first frame may have."""
        return self._may_inflate and first & 0x70 == _DEFLATED and first & 0x0F in (TEXT, BINARY)

    @staticmethod
    def _check_minimal(length: int, least: int) -> None:
        if length < least or length >> 63:
            raise _Broken(PROTOCOL_ERROR, "length not in its shortest form")

    def _check_size(self, first: int, length: int) -> None:
        size = length + (len(self._message) if self._message else 0)
        if size > self.max_bytes and first & 0x0F < CLOSE and size > self._most_bytes(first):
            raise _Broken(TOO_BIG, "message is too big")

    def _most_bytes(self, first: int) -> int:
        """What cannot be compressed gets a little longer by it."""
        is_deflated = (first if self._message is None else self._opcode) & _DEFLATED
        return self.max_bytes + (self.max_bytes // 1024 + 16 if is_deflated else 0)

    def _frame(self, first: int, payload: bytes, events: list[Event]) -> None:
        opcode, is_last = first & 0x0F, bool(first & 0x80)
        if opcode == CLOSE:
            events.append((CLOSE, _parse_close(payload)))
            self._done = True
        elif opcode > CLOSE:
            events.append((opcode, payload))
        elif self._message is not None or first & 0xC0 != 0x80:  # a fragment, or compressed
            self._fragment(first & 0x4F, payload, is_last, events)
        else:
            self._decoder = None
            events.append((TEXT, _text(payload)) if opcode == TEXT else (BINARY, payload))

    def _fragment(self, opcode: int, payload: bytes, is_last: bool, events: list[Event]) -> None:
        if self._message is None:
            self._message, self._opcode = bytearray(), opcode
            if opcode == TEXT and self._decoder is None:
                self._decoder = _utf8()
        if self._decoder is not None:
            _check_text(self._decoder, payload[self._scanned :], is_last)
        self._message += payload
        if is_last:
            message, self._message, self._decoder = self._message, None, None
            whole = self._inflated(message) if self._opcode & _DEFLATED else bytes(message)
            events.append((TEXT, _text(whole)) if self._opcode & 0x0F == TEXT else (BINARY, whole))

    def _inflated(self, message: bytearray) -> bytes:
        try:
            return deflate.inflate(message, self.max_bytes)
        except deflate.Corrupt as error:
            raise _Broken(INVALID_DATA, str(error)) from None
        except deflate.TooLong:
            raise _Broken(TOO_BIG, "message is too big") from None


_utf8: Final = codecs.getincrementaldecoder("utf-8")


def _check_text(decoder: codecs.IncrementalDecoder, payload: bytes, is_last: bool) -> None:
    try:
        decoder.decode(payload, is_last)
    except UnicodeDecodeError:
        raise _Broken(INVALID_DATA, "text is not UTF-8") from None
