"""What is fetched, and how it fares."""

from __future__ import annotations

from typing import Literal

import msgspec

PullPhase = Literal["connecting", "live", "waiting", "retrying", "refused"]


class PullSource(msgspec.Struct, frozen=True, kw_only=True):
    """``url``: where the stream comes from; ``key``: that it is published with here. Neither is shown by ``repr``."""

    stream_id: str
    url: str
    key: str

    def __repr__(self) -> str:
        return f"PullSource(stream_id={self.stream_id!r})"


class PullState(msgspec.Struct, frozen=True, kw_only=True):
    """``waiting``: another publisher has the stream. ``reason`` is a ``media.restream.states.Reason``, or why the
    stream may not be published (``media.errors.RefusalCode``). Times are wall clock, ``bitrate`` is in bit/s.
    """

    stream_id: str
    phase: PullPhase
    since: float
    reason: str = ""
    detail: str = ""
    next_try_at: float | None = None
    bitrate: int = 0
    received_bytes: int = 0
    failures: int = 0
