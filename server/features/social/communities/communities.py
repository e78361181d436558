"""Communities: made, changed, removed, looked up."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from server.features.social.communities import queries
from server.features.social.communities.acts import Acts
from server.features.social.communities.facts import CommunityChanged
from server.features.social.communities.rules import folded, outranks, pattern_of
from server.features.social.communities.shapes import CommunityShape, CountsShape, NewCommunity, ViewerShape
from server.features.social.posts import PostShape, filled
from server.http.cursors import decode_cursor, page_of
from server.http.errors import Problem, not_found
from server.live.viewings import Viewer
from storage.audit import AuditLog
from storage.facts import publish
from storage.ids import Ids
from storage.postgres import Database, Reads, Row, Transaction
from storage.rights import note_change
from storage.rooms import insert_room


class ReadPosts(Protocol):
    async def shown(
        self, reads: Reads, ids: Sequence[str], viewer_id: str | None, *, country: str | None = None
    ) -> dict[str, PostShape]: ...


class Communities:
    """``most``: that one person owns."""

    def __init__(
        self,
        *,
        db: Database,
        ids: Ids,
        now: Callable[[], datetime],
        audit: AuditLog,
        acts: Acts,
        posts: ReadPosts,
        when_changed: Callable[[], Awaitable[None]],
        most: int,
    ) -> None:
        self._db = db
        self._ids = ids
        self._now = now
        self._audit = audit
        self._acts = acts
        self._posts = posts
        self._when_changed = when_changed
        self._most = most

    async def make(self, me: str, body: NewCommunity) -> CommunityShape:
        """Raises a 409 for a name that is taken, and when the person owns too many."""
        now = self._now()
        community_id = self._ids.uuid7(now.timestamp())
        async with self._db.transaction() as tx:
            await self._require_room(tx, me, body.name)
            await insert_room(tx, room_id=community_id, owner_id=None, log_epoch=self._ids.uuid7(0.0), stream_id=None)
            await tx.execute(
                queries.ADD, community_id, body.name, body.name.lower(), body.title, body.description, body.rules,
                body.access, _search(body.name, body.title), now,
            )  # fmt: skip
            await tx.execute(queries.PUT, community_id, me, "member", "owner", now)
            await tx.execute(queries.COUNT, community_id, 1)
            await note_change(tx, "room", community_id, me)
            await publish(tx, CommunityChanged(community_id=community_id))
        await self._when_changed()
        return await self.one(me, body.name)

    async def _require_room(self, tx: Transaction, me: str, name: str) -> None:
        await tx.execute("select pg_advisory_xact_lock(hashtextextended($1, 9))", name.lower())
        if await tx.fetchval(queries.IS_TAKEN, name.lower()):
            raise Problem(409, "There is a community of this name", slug="name-taken")
        if await tx.fetchval(queries.OWNED, me) >= self._most:
            raise Problem(409, f"An account owns at most {self._most} communities", slug="too-many-communities")

    async def one(self, viewer_id: str | None, name: str) -> CommunityShape:
        """Raises a 404."""
        return shape_of(await self.row(viewer_id, name), viewer_id)

    async def row(self, viewer_id: str | None, name: str) -> Row:
        """Raises a 404."""
        row = await self._db.fetchrow(queries.ONE, viewer_id, name.lower())
        if row is None:
            raise no_community()
        return row

    async def readable(self, viewer_id: str | None, name: str) -> Row:
        """As ``row``. Raises a 403 for who may not see who is in it and what they write."""
        row = await self.row(viewer_id, name)
        if row["state"] == "banned" or (row["access"] != "open" and row["state"] != "member"):
            raise Problem(403, "Only members see what is in this community")
        return row

    async def overseen(self, viewer_id: str, name: str) -> Row:
        """As ``row``. Raises a 403 for who is no moderator of it."""
        row = await self.row(viewer_id, name)
        if not outranks(row["role"], "member"):
            raise Problem(403, "Only moderators of a community see this")
        return row

    async def page(
        self, viewer_id: str | None, q: str, *, is_joined: bool, cursor: str | None, limit: int
    ) -> tuple[list[CommunityShape], str | None]:
        """Those with the most members first."""
        sql = queries.JOINED if is_joined else queries.PAGE
        rows = await self._db.fetch(sql, viewer_id, pattern_of(q.strip()), *_after(cursor), limit + 1)
        shown, following = page_of(rows, limit, lambda row: (row["members"], row["id"]))
        return [shape_of(row, viewer_id) for row in shown], following

    async def pinned(self, viewer: Viewer, name: str) -> list[PostShape]:
        """The newest pin first. Raises a 404 and a 403."""
        community_id = (await self.readable(viewer.id, name))["id"]
        ids = [row["id"] for row in await self._db.fetch(queries.PINNED, community_id)]
        found = await self._posts.shown(self._db, ids, viewer.id, country=viewer.country)
        return [found[one] for one in ids if one in found]

    async def posts(
        self, viewer: Viewer, name: str, cursor: str | None, limit: int
    ) -> tuple[list[PostShape], str | None]:
        """The newest first, without replies. Raises a 404 and a 403."""
        community_id = (await self.readable(viewer.id, name))["id"]

        async def show(ids: Sequence[str]) -> dict[str, PostShape]:
            return await self._posts.shown(self._db, ids, viewer.id, country=viewer.country)

        return await filled(
            lambda after, most: self._db.fetch(queries.POSTS, community_id, *(after or (None, None)), most),
            show,
            cursor,
            limit,
        )

    async def change(self, me: str, name: str, given: dict[str, Any]) -> CommunityShape:
        """``given``: the fields that change. Raises a 404 and a 403."""
        async with self._db.transaction() as tx:
            row = await self._owned(tx, me, name)
            new = {**dict(row), **given}
            search = _search(row["name"], new["title"])
            await tx.execute(
                queries.CHANGE, row["id"], new["title"], new["description"], new["rules"], new["access"], search
            )
            await self._acts.note(tx, "changed", row["id"], by=me, subject=row["id"], fields=sorted(given))
            await publish(tx, CommunityChanged(community_id=row["id"]))
        return await self.one(me, name)

    async def remove(self, me: str, name: str) -> None:
        """With its room; what was posted in it is shown to its authors alone. Raises a 404 and a 403."""
        async with self._db.transaction() as tx:
            row = await self._owned(tx, me, name)
            members = await tx.fetch(queries.MEMBERS_OF, row["id"])
            await tx.execute(queries.DELETE, row["id"])
            for member in members:
                await note_change(tx, "room", row["id"], member["person_id"])
            await self._audit.add(tx, "community.deleted", actor_id=me, subject=row["id"], detail={"name": row["name"]})
            await publish(tx, CommunityChanged(community_id=row["id"]))
        await self._when_changed()

    async def held(self, tx: Transaction, me: str, name: str) -> Row:
        """As ``row``, locked until the transaction ends. Raises a 404."""
        row = await tx.fetchrow(queries.HOLD, me, name.lower())
        if row is None:
            raise no_community()
        return row

    async def moderated(self, tx: Transaction, me: str, name: str) -> Row:
        """As ``held``. Raises a 403 for who is no moderator of it."""
        row = await self.held(tx, me, name)
        if not outranks(row["role"], "member"):
            raise Problem(403, "Only moderators of a community may do this")
        return row

    async def _owned(self, tx: Transaction, me: str, name: str) -> Row:
        row = await self.held(tx, me, name)
        if row["role"] != "owner":
            raise Problem(403, "Only the owner of a community may do this")
        return row


def no_community() -> Problem:
    return not_found("There is no such community")


def _after(cursor: str | None) -> tuple[int, str] | tuple[None, None]:
    """Raises a 422."""
    if cursor is None:
        return None, None
    members, community_id = decode_cursor(cursor, tuple[int, UUID])
    return members, str(community_id)


def _search(name: str, title: str) -> str:
    return f"{name.lower()} {folded(title)}"


def shape_of(row: Row, viewer_id: str | None) -> CommunityShape:
    return CommunityShape(
        id=row["id"],
        name=row["name"],
        title=row["title"],
        description=row["description"],
        rules=row["rules"],
        access=row["access"],
        room_id=row["id"] if row["state"] == "member" else None,
        created_at=row["created_at"],
        counts=CountsShape(members=row["members"]),
        viewer=ViewerShape(state=row["state"], role=row["role"]) if viewer_id is not None else None,
    )
