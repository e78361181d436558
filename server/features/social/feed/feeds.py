"""The feeds: home, live, explore and those of hashtags, as one reader may see them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Any, Final, Protocol
from uuid import UUID

from server.features.social.feed import queries
from server.features.social.feed.home import HomeFeed, candidates_of
from server.features.social.feed.live import LiveStreams
from server.features.social.feed.pages import Filled, fill
from server.features.social.feed.ranked import Place, RankedFeed, Session, Source
from server.features.social.feed.rules import Candidate, without_streams
from server.features.social.feed.shapes import PlainItem, StreamItem, each_once
from server.features.social.posts import PlainPost
from server.http.cursors import after_time, decode_cursor, encode_cursor
from server.live.stream_shapes import StreamShape
from server.live.viewings import Viewer
from storage.postgres import Database, Reads
from storage.timelines import Position

MAX_INDEX: Final = 1_000_000
POPULAR: Final = 200
"""Popular posts that explore begins with."""

Items = tuple[Sequence[PlainItem], str | None]
"""A page, and the cursor of the next one."""


class ReadPosts(Protocol):
    """The posts room."""

    async def plain(
        self, reads: Reads, ids: Sequence[str], viewer_id: str | None, *, country: str | None = None
    ) -> dict[str, PlainPost]: ...


class HomeSource:
    """What a ranked home feed is made of: the chronological one."""

    def __init__(self, home: HomeFeed, person_id: str) -> None:
        self._home = home
        self._person_id = person_id

    async def window(self, before: Position | None, limit: int) -> Sequence[Candidate]:
        return await self._home.page(self._person_id, before, limit)

    async def first(self) -> Sequence[Candidate]:
        return ()


class ExploreSource:
    """What others write for all: the newest, and first of all what is popular."""

    def __init__(self, db: Database, reader_id: str | None) -> None:
        self._db = db
        self._reader_id = reader_id

    async def window(self, before: Position | None, limit: int) -> Sequence[Candidate]:
        at, post_id = before or (None, None)
        return candidates_of(await self._db.fetch(queries.NEWEST, self._reader_id, at, post_id, limit))

    async def first(self) -> Sequence[Candidate]:
        return candidates_of(await self._db.fetch(queries.POPULAR, self._reader_id, POPULAR))


class Feeds:
    def __init__(
        self, *, db: Database, posts: ReadPosts, home: HomeFeed, ranked: RankedFeed, live: LiveStreams
    ) -> None:
        self._db = db
        self._posts = posts
        self._home = home
        self._ranked = ranked
        self._live = live

    async def home(self, viewer: Viewer, *, is_ranked: bool, cursor: str | None, limit: int) -> Items:
        """Live streams of whom the reader follows stand first on the first page, beside its posts."""
        source = HomeSource(self._home, viewer.id or "")
        streams = await self._live.followed(viewer) if cursor is None else []
        items, following = await self._posts_of(source, viewer, is_ranked=is_ranked, cursor=cursor, limit=limit,
                                                without={view.id for view in streams})  # fmt: skip
        return [*self._streams(streams, viewer), *items], following

    async def explore(self, viewer: Viewer, *, is_ranked: bool, cursor: str | None, limit: int) -> Items:
        source = ExploreSource(self._db, viewer.id)
        return await self._posts_of(source, viewer, is_ranked=is_ranked, cursor=cursor, limit=limit)

    async def live(self, viewer: Viewer, *, cursor: str | None, limit: int) -> Items:
        """The streams of whom the reader follows first; then all others, the newest first."""
        first = await self._live.followed(viewer) if cursor is None else []
        others, at = await self._live.page(viewer, after_time(cursor), limit)
        known = {view.id for view in first}
        streams = [*first, *(view for view in others if view.id not in known)]
        return self._streams(streams, viewer), encode_cursor(at) if at is not None else None

    async def of_tag(
        self, tag: str, viewer: Viewer, *, cursor: str | None, limit: int
    ) -> tuple[list[PlainItem], str | None]:
        async def fetch(before: Position | None, count: int) -> Sequence[Candidate]:
            at, post_id = before or (None, None)
            return candidates_of(await self._db.fetch(queries.OF_TAG, tag, at, post_id, count))

        return await self._latest(fetch, viewer, cursor, limit)

    async def _posts_of(
        self, source: Source, viewer: Viewer, *, is_ranked: bool, cursor: str | None, limit: int,
        without: Collection[str] = (),
    ) -> Items:  # fmt: skip
        if is_ranked:
            return await self._by_rank(source, viewer, cursor, limit)

        async def fetch(before: Position | None, count: int) -> Sequence[Candidate]:
            return await source.window(before, count)

        return await self._latest(fetch, viewer, cursor, limit, without)

    async def _latest(
        self,
        fetch: Callable[[Position | None, int], Awaitable[Sequence[Candidate]]],
        viewer: Viewer,
        cursor: str | None,
        limit: int,
        without: Collection[str] = (),
    ) -> tuple[list[PlainItem], str | None]:
        async def shown(batch: Sequence[Candidate]) -> dict[str, PlainPost]:
            return await self._shown([one.id for one in without_streams(batch, without)], viewer)

        filled: Filled[Candidate, PlainPost, Position] = await fill(
            fetch, shown, key=_id, position=_position, after=after_time(cursor), limit=limit
        )
        items = [{"post": post, "reason": one.reason, "tag": one.tag} for one, post in filled.items]
        return each_once(items), None if filled.next is None else encode_cursor(filled.next)

    async def _by_rank(self, source: Source, viewer: Viewer, cursor: str | None, limit: int) -> Items:
        session = self._ranked.begin() if cursor is None else _session(cursor)

        async def fetch(index: int | None, count: int) -> Sequence[tuple[int, Place]]:
            at = index or 0
            places = await self._ranked.places(Session(session.id, at), viewer.id, source, count)
            return list(enumerate(places, at + 1))

        async def shown(batch: Sequence[tuple[int, Place]]) -> dict[str, PlainPost]:
            return await self._shown([place.id for _, place in batch], viewer)

        filled: Filled[tuple[int, Place], PlainPost, int] = await fill(
            fetch, shown, key=lambda one: one[1].id, position=lambda one: one[0], after=session.index, limit=limit
        )
        items = [{"post": post, "reason": place.reason, "tag": place.tag} for (_, place), post in filled.items]
        return each_once(items), None if filled.next is None else encode_cursor((filled.next, session.id))

    async def _shown(self, ids: Sequence[str], viewer: Viewer) -> dict[str, PlainPost]:
        return await self._posts.plain(self._db, ids, viewer.id, country=viewer.country) if ids else {}

    def _streams(self, streams: Sequence[Any], viewer: Viewer) -> list[PlainItem]:
        shapes = (StreamShape(**self._live.shape(view, viewer)) for view in streams)
        return [StreamItem(stream=shape, reason="live").model_dump(mode="json") for shape in shapes]


def _session(cursor: str) -> Session:
    """Raises a 422. A made-up place is the end."""
    index, session_id = decode_cursor(cursor, tuple[int, UUID])
    return Session(session_id, max(0, min(index, MAX_INDEX)))


def _id(one: Candidate) -> str:
    return one.id


def _position(one: Candidate) -> tuple[dt.datetime, str]:
    return one.position
