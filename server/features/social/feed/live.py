"""Streams on the air, as items of a feed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from actors.events import StreamView
from actors.runtime import ActorError, DomainError
from actors.runtime.clock import Clock
from server.live.addresses import MediaAddresses
from server.live.durable import view_of
from server.live.stream_directory import shown
from server.live.viewings import Viewer
from storage.stream_pages import Position, StreamPages
from storage.stream_rows import StreamRow

MOST_FOLLOWED: Final = 20
FRESH_S: Final = 1.0
"""How old may be what is known of who is on the air, and of counts of viewers."""
MAX_REMEMBERED: Final = 1_000
DESCRIBE_S: Final = 0.25
ON_AIR: Final = ("live", "interrupted")

Describe = Callable[[str], Awaitable[StreamView]]
"""The stream as its actor has it now. Raises ``ActorError`` and ``DomainError``."""


class LiveStreams:
    def __init__(self, *, pages: StreamPages, addresses: MediaAddresses, describe: Describe, clock: Clock) -> None:
        self._pages = pages
        self._addresses = addresses
        self._describe = describe
        self._clock = clock
        self._any: tuple[float, bool] | None = None
        self._views: dict[str, tuple[float, StreamView]] = {}

    async def followed(self, viewer: Viewer) -> list[StreamView]:
        """Those of whom the viewer follows and does not mute, the most watched first."""
        if viewer.id is None or not await self._is_any_on_air():
            return []
        page = await self._pages.page(
            states=ON_AIR, followed_by=viewer.id, viewer_id=viewer.id, country=viewer.country, limit=MOST_FOLLOWED
        )
        views = await self._fresh(page.items)
        return sorted(views, key=lambda view: (-view.viewers, view.id))

    async def page(
        self, viewer: Viewer, after: Position | None, limit: int
    ) -> tuple[Sequence[StreamView], Position | None]:
        """All that the viewer may find, the newest first, and where the next page begins."""
        page = await self._pages.page(
            states=ON_AIR, viewer_id=viewer.id, country=viewer.country, limit=limit, after=after
        )
        return await self._fresh(page.items), page.next

    def shape(self, view: StreamView, viewer: Viewer) -> dict[str, Any]:
        """The stream as this viewer gets it."""
        return shown(view, addresses=self._addresses, viewer=viewer)

    async def _is_any_on_air(self) -> bool:
        now = self._clock.monotonic()
        if self._any is None or self._any[0] < now:
            self._any = (now + FRESH_S, await self._pages.any_on_air())
        return self._any[1]

    async def _fresh(self, rows: Sequence[StreamRow]) -> list[StreamView]:
        return list(await asyncio.gather(*(self._as_described(view_of(row)) for row in rows)))

    async def _as_described(self, row: StreamView) -> StreamView:
        """With its viewers and renditions; as the row has it until its actor answers."""
        now = self._clock.monotonic()
        held = self._views.get(row.id)
        if held is not None and held[0] > now:
            return held[1]
        try:
            async with asyncio.timeout(DESCRIBE_S):
                view = await self._describe(row.id)
        except (ActorError, DomainError, TimeoutError):
            view = row
        if len(self._views) >= MAX_REMEMBERED:
            self._views.clear()
        self._views[row.id] = (now + FRESH_S, view)
        return view
