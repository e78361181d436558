"""Opaque positions in a list: the sort key of the last item that was shown."""

from __future__ import annotations

import base64
import binascii
from typing import Any, TypeVar

import msgspec

from server.http.errors import Problem, invalid_field

Position = TypeVar("Position")


def encode_cursor(position: tuple[Any, ...]) -> str:
    """Times, UUIDs, strings and numbers, as url-safe text."""
    return base64.urlsafe_b64encode(msgspec.msgpack.encode(position)).rstrip(b"=").decode()


def decode_cursor(text: str, shape: type[Position]) -> Position:
    """``shape`` is the type of what was encoded, as ``tuple[datetime, UUID]``. Raises a 422 when it does not fit."""
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        return msgspec.msgpack.decode(raw, type=shape)
    except (binascii.Error, ValueError, OverflowError, msgspec.MsgspecError) as error:
        raise _bad_cursor() from error


def _bad_cursor() -> Problem:
    return invalid_field("cursor", "is not a cursor of this list")
