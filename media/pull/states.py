"""What is fetched, and how it fares."""

from __future__ import annotations

from typing import Literal

import msgspec

from media.pull.playout_items import Playout

PullPhase = Literal["connecting", "live", "waiting", "retrying", "refused", "over"]


class PullSource(msgspec.Struct, frozen=True, kw_only=True):
    """``url``: where the stream comes from; ``key``: that it is published with here. Neither is shown by ``repr``.
    ``playout``: what is played instead of a stream that is fetched; there is no ``url`` then."""

    stream_id: str
    url: str
    key: str
    playout: Playout | None = None

    def __repr__(self) -> str:
        return f"PullSource(stream_id={self.stream_id!r})"


class PullState(msgspec.Struct, frozen=True, kw_only=True):
    """``waiting``: another publisher has the stream. ``reason`` is a ``media.restream.states.Reason``, or why the
    stream may not be published (``media.errors.RefusalCode``). Times are wall clock, ``bitrate`` is in bit/s.

    Of a playout: ``over`` when its last item has been played, ``item`` is on, ``faults`` are of those that are skipped.
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
    item: int | None = None
    faults: dict[int, str] = {}
