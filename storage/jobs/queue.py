"""The queue of jobs in Postgres: rows claimed with SKIP LOCKED under a lease, each attempt fenced by its number."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

import msgspec

from storage.errors import BadValue
from storage.ids import is_uuid
from storage.jobs import sql
from storage.jobs.rows import (
    MAX_NOTE_CHARS,
    MAX_REASON_CHARS,
    PRIORITIES,
    Claim,
    JobCount,
    JobRow,
    NewJob,
    Outcome,
    State,
    Superseded,
    bounded,
    storable,
)
from storage.postgres import Database, Row, Transaction


class Fetches(Protocol):
    """A database, or a transaction."""

    async def fetch(self, sql: str, /, *args: Any) -> list[Row]: ...

    async def fetchval(self, sql: str, /, *args: Any) -> Any: ...


class JobQueue:
    """Every verb raises ``Unavailable`` while the database is away."""

    def __init__(self, *, db: Database) -> None:
        self._db = db

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        return self._db.transaction()

    # callers

    async def enqueue(self, tx: Fetches, jobs: Sequence[NewJob]) -> list[str]:
        """Insert jobs in the caller's transaction; workers see them when it commits.

        Answers the ids of those that are new, in no order: a key that a job of the name has ever had makes none.
        Raises ``BadValue`` for a body or a key that is too large.
        """
        for job in jobs:
            bounded(job)
        rows = await tx.fetch(
            sql.ENQUEUE,
            [job.id for job in jobs],
            [job.name for job in jobs],
            [job.key for job in jobs],
            [msgspec.Raw(job.body) for job in jobs],
            [PRIORITIES.index(job.priority) for job in jobs],
            [job.due_at for job in jobs],
        )
        return [row["id"] for row in rows]

    async def id_of(self, name: str, key: str) -> str | None:
        """The job that this key has made, whether it is still kept or not."""
        found: str | None = await self._db.fetchval(sql.BY_KEY, name, key)
        return found

    async def cancel(self, tx: Fetches, job_id: str) -> State | None:
        """End a queued job as cancelled, or ask the worker of a running one to end it: the state that it has then.

        None when there is no such job or it has ended. A cancelled attempt may win the race and be done.
        """
        rows = await tx.fetch(sql.CANCEL, checked_id(job_id))
        return rows[0]["state"] if rows else None

    async def retry(self, tx: Fetches, job_id: str) -> bool:
        """Queue a dead or cancelled job again, its tries counted anew; False when it is neither."""
        return bool(await tx.fetch(sql.RETRY, checked_id(job_id)))

    # workers

    async def claim(self, names: Sequence[str], most: int, *, worker: str, lease_s: float) -> list[Claim]:
        """Take up to ``most`` jobs that are due, by priority, then by their time, for ``lease_s``."""
        return [_claim(row) for row in await self._db.fetch(sql.CLAIM, list(names), most, worker, lease_s)]

    async def claim_within(self, name: str, most: int, *, at_once: int, worker: str, lease_s: float) -> list[Claim]:
        """As ``claim`` of one name, of which no more than ``at_once`` run in the cluster."""
        async with self._db.transaction() as tx:
            await tx.execute(sql.LOCK_NAME, name)
            free = at_once - await tx.fetchval(sql.RUNNING, name)
            if free <= 0:
                return []
            return [_claim(row) for row in await tx.fetch(sql.CLAIM, [name], min(free, most), worker, lease_s)]

    async def names_due(self, names: Sequence[str]) -> list[str]:
        """Those of the names that have a job that is due."""
        return [row["name"] for row in await self._db.fetch(sql.NAMES_DUE, list(names))]

    async def take_lost(self, names: Sequence[str], most: int, *, lease_s: float) -> list[Claim]:
        """Take over attempts whose lease is over, for the caller to settle. Their workers are fenced off from here on.

        ``tries`` stays: the attempt that was lost is the last one counted.
        """
        return [_claim(row) for row in await self._db.fetch(sql.TAKE_LOST, list(names), most, lease_s)]

    async def renew(self, held: Sequence[tuple[str, int]], *, lease_s: float) -> dict[str, bool]:
        """Prolong the leases of these (id, attempt). Answers those that still stand: id → cancellation is asked for."""
        ids, attempts = [job_id for job_id, _ in held], [attempt for _, attempt in held]
        rows = await self._db.fetch(sql.RENEW, ids, attempts, lease_s)
        return {row["id"]: row["is_cancel_asked"] for row in rows}

    async def settle(self, outcomes: Sequence[Outcome]) -> list[str]:
        """Write how attempts ended, and enqueue the successors; the ids of those that were current. Others are left as
        they are.
        """
        if not any(one.successor for one in outcomes):
            return await self._settle(self._db, outcomes)
        async with self._db.transaction() as tx:
            settled = await self._settle(tx, outcomes)
            await self.enqueue(tx, [one.successor for one in outcomes if one.successor and one.id in settled])
        return settled

    async def _settle(self, tx: Fetches, outcomes: Sequence[Outcome]) -> list[str]:
        rows = await tx.fetch(
            sql.SETTLE,
            [one.id for one in outcomes],
            [one.attempt for one in outcomes],
            [one.state for one in outcomes],
            [None if one.reason is None else storable(one.reason, MAX_REASON_CHARS) for one in outcomes],
            [one.after_s for one in outcomes],
            [one.is_given_back for one in outcomes],
        )
        return [row["id"] for row in rows]

    # an attempt's own writes

    @contextlib.asynccontextmanager
    async def finishing(self, job_id: str, attempt: int, *, planned_once: bool = False) -> AsyncIterator[Transaction]:
        """A transaction that ends the job as done: its writes and the job's end are committed together.

        Raises ``Superseded`` at the beginning if the attempt is not the current one.
        """
        async with self._db.transaction(planned_once=planned_once) as tx:
            if not await tx.execute(sql.FINISH, job_id, attempt):
                raise Superseded(job_id, attempt)
            yield tx

    @contextlib.asynccontextmanager
    async def step(self, job_id: str, attempt: int) -> AsyncIterator[Transaction]:
        """A transaction of an attempt that goes on afterwards. No other attempt begins before it ends.

        Raises ``Superseded`` at the beginning if the attempt is not the current one.
        """
        async with self._db.transaction() as tx:
            if await tx.fetchval(sql.HOLD, job_id, attempt) is None:
                raise Superseded(job_id, attempt)
            yield tx

    async def progress(self, job_id: str, attempt: int, share: float, note: str) -> None:
        """Note how far an attempt is, 0 to 1. Left out while a transaction of the attempt is open."""
        await self._db.execute(sql.PROGRESS, job_id, attempt, share, storable(note, MAX_NOTE_CHARS))

    # operators

    async def find(self, job_id: str) -> JobRow | None:
        rows = await self._db.fetch(sql.FIND, checked_id(job_id))
        return _row(rows[0]) if rows else None

    async def page(self, *, state: State | None, name: str | None, before: str | None, limit: int) -> list[JobRow]:
        """Jobs of a state and a name (None: of any), those enqueued last first, with ids below ``before``."""
        if state is None:
            rows = await self._db.fetch(sql.PAGE_OF_ALL, name, before, limit)
        else:
            rows = await self._db.fetch(sql.PAGE, state, name, before, limit)
        return [_row(row) for row in rows]

    async def counts(self) -> list[JobCount]:
        """Of jobs that are queued, running or dead."""
        return [JobCount(**row) for row in await self._db.fetch(sql.COUNTS)]

    async def prune(self, *, kept_s: float, dead_kept_s: float, limit: int) -> int:
        """Delete at most ``limit`` jobs that ended so long ago; their keys stay. ``dead_kept_s`` is the longer one."""
        return await self._db.execute(sql.PRUNE, kept_s, dead_kept_s, limit)

    async def now(self) -> dt.datetime:
        """The queue's clock: by it jobs are due and leases end, whatever the nodes' clocks say."""
        at: dt.datetime = await self._db.fetchval(sql.NOW)
        return at


def _claim(row: Row) -> Claim:
    return Claim(**row)


def _row(row: Row) -> JobRow:
    return JobRow(**{**row, "priority": PRIORITIES[row["priority"]]})


def checked_id(job_id: str) -> str:
    """The id itself; raises ``BadValue`` for what is no id of a row."""
    if not is_uuid(job_id):
        raise BadValue(f"{job_id!r} is no id of a job")
    return job_id
