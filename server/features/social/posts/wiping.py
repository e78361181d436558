"""Wiping posts, in batches, that were deleted or whose account is gone. The place of what has replies is left."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from server.features.social.posts.facts import PostRemoved
from server.features.social.posts.media import PostMedia
from storage.facts import publish
from storage.postgres import Database, Transaction

BATCH: Final = 200
MANY: Final = 2_000

# Posts of the batch are counted out of those that they answer, quote and repeat; then what has replies is emptied.
_SOME: Final = """
select id, state, reply_to, quote_of, repost_of, replies from posts where author_id = $1 order by id desc limit $2
for update
"""
_COUNT_OUT: Final = """
update posts p set {counter} = greatest(p.{counter} - gone.n, 0)
from (select {link} as id, count(*)::int as n from posts where id = any($1::uuid[]) and state = 'published'
    and {link} is not null group by {link}) gone
where p.id = gone.id
"""
COUNT_OUT: Final = (
    _COUNT_OUT.format(counter="replies", link="reply_to"),
    _COUNT_OUT.format(counter="quotes", link="quote_of"),
    _COUNT_OUT.format(counter="reposts", link="repost_of"),
)
EMPTY: Final = """
update posts set author_id = null, text = '', content_warning = null, restrictions = null, link = null,
    has_media = false, reactions = '{}', state = 'deleted', deleted_at = null
where id = any($1::uuid[]) and replies > 0
"""
PARTS: Final = (
    *("post_mentions", "post_hashtags", "post_reactions", "post_polls", "post_edits", "bookmarks"),
    "pinned_posts",
)
WIPE: Final = "delete from posts where id = any($1::uuid[]) and replies = 0"
_DELETED: Final = """
select id from posts where state = 'deleted' and deleted_at <= $1 order by deleted_at limit $2 for update skip locked
"""
_WIPE_REPOSTS: Final = """
delete from posts where id in (
    select id from posts where repost_of = any($1::uuid[]) and state = 'published' limit $2)
"""
_REACTED: Final = """
delete from post_reactions where (post_id, person_id, emoji) in (
    select post_id, person_id, emoji from post_reactions where person_id = $1 order by post_id limit $2)
returning post_id, emoji
"""
_UNCOUNT: Final = """
update posts set reactions = case when (reactions ->> $2)::int > 1
    then jsonb_set(reactions, array[$2], to_jsonb((reactions ->> $2)::int - 1)) else reactions - $2 end
where id = $1
"""


class Wiping:
    """Each batch is a transaction, and all of it may be repeated."""

    def __init__(self, *, db: Database, media: PostMedia, now: Callable[[], datetime], days: int) -> None:
        """``days``: for which a deleted post is kept."""
        self._db = db
        self._media = media
        self._now = now
        self._kept = timedelta(days=days)

    async def purge(self) -> None:
        """Posts that were deleted long enough ago."""
        while await self._purge_some():
            pass

    async def _purge_some(self) -> int:
        async with self._db.transaction() as tx:
            rows = await tx.fetch(_DELETED, self._now() - self._kept, BATCH)
            ids = [row["id"] for row in rows]
            reposts = await tx.execute(_WIPE_REPOSTS, ids, MANY) if ids else 0
            if ids and not reposts:
                await self._wipe(tx, ids)
        return len(ids)

    async def erase_large(self, person_id: str) -> None:
        while await self._posts(person_id):
            pass
        while await self._reactions(person_id):
            pass

    async def _posts(self, person_id: str) -> int:
        async with self._db.transaction() as tx:
            rows = await tx.fetch(_SOME, person_id, BATCH)
            ids = [row["id"] for row in rows]
            for sql in COUNT_OUT:
                await tx.execute(sql, ids)
            await self._wipe(tx, ids)
            await publish(
                tx,
                *(
                    PostRemoved(post_id=row["id"], author_id=person_id, repost_of=row["repost_of"])
                    for row in rows
                    if row["state"] == "published"
                ),
            )
        return len(ids)

    async def _reactions(self, person_id: str) -> int:
        async with self._db.transaction() as tx:
            rows = await tx.fetch(_REACTED, person_id, BATCH)
            for row in sorted(rows, key=lambda one: str(one["post_id"]), reverse=True):
                await tx.execute(_UNCOUNT, row["post_id"], row["emoji"])
        return len(rows)

    async def _wipe(self, tx: Transaction, ids: list[str]) -> None:
        """Posts that are in no counter any more: those with replies keep their place, and nothing of them but that."""
        await self._media.release(tx, ids)
        await tx.execute(WIPE, ids)
        await tx.execute(EMPTY, ids)
        for table in PARTS:
            await tx.execute(f"delete from {table} where post_id = any($1::uuid[])", ids)


async def erase(tx: Transaction, person_id: str) -> None:
    """What is left, without what ``erase_large`` has removed."""
    for sql in ERASE:
        await tx.execute(sql, person_id)


ERASE: Final = (
    "delete from post_mentions where person_id = $1",
    "delete from post_votes where person_id = $1",
    "delete from bookmarks where person_id = $1",
    "delete from bookmark_folders where person_id = $1",
    "delete from post_drafts where author_id = $1",
    "delete from pinned_posts where author_id = $1",
    "delete from post_hashtags where author_id = $1",
    "delete from post_reactions where person_id = $1",
    "delete from posts where author_id = $1",
)
