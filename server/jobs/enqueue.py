"""How the rest of the program makes jobs: in the transaction of the change that they follow from."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

import msgspec

from server.jobs.kinds import BodyT, Job
from storage.ids import Ids
from storage.jobs.rows import NewJob, Priority, State

BATCH: Final = 500


class QueueRows(Protocol):
    """What this needs of the queue."""

    async def enqueue(self, tx: Any, jobs: Sequence[NewJob]) -> list[str]: ...

    async def id_of(self, name: str, key: str) -> str | None: ...

    async def cancel(self, tx: Any, job_id: str) -> State | None: ...


class Jobs:
    """``tx`` is a transaction of the caller's: a job is there if, and only if, that commits.

    ``key``: of all jobs of the kind with this key only the first is made, for good. ``at``: not before then.
    """

    def __init__(self, *, rows: QueueRows, ids: Ids, wall: Callable[[], float]) -> None:
        self._rows = rows
        self._ids = ids
        self._wall = wall

    async def enqueue(
        self,
        tx: Any,
        job: Job[BodyT],
        body: BodyT,
        *,
        key: str | None = None,
        at: dt.datetime | None = None,
        priority: Priority = "normal",
    ) -> str | None:
        """The new job's id; None if the key has made one before. Raises ``BadValue`` for what is too large."""
        made = await self._rows.enqueue(tx, [self._new(job, body, key, at, priority)])
        return made[0] if made else None

    async def enqueue_many(
        self,
        tx: Any,
        job: Job[BodyT],
        bodies: Sequence[BodyT],
        *,
        key_of: Callable[[BodyT], str] | None = None,
        at: dt.datetime | None = None,
        priority: Priority = "normal",
    ) -> list[str]:
        """As ``enqueue`` for many, some hundred a statement: the ids of those that are new, in no order."""
        made: list[str] = []
        for start in range(0, len(bodies), BATCH):
            batch = bodies[start : start + BATCH]
            new = [self._new(job, body, key_of(body) if key_of else None, at, priority) for body in batch]
            made += await self._rows.enqueue(tx, new)
        return made

    async def id_of(self, job: Job[Any], key: str) -> str | None:
        """The job that this key has made."""
        return await self._rows.id_of(job.name, key)

    async def cancel(self, tx: Any, job_id: str) -> State | None:
        """Cancel a queued job, or have the attempt of a running one cancelled; None when it has ended already."""
        return await self._rows.cancel(tx, job_id)

    def _new(self, job: Job[BodyT], body: BodyT, key: str | None, at: dt.datetime | None, priority: Priority) -> NewJob:
        return NewJob(
            id=self._ids.uuid7(self._wall()),
            name=job.name,
            body=msgspec.json.encode(body),
            key=key,
            due_at=at,
            priority=priority,
        )
