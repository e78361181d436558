"""HTTP/1.1 requests as far as the port must see them, without I/O: the head, and where the body ends (RFC 9112)."""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qsl

_MAX_LINE: Final = 4096
_TOKEN: Final = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz")


class BadRequest(Exception):
    """The bytes are no request that can be followed; what comes after them means nothing."""


class BodyTooLarge(Exception):
    """The body is longer than its bound."""


class Head:
    """A request line and its fields; names in lower case, repeated fields joined by a comma."""

    __slots__ = ("headers", "is_upgrade", "is_websocket", "method", "path", "query_text", "raw", "version")

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        lines = raw.decode("latin-1").split("\r\n")
        request_line = lines[0].split(" ")
        if len(request_line) != 3 or not request_line[2].startswith("HTTP/1."):
            raise BadRequest("request line")
        self.method, target, self.version = request_line
        self.path, _, self.query_text = target.partition("?")
        self.headers = headers = fields(lines)
        upgrade = headers.get("upgrade")
        self.is_upgrade = upgrade is not None and "upgrade" in headers.get("connection", "").lower()
        self.is_websocket = self.is_upgrade and upgrade is not None and upgrade.lower() == "websocket"

    @property
    def query(self) -> dict[str, str]:
        """The query's first value of each name. Nearly all who come over WebSocket ask for the same."""
        return dict(_NEW_WEBSOCKET) if self.query_text == _NEW_WEBSOCKET_TEXT else _query(self.query_text)

    @property
    def is_keep_alive(self) -> bool:
        tokens = self.headers.get("connection", "").lower()
        return "keep-alive" in tokens if self.version == "HTTP/1.0" else "close" not in tokens


def _query(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in parse_qsl(text, keep_blank_values=True, max_num_fields=64):
        found.setdefault(name, value)
    return found


_NEW_WEBSOCKET_TEXT: Final = "EIO=4&transport=websocket"
_NEW_WEBSOCKET: Final = _query(_NEW_WEBSOCKET_TEXT)


def fields(lines: list[str]) -> dict[str, str]:
    """The fields of a head, behind its first line. BadRequest."""
    headers: dict[str, str] = {}
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        name = name.lower()
        if not colon or not name or not _TOKEN.issuperset(name):
            raise BadRequest("header field")
        value = value.strip(" \t")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def parse_headers(raw: bytes) -> dict[str, str]:
    """The fields of a head that was parsed before."""
    return Head(raw).headers


class RequestBody:
    """Follows one request body through the chunks in which it arrives, and keeps it when asked to."""

    __slots__ = ("_chunked", "_left", "_limit", "_line", "_size", "content", "is_done")

    def __init__(self, *, length: int | None, keep_up_to: int | None) -> None:
        """`length` None is chunked coding. `keep_up_to` bounds what is kept, None keeps nothing and has no bound."""
        self._chunked = "size" if length is None else ""
        self._left = length or 0
        self._limit = keep_up_to
        self._line = bytearray()
        self._size = 0
        self.content = bytearray()
        self.is_done = length == 0
        if keep_up_to is not None and self._left > keep_up_to:
            raise BodyTooLarge

    def feed(self, data: bytes, position: int = 0) -> int:
        """Takes from `data` what belongs to the body; the position after it. BadRequest, BodyTooLarge."""
        end = len(data)
        while position < end and not self.is_done:
            position = self._data(data, position) if self._left else self._coding(data, position)
        return position

    def _data(self, data: bytes, position: int) -> int:
        part = data[position : position + self._left]
        self._left -= len(part)
        self._size += len(part)
        if self._limit is not None:
            if self._size > self._limit:
                raise BodyTooLarge
            self.content += part
        if not self._left:
            self.is_done = not self._chunked
            self._chunked = "end" if self._chunked else ""
        return position + len(part)

    def _coding(self, data: bytes, position: int) -> int:
        newline = data.find(b"\n", position)
        stop = len(data) if newline < 0 else newline + 1
        self._line += data[position:stop]
        if len(self._line) > _MAX_LINE:
            raise BadRequest("chunk line")
        if newline >= 0:
            line = bytes(self._line)
            self._line.clear()
            self._coding_line(line)
        return stop

    def _coding_line(self, line: bytes) -> None:
        if not line.endswith(b"\r\n"):
            raise BadRequest("chunk line")
        if self._chunked == "end":
            if line != b"\r\n":
                raise BadRequest("chunk end")
            self._chunked = "size"
        elif self._chunked == "size":
            self._left = _chunk_size(line)
            if not self._left:
                self._chunked = "trailer"
        elif line == b"\r\n":
            self.is_done = True


def _chunk_size(line: bytes) -> int:
    size, semicolon, _ = line[:-2].partition(b";")
    digits = size.rstrip(b" \t") if semicolon else size
    if not digits or len(digits) > 8 or not all(byte in b"0123456789abcdefABCDEF" for byte in digits):
        raise BadRequest("chunk size")
    return int(digits, 16)


def body_of(head: Head, *, keep_up_to: int | None) -> RequestBody:
    """The body that this head announces; BadRequest when it announces it in two ways or none that can be trusted."""
    coding = head.headers.get("transfer-encoding")
    length = head.headers.get("content-length")
    if coding is not None:
        if length is not None or coding.lower() != "chunked":
            raise BadRequest("transfer coding")
        return RequestBody(length=None, keep_up_to=keep_up_to)
    if length is None:
        return RequestBody(length=0, keep_up_to=keep_up_to)
    if not (length.isascii() and length.isdigit()) or len(length) > 18:
        raise BadRequest("content length")
    return RequestBody(length=int(length), keep_up_to=keep_up_to)
