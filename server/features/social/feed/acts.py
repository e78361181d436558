"""What people do with posts, as two numbers that decay: how near an author is to a person, how popular a post is."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any, Final

from server.features.social.feed import queries
from server.features.social.posts.facts import PostPublished, PostReacted
from storage.decay import log_weight
from storage.facts import Consumer
from storage.postgres import Database, Transaction

AFFINITY_TAU_S: Final = 14 * 86_400.0
POPULAR_TAU_S: Final = 12 * 3_600.0
REACTION: Final = 1.0
REPLY: Final = 2.0
REPOST: Final = 3.0
MOST_POPULAR: Final = 20_000
LEAST_AFFINITY: Final = 0.01


class Acts:
    """Consumers of the facts of posts."""

    def __init__(self, *, db: Database, now: Callable[[], dt.datetime]) -> None:
        self._db = db
        self._now = now

    def consumers(self) -> Sequence[Consumer[Any]]:
        return (Consumer(PostPublished, self._published), Consumer(PostReacted, self._reacted))

    async def _published(self, tx: Transaction, fact: PostPublished) -> None:
        """Each author who is answered, quoted or repeated counts once."""
        answered = (
            (fact.repost_of, fact.reposted_author, REPOST),
            (fact.quote_of, fact.quoted_author, REPOST),
            (fact.reply_to, fact.reply_to_author, REPLY),
        )
        for post_id, author_id, weight in answered:
            if post_id is not None and author_id is not None:
                await self._note(tx, fact.author_id, author_id, post_id, weight=weight, at=fact.published_at)

    async def _reacted(self, tx: Transaction, fact: PostReacted) -> None:
        await self._note(tx, fact.person_id, fact.author_id, fact.post_id, weight=REACTION, at=self._now())

    async def _note(
        self, tx: Transaction, person_id: str, author_id: str, post_id: str, *, weight: float, at: dt.datetime
    ) -> None:
        """What people do with their own posts says nothing."""
        if person_id != author_id:
            near = log_weight(at, weight, AFFINITY_TAU_S)
            await tx.execute(queries.NOTE_AFFINITY, person_id, author_id, near)
            await tx.execute(queries.NOTE_POPULAR, post_id, log_weight(at, weight, POPULAR_TAU_S))

    async def prune(self) -> None:
        """Remove what has decayed to nothing."""
        least = log_weight(self._now(), LEAST_AFFINITY, AFFINITY_TAU_S)
        await self._db.execute(queries.PRUNE_AFFINITY, least)
        await self._db.execute(queries.PRUNE_POPULAR, MOST_POPULAR)
