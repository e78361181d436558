"""How often videos are watched: who asks for a video's playlist is a viewer of it, once in half an hour on a node."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Final

from server.features.videos.library import queries
from server.features.videos.library.library import VideoRow
from server.live.viewings import Viewer
from storage.postgres import Database

AGAIN_S: Final = 1_800.0
MAX_REMEMBERED: Final = 50_000

Watched = Callable[[VideoRow, Viewer, str], Awaitable[None]]
"""A view was counted: of the video, by the viewer, from the address."""


class Views:
    """Its owner's own are not counted. ``watched``: called for each view."""

    def __init__(self, *, db: Database, watched: Watched, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._db = db
        self._watched = watched
        self._monotonic = monotonic
        self._counted: OrderedDict[tuple[str, str], float] = OrderedDict()

    async def note(self, video: VideoRow, viewer: Viewer, address: str) -> None:
        """A viewer begins to play it. ``address``: of a guest."""
        if viewer.id == video.owner_id:
            return
        key, now = (video.id, viewer.id or address), self._monotonic()
        if now - self._counted.get(key, float("-inf")) < AGAIN_S:
            return
        self._counted[key] = now
        self._counted.move_to_end(key)
        if len(self._counted) > MAX_REMEMBERED:
            self._counted.popitem(last=False)
        await self._db.execute(queries.COUNT_VIEW, video.id)
        await self._watched(video, viewer, address)
