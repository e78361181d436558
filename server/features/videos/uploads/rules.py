"""How much may be sent, and what may be in it. Pure."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from server.features.videos.uploads.shapes import MediaKind
from server.http.errors import Problem

HEAD_BYTES: Final = 64 * 1024
"""What is looked at to find out what a file is."""
_SIGNATURES: Final[Sequence[tuple[re.Pattern[bytes], MediaKind]]] = (
    (
        re.compile(rb"\xff\xd8\xff|\x89PNG\r\n\x1a\n|GIF8[79]a|RIFF....WEBP|....ftyp(?:avi[fs]|mif1)", re.DOTALL),
        "image",
    ),
    (re.compile(rb"....ftypM4[AB] ", re.DOTALL), "audio"),
    (re.compile(rb"....ftyp|....moov|....mdat", re.DOTALL), "video"),  # ISO BMFF and QuickTime
    (re.compile(rb"\x1a\x45\xdf\xa3"), "video"),  # Matroska, WebM
    (re.compile(rb"RIFF....AVI ", re.DOTALL), "video"),
    (re.compile(rb"FLV\x01"), "video"),
    (re.compile(rb"(?:\x47.{187}){4}", re.DOTALL), "video"),  # MPEG-TS
    (re.compile(rb"RIFF....WAVE|fLaC|OggS|ID3|\xff[\xf1\xf9\xfb\xf3\xf2\xfa]", re.DOTALL), "audio"),
    (re.compile(rb"(?:\xef\xbb\xbf)?WEBVTT[\s]"), "text"),
    (re.compile(rb"(?:\xef\xbb\xbf)?1\r?\n\d\d:\d\d:\d\d,\d{3} --> "), "text"),  # SubRip
)


class CheckUpload(msgspec.Struct, frozen=True):
    """The body of the job that looks at what has come."""

    upload_id: str


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """``kept``: how long what nobody uses or goes on with stays. Sizes are in bytes."""

    max_bytes: int
    max_held_bytes: int
    max_held: int
    max_picture_bytes: int
    kept: dt.timedelta


def require_room(bounds: Bounds, *, size: int, uploads: int, held: int) -> None:
    """Raises a 413 unless an upload of ``size`` fits beside the ``uploads`` of ``held`` bytes that are unused."""
    if size > bounds.max_bytes:
        raise Problem(413, f"An upload has at most {bounds.max_bytes} bytes")
    if uploads >= bounds.max_held or held + size > bounds.max_held_bytes:
        detail = f"At most {bounds.max_held} unused uploads of {bounds.max_held_bytes} bytes: use or delete some"
        raise Problem(413, detail, slug="no-room-for-upload")


def kind_of(head: bytes) -> MediaKind | None:
    """What a file is by its first bytes, whatever its name says; None for nothing that is taken."""
    return next((kind for pattern, kind in _SIGNATURES if pattern.match(head)), None)
