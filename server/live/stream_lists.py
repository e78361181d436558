"""Streams in lists over REST."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from actors.events import StreamView
from server.http.cursors import decode_cursor, encode_cursor
from server.http.operation import Answer, Call, Operation
from server.http.shapes import Page
from server.live.addresses import MediaAddresses
from server.live.durable import view_of
from server.live.stream_access import id_of
from server.live.stream_directory import StreamDirectory
from server.live.stream_shapes import TAG, State, StreamQuery, StreamShape
from server.live.viewings import Viewer
from storage.stream import Streams
from storage.stream_pages import Position, StreamPages

MAX_LIVE: Final = 500
LATE: Final = timedelta(hours=1)
"""What was not begun by then stands behind what is to come."""


class StreamListRoutes:
    """``GET /api/v1/streams``."""

    def __init__(
        self,
        *,
        rows: Streams,
        pages: StreamPages,
        stream_directory: StreamDirectory,
        addresses: MediaAddresses,
        now: Callable[[], datetime],
    ) -> None:
        self._now = now
        self._addresses = addresses
        self._rows = rows
        self._pages = pages
        self._stream_directory = stream_directory

    def operations(self) -> Sequence[Operation]:
        return [
            Operation(
                method="GET", path="/api/v1/streams", handler=self._list, name="listStreams", tag=TAG,
                query=StreamQuery,
                summary="Public streams, and those for followers of whom I follow: the live by viewers, the scheduled "
                "soonest first, others newest first",
                answers={200: Page[StreamShape]}, auth="optional",
            ),
        ]  # fmt: skip

    async def _list(self, call: Call[None, StreamQuery]) -> Answer:
        query = call.query
        owner_id = None if query.owner is None else await self._rows.owner_named(query.owner)
        if query.owner is not None and owner_id is None:
            return Answer(200, {"items": [], "next": None})
        if query.state == "live":
            return await self._most_watched(call, owner_id)
        states: Sequence[State] = (query.state,) if query.state else ("live", "interrupted", "scheduled", "ended")
        to_come_at = self._now() - LATE if query.state == "scheduled" else None
        page = await self._pages.page(
            states=states,
            category=query.category,
            q=query.q,
            owner_id=owner_id,
            viewer_id=id_of(call),
            country=self._asker(call).country,
            limit=query.limit,
            after=_after(query.cursor, is_number=to_come_at is not None),
            to_come_at=to_come_at,
        )
        views = [view_of(row) for row in page.items]
        following = encode_cursor(page.next) if page.next is not None else None
        return Answer(200, {"items": await self._shown(call, views), "next": following})

    async def _most_watched(self, call: Call[None, StreamQuery], owner_id: str | None) -> Answer:
        """The live ones by viewers. A cursor is the last one shown, by count and id: rows added do not move it."""
        query = call.query
        views: list[StreamView] = []
        after = None
        while len(views) < MAX_LIVE:
            page = await self._pages.page(
                states=("live", "interrupted"),
                category=query.category,
                q=query.q,
                owner_id=owner_id,
                viewer_id=id_of(call),
                country=self._asker(call).country,
                limit=100,
                after=after,
            )
            views += [self._stream_directory.counted(view_of(row)) for row in page.items]
            if (after := page.next) is None:
                break
        views.sort(key=_rank)
        if query.cursor is not None:
            rank, last_id = decode_cursor(query.cursor, tuple[int, UUID])
            views = [view for view in views if _rank(view) > (rank, str(last_id))]
        items = views[: query.limit]
        following = encode_cursor(_rank(items[-1])) if len(views) > len(items) else None
        return Answer(200, {"items": await self._shown(call, items), "next": following})

    async def _shown(self, call: Call[None, StreamQuery], rows: Sequence[StreamView]) -> list[dict[str, Any]]:
        viewer = self._asker(call)
        views = await asyncio.gather(*map(self._stream_directory.as_played, rows))
        return [self._stream_directory.shown_to(view, viewer) for view in views]

    def _asker(self, call: Call[None, StreamQuery]) -> Viewer:
        return self._addresses.asker(call.person, address=call.address)


def _after(cursor: str | None, *, is_number: bool) -> Position | None:
    if cursor is None:
        return None
    key, row_id = decode_cursor(cursor, tuple[int, UUID]) if is_number else decode_cursor(cursor, tuple[datetime, UUID])
    return key, str(row_id)


def _rank(view: StreamView) -> tuple[int, str]:
    return (-view.viewers, view.id)
