"""Opaque positions in a list: the sort key of the last item that was shown.

A position is a time or a whole number, and the id that tells equal ones apart: 24 bytes, so 32 characters. Every text
of that form is a position somewhere, which is what lets the documentation say exactly which cursors are valid.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar, overload
from uuid import UUID

from server.http.errors import invalid_field

RowT = TypeVar("RowT")

CURSOR_PATTERN: Final = "^[A-Za-z0-9_-]{32}$"

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST: Final = datetime(1, 1, 1, tzinfo=UTC)
_LAST: Final = datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def encode_cursor(position: tuple[datetime | int, str | UUID]) -> str:
    """Times are aware and keep their microseconds; numbers have 64 bits and a sign."""
    rank, row_id = position
    number = (rank - _EPOCH) // _MICROSECOND if isinstance(rank, datetime) else rank
    raw = number.to_bytes(8, "big", signed=True) + UUID(str(row_id)).bytes
    return base64.urlsafe_b64encode(raw).decode()


@overload
def decode_cursor(text: str, shape: type[tuple[datetime, UUID]]) -> tuple[datetime, UUID]: ...
@overload
def decode_cursor(text: str, shape: type[tuple[int, UUID]]) -> tuple[int, UUID]: ...
def decode_cursor(text: str, shape: object) -> tuple[datetime, UUID] | tuple[int, UUID]:
    """``shape`` is ``tuple[datetime, UUID]`` or ``tuple[int, UUID]``. Raises a 422 for what is no cursor."""
    if re.fullmatch(CURSOR_PATTERN, text) is None:
        raise invalid_field("cursor", "is not a cursor of this list")
    raw = base64.urlsafe_b64decode(text)
    number, row_id = int.from_bytes(raw[:8], "big", signed=True), UUID(bytes=raw[8:])
    return (_time(number), row_id) if shape == tuple[datetime, UUID] else (number, row_id)


def page_of(
    rows: Sequence[RowT], limit: int, key: Callable[[RowT], tuple[datetime | int, str | UUID]]
) -> tuple[Sequence[RowT], str | None]:
    """The rows of one page, and the cursor of the next; ``rows`` were read with one more than ``limit``.

    ``key`` is what the list is ordered by, which is what ``decode_cursor`` gives back for the next page.
    """
    shown = rows[:limit]
    return shown, encode_cursor(key(shown[-1])) if len(rows) > limit else None


def after_time(cursor: str | None) -> tuple[datetime, str] | None:
    """Where a page of a list that is ordered by time begins; None for the first one. Raises a 422."""
    if cursor is None:
        return None
    at, row_id = decode_cursor(cursor, tuple[datetime, UUID])
    return at, str(row_id)


def after_id(cursor: str | None) -> str | None:
    """Where a page of a list that is ordered by id alone begins (``key``: 0 and the id). Raises a 422."""
    return None if cursor is None else str(decode_cursor(cursor, tuple[int, UUID])[1])


def _time(microseconds: int) -> datetime:
    """The moment, or the nearest that a ``datetime`` can say."""
    try:
        return _EPOCH + microseconds * _MICROSECOND
    except OverflowError:
        return _LAST if microseconds > 0 else _FIRST
