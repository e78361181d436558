"""Posts: written, published, read one by one, deleted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from server.features.social.posts import queries
from server.features.social.posts.bodies import MediaBody, PollBody, PostBody
from server.features.social.posts.counters import Changes, Counters
from server.features.social.posts.facts import PostEdited, PostRemoved
from server.features.social.posts.media import PostMedia
from server.features.social.posts.ports import CommunityDoor, Place
from server.features.social.posts.publishing import NewPost, Publishing
from server.features.social.posts.reading import PlainPost, PostReader
from server.features.social.posts.rules import quotable, visibility_of, when_to_publish
from server.features.social.posts.scheduling import Scheduling
from server.features.social.posts.shapes import DeletedPostShape, PostShape
from server.features.social.posts.targets import Targets, no_post
from server.features.social.posts.texts import first_link_of, tags_of
from server.features.videos.uploads import Media
from server.http.errors import invalid_field
from storage.facts import publish
from storage.ids import Ids
from storage.postgres import Database, Reads, Row, Transaction
from storage.relationships import require_unrestricted

Count = Callable[[Transaction, str, int], Awaitable[None]]


class Posts:
    """The posts of all persons."""

    def __init__(
        self,
        *,
        db: Database,
        reader: PostReader,
        media: PostMedia,
        communities: CommunityDoor,
        targets: Targets,
        counters: Counters,
        changes: Changes,
        publishing: Publishing,
        scheduling: Scheduling,
        ids: Ids,
        now: Callable[[], datetime],
        schedule_days: int,
    ) -> None:
        self._db = db
        self._reader = reader
        self._media = media
        self._communities = communities
        self._targets = targets
        self._counters = counters
        self._changes = changes
        self._publishing = publishing
        self._scheduling = scheduling
        self._ids = ids
        self._now = now
        self._ahead = timedelta(days=schedule_days)

    async def shown(
        self, reads: Reads, ids: Collection[str], viewer_id: str | None, *, country: str | None = None
    ) -> dict[str, PostShape]:
        """Those of up to 100 posts that are for the viewer (None: a guest), by id: where rooms above read posts.

        Visibility, blocks, mutes, hidden words, restrictions and deletion are judged here; what is missing is to be
        left out. ``country``: where the viewer asks from; None: unknown.
        """
        return await self._reader.shown(reads, ids, viewer_id, country=country)

    async def plain(
        self, reads: Reads, ids: Collection[str], viewer_id: str | None, *, country: str | None = None
    ) -> dict[str, PlainPost]:
        """As ``shown``, for rooms that only pass posts on."""
        return await self._reader.plain(reads, ids, viewer_id, country=country)

    async def get(
        self, post_id: str, viewer_id: str | None, *, country: str | None = None
    ) -> PostShape | DeletedPostShape:
        """Also one of a person whom the viewer mutes: they ask for it. Raises a 404, and a 451 for what is not for
        their age or country.
        """
        return await self._get(self._db, post_id, viewer_id, country=country)

    async def _get(
        self, reads: Reads, post_id: str, viewer_id: str | None, *, country: str | None = None
    ) -> PostShape | DeletedPostShape:
        found = await self._reader.one(reads, post_id, viewer_id, country=country)
        if found is None:
            raise no_post()
        return found

    async def create(self, person_id: str, body: PostBody) -> PostShape | DeletedPostShape:
        """Published at once, or scheduled. Raises a 422 that names the field, and what the rooms of media and
        communities raise; then nothing is written.
        """
        now = self._now()
        publish_at = when_to_publish(body.publish_at, now, self._ahead)
        require_content(body)
        post_id = self._ids.uuid7(now.timestamp())
        async with self._db.transaction(planned_once=True) as tx:
            await require_unrestricted(tx, person_id, now)
            parent, quoted = await self._looked_up(tx, person_id, body)
            place = await self._place(tx, person_id, body, parent)
            post = NewPost(
                id=post_id,
                author_id=person_id,
                text=body.text,
                visibility=visibility_of(body.visibility, parent, place),
                community_id=place.id if place is not None else None,
                published_at=publish_at or now,
                reply_to=parent["id"] if parent is not None else None,
                root_id=root_of(parent),
                quote_of=quoted["id"] if quoted is not None else None,
            )
            await self._insert(tx, post, body, is_scheduled=publish_at is not None, now=now)
            if publish_at is not None:
                await self._scheduling.schedule(tx, post_id, publish_at)
            else:
                await self._publishing.publish(tx, post, parent, quoted)
            return await self._get(tx, post_id, person_id)

    async def _looked_up(self, tx: Transaction, person_id: str, body: PostBody) -> tuple[Row | None, Row | None]:
        """What it answers, and what it quotes. Raises a 422."""
        asked = [str(one) for one in (body.reply_to, body.quote_of) if one is not None]
        found = await self._targets.of(tx, person_id, asked)
        parent, quoted = found.get(str(body.reply_to)), found.get(str(body.quote_of))
        if body.reply_to is not None and parent is None:
            raise invalid_field("reply_to", "there is no such post")
        if body.quote_of is not None and quoted is None:
            raise invalid_field("quote_of", "there is no such post")
        if quoted is not None and not quotable(quoted, person_id):
            raise invalid_field("quote_of", "only public posts may be quoted")
        return parent, quoted

    async def _place(self, tx: Transaction, person_id: str, body: PostBody, parent: Row | None) -> Place | None:
        """A reply stands where what it answers stands."""
        inherited = parent["community_id"] if parent is not None else None
        name = body.community
        if name is None and inherited is not None:
            found = (await self._communities.readable(tx, person_id, [inherited])).get(inherited)
            name = found.name if found is not None else None
        place = await self._communities.may_post(tx, person_id, name) if name is not None else None
        if parent is not None and (place.id if place is not None else None) != inherited:
            raise invalid_field("community", "is not that of the post that it answers")
        if place is None and body.visibility == "community":
            raise invalid_field("visibility", "needs a community")
        return place

    async def _insert(
        self, tx: Transaction, post: NewPost, body: PostBody, *, is_scheduled: bool, now: datetime
    ) -> None:
        published_at, publish_at = (None, post.published_at) if is_scheduled else (post.published_at, None)
        await tx.execute(
            queries.INSERT, post.id, post.author_id, post.text, post.reply_to, post.root_id, post.quote_of,
            post.community_id, post.visibility, body.content_warning or None, body.language,
            first_link_of(post.text), bool(body.media), "scheduled" if is_scheduled else "published", published_at,
            publish_at, now,
        )  # fmt: skip
        if body.media:
            await self._add_media(tx, post, body.media)
        if body.poll is not None:
            await _add_poll(tx, post.id, body.poll, published_at)

    async def _add_media(self, tx: Transaction, post: NewPost, media: Sequence[MediaBody]) -> None:
        claimed = await self._media.claim(tx, post.author_id, media)
        await add_media(tx, post.id, claimed, [one.alt for one in media])

    async def delete(self, person_id: str, post_id: str) -> None:
        """A post is wiped later; a scheduled one and a repost at once. Raises a 404 for what is not the person's."""
        async with self._db.transaction(planned_once=True) as tx:
            row = await tx.fetchrow(queries.OWN, post_id, person_id)
            if row is None:
                raise no_post()
            await self.remove(tx, person_id, row)

    async def take_down(self, tx: Transaction, community_id: str, post_id: str) -> str:
        """For a moderator of the community where it is published; the id of its author. Raises a 404."""
        row = await tx.fetchrow(queries.OF_COMMUNITY, post_id, community_id)
        if row is None or row["author_id"] is None:
            raise no_post()
        author_id: str = row["author_id"]
        await self.remove(tx, author_id, row)
        return author_id

    async def remove(self, tx: Transaction, person_id: str, row: Row) -> None:
        """``row``: of ``queries.OWN``."""
        if row["state"] == "scheduled":
            await self._media.release(tx, [row["id"]])
            await tx.execute(queries.WIPE, row["id"])
            return
        for count, counted in self._counted(row):
            await count(tx, counted, -1)
        if row["repost_of"] is not None:
            await tx.execute(queries.WIPE, row["id"])
        else:
            await tx.execute(queries.DELETE, row["id"], self._now())
            await tx.execute(queries.FORGET_TAGS, row["id"])
            await tx.execute(queries.UNPIN, row["id"])
        self._changes.send(tx, row["id"], person_id, removed=True)
        left: Any = await tx.fetchrow(queries.LEFT, person_id, row["reply_to"], row["quote_of"])
        ids = {"post_id": row["id"], "author_id": person_id, "repost_of": row["repost_of"]}
        await publish(tx, PostRemoved(**ids, reply_to=left["reply_to"], quote_of=left["quote_of"]))

    async def withhold(self, tx: Transaction, post_id: str, *, for_good: bool) -> bool:
        """Nobody sees the post any more, as if its author had deleted it, until ``restore``; False when there is none.

        ``for_good``: it is wiped when deleted posts are.
        """
        author_id = await tx.fetchval(queries.PUBLISHED, post_id)
        row = await tx.fetchrow(queries.OWN, post_id, author_id) if author_id is not None else None
        if row is None:
            return False
        await self.remove(tx, author_id, row)
        if not for_good:
            await tx.execute(queries.KEEP_WITHHELD, post_id)
        return True

    async def restore(self, tx: Transaction, post_id: str) -> bool:
        """A post that ``withhold`` took away is there again; False when it has been wiped, or its author is gone."""
        row = await tx.fetchrow(queries.RESTORE, post_id)
        if row is None:
            return False
        for count, counted in self._counted(row):
            await count(tx, counted, 1)
        tags = tags_of(row["text"])
        await tx.execute(queries.ADD_TAGS, post_id, tags, row["published_at"], row["author_id"])
        await publish(tx, PostEdited(post_id=post_id, author_id=row["author_id"], mentioned=[], tags=tags))
        self._changes.send(tx, post_id, row["author_id"], edited=True)
        return True

    def _counted(self, row: Row) -> list[tuple[Count, str]]:
        """The counters that a published post is in, of the newest post first."""
        kinds = (
            (self._counters.reply, row["reply_to"]),
            (self._counters.quote, row["quote_of"]),
            (self._counters.repost, row["repost_of"]),
        )
        counted = [(count, post_id) for count, post_id in kinds if post_id is not None]
        return sorted(counted, key=lambda one: one[1], reverse=True)


async def add_media(tx: Transaction, post_id: str, media: Sequence[Media], alts: Sequence[str]) -> None:
    """In this order."""
    await tx.execute(
        queries.ADD_MEDIA, post_id, list(range(len(media))), [one.id for one in media], [one.kind for one in media],
        [one.url for one in media], [one.preview_url for one in media], [one.width for one in media],
        [one.height for one in media], list(alts),
    )  # fmt: skip


async def _add_poll(tx: Transaction, post_id: str, poll: PollBody, published_at: datetime | None) -> None:
    ends_at = published_at + timedelta(seconds=poll.seconds) if published_at is not None else None
    await tx.execute(queries.ADD_POLL, post_id, poll.options, poll.multiple, poll.seconds, ends_at)


def require_content(body: PostBody) -> None:
    """Raises a 422."""
    if not (body.text or body.media or body.poll or body.quote_of):
        raise invalid_field("text", "a post has a text, media, a poll or a quote")


def root_of(parent: Row | None) -> str | None:
    return None if parent is None else parent["root_id"] or parent["id"]
