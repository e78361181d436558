"""``/api/v1/projects`` with members and tasks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from server.features.town.projects.projects import Projects
from server.features.town.projects.shapes import (
    MadeProject,
    MadeTask,
    MemberRole,
    NewProject,
    NewTask,
    ProjectChange,
    ProjectMemberShape,
    ProjectMembersShape,
    ProjectShape,
    ProjectsShape,
    TaskChange,
    TaskShape,
    TasksShape,
)
from server.features.town.projects.tasks import Tasks
from server.http.limits import CallRate
from server.http.operation import USERNAME, Answer, Call, Operation
from server.http.shapes import PageQuery

TAG: Final = "projects"
ALL: Final = "/api/v1/projects"
ONE: Final = "/api/v1/projects/{project_id}"
MEMBER: Final = f"{ONE}/members/{{username}}"
TASK: Final = f"{ONE}/tasks/{{task_id}}"


class ProjectRoutes:
    def __init__(self, *, projects: Projects, tasks: Tasks, rate: CallRate) -> None:
        self._projects = projects
        self._tasks = tasks
        self._rate = rate

    def operations(self) -> Sequence[Operation]:
        reads: dict[str, Any] = {
            "method": "GET", "tag": TAG, "auth": "required", "problems": frozenset({404}),
        }  # fmt: skip
        writes: dict[str, Any] = {
            "tag": TAG, "auth": "required", "account_rate": self._rate, "problems": frozenset({403, 404, 409}),
        }  # fmt: skip
        return [
            Operation(
                method="POST", path=ALL, handler=self._make, name="makeProject", body=NewProject,
                summary="Begin a project, which is yours", answers={201: MadeProject}, idempotent_key=True, **writes,
            ),
            Operation(
                path=ALL, handler=self._list, name="listProjects", query=PageQuery,
                summary="The projects that you are in, the newest first", answers={200: ProjectsShape}, **reads,
            ),
            Operation(
                path=ONE, handler=self._one, name="getProject", summary="A project that you are in",
                answers={200: ProjectShape}, **reads,
            ),
            Operation(
                method="PATCH", path=ONE, handler=self._change, name="changeProject", summary="Change a project",
                body=ProjectChange, answers={200: ProjectShape}, **writes,
            ),
            Operation(
                method="DELETE", path=ONE, handler=self._remove, name="deleteProject",
                summary="Delete your project with its tasks and documents", answers={204: None}, **writes,
            ),
            Operation(
                path=f"{ONE}/members", handler=self._members, name="listProjectMembers", query=PageQuery,
                summary="Who is in a project, the longest first", answers={200: ProjectMembersShape}, **reads,
            ),
            Operation(
                method="PUT", path=MEMBER, handler=self._put_member, name="putProjectMember", body=MemberRole,
                body_required=False, paths={"username": USERNAME},
                summary="Take a person into your project, or give a member another role", answers={204: None}, **writes,
            ),
            Operation(
                method="DELETE", path=MEMBER, handler=self._remove_member, name="removeProjectMember",
                paths={"username": USERNAME}, summary="Take a member out of your project, or leave it",
                answers={204: None}, **writes,
            ),
            Operation(
                method="POST", path=f"{ONE}/tasks", handler=self._make_task, name="makeTask", body=NewTask,
                summary="Put a task on the board", answers={201: MadeTask}, idempotent_key=True, **writes,
            ),
            Operation(
                path=f"{ONE}/tasks", handler=self._list_tasks, name="listTasks", summary="The tasks of a project",
                query=PageQuery, answers={200: TasksShape}, **reads,
            ),
            Operation(
                path=TASK, handler=self._one_task, name="getTask", summary="A task", answers={200: TaskShape}, **reads,
            ),
            Operation(
                method="PATCH", path=TASK, handler=self._change_task, name="changeTask", body=TaskChange,
                summary="Change a task, or move it on the board", answers={200: TaskShape}, **writes,
            ),
            Operation(
                method="DELETE", path=TASK, handler=self._remove_task, name="deleteTask", summary="Delete a task",
                answers={204: None}, **writes,
            ),
        ]  # fmt: skip

    async def _make(self, call: Call[NewProject, None]) -> Answer:
        return Answer(201, MadeProject(project=await self._projects.make(call.me.id, call.body)))

    async def _list(self, call: Call[None, PageQuery]) -> Answer:
        items, following = await self._projects.page(call.me.id, call.query.cursor, call.query.limit)
        return Answer(body=ProjectsShape(items=items, next=following))

    async def _one(self, call: Call[None, None]) -> Answer:
        return Answer(body=await self._projects.one(call.me.id, call.path["project_id"]))

    async def _change(self, call: Call[ProjectChange, None]) -> Answer:
        return Answer(body=await self._projects.change(call.me.id, call.path["project_id"], call.body))

    async def _remove(self, call: Call[None, None]) -> Answer:
        await self._projects.remove(call.me.id, call.path["project_id"])
        return Answer(204)

    async def _members(self, call: Call[None, PageQuery]) -> Answer:
        query = call.query
        rows, following = await self._projects.members(call.me.id, call.path["project_id"], query.cursor, query.limit)
        items = [ProjectMemberShape(**dict(row)) for row in rows]
        return Answer(body=ProjectMembersShape(items=items, next=following))

    async def _put_member(self, call: Call[MemberRole | None, None]) -> Answer:
        role = call.body.role if call.body is not None else "editor"
        await self._projects.put_member(call.me.id, call.path["project_id"], call.path["username"], role)
        return Answer(204)

    async def _remove_member(self, call: Call[None, None]) -> Answer:
        await self._projects.remove_member(call.me.id, call.path["project_id"], call.path["username"])
        return Answer(204)

    async def _make_task(self, call: Call[NewTask, None]) -> Answer:
        return Answer(201, MadeTask(task=await self._tasks.make(call.me.id, call.path["project_id"], call.body)))

    async def _list_tasks(self, call: Call[None, PageQuery]) -> Answer:
        query = call.query
        items, following = await self._tasks.page(call.me.id, call.path["project_id"], query.cursor, query.limit)
        return Answer(body=TasksShape(items=items, next=following))

    async def _one_task(self, call: Call[None, None]) -> Answer:
        return Answer(body=await self._tasks.one(call.me.id, call.path["project_id"], call.path["task_id"]))

    async def _change_task(self, call: Call[TaskChange, None]) -> Answer:
        path = call.path
        return Answer(body=await self._tasks.change(call.me.id, path["project_id"], path["task_id"], call.body))

    async def _remove_task(self, call: Call[None, None]) -> Answer:
        await self._tasks.remove(call.me.id, call.path["project_id"], call.path["task_id"])
        return Answer(204)
