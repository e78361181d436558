"""What a restream is to reach, and how it fares."""

from __future__ import annotations

from typing import Literal

import msgspec

Phase = Literal["connecting", "live", "retrying", "refused"]
Reason = Literal[
    "",
    "address",
    "not_public",
    "unreachable",
    "timeout",
    "tls",
    "rejected",
    "closed",
    "stopped",
    "too_slow",
    "protocol",
    "codec",
]


class RestreamTarget(msgspec.Struct, frozen=True, kw_only=True):
    """``url``: the whole RTMP(S) address with its stream key, which neither the log nor ``repr`` shows."""

    name: str
    url: str

    def __repr__(self) -> str:
        return f"RestreamTarget(name={self.name!r})"


class RestreamState(msgspec.Struct, frozen=True, kw_only=True):
    """``reason``: why the last connection ended or was none; ``detail``: the target's own words. ``since`` and
    ``next_try_at`` are wall clock. ``dropped`` counts units that the target was too slow for. ``bitrate`` is in bit/s.
    """

    name: str
    phase: Phase
    since: float
    reason: Reason = ""
    detail: str = ""
    next_try_at: float | None = None
    bitrate: int = 0
    sent_bytes: int = 0
    dropped: int = 0
    failures: int = 0
