"""The targets of restreams: rows, and how they fare on the node that pushes them."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

import msgspec

from actors.events import NODE
from actors.runtime import ActorError, DomainError, Node
from actors.stream_messages import DescribeStream
from media.restream.states import RestreamState, RestreamTarget
from server.features.videos.restreams import queries
from server.features.videos.restreams.rules import Address
from server.http.encryption import Encryption
from server.http.errors import Problem, invalid_field, not_found
from server.live.restreams import ReadRestreams, RestreamsChanged
from server.outbound.public_addresses import NotPublic, PublicAddresses, Unresolved
from storage.postgres import Database, Row, Transaction
from storage.seen_streams import SeenStream, seen_stream

log = logging.getLogger("server.restreams")

MOST: Final = 100
"""Listed, whatever the settings say."""


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """Of one stream, or with ``stream`` None of all streams of the person."""

    owner_id: str
    stream: SeenStream | None = None

    @property
    def id(self) -> str:
        return self.owner_id if self.stream is None else self.stream.id

    @property
    def stream_id(self) -> str | None:
        return None if self.stream is None else self.stream.id


class Restream(msgspec.Struct, frozen=True, kw_only=True):
    """``state`` is None while nothing is known of it; ``is_on_air``: the stream is published at the moment."""

    name: str
    url: str
    is_default: bool
    created_at: datetime
    is_on_air: bool = False
    state: RestreamState | None = None


class Restreams:
    """A stream goes to its own targets and to its owner's; of equal names its own counts."""

    def __init__(
        self,
        *,
        db: Database,
        node: Node,
        encryption: Encryption,
        addresses: PublicAddresses,
        per_stream: int,
        per_person: int,
    ) -> None:
        self._db = db
        self._node = node
        self._encryption = encryption
        self._addresses = addresses
        self._per_stream = per_stream
        self._per_person = per_person

    async def scope(self, stream_id: str, person_id: str) -> Scope:
        """The stream of its owner. Raises a 404 or 403."""
        stream = await seen_stream(self._db, stream_id, person_id)
        if stream is None:
            raise not_found("There is no such stream")
        if stream.owner_id != person_id:
            raise Problem(403, "This stream is not yours")
        return Scope(owner_id=person_id, stream=stream)

    async def put(self, scope: Scope, name: str, target: Address) -> Restream:
        """Raises a 409 when there are too many or the stream has ended, a 422 for an address that is not public."""
        if scope.stream is not None and scope.stream.state == "ended":
            raise Problem(409, "The stream has ended", slug="stream-ended")
        await self._require_public(target)
        sealed = await self._encryption.seal(target.key, context=_context(scope.id, name))
        async with self._db.transaction() as tx:
            await self._require_room(tx, scope, name)
            values = (scope.id, name, scope.owner_id, scope.stream_id, target.address, sealed)
            row = await tx.fetchrow(queries.PUT, *values)
        assert row is not None
        await self._tell(scope)
        return _restream(row, scope)

    async def remove(self, scope: Scope, name: str) -> None:
        """May be repeated."""
        if await self._db.execute(queries.REMOVE, scope.id, name):
            await self._tell(scope)

    async def listed(self, scope: Scope) -> list[Restream]:
        """By name; for a stream with the person's own, and with their states."""
        rows = await self._db.fetch(queries.LIST, scope.id, scope.owner_id, MOST)
        place = await self._published_on(scope.stream) if scope.stream is not None and rows else None
        states = await self._states(scope.id, place) if place is not None else {}
        found = (_restream(row, scope) for row in rows)
        return [msgspec.structs.replace(one, is_on_air=place is not None, state=states.get(one.name)) for one in found]

    async def targets_of(self, stream_ids: Sequence[str]) -> Mapping[str, Sequence[RestreamTarget]]:
        """``server.live.restreams.TargetsOf``."""
        found: dict[str, list[RestreamTarget]] = {}
        for row in await self._db.fetch(queries.TARGETS, list(stream_ids)):
            targets = found.setdefault(str(row["stream_id"]), [])
            target = await self._opened(row) if len(targets) < self._per_stream else None
            if target is not None:
                targets.append(target)
        return found

    async def _opened(self, row: Row) -> RestreamTarget | None:
        """None where the key that its stream key was sealed with is lost: the other targets do not wait for that."""
        context = _context(str(row["scope_id"]), row["name"])
        try:
            key = await self._encryption.open(bytes(row["sealed_key"]), context=context)
        except Problem as error:
            log.error("restream %s of stream %s is left out: %s", row["name"], row["stream_id"], error)
            return None
        return RestreamTarget(name=row["name"], url=f"{row['address']}/{key}")

    async def _require_public(self, target: Address) -> None:
        """A host that is not found now may be there when the stream begins; what it is then is looked at again."""
        try:
            await self._addresses.of(target.host, target.port)
        except NotPublic:
            raise invalid_field("url", "must be a public address") from None
        except Unresolved:
            return

    async def _require_room(self, tx: Transaction, scope: Scope, name: str) -> None:
        await tx.execute(queries.LOCK_OWNER, scope.owner_id)
        row = await tx.fetchrow(queries.COUNTS, scope.owner_id, scope.id, name, scope.stream is not None)
        assert row is not None
        if row["of_scope"] >= self._per_stream:
            raise Problem(409, f"A stream has at most {self._per_stream} restreams", slug="too-many-restreams")
        if row["of_owner"] >= self._per_person:
            raise Problem(409, f"A person has at most {self._per_person} restreams", slug="too-many-restreams")

    async def _tell(self, scope: Scope) -> None:
        """Those nodes that push streams of this scope; one that misses it looks for itself before long."""
        if scope.stream is not None:
            place = await self._published_on(scope.stream)
            places = [(scope.stream.id, place)] if place is not None else []
        else:
            rows = await self._db.fetch(queries.ON_AIR, scope.owner_id)
            places = [(str(row["id"]), row["media_node"]) for row in rows]
        for stream_id, node in places:
            try:
                self._node.ref(NODE, node).tell(RestreamsChanged(stream_id=stream_id))
            except ActorError:
                continue

    async def _published_on(self, stream: SeenStream) -> str | None:
        """The node that a stream is published on now, as its actor knows; None: on none."""
        try:
            view = await self._node.ref("stream", stream.id).ask(DescribeStream())
        except (ActorError, DomainError):
            return None
        return view.media_node or None if view.state == "live" else None

    async def _states(self, stream_id: str, node: str) -> Mapping[str, RestreamState]:
        try:
            read = await self._node.ref(NODE, node).ask(ReadRestreams(stream_id=stream_id))
        except (ActorError, DomainError):
            return {}
        return {state.name: state for state in read.states}


def _restream(row: Row, scope: Scope) -> Restream:
    return Restream(
        name=row["name"],
        url=row["address"],
        is_default=str(row["scope_id"]) == scope.owner_id,
        created_at=row["created_at"].astimezone(UTC),
    )


def _context(scope_id: str, name: str) -> str:
    return f"restream {scope_id} {name}"


async def erase(tx: Transaction, person_id: str) -> None:
    await tx.execute(queries.ERASE, person_id)
