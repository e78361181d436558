"""Header extensions of packets that go out (RFC 8285, one-byte form). Sans-I/O."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from media.webrtc import capture
from media.webrtc.sdp import MID_EXTENSION

SEND_TIME_EXTENSION: Final = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"
_MAX_SHORT: Final = 14
_MAX_MID_BYTES: Final = 16


class SentExtensions(msgspec.Struct, frozen=True, kw_only=True):
    """What a line's packets say beside their header; a number of 0 leaves one out."""

    mid_number: int = 0
    mid: bytes = b""
    time_number: int = 0
    capture_number: int = 0

    @property
    def uris(self) -> tuple[str, ...]:
        """As the answer is to name them."""
        named = (
            (MID_EXTENSION, self.mid_number),
            (SEND_TIME_EXTENSION, self.time_number),
            (capture.EXTENSION, self.capture_number),
        )
        return tuple(uri for uri, number in named if number)

    def encode(self, now: float, captured_at: float | None = None) -> bytes:
        """Of every packet that is sent ``now``, seconds of any clock that goes on: 6.18 bits of them. ``captured_at``:
        when their frame was, if that is to be told."""
        elements = b""
        if self.time_number:
            elements += bytes((self.time_number << 4 | 2,)) + (int(now * (1 << 18)) & 0xFFFFFF).to_bytes(3, "big")
        if self.mid_number:
            elements += bytes((self.mid_number << 4 | len(self.mid) - 1,)) + self.mid
        if self.capture_number and captured_at is not None:
            elements += bytes((self.capture_number << 4 | 15,)) + capture.encoded(captured_at)
        if not elements:
            return b""
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
