"""Lists of posts: by their author, their thread, their reader's bookmarks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Final, TypeVar

from server.features.people.relations import nobody
from server.features.people.rules import username_key
from server.features.social.posts import act_queries, list_queries
from server.features.social.posts.bodies import PostKind
from server.features.social.posts.reading import PostReader
from server.features.social.posts.shapes import DeletedPostShape, PostShape
from server.features.social.posts.targets import no_post
from server.http.cursors import after_time, encode_cursor
from server.live.viewings import Viewer
from storage.postgres import Database, Row

ROUNDS: Final = 5
"""How often a page that is not full is filled up: its next cursor goes on from there."""

After = tuple[datetime, str] | None
Chunk = Callable[[After, int], Awaitable[Sequence[Row]]]
AnyPost = PostShape | DeletedPostShape
PostT = TypeVar("PostT", PostShape, AnyPost)
Show = Callable[[Sequence[str]], Awaitable[dict[str, PostT]]]


async def filled(chunk: Chunk, show: Show[PostT], cursor: str | None, limit: int) -> tuple[list[PostT], str | None]:
    """A page of those that are shown, and the cursor of the next.

    ``chunk`` gives rows with ``id`` and ``at`` behind a position. What is not for the viewer is replaced by what comes
    next, up to ``ROUNDS`` times: a page may be short, and empty, though there is another.
    """
    items: list[PostT] = []
    after = after_time(cursor)
    for _ in range(ROUNDS):
        rows = await chunk(after, limit + 1)
        found = await show([row["id"] for row in rows[:limit]])
        for at, row in enumerate(rows[:limit], 1):
            after = (row["at"], row["id"])
            if row["id"] in found:
                items.append(found[row["id"]])
            if len(items) == limit:
                return items, encode_cursor(after) if at < len(rows) else None
        if len(rows) <= limit:
            return items, None
    return items, encode_cursor(after) if after is not None else None


class PostLists:
    def __init__(self, *, db: Database, reader: PostReader) -> None:
        self._db = db
        self._reader = reader

    async def of_author(
        self, username: str, kind: PostKind, viewer: Viewer, cursor: str | None, limit: int
    ) -> tuple[list[PostShape], str | None]:
        """The newest first. Raises a 404 for nobody, and where either blocks the other."""
        author_id = await self._db.fetchval(list_queries.AUTHOR, username_key(username), viewer.id)
        if author_id is None:
            raise nobody()
        # A profile is asked for by name: mutes do not empty it.
        return await filled(
            lambda after, most: self._db.fetch(list_queries.OF_AUTHOR[kind], author_id, *position(after), most),
            self._showing(viewer, past_mutes=True),
            cursor,
            limit,
        )

    async def pinned(self, username: str, viewer: Viewer) -> PostShape | None:
        """What the person has pinned to their profile, if the viewer may read it."""
        post_id = await self._db.fetchval(list_queries.PINNED, username_key(username))
        return (await self._showing(viewer, past_mutes=True)([post_id] if post_id else [])).get(post_id)

    async def replies(
        self, post_id: str, viewer: Viewer, cursor: str | None, limit: int, *, is_newest_first: bool
    ) -> tuple[list[AnyPost], str | None]:
        """Direct replies, the oldest first unless asked otherwise. Raises a 404."""
        await self._one(post_id, viewer)
        sql = list_queries.NEWEST_REPLIES if is_newest_first else list_queries.REPLIES

        async def show(ids: Sequence[str]) -> dict[str, AnyPost]:
            return await self._reader.read(self._db, ids, viewer.id, country=viewer.country)

        return await filled(
            lambda after, most: self._db.fetch(sql, post_id, *position(after), most), show, cursor, limit
        )

    async def quotes(
        self, post_id: str, viewer: Viewer, cursor: str | None, limit: int
    ) -> tuple[list[PostShape], str | None]:
        """The newest first. Raises a 404."""
        if isinstance(await self._one(post_id, viewer), DeletedPostShape):
            raise no_post()
        return await filled(
            lambda after, most: self._db.fetch(list_queries.QUOTES, post_id, *position(after), most),
            self._showing(viewer),
            cursor,
            limit,
        )

    async def thread(self, post_id: str, viewer: Viewer) -> tuple[list[AnyPost], AnyPost]:
        """What the post answers, the beginning first (of long threads the nearest), and the post. Raises a 404."""
        ids = [row["id"] for row in await self._db.fetch(list_queries.ANCESTORS, post_id)]
        found = await self._reader.read(self._db, ids, viewer.id, country=viewer.country, past_mutes=True)
        if post_id not in found:
            await self._one(post_id, viewer)
            raise no_post()
        return [found[one] for one in reversed(ids[1:]) if one in found], found[post_id]

    async def bookmarks(
        self, viewer: Viewer, folder_id: str | None, cursor: str | None, limit: int
    ) -> tuple[list[PostShape], str | None]:
        """The last bookmarked first."""
        sql = act_queries.BOOKMARKS if folder_id is None else act_queries.BOOKMARKS_IN
        more = () if folder_id is None else (folder_id,)
        return await filled(
            lambda after, most: self._db.fetch(sql, viewer.id, *position(after), most, *more),
            self._showing(viewer, past_mutes=True),
            cursor,
            limit,
        )

    async def _one(self, post_id: str, viewer: Viewer) -> AnyPost:
        """Raises a 404, and a 451 for what is not for the viewer's age or country."""
        post = await self._reader.one(self._db, post_id, viewer.id, country=viewer.country)
        if post is None:
            raise no_post()
        return post

    def _showing(self, viewer: Viewer, *, past_mutes: bool = False) -> Show[PostShape]:
        async def show(ids: Sequence[str]) -> dict[str, PostShape]:
            return await self._reader.shown(self._db, ids, viewer.id, country=viewer.country, past_mutes=past_mutes)

        return show


def position(after: After) -> tuple[datetime | None, str | None]:
    return after if after is not None else (None, None)
