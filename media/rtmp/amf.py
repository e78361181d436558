"""AMF 0, the encoding of RTMP's commands and metadata. Sans-I/O.

Decoded values are float, bool, str, None (null, undefined, unsupported), dict and list; a date is its float of
milliseconds. References are refused: no publisher sends them, and they would let a value contain itself.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from typing import Union

from media.errors import ProtocolError

Value = Union[float, bool, str, None, "dict[str, Value]", "list[Value]"]
Writable = Union[float, bool, str, None, Mapping[str, "Writable"], Sequence["Writable"]]  # noqa: UP007

MAX_DEPTH = 16
MAX_VALUES = 4_096
MAX_STRING_BYTES = 64 * 1024

_NUMBER, _BOOLEAN, _STRING, _OBJECT, _NULL, _UNDEFINED = 0, 1, 2, 3, 5, 6
_ECMA_ARRAY, _OBJECT_END, _STRICT_ARRAY, _DATE, _LONG_STRING, _UNSUPPORTED, _XML, _TYPED = 8, 9, 10, 11, 12, 13, 15, 16
_DOUBLE = struct.Struct(">d")


class EcmaArray(dict[str, "Writable"]):
    """A dict that is written as an ECMA array, as metadata is by custom."""


class _Decoder:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0
        self._values = 0

    def values(self) -> list[Value]:
        found: list[Value] = []
        while self._at < len(self._data):
            found.append(self._value(0))
        return found

    def _take(self, count: int) -> bytes:
        start, self._at = self._at, self._at + count
        if self._at > len(self._data):
            raise ProtocolError("an AMF value is cut off")
        return self._data[start : self._at]

    def _size(self, width: int) -> int:
        return int.from_bytes(self._take(width), "big")

    def _value(self, depth: int) -> Value:
        self._values += 1
        if self._values > MAX_VALUES or depth > MAX_DEPTH:
            raise ProtocolError("an AMF message has too many values or nests too deeply")
        marker = self._take(1)[0]
        if marker == _NUMBER:
            return self._number()
        if marker == _STRING:
            return self._string(2)
        if marker == _BOOLEAN:
            return self._take(1) != b"\0"
        if marker in (_NULL, _UNDEFINED, _UNSUPPORTED):
            return None
        return self._compound(marker, depth)

    def _compound(self, marker: int, depth: int) -> Value:
        if marker in (_LONG_STRING, _XML):
            return self._string(4)
        if marker == _DATE:
            return self._date()
        if marker == _STRICT_ARRAY:
            return self._array(depth)
        if marker == _ECMA_ARRAY:
            self._take(4)
        elif marker == _TYPED:
            self._string(2)
        elif marker != _OBJECT:
            raise ProtocolError(f"AMF marker {marker}")
        return self._object(depth)

    def _number(self) -> float:
        value: float = _DOUBLE.unpack(self._take(8))[0]
        return value

    def _date(self) -> float:
        value = self._number()
        self._take(2)
        return value

    def _string(self, width: int) -> str:
        size = self._size(width)
        if size > MAX_STRING_BYTES:
            raise ProtocolError(f"an AMF string of {size} bytes")
        return self._take(size).decode("utf-8", "replace")

    def _array(self, depth: int) -> list[Value]:
        return [self._value(depth + 1) for _ in range(self._size(4))]

    def _object(self, depth: int) -> dict[str, Value]:
        found: dict[str, Value] = {}
        while True:
            name = self._string(2)
            if not name and self._data[self._at : self._at + 1] == bytes((_OBJECT_END,)):
                self._at += 1
                return found
            found[name] = self._value(depth + 1)


def decode(data: bytes | bytearray) -> list[Value]:
    """All values of a message, in order. Raises ProtocolError on anything malformed or beyond the bounds above."""
    return _Decoder(bytes(data)).values()


def encode(*values: Writable) -> bytes:
    """The values one after another. A string over 65,535 bytes becomes a long string."""
    out: list[bytes] = []
    for value in values:
        _encode(value, out)
    return b"".join(out)


def _encode(value: Writable, out: list[bytes]) -> None:
    if value is None:
        out.append(bytes((_NULL,)))
    elif isinstance(value, bool):
        out.append(bytes((_BOOLEAN, value)))
    elif isinstance(value, int | float):
        out.append(bytes((_NUMBER,)) + _DOUBLE.pack(value))
    elif isinstance(value, str):
        out.append(_encode_string(value))
    elif isinstance(value, Mapping):
        _encode_object(value, out)
    else:
        _encode_array(value, out)


def _encode_string(value: str) -> bytes:
    text = value.encode()
    if len(text) > 0xFFFF:
        return bytes((_LONG_STRING,)) + len(text).to_bytes(4, "big") + text
    return bytes((_STRING,)) + len(text).to_bytes(2, "big") + text


def _encode_object(value: Mapping[str, Writable], out: list[bytes]) -> None:
    is_array = isinstance(value, EcmaArray)
    out.append(bytes((_ECMA_ARRAY,)) + len(value).to_bytes(4, "big") if is_array else bytes((_OBJECT,)))
    for name, member in value.items():
        text = name.encode()
        out.append(len(text).to_bytes(2, "big") + text)
        _encode(member, out)
    out.append(bytes((0, 0, _OBJECT_END)))


def _encode_array(values: Iterable[Writable], out: list[bytes]) -> None:
    members = list(values)
    out.append(bytes((_STRICT_ARRAY,)) + len(members).to_bytes(4, "big"))
    for member in members:
        _encode(member, out)
