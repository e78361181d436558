"""What kind of picture file some bytes are, and whether they are one and nothing else. Sans-I/O.

A polyglot is a picture to one program and a script or an archive to another. The re-encoded picture carries nothing of
that, but who sends one is up to something.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from media.errors import MediaError

MAX_GIF_SIDE: Final = 8_192
"""A wider GIF begins like a script: a width of 10,799 reads ``/*``."""

MAX_FRAMES: Final = 1_000

_MAGIC: Final = (
    (re.compile(rb"\xff\xd8\xff"), "JPEG"),
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "PNG"),
    (re.compile(rb"GIF8[79]a"), "GIF"),
    (re.compile(rb"RIFF....WEBP", re.DOTALL), "WEBP"),
    (re.compile(rb"....ftypavi[fs]", re.DOTALL), "AVIF"),
)
_SCRIPTS: Final = re.compile(rb"%pdf-|<script|<\?php|<!doctype|<html|<svg[\s>]|<iframe", re.IGNORECASE)
_JPEG_AS_SCRIPT: Final = b"\xff\xd8\xff\xe0/*"
_ZIP_END: Final = b"PK\x05\x06"
_ZIP_END_WITHIN: Final = 65_557
"""The record's 22 bytes, and its comment (APPNOTE 4.3.16)."""


class BadContainerError(MediaError):
    """The file ends too early, or its parts do not follow one another."""


class TooManyFramesError(MediaError):
    """An animation of more than ``MAX_FRAMES``."""


def format_of(data: bytes) -> str | None:
    """Pillow's name of the format by the first bytes; None for no format that is taken."""
    return next((name for magic, name in _MAGIC if magic.match(data)), None)


def is_mixed(data: bytes, kind: str) -> bool:
    """Whether there is more than a picture of this format. Raises ``BadContainerError``, and for
    a GIF ``TooManyFramesError``.

    Cameras write much after the end of a JPEG, so that is looked at by its signatures alone.
    """
    if has_script(data) or data.startswith(_JPEG_AS_SCRIPT) or _ZIP_END in data[-_ZIP_END_WITHIN:]:
        return True
    end = _ENDS.get(kind)
    try:
        return end is not None and bool(data[end(data) :].strip(b"\0\r\n\t "))
    except IndexError as error:
        raise BadContainerError(f"the {kind} ends too early") from error


def has_script(data: bytes) -> bool:
    """Whether a page, a script or a document is in it."""
    return _SCRIPTS.search(data) is not None


def ends_as_zip(tail: bytes) -> bool:
    """Whether an archive's last record ends these last bytes of a file (APPNOTE 4.3.16)."""
    at = tail.rfind(_ZIP_END)
    return at >= 0 and at + 22 + int.from_bytes(tail[at + 20 : at + 22], "little") == len(tail)


def webp_size(data: bytes) -> tuple[int, int]:
    """Width and height of a WebP (RFC 9649 section 2). Raises ``BadContainerError`` for no WebP."""
    form, body = data[12:16], data[20:30]
    if len(body) < 10 or data[:4] != b"RIFF" or data[8:12] != b"WEBP":
        raise BadContainerError("this is no WebP")
    if form == b"VP8X":
        return 1 + int.from_bytes(body[4:7], "little"), 1 + int.from_bytes(body[7:10], "little")
    if form == b"VP8L":
        bits = int.from_bytes(body[1:5], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    return int.from_bytes(body[6:8], "little") & 0x3FFF, int.from_bytes(body[8:10], "little") & 0x3FFF


def _end_of_png(data: bytes) -> int:
    """Chunks until ``IEND`` (PNG 5.3)."""
    at = 8
    while True:
        size, name = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        at += 12 + size
        if at > len(data):
            raise IndexError
        if name == b"IEND":
            return at


def _end_of_webp(data: bytes) -> int:
    end = 8 + int.from_bytes(data[4:8], "little")
    if end > len(data):
        raise IndexError
    return end


def _end_of_gif(data: bytes) -> int:
    """Blocks until the trailer (GIF89a, 17 to 27)."""
    width, height = int.from_bytes(data[6:8], "little"), int.from_bytes(data[8:10], "little")
    if max(width, height) > MAX_GIF_SIDE:
        raise BadContainerError(f"a GIF of {width} × {height}")
    at, frames = 13 + _colours(data[10]), 0
    while data[at] != _TRAILER:
        if data[at] == _EXTENSION:
            at = _after_sub_blocks(data, at + 2)
        elif data[at] == _IMAGE:
            at, frames = _after_sub_blocks(data, at + 11 + _colours(data[at + 9])), frames + 1
        else:
            raise BadContainerError("a block of a GIF that is none")
        if frames > MAX_FRAMES:
            raise TooManyFramesError
    return at + 1


_TRAILER, _EXTENSION, _IMAGE = 0x3B, 0x21, 0x2C


def _colours(flags: int) -> int:
    """The bytes of a colour table."""
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _after_sub_blocks(data: bytes, at: int) -> int:
    while size := data[at]:
        at += 1 + size
    return at + 1


_ENDS: Final[Mapping[str, Callable[[bytes], int]]] = {"PNG": _end_of_png, "WEBP": _end_of_webp, "GIF": _end_of_gif}
