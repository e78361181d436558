"""What a home feed holds: pushed posts from the timeline, and those that are looked up, as one list.

The timeline in Redis is a cache. Looked up are the posts of authors with too many followers to push to, of whom the
person follows only since the timeline was made, of followed hashtags, their own, and what is too new to be pushed yet.
Without Redis, and for what is older than the timeline, everything is looked up.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Final

from server.features.social.feed import queries
from server.features.social.feed.rules import Candidate
from storage.errors import Unavailable
from storage.postgres import Database, Row
from storage.timelines import Position, Timeline, Timelines

UNPUSHED_S: Final = 10.0
"""For so long after it was written a post is looked up whether it was pushed or not."""
CLOCKS_S: Final = 5.0
"""How far the clocks of nodes and Postgres may be apart."""


class HomeFeed:
    """The posts of whom a person follows, of their hashtags and their own. Raises ``Unavailable`` without Postgres."""

    def __init__(self, *, db: Database, timelines: Timelines, now: Callable[[], dt.datetime]) -> None:
        self._db = db
        self._timelines = timelines
        self._now = now

    async def page(self, person_id: str, before: Position | None, limit: int) -> list[Candidate]:
        """Up to ``limit`` posts that are older than ``before``, the newest first; fewer: there are no more."""
        timeline = await self._timeline(person_id, before, limit)
        at, post_id = before or (None, None)
        if timeline is None or not timeline.is_whole:
            rows = await self._db.fetch(queries.CHRONOLOGICAL, person_id, at, post_id, limit)
        else:
            pushed = [post_id for _, post_id in timeline.entries]
            since = timeline.made_at - dt.timedelta(seconds=CLOCKS_S)
            unpushed = first_id(self._now() - dt.timedelta(seconds=UNPUSHED_S))
            rows = await self._db.fetch(queries.HOME, person_id, at, post_id, limit, since, pushed, unpushed)
        return candidates_of(rows)

    async def _timeline(self, person_id: str, before: Position | None, limit: int) -> Timeline | None:
        try:
            held = await self._timelines.read(person_id, before=before, limit=limit)
            if held is not None:
                return held
            await self._make(person_id)
            return await self._timelines.read(person_id, before=before, limit=limit)
        except Unavailable as error:
            if error.dependency != "redis":
                raise
            return None

    async def _make(self, person_id: str) -> None:
        made_at = self._now()
        await self._timelines.begin(person_id)
        rows = await self._db.fetch(queries.FOLLOWED_POSTS, person_id, None, None, self._timelines.most)
        entries = [(row["published_at"], row["id"]) for row in rows]
        await self._timelines.make(person_id, entries, made_at=made_at)


def candidates_of(rows: Sequence[Row]) -> list[Candidate]:
    return [
        Candidate(
            at=row["published_at"], id=row["id"], reason=row["reason"], tag=row["tag"], stream_id=row["stream_id"]
        )
        for row in rows
    ]


def first_id(at: dt.datetime) -> str:
    """The least UUIDv7 of a moment."""
    digits = f"{int(at.timestamp() * 1000):012x}"
    return f"{digits[:8]}-{digits[8:]}-7000-8000-000000000000"
