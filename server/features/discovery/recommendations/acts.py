"""What people do with things: read from facts, told by the library, and gathered from the views of streams."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any, Final

from server.features.discovery.recommendations import queries
from server.features.discovery.recommendations.ports import KINDS
from server.features.people.facts import FollowChanged
from server.features.social.posts.facts import PostPublished, PostReacted
from storage.facts import Consumer
from storage.postgres import Database, Transaction

REACTED: Final = 1.0
ANSWERED: Final = 2.0
FOLLOWED: Final = 3.0
WATCHED: Final = 1.0
LEAST_MS: Final = 10_000
"""A view that is shorter says nothing."""
SWEPT_S: Final = 300
KEPT_DAYS: Final = 90
BATCH: Final = 10_000


class Acts:
    """One row for a person and a thing, with the largest weight and the latest time: a repeat changes no more."""

    def __init__(self, *, db: Database, now: Callable[[], dt.datetime]) -> None:
        self._db = db
        self._now = now

    def consumers(self) -> Sequence[Consumer[Any]]:
        return (
            Consumer(PostReacted, self._reacted),
            Consumer(PostPublished, self._published),
            Consumer(FollowChanged, self._followed),
        )

    async def watched_video(self, video_id: str, owner_id: str, person_id: str) -> None:
        """A view of an uploaded video was counted."""
        await self._db.execute(queries.ADD, person_id, "videos", video_id, owner_id, WATCHED, self._now())

    async def sweep(self) -> None:
        """Take in the views of the last minutes. It may be repeated."""
        now = self._now()
        await self._db.execute(queries.SWEEP, now - dt.timedelta(seconds=SWEPT_S), now, LEAST_MS)

    async def prune(self) -> None:
        before = self._now() - dt.timedelta(days=KEPT_DAYS)
        for kind in KINDS:
            while await self._db.execute(queries.PRUNE, kind, before, BATCH) == BATCH:
                pass

    async def _reacted(self, tx: Transaction, fact: PostReacted) -> None:
        await tx.execute(queries.ADD, fact.person_id, "posts", fact.post_id, fact.author_id, REACTED, self._now())

    async def _published(self, tx: Transaction, fact: PostPublished) -> None:
        others = (
            (fact.reply_to, fact.reply_to_author),
            (fact.quote_of, fact.quoted_author),
            (fact.repost_of, fact.reposted_author),
        )
        for post_id, author_id in others:
            if post_id is not None and author_id is not None:
                await tx.execute(queries.ADD, fact.author_id, "posts", post_id, author_id, ANSWERED, fact.published_at)

    async def _followed(self, tx: Transaction, fact: FollowChanged) -> None:
        if fact.is_following:
            await tx.execute(
                queries.ADD, fact.follower_id, "people", fact.followee_id, fact.followee_id, FOLLOWED, self._now()
            )
        else:
            await tx.execute(queries.REMOVE, fact.follower_id, "people", fact.followee_id)
