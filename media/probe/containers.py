"""Which containers are read, by how a file begins, and whether one is whole and nothing else. Sans-I/O.

The list is all there is: a playlist, a script that joins files, a vector picture are none of these.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from media.pictures.containers import ends_as_zip, has_script

Kind = Literal["video", "audio"]
ReadAt = Callable[[int, int], bytes]
"""Offset and size; fewer bytes at the end of the file."""

HEAD_BYTES: Final = 1_024
TAIL_BYTES: Final = 65_557
MAX_BOXES: Final = 2_000
"""Of a file of more fragments only the first are followed."""


@dataclass(frozen=True)
class Container:
    """``format`` is FFmpeg's name of the demuxer. ``kind``: what the file most likely is."""

    format: str
    kind: Kind


_KNOWN: Final[Sequence[tuple[re.Pattern[bytes], Container]]] = (
    (re.compile(rb"....ftypM4[AB] ", re.DOTALL), Container("mov", "audio")),
    (re.compile(rb"....(?:ftyp|moov|mdat|wide|free|skip)", re.DOTALL), Container("mov", "video")),
    (re.compile(rb"\x1a\x45\xdf\xa3"), Container("matroska", "video")),
    (re.compile(rb"RIFF....AVI ", re.DOTALL), Container("avi", "video")),
    (re.compile(rb"FLV\x01"), Container("flv", "video")),
    (re.compile(rb"(?:\x47.{187}){4}", re.DOTALL), Container("mpegts", "video")),
    (re.compile(rb"RIFF....WAVE", re.DOTALL), Container("wav", "audio")),
    (re.compile(rb"fLaC"), Container("flac", "audio")),
    (re.compile(rb"OggS"), Container("ogg", "audio")),
    (re.compile(rb"ID3|\xff[\xfb\xf3\xf2\xfa]"), Container("mp3", "audio")),
    (re.compile(rb"\xff[\xf1\xf9]"), Container("aac", "audio")),
)


VIDEO_CODECS: Final = frozenset(
    {"h264", "hevc", "av1", "vp8", "vp9", "mpeg4", "mpeg2video", "mpeg1video", "msmpeg4v3", "mjpeg", "prores", "dnxhd"}
    | {"theora", "flv1", "h263", "wmv3", "vc1"}
)
"""FFmpeg's names of the codecs of pictures that are decoded."""


def container_of(head: bytes) -> Container | None:
    """By the first bytes; None for no container of the list."""
    return next((found for pattern, found in _KNOWN if pattern.match(head)), None)


def is_mixed(head: bytes, tail: bytes) -> bool:
    """Whether the file is something else to another program: a page, a script, a document, an archive."""
    return has_script(head[:HEAD_BYTES]) or ends_as_zip(tail)


def is_whole(container: str, size: int, read_at: ReadAt) -> bool:
    """Whether what the container says of its own length is there. One that says nothing of it may end anywhere."""
    check = _WHOLE.get(container)
    return check is None or check(size, read_at)


def _is_whole_mov(size: int, read_at: ReadAt) -> bool:
    """Boxes one after another until the end (ISO/IEC 14496-12, 4.2)."""
    at = 0
    for _ in range(MAX_BOXES):
        if at == size:
            return True
        head = read_at(at, 16)
        length = int.from_bytes(head[:4], "big")
        if length == 1:
            length = int.from_bytes(head[8:16], "big")
        if length == 0 and len(head) >= 8:
            return True
        if length < 8 or at + length > size:
            return False
        at += length
    return True


def _is_whole_matroska(size: int, read_at: ReadAt) -> bool:
    """The EBML header, then the Segment, whose length may be unknown (RFC 8794, 6; RFC 9559, 4.5)."""
    head = read_at(0, HEAD_BYTES)
    after_head = _end_of_element(head, 4)
    if after_head is None or head[after_head : after_head + 4] != b"\x18\x53\x80\x67":
        return False
    if not (first := head[after_head + 4 : after_head + 5]) or first == b"\0":
        return False
    width = 9 - first[0].bit_length()
    length = int.from_bytes(head[after_head + 4 : after_head + 4 + width], "big") & ((1 << 7 * width) - 1)
    is_unknown = length == (1 << 7 * width) - 1
    return is_unknown or after_head + 4 + width + length <= size


def _end_of_element(data: bytes, at: int) -> int | None:
    """The end of the element whose length begins ``at``."""
    if at >= len(data) or data[at] == 0:
        return None
    width = 9 - data[at].bit_length()
    length = int.from_bytes(data[at : at + width], "big") & ((1 << 7 * width) - 1)
    end = at + width + length
    return end if end <= len(data) else None


def _is_whole_riff(size: int, read_at: ReadAt) -> bool:
    """Who writes to a pipe says 0, or all bits set."""
    length = int.from_bytes(read_at(4, 4), "little")
    return length in (0, 0xFFFFFFFF) or length + 8 <= size


_WHOLE: Final[dict[str, Callable[[int, ReadAt], bool]]] = {
    "mov": _is_whole_mov,
    "matroska": _is_whole_matroska,
    "avi": _is_whole_riff,
    "wav": _is_whole_riff,
}
