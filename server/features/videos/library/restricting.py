"""``PUT /api/v1/videos/{video_id}/restrictions``: the countries and ages that a video is for, and its warning."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import msgspec

from actors.restrictions import Restrictions
from actors.runtime import Node
from actors.stream_messages import RestrictStream
from server.features.videos.library.library import Library, VideoRow
from server.http.caller import Caller
from server.http.errors import Problem, invalid_field
from server.http.limits import OWN_SETTINGS
from server.http.operation import UUID, Answer, Call, Operation
from server.live.addresses import MediaAddresses
from server.live.restrictions import NO_DATABASE, RestrictionsBody, wanted_restrictions
from server.live.stream_directory import shown_restrictions
from server.live.stream_shapes import RestrictionsShape
from storage.audit import AuditLog
from storage.postgres import Database, Transaction

MODERATORS: Final = frozenset({"moderator", "admin"})
_RESTRICT: Final = "update videos set restrictions = $2 where id = $1"


class VideoRestrictions:
    """A recording has the restrictions of its stream."""

    def __init__(
        self,
        *,
        db: Database,
        library: Library,
        node: Node,
        audit: AuditLog,
        addresses: MediaAddresses,
        when_changed: Callable[[], Awaitable[None]],
    ) -> None:
        self._db = db
        self._library = library
        self._node = node
        self._audit = audit
        self._addresses = addresses
        self._when_changed = when_changed

    def operations(self) -> Sequence[Operation]:
        return [
            Operation(
                method="PUT", path="/api/v1/videos/{video_id}/restrictions", handler=self._put, name="restrictVideo",
                tag="videos", summary="Whom a video is for: by its owner or a moderator", body=RestrictionsBody,
                paths={"video_id": UUID}, answers={200: RestrictionsShape}, problems=frozenset({403, 404, 451}),
                auth="required", scope="upload", account_rate=OWN_SETTINGS,
            ),
        ]  # fmt: skip

    async def _put(self, call: Call[RestrictionsBody, None]) -> Answer:
        if call.body.countries is not None and not self._addresses.knows_countries:
            raise invalid_field("countries", NO_DATABASE)
        viewer = self._addresses.asker(call.person, address=call.address)
        video = await self._library.one(call.path["video_id"].lower(), viewer)
        if video.owner_id != call.me.id and not call.me.roles & MODERATORS:
            raise Problem(403, "This video is not yours")
        wanted = wanted_restrictions(call.body, video.restrictions)
        await self._restrict(call.me, video, wanted, ip=call.address)
        return Answer(200, shown_restrictions(wanted) or RestrictionsShape())

    async def _restrict(self, me: Caller, video: VideoRow, wanted: Restrictions, *, ip: str) -> None:
        async with self._db.transaction() as tx:
            if video.owner_id != me.id:
                await self._audit.add(tx, "video.restricted", actor_id=me.id, subject=video.id, ip=ip)
            if video.stream_id is None:
                await set_restrictions(tx, video.id, wanted)
        if video.stream_id is not None:
            await self._node.ref("stream", video.stream_id).ask(RestrictStream(restrictions=wanted))
            await self._when_changed()


async def set_restrictions(tx: Transaction, video_id: str, wanted: Restrictions) -> None:
    """Of a video that is no recording."""
    await tx.execute(_RESTRICT, video_id, msgspec.to_builtins(wanted) or None)
