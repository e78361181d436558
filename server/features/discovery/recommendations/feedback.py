"""What people say to what they were shown."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Literal

from server.features.discovery.recommendations import queries
from server.features.discovery.recommendations.ports import Kind, Shows
from server.features.discovery.recommendations.recommending import owner_of
from server.http.errors import not_found
from server.live.viewings import Viewer
from storage.postgres import Database

Verdict = Literal["more", "less", "hide"]


class Feedback:
    def __init__(self, *, db: Database, shows: Mapping[Kind, Shows], now: Callable[[], dt.datetime]) -> None:
        self._db = db
        self._shows = shows
        self._now = now

    async def say(self, person_id: str, item_id: str, viewer: Viewer, verdict: Verdict) -> None:
        """The latest word holds. Raises a 404 for what the person may not see."""
        kind, owner_id = await self._found(item_id, viewer)
        await self._db.execute(queries.SAY, person_id, item_id, kind, owner_id, verdict, self._now())

    async def _found(self, item_id: str, viewer: Viewer) -> tuple[Kind, str]:
        for kind, shows in self._shows.items():
            item = (await shows([item_id], viewer)).get(item_id)
            if item is not None:
                return kind, owner_of(item)
        raise not_found("There is no such stream, video, person or post")
