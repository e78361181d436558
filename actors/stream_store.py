"""The port of a stream to the store of its row and recording."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Protocol

import msgspec

from actors.events import StreamView
from actors.runtime import Fence


class SegmentRow(msgspec.Struct, frozen=True, kw_only=True):
    """A finished segment of the recording, already in the object store. Its first ``key_bytes`` bytes hold the key
    frame that it begins with; 0: unknown, or none."""

    rendition: str
    segment: int
    publication: int
    object_key: str
    init_key: str
    init_name: str
    media_time_ms: int
    duration_ms: float
    bytes: int
    started_at: datetime
    is_discontinuity: bool
    key_bytes: int = 0


class InitRow(msgspec.Struct, frozen=True, kw_only=True):
    """What a player must know before the segments that name it; ``info`` is the packager's description."""

    rendition: str
    name: str
    object_key: str
    info: dict[str, Any]


class StreamRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The row: what everyone may see, and what only the actor needs."""

    view: StreamView
    stream_key: str
    next_segment: int
    tracks: tuple[dict[str, Any], ...] = ()
    is_lasting: bool = False


class StreamStore(Protocol):
    """Durable side. Raises ``Unavailable`` while the database is away and ``Fenced`` for a stale epoch; ``edit``,
    ``rotate_key`` and ``add_recorded`` also ``DomainError("not_found")`` for a stream that was deleted.
    """

    async def load(self, stream_id: str) -> StreamRecord | None: ...
    async def save(self, record: StreamRecord, *, fence: Fence) -> None: ...
    async def edit(self, stream_id: str, changes: dict[str, Any], *, fence: Fence) -> None: ...
    async def rotate_key(self, stream_id: str, new_key: str, *, fence: Fence) -> None: ...
    async def tell_health(self, stream_id: str, faults: tuple[str, ...], *, fence: Fence) -> None:
        """Publish a fact: what is wrong with what arrives from the publisher, by name, has changed."""

    async def add_recorded(
        self, stream_id: str, *, inits: tuple[InitRow, ...], segments: tuple[SegmentRow, ...], fence: Fence
    ) -> None: ...
