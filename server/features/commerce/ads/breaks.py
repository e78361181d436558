"""Pauses in a stream for advertisements: called by its owner, or every so many minutes.

A pause is a moment of media time, which playlists and manifests tell players of beside the event to those who watch.
"""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from actors.events import NODE
from actors.runtime import ActorError, Node
from media.hls.marks import Mark
from server.features.commerce.ads import break_queries as queries
from server.features.commerce.ads.showing_shapes import BreakSent
from server.http.errors import Problem, not_found
from server.live.footage import FootageFinder, FootageStream
from server.live.node_actor import AnnounceHere
from server.live.viewings import Viewer
from server.publish import Publish
from server.socket_events import ServerEvent
from storage.ids import Ids
from storage.postgres import Database
from storage.seen_streams import SeenStream, seen_stream

KIND: Final = "ad_break"
"""Of its marks, as ``storage.timed_marks`` has it."""
APART: Final = dt.timedelta(minutes=3)
BREAK: Final = ServerEvent(
    name="stream:ad_break",
    summary="A pause in which an advertisement may be shown, when the player comes to `at_ms`",
    body=BreakSent,
    to="the sockets that watch the stream",
)


class Breaks:
    def __init__(
        self,
        *,
        db: Database,
        ids: Ids,
        now: Callable[[], dt.datetime],
        footage: FootageFinder,
        publish: Publish,
        node: Node,
    ) -> None:
        self._db = db
        self._ids = ids
        self._now = now
        self._footage = footage
        self._publish = publish
        self._node = node

    async def call(self, stream_id: str, owner: Viewer) -> dict[str, Any]:
        """Raises a 403, a 404, and a 409 while it is not on the air, or soon after another."""
        stream = await seen_stream(self._db, stream_id, owner.id)
        if stream is None:
            raise not_found("There is no such stream")
        if stream.owner_id != owner.id:
            raise Problem(403, "This stream is not yours")
        if not stream.is_on_air:
            raise Problem(409, "The stream is not on the air", slug="not-on-air")
        made = await self._make(stream, owner)
        if made is None:
            raise Problem(409, "There was a pause a moment ago", slug="ad-break-too-soon")
        return made

    async def keep_schedules(self) -> None:
        """Call the pauses that are due of streams whose owners want one every so many minutes."""
        for due in await self._db.fetch(queries.DUE, self._now()):
            stream = await seen_stream(self._db, due["id"], due["owner_id"])
            if stream is not None:
                with contextlib.suppress(Problem):
                    await self._make(stream, Viewer(id=due["owner_id"]))

    async def _make(self, stream: SeenStream, owner: Viewer) -> dict[str, Any] | None:
        """None: too soon after another. Raises a 409 while there is nothing of the stream."""
        now = self._now()
        at_ms = await self._end_ms(stream, owner)
        async with self._db.transaction() as tx:
            await tx.fetchval(queries.LOCK_STREAM, stream.id)
            row = await tx.fetchrow(queries.ADD, self._ids.uuid7(now.timestamp()), stream.id, at_ms, now, now - APART)
            if row is None:
                return None
            body = {"stream_id": stream.id, "id": row["id"], "at_ms": at_ms}
            tx.after_commit(partial(self._publish.to_topic, f"stream:{stream.id}", BREAK.name, body))
        self._announce(stream, Mark(id=row["id"], at_ms=at_ms, kind=KIND, value="{}"))
        return dict(row)

    def _announce(self, stream: SeenStream, mark: Mark) -> None:
        """Within the segments, as far as they are still to come; playlists and manifests list it in any case."""
        node = stream.media_node or self._node.name
        with contextlib.suppress(ActorError):
            self._node.ref(NODE, node).tell(AnnounceHere(stream_id=stream.id, mark=mark))

    async def _end_ms(self, stream: SeenStream, owner: Viewer) -> int:
        source = FootageStream(id=stream.id, is_on_air=stream.is_on_air, media_node=stream.media_node)
        found = await self._footage.find(source, owner, seconds=0.0)
        if found is None:
            raise Problem(409, "The stream has nothing yet that could pause", slug="not-on-air")
        return round(found.reel.end_s * 1000)
