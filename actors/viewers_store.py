"""The port of a viewer counter: where views and their sums are kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from actors.runtime import Fence


class ViewRow(msgspec.Struct, kw_only=True):
    """One view: from the moment a client begins to watch to its end. Written again, whole, as it grows."""

    id: str
    viewer: str
    user_id: str | None
    started_at: float
    last_at: float
    watched_ms: int = 0
    stalled_ms: int = 0
    transport: str = ""
    node: str = ""
    watched_by: dict[str, int] = {}
    """``watched_ms`` by transport."""
    latency_ms: int = 0
    """The mean of what the client reported."""
    latency_reports: int = 0


class StoredTotals(msgspec.Struct, frozen=True, kw_only=True):
    """Of the stream since its creation, as far as it was written."""

    peak_viewers: int = 0
    unique_viewers: int = 0
    watched_ms: int = 0


class ViewStore(Protocol):
    """Durable side: an upsert by view id. Raises ``Unavailable`` and ``Fenced``."""

    async def flush(
        self, stream_id: str, rows: Sequence[ViewRow], *, peak_viewers: int, fence: Fence
    ) -> StoredTotals: ...
    async def totals(self, stream_id: str) -> StoredTotals: ...
