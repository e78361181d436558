"""Header extensions of packets that go out (RFC 8285, one-byte form). Sans-I/O."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from media.webrtc import capture
from media.webrtc.sdp import MID_EXTENSION

SEND_TIME_EXTENSION: Final = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"
_MAX_SHORT: Final = 14
_MAX_MID_BYTES: Final = 16


class SentExtensions:
    """What a line's packets say beside their header; a number of 0 leaves one out."""

    def __init__(self, *, mid_number: int = 0, mid: bytes = b"", time_number: int = 0, capture_number: int = 0) -> None:
        self._has_time = time_number > 0
        self._capture_number = capture_number
        self._time_head = bytes((time_number << 4 | 2,)) if time_number else b""
        self._mid = bytes((mid_number << 4 | len(mid) - 1,)) + mid if mid_number else b""
        elements = self._time_head + bytes(3 if time_number else 0) + self._mid
        whole = _block(elements) if elements else b""
        before = 4 + len(self._time_head)
        self._whole, self._before, self._after = whole, whole[:before], whole[before + 3 :]
        named = (
            (MID_EXTENSION, mid_number),
            (SEND_TIME_EXTENSION, time_number),
            (capture.EXTENSION, capture_number),
        )
        self.uris = tuple(uri for uri, number in named if number)
        """As the answer is to name them."""

    @property
    def tells_capture(self) -> bool:
        return self._capture_number > 0

    def encode(self, now: float, captured_at: float | None = None) -> bytes:
        """Of every packet that is sent ``now``, seconds of any clock that goes on: 6.18 bits of them. ``captured_at``:
        when their frame was, if that is to be told."""
        time = (int(now * (1 << 18)) & 0xFFFFFF).to_bytes(3, "big") if self._has_time else b""
        if self._capture_number and captured_at is not None:
            told = bytes((self._capture_number << 4 | 15,)) + capture.encoded(captured_at)
            return _block(self._time_head + time + self._mid + told)
        return self._before + time + self._after if time else self._whole


def _block(elements: bytes) -> bytes:
    elements += bytes(-len(elements) % 4)
    return b"\xbe\xde" + (len(elements) // 4).to_bytes(2, "big") + elements


def sent_extensions(offered: Mapping[str, int], *, mid: str, with_time: bool) -> SentExtensions:
    """Those that are ``offered`` and can be written. ``with_time`` only where no packet goes twice under one number:
    it would not be the same the second time."""
    name = mid.encode()
    has_mid = _is_short(offered.get(MID_EXTENSION, 0)) and 0 < len(name) <= _MAX_MID_BYTES
    time_number = offered.get(SEND_TIME_EXTENSION, 0) if with_time else 0
    capture_number = offered.get(capture.EXTENSION, 0) if with_time else 0
    return SentExtensions(
        mid_number=offered[MID_EXTENSION] if has_mid else 0,
        mid=name,
        time_number=time_number if _is_short(time_number) else 0,
        capture_number=capture_number if _is_short(capture_number) else 0,
    )


def _is_short(number: int) -> bool:
    return 0 < number <= _MAX_SHORT
