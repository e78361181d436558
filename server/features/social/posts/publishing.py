"""What happens when a post is there for its readers: counters, mentions, hashtags, facts, in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from server.features.social.posts import queries
from server.features.social.posts.counters import Counters
from server.features.social.posts.facts import PostPublished
from server.features.social.posts.previews import LinkPreviews
from server.features.social.posts.texts import mentions_of, tags_of
from storage.facts import publish
from storage.postgres import Row, Transaction


class NewPost(msgspec.Struct, frozen=True, kw_only=True):
    """A row of ``posts`` as it is published."""

    id: str
    author_id: str
    text: str
    visibility: str
    community_id: str | None
    published_at: datetime
    reply_to: str | None = None
    root_id: str | None = None
    quote_of: str | None = None


class Publishing:
    """For posts whose row is there, and whose targets are locked."""

    def __init__(self, *, counters: Counters, previews: LinkPreviews) -> None:
        self._counters = counters
        self._previews = previews

    async def publish(self, tx: Transaction, post: NewPost, parent: Row | None, quoted: Row | None) -> None:
        """``parent`` and ``quoted``: rows of ``queries.TARGETS``."""
        if parent is not None:
            await self._counters.reply(tx, parent["id"], 1)
        if quoted is not None:
            await self._counters.quote(tx, quoted["id"], 1)
        answered = parent["author_id"] if parent is not None else None
        mentioned = await _mention(tx, post, answered)
        tags = tags_of(post.text)
        if tags:
            await tx.execute(queries.ADD_TAGS, post.id, tags, post.published_at, post.author_id)
        await self._previews.want(tx, post.id, post.text)
        await publish(
            tx,
            PostPublished(
                post_id=post.id,
                author_id=post.author_id,
                visibility=post.visibility,
                community_id=post.community_id,
                reply_to=post.reply_to,
                reply_to_author=answered,
                root_id=post.root_id,
                quote_of=post.quote_of,
                quoted_author=quoted["author_id"] if quoted is not None else None,
                mentioned=mentioned,
                tags=tags,
                published_at=post.published_at,
            ),
        )


async def _mention(tx: Transaction, post: NewPost, answered: str | None) -> list[str]:
    """Who is named, but for the author of what it answers, who may read it all the same."""
    named = await named_in(tx, post.author_id, post.text)
    if named:
        await tx.execute(queries.ADD_MENTIONS, post.id, named, True)
    if answered is not None and answered != post.author_id and answered not in named:
        await tx.execute(queries.ADD_MENTIONS, post.id, [answered], False)
    return [one for one in named if one != answered]


async def named_in(tx: Transaction, author_id: str, text: str) -> Sequence[str]:
    usernames = mentions_of(text)
    if not usernames:
        return []
    return [row["id"] for row in await tx.fetch(queries.NAMED, author_id, usernames)]
