"""The sources of streams: rows, leases, and how each fares on the node that fetches it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

import msgspec

from actors.events import NODE
from actors.runtime import ActorError, DomainError, Node
from media.control import ItemListed, ListItem
from media.pull.playout_items import Playout
from media.pull.states import PullSource, PullState
from server.features.videos.sources import queries
from server.features.videos.sources.listing import ItemListing
from server.features.videos.sources.rules import SourceAddress
from server.http.encryption import Encryption
from server.http.errors import Problem, invalid_field, not_found
from server.live.sources import ReadSource
from server.outbound.public_addresses import NotPublic, PublicAddresses, Unresolved
from storage.postgres import Database, Row, Transaction
from storage.seen_streams import SeenStream, seen_stream

log = logging.getLogger("server.sources")

CONTEXT: Final = "source {0}"


class Source(msgspec.Struct, frozen=True, kw_only=True):
    url: str
    created_at: datetime
    state: PullState | None = None


class StreamSources:
    """A stream has one source at most. ``server.live.sources.SourceLeases``."""

    def __init__(
        self,
        *,
        db: Database,
        node: Node,
        encryption: Encryption,
        addresses: PublicAddresses,
        at_once: int,
        per_person: int,
    ) -> None:
        self._db = db
        self._listing = ItemListing(db=db)
        self._node = node
        self._encryption = encryption
        self._addresses = addresses
        self._at_once = at_once
        self._per_person = per_person

    async def put(self, stream_id: str, person_id: str, target: SourceAddress) -> Source:
        """Raises a 403, 404, 409 when there are too many or the stream has ended, or a 422."""
        stream = await self.open_stream(stream_id, person_id)
        await self._require_public(target)
        sealed = await self._encryption.seal(target.url, context=CONTEXT.format(stream.id))
        async with self._db.transaction() as tx:
            await self.require_room(tx, person_id, stream.id)
            row = await tx.fetchrow(queries.PUT, stream.id, person_id, target.shown, sealed)
        if row is None:
            raise Problem(409, "The stream plays a channel: delete that first", slug="has-channel")
        return _source(row)

    async def require_room(self, tx: Transaction, person_id: str, stream_id: str) -> None:
        """Raises a 409 when the person has as many sources and channels as they may, not counting this stream's."""
        await tx.execute(queries.LOCK_OWNER, person_id)
        if await tx.fetchval(queries.COUNT, person_id, stream_id) >= self._per_person:
            raise Problem(409, f"A person has at most {self._per_person} sources", slug="too-many-sources")

    async def open_stream(self, stream_id: str, person_id: str) -> SeenStream:
        """Raises a 403, 404, or 409 for one that has ended."""
        stream = await self.own(stream_id, person_id)
        if stream.state == "ended":
            raise Problem(409, "The stream has ended", slug="stream-ended")
        return stream

    async def read(self, stream_id: str, person_id: str) -> Source:
        """Raises a 403 or 404."""
        stream = await self.own(stream_id, person_id)
        row = await self._db.fetchrow(queries.READ, stream.id)
        if row is None:
            raise not_found("This stream has no source")
        return msgspec.structs.replace(_source(row), state=await self.state(stream.id, row["node"]))

    async def remove(self, stream_id: str, person_id: str) -> None:
        """May be repeated. Raises a 403 or 404."""
        stream = await self.own(stream_id, person_id)
        await self._db.execute(queries.REMOVE, stream.id)

    async def claim(self, *, lease_s: float) -> Sequence[PullSource]:
        rows = await self._db.fetch(queries.CLAIM, self._node.name, self._at_once, lease_s)
        opened = [await self._opened(row) for row in rows]
        return [source for source in opened if source is not None]

    async def release(self) -> None:
        await self._db.execute(queries.RELEASE, self._node.name)

    async def list_item(self, asked: ListItem) -> ItemListed:
        return await self._listing.list(asked)

    async def _opened(self, row: Row) -> PullSource | None:
        """None where the key that it was sealed with is lost: the other sources do not wait for that."""
        stream_id = str(row["stream_id"])
        if row["playout"] is not None:
            playout = msgspec.convert(row["playout"], Playout)
            return PullSource(stream_id=stream_id, url="", key=row["stream_key"], playout=playout)
        try:
            url = await self._encryption.open(bytes(row["sealed_url"]), context=CONTEXT.format(stream_id))
        except Problem as error:
            log.error("the source of stream %s is left out: %s", stream_id, error)
            return None
        return PullSource(stream_id=stream_id, url=url, key=row["stream_key"])

    async def own(self, stream_id: str, person_id: str) -> SeenStream:
        """Raises a 403 or 404."""
        stream = await seen_stream(self._db, stream_id, person_id)
        if stream is None:
            raise not_found("There is no such stream")
        if stream.owner_id != person_id:
            raise Problem(403, "This stream is not yours")
        return stream

    async def _require_public(self, target: SourceAddress) -> None:
        """A host that is not found now may be there later; what it is then is looked at again."""
        try:
            await self._addresses.of(target.host, target.port)
        except NotPublic:
            raise invalid_field("url", "must be a public address") from None
        except Unresolved:
            return

    async def state(self, stream_id: str, node: str) -> PullState | None:
        """How that fares on the node that fetches it."""
        if not node:
            return None
        try:
            return (await self._node.ref(NODE, node).ask(ReadSource(stream_id=stream_id))).state
        except (ActorError, DomainError):
            return None


def _source(row: Row) -> Source:
    return Source(url=row["address"], created_at=row["created_at"].astimezone(UTC))


async def erase(tx: Transaction, person_id: str) -> None:
    await tx.execute(queries.ERASE, person_id)
