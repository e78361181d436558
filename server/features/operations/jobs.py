"""What operators see of jobs and schedules, and what they do about one job."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

from pydantic import Field

from server.feature import Feature, Platform
from server.http.cursors import after_id, page_of
from server.http.errors import Problem, not_found
from server.http.operation import Answer, Call, Operation
from server.http.shapes import Page, PageQuery, Shape, Text
from storage.audit import AuditLog
from storage.jobs.queue import JobQueue
from storage.jobs.rows import JobRow, Priority, State
from storage.jobs.schedules import Schedules
from storage.postgres import Database, Transaction

TAG: Final = "admin"


JobName = Annotated[Text, Field(min_length=1, max_length=80)]


class JobShape(Shape):
    """``tries`` counts those of workers that were killed; ``reason`` is of the last try that failed."""

    id: UUID
    name: str
    key: str | None
    state: State
    priority: Priority
    tries: int
    due_at: datetime
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    worker: Annotated[str | None, Field(description="The node that has, or had, it last")]
    progress: Annotated[float, Field(ge=0, le=1)]
    note: str
    reason: str | None
    is_cancel_asked: bool


class JobCountShape(Shape):
    name: str
    state: State
    count: int
    oldest_due_at: datetime


class ScheduleShape(Shape):
    name: str
    spec: Annotated[str, Field(description="Its five fields as in crontab, in UTC, or `every … s`")]
    next_at: datetime
    fired_at: datetime | None


class JobsShape(Page[JobShape]):
    counts: Annotated[list[JobCountShape], Field(description="All jobs that are queued, running or dead")]
    schedules: list[ScheduleShape]


class JobsQuery(PageQuery):
    state: Annotated[State | None, Field(description="Only jobs in this state")] = None
    name: Annotated[JobName | None, Field(description="Only jobs of this name")] = None


class JobRoutes:
    """Every act lands in the audit log."""

    def __init__(self, *, db: Database, audit: AuditLog) -> None:
        self._db = db
        self._queue = JobQueue(db=db)
        self._schedules = Schedules(db=db)
        self._audit = audit

    def operations(self) -> Sequence[Operation]:
        by_admins: dict[str, Any] = {"tag": TAG, "auth": "required", "roles": frozenset({"admin"})}
        return [
            Operation(
                method="GET", path="/api/v1/admin/jobs", handler=self._list, name="listJobs",
                summary="Jobs, the newest first, what waits, and the schedules", query=JobsQuery,
                answers={200: JobsShape}, **by_admins,
            ),
            Operation(
                method="POST", path="/api/v1/admin/jobs/{id}/retry", handler=self._retry, name="retryJob",
                summary="Queue a dead or cancelled job again", answers={200: JobShape},
                problems=frozenset({404, 409}), **by_admins,
            ),
            Operation(
                method="POST", path="/api/v1/admin/jobs/{id}/cancel", handler=self._cancel, name="cancelJob",
                summary="Cancel a queued job, or ask a running one to end", answers={200: JobShape},
                problems=frozenset({404, 409}), **by_admins,
            ),
        ]  # fmt: skip

    async def _list(self, call: Call[None, JobsQuery]) -> Answer:
        query = call.query
        before = after_id(query.cursor)
        rows = await self._queue.page(state=query.state, name=query.name, before=before, limit=query.limit + 1)
        shown, following = page_of(rows, query.limit, lambda row: (0, row.id))
        return Answer(
            body=JobsShape(
                items=[_job(row) for row in shown],
                next=following,
                counts=[JobCountShape.model_validate(one, from_attributes=True) for one in await self._queue.counts()],
                schedules=[
                    ScheduleShape.model_validate(one, from_attributes=True) for one in await self._schedules.all()
                ],
            )
        )

    async def _retry(self, call: Call[None, None]) -> Answer:
        return await self._act(call, "job.retried", self._queue.retry, "Only a dead or cancelled job is tried again")

    async def _cancel(self, call: Call[None, None]) -> Answer:
        return await self._act(call, "job.cancelled", self._queue.cancel, "The job has ended already")

    async def _act(
        self, call: Call[None, None], action: str, verb: Callable[[Transaction, str], Any], refusal: str
    ) -> Answer:
        job_id = call.path["id"].lower()
        async with self._db.transaction() as tx:
            is_done = await verb(tx, job_id)
            if is_done:
                await self._audit.add(tx, action, actor_id=call.me.id, subject=job_id, ip=call.address)
        row = await self._queue.find(job_id)
        if row is None:
            raise not_found("There is no such job, or it is no longer kept")
        if not is_done:
            raise Problem(409, refusal, slug="job-state")
        return Answer(body=_job(row))


def _job(row: JobRow) -> JobShape:
    return JobShape.model_validate(row, from_attributes=True)


def build(platform: Platform) -> Feature:
    return Feature(name="jobs", operations=JobRoutes(db=platform.db, audit=platform.audit).operations())
