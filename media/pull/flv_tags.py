"""An FLV file as it comes, taken apart into messages (Adobe FLV 10.1, annex E). Sans-I/O."""

from __future__ import annotations

from typing import Final

from media.errors import ProtocolError
from media.rtmp.chunk import RtmpMessage

MAX_TAG_BYTES: Final = 8 * 1024 * 1024
_HEAD, _TAG, _BACK = 9, 11, 4


class FlvReader:
    """Bytes in, messages out. Holds at most one unfinished tag."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._has_begun = False

    def feed(self, data: bytes) -> list[RtmpMessage]:
        """Raises ``ProtocolError`` for what is no FLV file."""
        self._buffer += data
        found: list[RtmpMessage] = []
        while (message := self._next()) is not None:
            found.append(message)
        return found

    def _next(self) -> RtmpMessage | None:
        buffer = self._buffer
        if not self._has_begun:
            if len(buffer) < _HEAD + _BACK:
                return None
            if buffer[:3] != b"FLV":
                raise ProtocolError("no FLV file")
            self._has_begun = True
            del buffer[: _HEAD + _BACK]
        if len(buffer) < _TAG:
            return None
        size = int.from_bytes(buffer[1:4], "big")
        if size > MAX_TAG_BYTES:
            raise ProtocolError(f"an FLV tag of {size} bytes")
        end = _TAG + size + _BACK
        if len(buffer) < end:
            return None
        at = buffer[7] << 24 | int.from_bytes(buffer[4:7], "big")
        message = RtmpMessage(buffer[0] & 0x1F, 0, at, bytes(buffer[_TAG : _TAG + size]))
        del buffer[:end]
        return message
