"""Projects and their members. Each verb raises a 404 for who is in none such, and a 403 for whose role is too small."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Final

from server.features.people.relations import nobody
from server.features.people.rules import username_key
from server.features.town.projects import queries
from server.features.town.projects.shapes import NewProject, ProjectChange, ProjectShape, Role, given
from server.http.cursors import after_id, after_time, page_of
from server.http.errors import Problem, not_found
from storage.ids import Ids
from storage.postgres import Database, Row, Transaction
from storage.rights import note_change

RANKS: Final[dict[str, int]] = {"viewer": 1, "editor": 2, "owner": 3}


class Projects:
    """``most``: that one person owns. ``when_changed``: this node need not wait to find out who may follow what."""

    def __init__(
        self,
        *,
        db: Database,
        ids: Ids,
        now: Callable[[], datetime],
        when_changed: Callable[[], Awaitable[None]],
        most: int,
        most_members: int,
    ) -> None:
        self._db = db
        self._ids = ids
        self._now = now
        self._when_changed = when_changed
        self._most = most
        self._most_members = most_members

    async def make(self, me: str, body: NewProject) -> ProjectShape:
        """Raises a 409 when the person owns too many."""
        now = self._now()
        project_id = self._ids.uuid7(now.timestamp())
        async with self._db.transaction() as tx:
            await tx.execute(queries.ALONE, me)
            if await tx.fetchval(queries.OWNED, me) >= self._most:
                raise Problem(409, f"An account owns at most {self._most} projects", slug="too-many-projects")
            await tx.execute(queries.ADD, project_id, body.title, body.description, body.columns, now)
            await tx.execute(queries.PUT_MEMBER, project_id, me, "owner", now)
        return await self.one(me, project_id)

    async def one(self, me: str, project_id: str) -> ProjectShape:
        return shape_of(await self.row(me, project_id))

    async def row(self, me: str, project_id: str) -> Row:
        row = await self._db.fetchrow(queries.ONE, me, project_id)
        if row is None:
            raise no_project()
        return row

    async def page(self, me: str, cursor: str | None, limit: int) -> tuple[list[ProjectShape], str | None]:
        rows = await self._db.fetch(queries.PAGE, me, after_id(cursor), limit + 1)
        shown, following = page_of(rows, limit, lambda row: (0, row["id"]))
        return [shape_of(row) for row in shown], following

    async def change(self, me: str, project_id: str, change: ProjectChange) -> ProjectShape:
        async with self._db.transaction() as tx:
            row = await held(tx, me, project_id, "editor")
            new = {**dict(row), **given(change)}
            await tx.execute(queries.CHANGE, project_id, new["title"], new["description"], new["columns"])
            await tx.execute(queries.LOST_COLUMNS, project_id, new["columns"], new["columns"][0])
        return await self.one(me, project_id)

    async def remove(self, me: str, project_id: str) -> None:
        """With its tasks and documents."""
        async with self._db.transaction() as tx:
            await held(tx, me, project_id, "owner")
            documents = await tx.fetch(queries.DOCUMENT_IDS, project_id)
            await tx.execute(queries.DELETE, project_id)
            for document in documents:
                await note_change(tx, "room", document["id"])
        await self._when_changed()

    async def members(
        self, me: str, project_id: str, cursor: str | None, limit: int
    ) -> tuple[Sequence[Row], str | None]:
        await self.row(me, project_id)
        at, after = after_time(cursor) or (None, None)
        rows = await self._db.fetch(queries.MEMBERS, project_id, me, at, after, limit + 1)
        return page_of(rows, limit, lambda row: (row["since"], row["id"]))

    async def put_member(self, me: str, project_id: str, username: str, role: Role) -> None:
        """Raises a 404 for nobody, a 409 when there are too many, and when nobody would own it any more."""
        async with self._db.transaction() as tx:
            await held(tx, me, project_id, "owner")
            person_id = await _named(tx, username, me)
            before = await tx.fetchval(queries.ROLE, project_id, person_id)
            if before is None and await tx.fetchval(queries.COUNT_MEMBERS, project_id) >= self._most_members:
                raise Problem(409, f"A project has at most {self._most_members} members", slug="too-many-members")
            await tx.execute(queries.PUT_MEMBER, project_id, person_id, role, self._now())
            await _require_owner(tx, project_id)

    async def remove_member(self, me: str, project_id: str, username: str) -> None:
        """An owner takes anybody out, everybody themselves. Raises a 409 when nobody would own it any more."""
        async with self._db.transaction() as tx:
            row = await held(tx, me, project_id, "viewer")
            person_id = await _named(tx, username, me)
            if person_id != me and row["role"] != "owner":
                raise Problem(403, "Only owners of a project take members out")
            if not await tx.execute(queries.REMOVE_MEMBER, project_id, person_id):
                raise nobody()
            await _require_owner(tx, project_id)
            await tx.execute(queries.UNASSIGN, project_id, person_id)
            for document in await tx.fetch(queries.DOCUMENT_IDS, project_id):
                await note_change(tx, "room", document["id"], person_id)
        await self._when_changed()


async def held(tx: Transaction, me: str, project_id: str, role: Role) -> Row:
    """The project, locked until the transaction ends, in which the person has this role or more."""
    row = await tx.fetchrow(queries.HOLD, me, project_id)
    if row is None:
        raise no_project()
    require_role(row, role)
    return row


def require_role(row: Row, role: Role) -> None:
    if RANKS[row["role"]] < RANKS[role]:
        raise Problem(403, f"Your role in this project is {row['role']}")


def no_project() -> Problem:
    return not_found("There is no such project")


async def _named(tx: Transaction, username: str, me: str) -> str:
    person_id: str | None = await tx.fetchval(queries.NAMED, username_key(username), me)
    if person_id is None:
        raise nobody()
    return person_id


async def _require_owner(tx: Transaction, project_id: str) -> None:
    if await tx.fetchval(queries.OWNERS, project_id) == 0:
        raise Problem(409, "A project has an owner: give it to another member first", slug="last-owner")


def shape_of(row: Row) -> ProjectShape:
    return ProjectShape(**dict(row))
