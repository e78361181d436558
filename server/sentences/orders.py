"""What the process that encodes answers."""

from __future__ import annotations

import msgspec


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """``vectors``: of each text, base64 of little-endian float32; or ``error``: why there are none."""

    vectors: list[str] = []
    error: str = ""
