"""Timed metadata within CMAF segments: ID3 tags in event message boxes, as the AOM's *Carriage of ID3 Timed Metadata in
the Common Media Application Format* has them. Sans-I/O.
"""

from __future__ import annotations

import struct
from typing import Final

from media.hls.fmp4 import full_box
from media.hls.marks import Mark, said_of

SCHEME: Final = b"https://aomedia.org/emsg/ID3"
TIMESCALE: Final = 1000
MAX_WAITING: Final = 256
"""Of one rendition; of more the newest are left out."""
_UNKNOWN_LENGTH: Final = 0xFFFFFFFF
_UTF8: Final = b"\3"


def event_box(mark: Mark) -> bytes:
    """``emsg`` of version 1 (ISO/IEC 23009-1, 5.10.3.3): its time is that of the media clock, its id that of the mark's
    event in DASH manifests."""
    times = struct.pack(">IQII", TIMESCALE, mark.at_ms, _UNKNOWN_LENGTH, mark.number)
    return full_box(b"emsg", 1, 0, times, SCHEME + b"\0", b"\0", id3_tag(mark.kind, said_of(mark).decode()))


def id3_tag(name: str, text: str) -> bytes:
    """ID3 version 2.4 with one frame: text that is not of the standard's, with its name."""
    body = _UTF8 + name.encode() + b"\0" + text.encode()
    frame = b"TXXX" + _synchsafe(len(body)) + b"\0\0" + body
    return b"ID3\4\0\0" + _synchsafe(len(frame)) + frame


def _synchsafe(size: int) -> bytes:
    """Four times seven bits (ID3v2.4, 6.2)."""
    return bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0))


class TimedEvents:
    """What is to be written into one rendition, each once, before the samples of its time; late ones at once."""

    def __init__(self) -> None:
        self._waiting: list[Mark] = []

    def add(self, mark: Mark) -> None:
        if len(self._waiting) < MAX_WAITING:
            self._waiting.append(mark)

    def due(self, end_s: float) -> bytes:
        """The boxes of what lies before this time of the media clock, in order."""
        if not self._waiting:
            return b""
        due = sorted((each for each in self._waiting if each.at_ms < end_s * 1000), key=lambda each: each.at_ms)
        self._waiting = [each for each in self._waiting if each not in due]
        return b"".join(event_box(each) for each in due)
