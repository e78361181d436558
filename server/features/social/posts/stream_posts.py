"""A live stream is a post of its owner, which stays with its recording."""

from __future__ import annotations

from typing import Final

from server.features.social.posts.facts import PostPublished
from storage.facts import Consumer, publish
from storage.ids import Ids
from storage.postgres import Transaction
from storage.stream_facts import StreamStarted

LISTED: Final = frozenset({"public", "followers"})
"""The visibility of streams that are told of; others are found by their address, or by who may watch."""

_ADD: Final = """
insert into posts (id, author_id, stream_id, visibility, state, published_at, created_at)
select $1, id, $3, $4, 'published', $5, $5 from users where id = $2 on conflict (stream_id) do nothing
"""


class StreamPosts:
    """One post a stream, for good: one that its owner has deleted does not come again."""

    def __init__(self, *, ids: Ids) -> None:
        self._ids = ids
        self.consumer: Final = Consumer(StreamStarted, self._started)

    async def _started(self, tx: Transaction, fact: StreamStarted) -> None:
        if fact.visibility not in LISTED:
            return
        post_id = self._ids.uuid7(fact.started_at.timestamp())
        if await tx.execute(_ADD, post_id, fact.owner_id, fact.stream_id, fact.visibility, fact.started_at):
            await publish(
                tx,
                PostPublished(
                    post_id=post_id,
                    author_id=fact.owner_id,
                    visibility=fact.visibility,
                    stream_id=fact.stream_id,
                    mentioned=[],
                    tags=[],
                    published_at=fact.started_at,
                ),
            )
