"""Scheduled posts: published by a job when their time has come."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from server.features.social.posts import draft_queries
from server.features.social.posts.media import PostMedia
from server.features.social.posts.ports import CommunityDoor
from server.features.social.posts.publishing import NewPost, Publishing
from server.features.social.posts.rules import quotable
from server.features.social.posts.targets import Targets
from server.jobs import Attempt, Job, Jobs
from storage.ids import Ids
from storage.postgres import Database, Row, Transaction
from storage.seen_streams import IN_GOOD_STANDING

EARLY: Final = timedelta(seconds=1)
"""How much the clocks of a node and of Postgres may differ."""

_DUE: Final = f"""
select p.id, p.author_id, p.text, p.visibility, p.community_id, p.content_warning, p.language, p.reply_to, p.root_id,
    p.quote_of, p.publish_at, {IN_GOOD_STANDING.format("u")} as is_standing
from posts p join users u on u.id = p.author_id where p.id = $1 and p.state = 'scheduled' for update of p
"""
_PUBLISH: Final = "update posts set state = 'published', published_at = $2, quote_of = $3 where id = $1"
_OPEN_POLL: Final = (
    "update post_polls set ends_at = $2::timestamptz + make_interval(secs => seconds) where post_id = $1"
)
_WIPE: Final = "delete from posts where id = $1"
_LIST: Final = """
select id, publish_at as at from posts
where author_id = $1 and state = 'scheduled' and ($2::timestamptz is null or (publish_at, id) > ($2, $3::uuid))
order by publish_at, id limit $4
"""


class PublishPost(msgspec.Struct, frozen=True, kw_only=True):
    post_id: str


class Scheduling:
    """``job`` publishes one post. What cannot be published any more becomes a draft of its author."""

    def __init__(
        self,
        *,
        db: Database,
        jobs: Jobs,
        media: PostMedia,
        targets: Targets,
        communities: CommunityDoor,
        publishing: Publishing,
        ids: Ids,
        now: Callable[[], datetime],
    ) -> None:
        self._db = db
        self._jobs = jobs
        self._media = media
        self._targets = targets
        self._communities = communities
        self._publishing = publishing
        self._ids = ids
        self._now = now
        self.job: Final = Job(name="posts.publish", body=PublishPost, run=self._run)

    async def schedule(self, tx: Transaction, post_id: str, at: datetime) -> None:
        """May be called again with another time: the job that comes too early does nothing."""
        await self._jobs.enqueue(tx, self.job, PublishPost(post_id=post_id), at=at)

    async def chunk(self, person_id: str, at: datetime | None, after_id: str | None, limit: int) -> Sequence[Row]:
        return await self._db.fetch(_LIST, person_id, at, after_id, limit)

    async def _run(self, attempt: Attempt[PublishPost]) -> None:
        async with attempt.finish() as tx:
            row = await tx.fetchrow(_DUE, attempt.body.post_id)
            now = self._now()
            if row is not None and row["publish_at"] <= now + EARLY:
                await self._publish(tx, row, now)

    async def _publish(self, tx: Transaction, row: Row, now: datetime) -> None:
        asked = [one for one in (row["reply_to"], row["quote_of"]) if one is not None]
        found = await self._targets.of(tx, row["author_id"], asked)
        parent, quoted = found.get(row["reply_to"]), found.get(row["quote_of"])
        is_parted = row["reply_to"] is not None and parent is None
        if not row["is_standing"] or is_parted or not await self._may_post(tx, row):
            await self._keep_as_draft(tx, row, now)
            return
        if quoted is not None and not quotable(quoted, row["author_id"]):
            quoted = None
        quote_of = quoted["id"] if quoted is not None else None
        await tx.execute(_PUBLISH, row["id"], now, quote_of)
        await tx.execute(_OPEN_POLL, row["id"], now)
        post = NewPost(
            id=row["id"],
            author_id=row["author_id"],
            text=row["text"],
            visibility=row["visibility"],
            community_id=row["community_id"],
            published_at=now,
            reply_to=row["reply_to"],
            root_id=row["root_id"],
            quote_of=quote_of,
        )
        await self._publishing.publish(tx, post, parent, quoted)

    async def _may_post(self, tx: Transaction, row: Row) -> bool:
        """Whether the author is still a member of the community that it is for."""
        community_id = row["community_id"]
        if community_id is None:
            return True
        place = (await self._communities.readable(tx, row["author_id"], [community_id])).get(community_id)
        return place is not None and place.is_member

    async def _keep_as_draft(self, tx: Transaction, row: Row, now: datetime) -> None:
        kept: dict[str, Any] = {
            name: row[name] for name in ("text", "content_warning", "language") if row[name] is not None
        }
        await tx.execute(draft_queries.ADD, self._ids.uuid7(now.timestamp()), row["author_id"], kept, now)
        await self._media.release(tx, [row["id"]])
        await tx.execute(_WIPE, row["id"])
