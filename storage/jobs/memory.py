"""The job queue in memory, for tests of what stands on it. One contract suite holds it and Postgres to the same."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Any

import msgspec

from storage.errors import Unavailable
from storage.jobs.queue import checked_id
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
from storage.jobs.schedules import Due, ScheduleRow

_replace = msgspec.structs.replace


class _Row(msgspec.Struct, frozen=True, kw_only=True):
    row: JobRow
    body: bytes
    attempt: int = 0
    leased_until: dt.datetime | None = None


class MemoryJobQueue:
    """As ``JobQueue``. A transaction is undone as a whole when its block raises. ``is_away``: every verb fails.

    ``on_notify``: called with what Postgres would NOTIFY.
    """

    def __init__(self, *, now: Callable[[], dt.datetime], on_notify: Callable[[str], None] = lambda _: None) -> None:
        self._clock = now
        self.on_notify = on_notify
        self.is_away = False
        self._rows: dict[str, _Row] = {}
        self._keys: dict[tuple[str, str], str] = {}
        self._schedules: dict[str, ScheduleRow] = {}

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[Any]:
        self._reach()
        before = dict(self._rows), dict(self._keys), dict(self._schedules)
        try:
            yield self
            self._reach()
        except BaseException:
            self._rows, self._keys, self._schedules = before
            raise

    # callers

    async def enqueue(self, tx: Any, jobs: Sequence[NewJob]) -> list[str]:
        self._reach()
        for job in jobs:
            bounded(job)
        made = [job.id for job in jobs if self._insert(job)]
        if any(self._rows[job_id].row.due_at <= self._clock() for job_id in made):
            self.on_notify("")
        return made

    def _insert(self, job: NewJob) -> bool:
        if job.key is not None and self._keys.setdefault((job.name, job.key), job.id) != job.id:
            return False
        row = JobRow(
            id=job.id,
            name=job.name,
            key=job.key,
            state="queued",
            priority=job.priority,
            tries=0,
            due_at=job.due_at or self._clock(),
            created_at=self._clock(),
        )
        self._rows[job.id] = _Row(row=row, body=job.body)
        return True

    async def id_of(self, name: str, key: str) -> str | None:
        self._reach()
        return self._keys.get((name, key))

    async def cancel(self, tx: Any, job_id: str) -> State | None:
        self._reach()
        held = self._rows.get(checked_id(job_id))
        if held is None or held.row.state not in ("queued", "running"):
            return None
        if held.row.state == "queued":
            self._change(job_id, state="cancelled", finished_at=self._clock(), is_cancel_asked=True)
            return "cancelled"
        self._change(job_id, is_cancel_asked=True)
        self.on_notify(job_id)
        return "running"

    async def retry(self, tx: Any, job_id: str) -> bool:
        self._reach()
        held = self._rows.get(checked_id(job_id))
        if held is None or held.row.state not in ("dead", "cancelled"):
            return False
        fresh = {"finished_at": None, "is_cancel_asked": False, "progress": 0.0, "note": ""}
        self._change(job_id, state="queued", tries=0, due_at=self._clock(), **fresh)
        self.on_notify("")
        return True

    # workers

    async def claim(self, names: Sequence[str], most: int, *, worker: str, lease_s: float) -> list[Claim]:
        self._reach()
        due = sorted(self._due(names), key=lambda row: (PRIORITIES.index(row.priority), row.due_at, row.id))
        return [self._take(row, worker, lease_s) for row in due[:most]]

    async def claim_within(self, name: str, most: int, *, at_once: int, worker: str, lease_s: float) -> list[Claim]:
        free = at_once - sum(held.row.state == "running" for held in self._rows.values() if held.row.name == name)
        return await self.claim([name], max(min(free, most), 0), worker=worker, lease_s=lease_s)

    async def names_due(self, names: Sequence[str]) -> list[str]:
        self._reach()
        due = {row.name for row in self._due(names)}
        return [name for name in names if name in due]

    async def take_lost(self, names: Sequence[str], most: int, *, lease_s: float) -> list[Claim]:
        self._reach()
        lost = [held for held in self._rows.values() if held.row.name in names and self._is_lost(held)]
        for held in lost[:most]:
            self._rows[held.row.id] = _replace(held, attempt=held.attempt + 1, leased_until=self._in(lease_s))
        return [_claim(self._rows[held.row.id]) for held in lost[:most]]

    async def renew(self, held: Sequence[tuple[str, int]], *, lease_s: float) -> dict[str, bool]:
        self._reach()
        standing = [self._rows[job_id] for job_id, attempt in held if self._is_current(job_id, attempt)]
        for one in standing:
            self._rows[one.row.id] = _replace(one, leased_until=self._in(lease_s))
        return {one.row.id: one.row.is_cancel_asked for one in standing}

    async def settle(self, outcomes: Sequence[Outcome]) -> list[str]:
        self._reach()
        current = [one for one in outcomes if self._is_current(one.id, one.attempt)]
        for outcome in current:
            self._end(outcome)
        successors = [one.successor for one in current if one.successor]
        if successors:
            await self.enqueue(None, successors)
        return [one.id for one in current]

    def _end(self, outcome: Outcome) -> None:
        row = self._rows[outcome.id].row
        state = "cancelled" if outcome.state == "queued" and row.is_cancel_asked else outcome.state
        self._change(
            outcome.id,
            state=state,
            reason=row.reason if outcome.reason is None else storable(outcome.reason, MAX_REASON_CHARS),
            due_at=self._in(outcome.after_s) if state == "queued" else row.due_at,
            tries=max(row.tries - outcome.is_given_back, 0),
            progress=1.0 if state == "done" else row.progress,
            finished_at=None if state == "queued" else self._clock(),
        )

    # an attempt's own writes

    @contextlib.asynccontextmanager
    async def finishing(self, job_id: str, attempt: int, *, planned_once: bool = False) -> AsyncIterator[Any]:
        async with self.step(job_id, attempt) as tx:
            await self.settle([Outcome(id=job_id, attempt=attempt, state="done")])
            yield tx

    @contextlib.asynccontextmanager
    async def step(self, job_id: str, attempt: int) -> AsyncIterator[Any]:
        async with self.transaction() as tx:
            if not self._is_current(job_id, attempt):
                raise Superseded(job_id, attempt)
            yield tx

    async def progress(self, job_id: str, attempt: int, share: float, note: str) -> None:
        self._reach()
        if self._is_current(job_id, attempt):
            self._change(job_id, progress=share, note=storable(note, MAX_NOTE_CHARS))

    # operators

    async def find(self, job_id: str) -> JobRow | None:
        self._reach()
        held = self._rows.get(checked_id(job_id))
        return held.row if held else None

    async def page(self, *, state: State | None, name: str | None, before: str | None, limit: int) -> list[JobRow]:
        self._reach()
        found = (held.row for held in self._rows.values())
        wanted = [row for row in found if row.state == (state or row.state) and row.name == (name or row.name)]
        wanted.sort(key=lambda row: row.id, reverse=True)
        return [row for row in wanted if before is None or row.id < before][:limit]

    async def counts(self) -> list[JobCount]:
        self._reach()
        groups: dict[tuple[str, State], list[dt.datetime]] = {}
        for held in self._rows.values():
            if held.row.state in ("queued", "running", "dead"):
                groups.setdefault((held.row.name, held.row.state), []).append(held.row.due_at)
        return [
            JobCount(name=name, state=state, count=len(due), oldest_due_at=min(due))
            for (name, state), due in sorted(groups.items())
        ]

    async def prune(self, *, kept_s: float, dead_kept_s: float, limit: int) -> int:
        self._reach()
        old = list(self._old(kept_s, dead_kept_s))[:limit]
        for job_id in old:
            del self._rows[job_id]
        return len(old)

    async def now(self) -> dt.datetime:
        self._reach()
        return self._clock()

    # schedules

    async def arrange(self, name: str, *, spec: str, next_at: dt.datetime) -> None:
        self._reach()
        known = self._schedules.get(name)
        if known is None or known.spec != spec:
            fired_at = known.fired_at if known else None
            self._schedules[name] = ScheduleRow(name=name, spec=spec, next_at=next_at, fired_at=fired_at)

    async def due(self, names: Sequence[str]) -> list[Due]:
        self._reach()
        known = [self._schedules[name] for name in names if name in self._schedules]
        at = self._clock()
        return [Due(name=one.name, next_at=one.next_at, at=at) for one in known if one.next_at <= at]

    async def fire(self, tx: Any, name: str, *, expected: dt.datetime, next_at: dt.datetime) -> bool:
        self._reach()
        known = self._schedules.get(name)
        if known is None or known.next_at != expected:
            return False
        self._schedules[name] = _replace(known, next_at=next_at, fired_at=self._clock())
        return True

    async def waits(self, tx: Any, job_name: str) -> bool:
        self._reach()
        return any(held.row.state == "queued" and held.row.name == job_name for held in self._rows.values())

    async def all(self) -> list[ScheduleRow]:
        self._reach()
        return sorted(self._schedules.values(), key=lambda row: row.name)

    # rows

    def _reach(self) -> None:
        if self.is_away:
            raise Unavailable("postgres", "it is away")

    def _in(self, seconds: float) -> dt.datetime:
        return self._clock() + dt.timedelta(seconds=seconds)

    def _change(self, job_id: str, **fields: Any) -> None:
        held = self._rows[job_id]
        self._rows[job_id] = _replace(held, row=_replace(held.row, **fields))

    def _due(self, names: Sequence[str]) -> Iterator[JobRow]:
        rows = [held.row for held in self._rows.values() if held.row.name in names]
        return (row for row in rows if row.state == "queued" and row.due_at <= self._clock())

    def _take(self, row: JobRow, worker: str, lease_s: float) -> Claim:
        fresh = {"is_cancel_asked": False, "progress": 0.0, "note": ""}
        taken = _replace(row, state="running", tries=row.tries + 1, worker=worker, started_at=self._clock(), **fresh)
        held = self._rows[row.id]
        self._rows[row.id] = _replace(held, row=taken, attempt=held.attempt + 1, leased_until=self._in(lease_s))
        return _claim(self._rows[row.id])

    def _is_current(self, job_id: str, attempt: int) -> bool:
        held = self._rows.get(job_id)
        return held is not None and held.row.state == "running" and held.attempt == attempt

    def _is_lost(self, held: _Row) -> bool:
        return held.row.state == "running" and held.leased_until is not None and held.leased_until < self._clock()

    def _old(self, kept_s: float, dead_kept_s: float) -> Iterator[str]:
        for held in self._rows.values():
            kept = dead_kept_s if held.row.state == "dead" else kept_s
            if held.row.finished_at is not None and held.row.finished_at < self._in(-kept):
                yield held.row.id


def _claim(held: _Row) -> Claim:
    return Claim(
        id=held.row.id,
        name=held.row.name,
        key=held.row.key,
        body=msgspec.json.decode(held.body),
        attempt=held.attempt,
        tries=held.row.tries,
    )
