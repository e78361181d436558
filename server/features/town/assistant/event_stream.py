"""Server-sent events (WHATWG HTML 9.2) from bytes. Pure."""

from __future__ import annotations

from typing import Final

MAX_EVENT: Final = 256 * 1024
"""Bytes of one event."""


class TooLong(ValueError):
    """An event that does not end."""


class EventStream:
    """Fed with bytes as they come, gives the data of whole events; other fields are left out."""

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[bytes] = []
        self._size = 0

    def feed(self, part: bytes) -> list[str]:
        """Raises ``TooLong``, and ``UnicodeDecodeError`` for what is no UTF-8."""
        found: list[str] = []
        *lines, self._rest = (self._rest + part).replace(b"\r\n", b"\n").split(b"\n")
        for line in lines:
            self._take(line, found)
        if len(self._rest) + self._size > MAX_EVENT:
            raise TooLong("an event has no end")
        return found

    def _take(self, line: bytes, found: list[str]) -> None:
        if line:
            self._note(line)
        elif self._data:
            found.append(b"\n".join(self._data).decode())
            self._data, self._size = [], 0

    def _note(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        if name != b"data":
            return
        self._data.append(value.removeprefix(b" "))
        self._size += len(value)
        if self._size > MAX_EVENT:
            raise TooLong("an event has no end")
