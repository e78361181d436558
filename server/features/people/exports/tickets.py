"""Addresses that an archive is fetched by: good for some minutes, since a browser fetches a file without a token.

A ticket is the second of its end (8 bytes), the archive's id (16) and a seal of both by the cluster's keys (32).
"""

from __future__ import annotations

import base64
import binascii
import time
import uuid
from collections.abc import Callable
from typing import Final, Protocol

VALID_S: Final = 600
_PURPOSE: Final = b"export"
_BODY_BYTES: Final = 24
_SEAL_BYTES: Final = 32
MAX_CHARS: Final = 80


class Seals(Protocol):
    """What tickets need of ``Identity``."""

    def seal(self, purpose: bytes, body: bytes) -> bytes: ...

    def is_sealed(self, purpose: bytes, body: bytes, seal: bytes) -> bool: ...


class Tickets:
    def __init__(self, *, seals: Seals, wall: Callable[[], float] = time.time) -> None:
        self._seals = seals
        self._wall = wall

    def issue(self, export_id: str) -> tuple[str, int]:
        """A ticket, and the second of the epoch at which it ends."""
        until = int(self._wall()) + VALID_S
        body = until.to_bytes(8, "big") + uuid.UUID(export_id).bytes
        return base64.urlsafe_b64encode(body + self._seals.seal(_PURPOSE, body)).decode().rstrip("="), until

    def is_good(self, ticket: str, export_id: str) -> bool:
        try:
            raw = base64.b64decode(ticket + "=" * (-len(ticket) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            return False
        body, seal = raw[:_BODY_BYTES], raw[_BODY_BYTES:]
        if len(seal) != _SEAL_BYTES or body[8:] != uuid.UUID(export_id).bytes:
            return False
        return int.from_bytes(body[:8], "big") > self._wall() and self._seals.is_sealed(_PURPOSE, body, seal)
