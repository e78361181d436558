"""The tasks of a project's board."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from server.features.people.rules import username_key
from server.features.town.projects import queries
from server.features.town.projects.projects import Projects, held
from server.features.town.projects.shapes import NewTask, TaskChange, TaskShape, given
from server.http.cursors import after_id, page_of
from server.http.errors import Problem, invalid_field, not_found
from storage.ids import Ids
from storage.postgres import Database, Row, Transaction


class Tasks:
    """``most``: of one project."""

    def __init__(self, *, db: Database, ids: Ids, now: Callable[[], datetime], projects: Projects, most: int) -> None:
        self._db = db
        self._ids = ids
        self._now = now
        self._projects = projects
        self._most = most

    async def make(self, me: str, project_id: str, body: NewTask) -> TaskShape:
        """Raises a 404, a 403, a 409 when there are too many, and a 422."""
        now = self._now()
        task_id = self._ids.uuid7(now.timestamp())
        async with self._db.transaction() as tx:
            project = await held(tx, me, project_id, "editor")
            if await tx.fetchval(queries.COUNT_TASKS, project_id) >= self._most:
                raise Problem(409, f"A project has at most {self._most} tasks", slug="too-many-tasks")
            column = _column(project, body.column or project["columns"][0])
            position = body.position
            if position is None:
                position = await tx.fetchval(queries.LAST_PLACE, project_id, column) + 1
            assignee_id = await _assignee(tx, project_id, body.assignee)
            await tx.execute(
                queries.ADD_TASK, task_id, project_id, body.title, body.text, column, float(position), assignee_id,
                me, body.due_at, now,
            )  # fmt: skip
        return await self.one(me, project_id, task_id)

    async def one(self, me: str, project_id: str, task_id: str) -> TaskShape:
        await self._projects.row(me, project_id)
        row = await self._db.fetchrow(queries.ONE_TASK, project_id, task_id)
        if row is None:
            raise _no_task()
        return _shape_of(row)

    async def page(
        self, me: str, project_id: str, cursor: str | None, limit: int
    ) -> tuple[list[TaskShape], str | None]:
        await self._projects.row(me, project_id)
        rows = await self._db.fetch(queries.TASKS, project_id, after_id(cursor), limit + 1)
        shown, following = page_of(rows, limit, lambda row: (0, row["id"]))
        return [_shape_of(row) for row in shown], following

    async def change(self, me: str, project_id: str, task_id: str, change: TaskChange) -> TaskShape:
        async with self._db.transaction() as tx:
            project = await held(tx, me, project_id, "editor")
            row = await tx.fetchrow(queries.ONE_TASK, project_id, task_id)
            if row is None:
                raise _no_task()
            changes = given(change)
            new = {**dict(row), **changes}
            column = _column(project, change.column) if "column" in changes else row["board_column"]
            assignee_id = row["assignee_id"]
            if "assignee" in changes:
                assignee_id = await _assignee(tx, project_id, change.assignee)
            await tx.execute(
                queries.CHANGE_TASK, project_id, task_id, new["title"], new["text"], column, float(new["position"]),
                assignee_id, new["due_at"], self._now(),
            )  # fmt: skip
        return await self.one(me, project_id, task_id)

    async def remove(self, me: str, project_id: str, task_id: str) -> None:
        async with self._db.transaction() as tx:
            await held(tx, me, project_id, "editor")
            if not await tx.execute(queries.DELETE_TASK, project_id, task_id):
                raise _no_task()


def _column(project: Row, column: str) -> str:
    if column not in project["columns"]:
        raise invalid_field("column", "is no column of this project")
    return column


async def _assignee(tx: Transaction, project_id: str, username: str | None) -> str | None:
    if username is None:
        return None
    person_id: str | None = await tx.fetchval(queries.MEMBER_NAMED, project_id, username_key(username))
    if person_id is None:
        raise invalid_field("assignee", "is no member of this project")
    return person_id


def _no_task() -> Problem:
    return not_found("There is no such task")


def _shape_of(row: Row) -> TaskShape:
    return TaskShape(**dict(row), column=row["board_column"])
