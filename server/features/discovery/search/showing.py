"""What a viewer is shown of documents that were found: judged anew by each search."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, get_args

from actors.events import StreamView
from actors.runtime import ActorError, DomainError
from server.features.discovery.search.index import Kind
from server.features.social.communities import CommunityLookups
from server.features.social.posts import Posts
from server.live.addresses import MediaAddresses
from server.live.durable import view_of
from server.live.stream_directory import shown
from server.live.viewings import Viewer
from storage.pictures import AVATAR_URL
from storage.postgres import Database
from storage.seen_streams import IN_GOOD_STANDING, NOT_APART
from storage.stream_pages import StreamPages
from storage.stream_rows import State

Shown = Mapping[str, dict[str, Any]]
Shows = Callable[[Sequence[str], Viewer], Awaitable[Shown]]
"""Id → item, of those of the ids that the viewer may find; at most 100 ids."""
Describe = Callable[[str], Awaitable[StreamView]]
"""A stream as its actor has it."""


class People:
    """Without who is suspended or has gone, and where either blocks the other. Private accounts can be found."""

    def __init__(self, *, db: Database) -> None:
        self._db = db

    async def shown(self, ids: Sequence[str], viewer: Viewer) -> Shown:
        rows = await self._db.fetch(_PEOPLE, list(ids), viewer.id)
        return {row["id"]: {"kind": "person", **dict(row)} for row in rows}


class FoundPosts:
    """Those that the posts' own room shows the viewer: without who is muted and what has hidden words."""

    def __init__(self, *, db: Database, posts: Posts) -> None:
        self._db = db
        self._posts = posts

    async def shown(self, ids: Sequence[str], viewer: Viewer) -> Shown:
        found = await self._posts.shown(self._db, ids, viewer.id, country=viewer.country)
        return {one: {"kind": "post", **post.model_dump(mode="json")} for one, post in found.items()}


class FoundCommunities:
    """Those that the list of communities shows the viewer, or that they are invited to."""

    def __init__(self, *, db: Database, communities: CommunityLookups) -> None:
        self._db = db
        self._communities = communities

    async def shown(self, ids: Sequence[str], viewer: Viewer) -> Shown:
        found = await self._communities.shown(self._db, ids, viewer.id)
        return {one: {"kind": "community", **shape.model_dump(mode="json")} for one, shape in found.items()}


class FoundStreams:
    """Those that public lists show the viewer, with their viewers as they are now."""

    def __init__(self, *, pages: StreamPages, addresses: MediaAddresses, describe: Describe) -> None:
        self._pages = pages
        self._addresses = addresses
        self._describe = describe

    async def streams(self, ids: Sequence[str], viewer: Viewer) -> Shown:
        return await self._of_kind("stream", ids, viewer)

    async def recordings(self, ids: Sequence[str], viewer: Viewer) -> Shown:
        return await self._of_kind("recording", ids, viewer)

    async def _of_kind(self, kind: Kind, ids: Sequence[str], viewer: Viewer) -> Shown:
        page = await self._pages.page(
            states=get_args(State),
            ids=ids,
            has_recording=kind == "recording",
            viewer_id=viewer.id,
            country=viewer.country,
            limit=100,
        )
        views = await asyncio.gather(*(self._as_now(view_of(row)) for row in page.items))
        return {view.id: {"kind": kind, **self._shape(view, viewer)} for view in views}

    async def _as_now(self, row: StreamView) -> StreamView:
        if row.state not in ("live", "interrupted"):
            return row
        try:
            return await self._describe(row.id)
        except (ActorError, DomainError):  # as the row has it until its actor answers again
            return row

    def _shape(self, view: StreamView, viewer: Viewer) -> dict[str, Any]:
        return {**shown(view, addresses=self._addresses, viewer=viewer), "ingest": None}


_PEOPLE: Final = f"""
select u.id, u.username, u.display_name, {AVATAR_URL}, u.bio, u.is_private as private,
    (select count(*) from (select from follows f where f.followee_id = u.id limit 1000000) f) as followers,
    case when $2::uuid is null then null else exists (
        select from follows f where f.follower_id = $2 and f.followee_id = u.id) end as following,
    (select s.id from streams s where s.owner_id = u.id and s.state = 'live' and s.visibility = 'public'
        and s.restrictions is null limit 1) as live_stream_id
from users u
where u.id = any($1::uuid[]) and {IN_GOOD_STANDING.format("u")} and {NOT_APART.format(person="u.id", viewer="$2")}
"""
