"""How much may be sent, and what may be in it. Pure."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from media.probe.containers import container_of
from media.probe.messages import ProbeBounds
from server.features.videos.uploads.shapes import MediaKind
from server.http.errors import Problem

GB: Final = 1_000_000_000
CLOSE: Final = {"Connection": "close"}
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
class Quotas:
    """Bytes that the uploads of an account may have in total; None: any number. ``by_role`` replaces ``usual``."""

    usual: int | None
    by_role: Mapping[str, int | None]

    def of(self, roles: Iterable[str]) -> int | None:
        """The largest one of its roles."""
        own = [self.by_role[role] for role in roles if role in self.by_role] or [self.usual]
        return None if None in own else max(each for each in own if each is not None)


def quotas(usual_gb: int, by_role: str) -> Quotas:
    """Of settings: ``by_role`` is ``role=GB,role=GB``; 0 is any number."""
    pairs = (pair.split("=") for pair in by_role.split(",") if pair)
    return Quotas(usual=usual_gb * GB or None, by_role={role: int(size) * GB or None for role, size in pairs})


@dataclass(frozen=True, kw_only=True)
class Held:
    """What an account has: ``uploads`` of ``unused`` bytes that nothing uses yet, and ``stored`` bytes in total."""

    uploads: int
    unused: int
    stored: int
    quota: int | None


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """``kept``: how long what nobody uses or goes on with stays. Sizes are in bytes."""

    max_bytes: int
    max_held_bytes: int
    max_held: int
    quotas: Quotas
    max_picture_bytes: int
    max_scanned_bytes: int
    probe: ProbeBounds
    kept: dt.timedelta


def require_size(bounds: Bounds, size: int) -> None:
    if size > bounds.max_bytes:
        raise Problem(413, f"An upload has at most {bounds.max_bytes} bytes", headers=CLOSE)


def require_room(bounds: Bounds, held: Held, *, more: int) -> None:
    """Raises a 413 unless ``more`` bytes fit beside what the account has."""
    if held.uploads > bounds.max_held or held.unused + more > bounds.max_held_bytes:
        detail = f"At most {bounds.max_held} unused uploads of {bounds.max_held_bytes} bytes: use or delete some"
        raise Problem(413, detail, slug="no-room-for-upload", headers=CLOSE)
    if held.quota is not None and held.stored + more > held.quota:
        detail = f"Your uploads have {held.stored} bytes of {held.quota}: delete some"
        raise Problem(413, detail, slug="upload-quota-exceeded", headers=CLOSE)


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
