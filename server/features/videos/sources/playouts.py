"""The channel of a stream: recordings and clips of its owner that are played as a live stream, by the clock."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import msgspec

from media.pull.playout_items import Playout, PlayoutItem
from media.pull.states import PullState
from server.features.videos.sources import queries
from server.features.videos.sources.sources import StreamSources
from server.http.errors import FieldError, Problem, invalid, not_found
from storage.postgres import Database, Row


class WantedItem(msgspec.Struct, frozen=True):
    kind: str
    id: str


class ShownItem(msgspec.Struct, frozen=True, kw_only=True):
    """``title`` is empty for what is not there any more."""

    item: PlayoutItem
    title: str


class Channel(msgspec.Struct, frozen=True, kw_only=True):
    items: Sequence[ShownItem]
    playout: Playout
    created_at: datetime
    state: PullState | None = None


class Channels:
    """A stream has one channel at most, and then no other source."""

    def __init__(self, *, db: Database, sources: StreamSources) -> None:
        self._db = db
        self._sources = sources

    async def put(
        self, stream_id: str, person_id: str, items: Sequence[WantedItem], *, starts_at: datetime, loops: bool
    ) -> Channel:
        """Raises a 403, 404, 409 where the stream has ended or has a source, or a 422 that names the items."""
        stream = await self._sources.open_stream(stream_id, person_id)
        found = await self._found(person_id, items)
        playout = Playout(items=found, starts_at=starts_at.timestamp(), loops=loops)
        document = {**msgspec.to_builtins(playout), "ends_at": playout.starts_at + playout.total_ms / 1000}
        async with self._db.transaction() as tx:
            await self._sources.require_room(tx, person_id, stream.id)
            row = await tx.fetchrow(queries.PUT_PLAYOUT, stream.id, person_id, document)
            if row is None:
                raise Problem(409, "The stream is fetched from another server: delete that first", slug="has-source")
        return await self._channel(row)

    async def read(self, stream_id: str, person_id: str) -> Channel:
        """Raises a 403 or 404."""
        stream = await self._sources.own(stream_id, person_id)
        row = await self._db.fetchrow(queries.READ_PLAYOUT, stream.id)
        if row is None:
            raise not_found("This stream has no channel")
        channel = await self._channel(row)
        return msgspec.structs.replace(channel, state=await self._sources.state(stream.id, row["node"]))

    async def remove(self, stream_id: str, person_id: str) -> None:
        """May be repeated. Raises a 403 or 404."""
        stream = await self._sources.own(stream_id, person_id)
        await self._db.execute(queries.REMOVE_PLAYOUT, stream.id)

    async def _found(self, person_id: str, items: Sequence[WantedItem]) -> tuple[PlayoutItem, ...]:
        known = await self._known(person_id, items)
        lengths = [known.get((item.kind, item.id), ("", 0))[1] for item in items]
        missing = [
            FieldError(f"items.{at}.id", f"is no {items[at].kind} of yours that can be played")
            for at, length in enumerate(lengths)
            if not length
        ]
        if missing:
            raise invalid(*missing)
        return tuple(
            PlayoutItem(kind=item.kind, id=item.id, duration_ms=length)
            for item, length in zip(items, lengths, strict=True)
        )

    async def _known(self, person_id: str, items: Sequence[Any]) -> dict[tuple[str, str], tuple[str, int]]:
        """Titles and lengths in ms of those that are there, by kind and id."""
        ids = {kind: [item.id for item in items if item.kind == kind] for kind in ("recording", "clip")}
        rows = await self._db.fetch(queries.ITEMS, person_id, ids["recording"], ids["clip"])
        return {(row["kind"], row["id"]): (row["title"], row["duration_ms"]) for row in rows}

    async def _channel(self, row: Row) -> Channel:
        playout = msgspec.convert(row["playout"], Playout)
        known = await self._known(str(row["owner_id"]), playout.items)
        shown = [ShownItem(item=item, title=known.get((item.kind, item.id), ("", 0))[0]) for item in playout.items]
        return Channel(items=shown, playout=playout, created_at=row["created_at"])


MAX_ITEMS: Final = 200
