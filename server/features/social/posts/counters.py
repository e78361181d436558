"""Counters of posts: moved in the transaction of the act that they count. Who looks at a post is sent the new ones."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from server.features.social.posts.shapes import CountsShape
from server.publish import Publish
from storage.postgres import Row, Transaction

_COUNTED: Final = "returning id, author_id, replies, reposts, quotes, reactions"
REPLY: Final = f"update posts set replies = replies + $2 where id = $1 {_COUNTED}"
QUOTE: Final = f"update posts set quotes = quotes + $2 where id = $1 {_COUNTED}"
REPOST: Final = f"update posts set reposts = reposts + $2 where id = $1 {_COUNTED}"
REACTION: Final = f"""
update posts set reactions = case when coalesce((reactions ->> $3)::int, 0) + $2 > 0
    then jsonb_set(reactions, array[$3], to_jsonb(coalesce((reactions ->> $3)::int, 0) + $2)) else reactions - $3 end
where id = $1 {_COUNTED}
"""


def topic_of(post_id: str) -> str:
    return f"post/{post_id}"


class Changes:
    """Sends its author, and who looks at a post, that it has changed, once ``tx`` is committed."""

    def __init__(self, *, publish: Publish) -> None:
        self._publish = publish

    def send(
        self,
        tx: Transaction,
        post_id: str,
        author_id: str | None,
        *,
        counts: dict[str, Any] | None = None,
        voters: int | None = None,
        edited: bool = False,
        removed: bool = False,
    ) -> None:
        body = {"post_id": post_id, "counts": counts, "voters": voters, "edited": edited, "removed": removed}
        kind = "counts" if counts is not None else "voters" if voters is not None else "whole"
        key, topic = f"{kind}/{post_id}", topic_of(post_id)
        tx.after_commit(partial(self._publish.conflate, topic, key, "post:changed", body, person_id=author_id))


class Counters:
    """Each verb counts by ``by`` (1 or -1) in ``tx``, and sends the counters once that is committed."""

    def __init__(self, *, changes: Changes) -> None:
        self._changes = changes

    async def reply(self, tx: Transaction, post_id: str, by: int) -> None:
        await self._count(tx, REPLY, post_id, by)

    async def quote(self, tx: Transaction, post_id: str, by: int) -> None:
        await self._count(tx, QUOTE, post_id, by)

    async def repost(self, tx: Transaction, post_id: str, by: int) -> None:
        await self._count(tx, REPOST, post_id, by)

    async def reaction(self, tx: Transaction, post_id: str, by: int, emoji: str) -> None:
        await self._count(tx, REACTION, post_id, by, emoji)

    def voted(self, tx: Transaction, post_id: str, author_id: str, voters: int) -> None:
        """How many have voted; for what is for those alone who have."""
        self._changes.send(tx, post_id, author_id, voters=voters)

    async def _count(self, tx: Transaction, sql: str, post_id: str, *values: object) -> None:
        row = await tx.fetchrow(sql, post_id, *values)
        if row is not None:
            self._changes.send(tx, post_id, row["author_id"], counts=_counts(row))


def _counts(row: Row) -> dict[str, Any]:
    return CountsShape(
        replies=row["replies"], reposts=row["reposts"], quotes=row["quotes"], reactions=row["reactions"]
    ).model_dump()
