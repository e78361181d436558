"""How much may be sent, and what may be in it. Pure."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import Final

import msgspec

from media.probe.containers import container_of
from media.probe.messages import ProbeBounds
from server.features.videos.uploads.shapes import MediaKind
from server.http.errors import Problem

HEAD_BYTES: Final = 64 * 1024
"""What is looked at to find out what a file is."""
MAX_TEXT_BYTES: Final = 2 * 1024 * 1024
_PICTURES: Final = re.compile(
    rb"\xff\xd8\xff|\x89PNG\r\n\x1a\n|GIF8[79]a|RIFF....WEBP|....ftyp(?:avi[fs]|mif1)", re.DOTALL
)
_TEXTS: Final = re.compile(rb"(?:\xef\xbb\xbf)?(?:WEBVTT[\s]|1\r?\n\d\d:\d\d:\d\d,\d{3} --> )")  # and SubRip
_CONTROLS: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


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
    max_scanned_bytes: int
    probe: ProbeBounds
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
    if _PICTURES.match(head):
        return "image"
    if _TEXTS.match(head):
        return "text"
    container = container_of(head)
    return None if container is None else container.kind


def is_text(data: bytes) -> bool:
    """Whether it can be shown: UTF-8, without control characters."""
    try:
        return _CONTROLS.search(data.decode("utf-8-sig")) is None
    except UnicodeDecodeError:
        return False
