"""Changes of posts: the version before is kept, and everybody who may read the post may read it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from server.features.social.posts import queries
from server.features.social.posts.bodies import PostChange
from server.features.social.posts.counters import Changes
from server.features.social.posts.facts import PostEdited
from server.features.social.posts.previews import LinkPreviews
from server.features.social.posts.publishing import named_in
from server.features.social.posts.rules import when_to_publish
from server.features.social.posts.scheduling import Scheduling
from server.features.social.posts.targets import no_post
from server.features.social.posts.texts import first_link_of, tags_of
from server.http.errors import Problem, invalid_field
from storage.facts import publish
from storage.postgres import Database, Row, Transaction

MAX_EDITS: Final = 100
_FIELDS: Final = ("text", "content_warning", "language")

_KEEP: Final = """
insert into post_edits (post_id, version, text, content_warning, language, written_at)
values ($1, $2, $3, $4, $5, $6)
"""
_CHANGE: Final = """
update posts set text = $2, content_warning = $3, language = $4, link = $5, edited_at = $6, edits = $7,
    publish_at = $8 where id = $1
"""
_FORGET_MENTIONS: Final = """
delete from post_mentions where post_id = $1 and is_named and person_id <> all($2::uuid[])
    and person_id is distinct from (select p.author_id from posts r join posts p on p.id = r.reply_to where r.id = $1)
"""
_NEW_MENTIONS: Final = """
insert into post_mentions (post_id, person_id, is_named) select $1, p, true from unnest($2::uuid[]) p
on conflict (post_id, person_id) do nothing returning person_id
"""
VERSIONS: Final = """
select version, text, content_warning, language, written_at from post_edits
where post_id = $1 and ($2::int is null or version < $2) order by version desc limit $3
"""


class Editing:
    def __init__(
        self,
        *,
        db: Database,
        scheduling: Scheduling,
        changes: Changes,
        previews: LinkPreviews,
        now: Callable[[], datetime],
        schedule_days: int,
    ) -> None:
        self._db = db
        self._scheduling = scheduling
        self._changes = changes
        self._previews = previews
        self._now = now
        self._ahead = timedelta(days=schedule_days)

    async def change(self, person_id: str, post_id: str, body: PostChange) -> None:
        """Nothing happens where nothing is another than before. Raises a 404, a 409 after ``MAX_EDITS``, a 422."""
        given = {name: getattr(body, name) or None for name in body.model_fields_set}
        async with self._db.transaction(planned_once=True) as tx:
            row = await tx.fetchrow(queries.OWN, post_id, person_id)
            if row is None or row["repost_of"] is not None:
                raise no_post()
            new = {name: given.get(name, row[name]) for name in (*_FIELDS, "publish_at")}
            new["text"] = new["text"] or ""
            self._require(row, new)
            if row["state"] == "scheduled":
                await self._reschedule(tx, row, new)
            elif any(new[name] != row[name] for name in _FIELDS):
                await self._edit(tx, person_id, row, new)

    def _require(self, row: Row, new: dict[str, Any]) -> None:
        """Raises a 422."""
        if not (new["text"] or row["has_media"] or row["has_poll"] or row["quote_of"] or row["stream_id"]):
            raise invalid_field("text", "a post has a text, media, a poll or a quote")
        if row["state"] != "scheduled" and new["publish_at"] != row["publish_at"]:
            raise invalid_field("publish_at", "the post is published already")

    async def _reschedule(self, tx: Transaction, row: Row, new: dict[str, Any]) -> None:
        if new["publish_at"] is None:
            raise invalid_field("publish_at", "must be a time; a draft keeps what has none")
        if new["publish_at"] != row["publish_at"]:
            at = when_to_publish(new["publish_at"], self._now(), self._ahead)
            await self._scheduling.schedule(tx, row["id"], at or self._now())
        await self._write(tx, row, new, edited_at=None, edits=0)

    async def _edit(self, tx: Transaction, person_id: str, row: Row, new: dict[str, Any]) -> None:
        if row["edits"] >= MAX_EDITS:
            raise Problem(409, f"The post was changed {MAX_EDITS} times already", slug="too-many-edits")
        post_id, version = row["id"], row["edits"] + 1
        written_at = row["edited_at"] or row["published_at"]
        await tx.execute(_KEEP, post_id, version, *(row[name] for name in _FIELDS), written_at)
        await self._write(tx, row, new, edited_at=self._now(), edits=version)
        named = await named_in(tx, person_id, new["text"])
        await tx.execute(_FORGET_MENTIONS, post_id, named)
        added = [one["person_id"] for one in await tx.fetch(_NEW_MENTIONS, post_id, named)]
        tags = tags_of(new["text"])
        await tx.execute(queries.FORGET_TAGS, post_id)
        await tx.execute(queries.ADD_TAGS, post_id, tags, row["published_at"], person_id)
        await publish(tx, PostEdited(post_id=post_id, author_id=person_id, mentioned=added, tags=tags))
        await self._previews.want(tx, post_id, new["text"])
        self._changes.send(tx, post_id, person_id, edited=True)

    async def _write(
        self, tx: Transaction, row: Row, new: dict[str, Any], *, edited_at: datetime | None, edits: int
    ) -> None:
        await tx.execute(
            _CHANGE, row["id"], new["text"], new["content_warning"], new["language"], first_link_of(new["text"]),
            edited_at, edits, new["publish_at"],
        )  # fmt: skip

    async def versions(self, post_id: str, before: int | None, limit: int) -> Sequence[Row]:
        """The former versions, the newest first."""
        return await self._db.fetch(VERSIONS, post_id, before, limit)
