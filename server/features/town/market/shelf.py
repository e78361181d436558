"""The shelf of a stream: listings that its streamer shows, which viewers buy beside the player; and drops.

A drop is a listing that opens at a moment of the stream. Its stock is that of the listing, and counted there.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from server.features.town.market import shelf_queries
from server.features.town.market.refusals import no_listing
from server.features.town.market.shelf_shapes import MAX_SHOWN, SHELF, ShelfShape, ShownShape
from server.http.errors import Problem, not_found
from server.live.room_mirror import topic_of
from server.live.viewings import Viewer
from server.publish import Publish
from storage.postgres import Database, Reads, Row, Transaction
from storage.seen_streams import SeenStream, seen_stream


class Shelf:
    def __init__(self, *, db: Database, now: Callable[[], datetime], publish: Publish) -> None:
        self._db = db
        self._now = now
        self._publish = publish

    async def of(self, stream_id: str, viewer: Viewer) -> ShelfShape:
        """Raises a 404."""
        await _seen(self._db, stream_id, viewer)
        return ShelfShape(items=[ShownShape.model_validate(one) for one in await _items(self._db, stream_id)])

    async def show(self, me: Viewer, stream_id: str, listing_id: str, opens_in_s: int | None) -> ShelfShape:
        """Show a listing of one's own, or what has become of it. Raises a 403, a 404, and a 409 for one too many,
        for what is not for sale, and where the stream has ended.
        """
        async with self._db.transaction() as tx:
            stream = await _own(tx, stream_id, me)
            if stream.state == "ended":
                raise Problem(409, "The stream has ended", slug="stream-ended")
            await tx.fetchval(shelf_queries.LOCK_SELLER, me.id)
            listing = await tx.fetchrow(shelf_queries.HOLD, listing_id, me.id)
            if listing is None:
                raise no_listing()
            await self._open(tx, listing, opens_in_s)
            await tx.execute(shelf_queries.SHOW, stream_id, listing_id, self._now())
            if await tx.fetchval(shelf_queries.COUNT, stream_id) > MAX_SHOWN:
                raise Problem(409, f"A shelf has at most {MAX_SHOWN} listings", slug="too-many-listings")
            await self.tell(tx, listing_id)
        return await self.of(stream_id, me)

    async def hide(self, me: Viewer, stream_id: str, listing_id: str) -> None:
        """Idempotent. Raises a 403 and a 404."""
        async with self._db.transaction() as tx:
            stream = await _own(tx, stream_id, me)
            if await tx.execute(shelf_queries.HIDE, stream_id, listing_id):
                await self._tell(tx, stream_id, stream.room_id)

    async def tell(self, tx: Transaction, listing_id: str) -> None:
        """Tell the rooms of streams that show it and have not ended what their shelves are, once this is committed."""
        for row in await tx.fetch(shelf_queries.SHOWING, listing_id):
            await self._tell(tx, row["stream_id"], row["room_id"])

    async def remove(self, tx: Transaction, listing_id: str) -> None:
        """Take it off all shelves."""
        rows = await tx.fetch(shelf_queries.SHOWING, listing_id)
        await tx.execute(shelf_queries.REMOVE, listing_id)
        for row in rows:
            await self._tell(tx, row["stream_id"], row["room_id"])

    async def _open(self, tx: Transaction, listing: Row, opens_in_s: int | None) -> None:
        if opens_in_s is not None:
            await tx.execute(shelf_queries.OPEN, listing["id"], self._now() + timedelta(seconds=opens_in_s))
        elif listing["state"] != "open":
            raise Problem(409, "It is not for sale: say when it opens", slug="not-for-sale")

    async def _tell(self, tx: Transaction, stream_id: str, room_id: str) -> None:
        body = {"stream_id": stream_id, "items": [_sent(one) for one in await _items(tx, stream_id)]}
        tx.after_commit(partial(self._publish.conflate, topic_of(room_id), f"shelf:{stream_id}", SHELF.name, body))


async def _seen(reads: Reads, stream_id: str, viewer: Viewer) -> SeenStream:
    stream = await seen_stream(reads, stream_id, viewer.id)
    if stream is None:
        raise not_found("There is no such stream")
    stream.require_for(viewer.id, viewer.country)
    return stream


async def _own(reads: Reads, stream_id: str, viewer: Viewer) -> SeenStream:
    stream = await _seen(reads, stream_id, viewer)
    if stream.owner_id != viewer.id:
        raise Problem(403, "Who streams decides what is shown")
    return stream


async def _items(reads: Reads, stream_id: str) -> list[dict[str, Any]]:
    return [dict(row) for row in await reads.fetch(shelf_queries.ITEMS, stream_id)]


def _sent(item: dict[str, Any]) -> dict[str, Any]:
    return ShownShape.model_validate(item).model_dump(mode="json")
