"""Hashtags by their use lately: counted as posts are published, and read in order."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Final, Literal

from server.features.discovery.trends import queries
from server.features.discovery.trends.rules import MAX_TAGS, TAU_S, weight
from server.features.social.posts.facts import PostPublished
from storage.decay import log_weight
from storage.facts import Consumer
from storage.postgres import Database, Row, Transaction

LEAST: Final = 0.01
"""What a hashtag is worth that is forgotten."""

Verdict = Literal["hidden", "allowed"]


class Trends:
    """``min_people``: accounts that have used a hashtag within a day. ``needs_review``: only what is allowed counts."""

    def __init__(self, *, db: Database, now: Callable[[], dt.datetime], min_people: int, needs_review: bool) -> None:
        self._db = db
        self._now = now
        self._min_people = min_people
        self._needs_review = needs_review
        self.consumer = Consumer(PostPublished, self._published)

    async def trending(self, limit: int) -> Sequence[Row]:
        """``tag``, ``score`` and ``people`` of a day, best first."""
        return await self._db.fetch(queries.TRENDING, self._now(), self._min_people, self._needs_review, limit)

    async def for_review(self, state: str | None, limit: int) -> Sequence[Row]:
        """As ``trending``, with what is hidden or used by few. ``state``: ``hidden``, ``allowed`` or ``open``."""
        return await self._db.fetch(queries.FOR_REVIEW, self._now(), state, limit)

    async def review(self, tx: Transaction, tag: str, verdict: Verdict | None) -> bool:
        """Hide or allow a hashtag, or leave it to its use again; False for one that nobody has used lately."""
        return await tx.fetchval(queries.REVIEW, tag, verdict) is not None

    async def prune(self) -> None:
        """Remove what has decayed to nothing."""
        await self._db.execute(queries.PRUNE_USES, self._now())
        await self._db.execute(queries.PRUNE_TAGS, log_weight(self._now(), LEAST, TAU_S))

    async def _published(self, tx: Transaction, fact: PostPublished) -> None:
        """Only what all may read counts. Hashtags in one order, so that transactions don't wait for one another."""
        if fact.visibility == "public" and len(fact.tags) <= MAX_TAGS:
            for tag in sorted(set(fact.tags)):
                await self._used(tx, tag, fact.author_id, fact.published_at)

    async def _used(self, tx: Transaction, tag: str, person_id: str, at: dt.datetime) -> None:
        days = await tx.fetchval(queries.USE, tag, person_id, at)
        if days is not None:
            friends = await tx.fetchval(queries.FRIENDS, tag, person_id, at)
            await tx.execute(queries.COUNT, tag, log_weight(at, weight(days=days, friends=friends), TAU_S))
