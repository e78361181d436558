"""The delivery directives of blocking playlist requests (RFC 8216bis, 6.2.5). Sans-I/O."""

from __future__ import annotations

import msgspec

_MAX_DIGITS = 12


class Position(msgspec.Struct, frozen=True, order=True):
    """The end of a playlist: the part ``part`` of ``segment``, or the whole of it when ``part`` is ``WHOLE``."""

    segment: int
    part: int


WHOLE = 1 << 30


class BadQuery(msgspec.Struct, frozen=True):
    """A blocking request that cannot be met; answered with 400."""

    reason: str


class BlockingQuery(msgspec.Struct, frozen=True):
    """What a delivery directive asks for: the playlist that holds ``until``, if any, and whether it may be a delta."""

    until: Position | None = None
    can_skip: bool = False


def parse_query(msn: str | None, part: str | None, skip: str | None) -> BlockingQuery | BadQuery:
    """The directives ``_HLS_msn``, ``_HLS_part`` and ``_HLS_skip`` (RFC 8216bis, 6.2.5); None where absent."""
    if skip not in (None, "YES", "v2"):
        return BadQuery("_HLS_skip is YES or v2")
    if msn is None:
        return BlockingQuery(None, skip is not None) if part is None else BadQuery("_HLS_part needs _HLS_msn")
    if not _is_number(msn) or (part is not None and not _is_number(part)):
        return BadQuery("_HLS_msn and _HLS_part are decimal integers")
    return BlockingQuery(Position(int(msn), WHOLE if part is None else int(part)), skip is not None)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS
