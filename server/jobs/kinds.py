"""What a feature declares: jobs and schedules as frozen values, and what a handler gets.

A job runs at least once: a worker that is killed, or that loses Postgres, may have done all of it but say so. What a
handler writes to Postgres through ``attempt.finish()`` is committed together with the job's end, so it happens exactly
once; whatever it does outside (mail, HTTP, objects) may happen again and must bear that.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Final, Generic, Protocol, TypeVar

import msgspec

from server.jobs.cron import parse
from storage.jobs.rows import Claim
from storage.postgres import Transaction

NAME: Final = re.compile(r"[a-z][a-z0-9_]*(\.[a-z0-9_]+)*")
MAX_NAME_CHARS: Final = 80
PROGRESS_EVERY_S: Final = 0.5

BodyT = TypeVar("BodyT", bound=msgspec.Struct)


class GiveUp(Exception):
    """Raised by a handler: trying again is of no use. The job is dead, with this sentence as the reason."""


class RetryLater(Exception):
    """Raised by a handler: try again in ``after_s`` instead of the usual pause. The try counts."""

    def __init__(self, reason: str, *, after_s: float) -> None:
        super().__init__(reason)
        self.after_s = after_s


class AttemptRows(Protocol):
    """What an attempt needs of the queue."""

    def finishing(
        self, job_id: str, attempt: int, *, planned_once: bool = False
    ) -> AbstractAsyncContextManager[Transaction]: ...

    def step(self, job_id: str, attempt: int) -> AbstractAsyncContextManager[Transaction]: ...

    async def progress(self, job_id: str, attempt: int, share: float, note: str) -> None: ...


class Attempt(Generic[BodyT]):
    """One try of a job, as its handler sees it. ``number`` counts from 1; tries that were killed count too."""

    def __init__(self, *, claim: Claim, body: BodyT, rows: AttemptRows, monotonic: Callable[[], float]) -> None:
        self.job_id = claim.id
        self.key = claim.key
        self.number = claim.tries
        self.body = body
        self.is_finished = False
        self._fence = claim.attempt
        self._rows = rows
        self._monotonic = monotonic
        self._next_progress_at = -1.0

    @contextlib.asynccontextmanager
    async def finish(self, *, planned_once: bool = False) -> AsyncIterator[Transaction]:
        """A transaction that is committed together with the job's end: all of it, or none. The last thing to be done.
        ``planned_once``: its statements look rows up by key alone, one by one.

        Raises ``Superseded`` when the job is another worker's by now; then nothing is written.
        """
        async with self._rows.finishing(self.job_id, self._fence, planned_once=planned_once) as tx:
            yield tx
        self.is_finished = True

    def step(self) -> AbstractAsyncContextManager[Transaction]:
        """A transaction in the middle of the work, fenced as ``finish`` is. A later attempt meets what it wrote."""
        return self._rows.step(self.job_id, self._fence)

    async def progress(self, share: float, note: str = "") -> None:
        """Note how far the work is, 0 to 1; at most twice a second, what comes sooner is left out.

        Not within ``finish`` or ``step``.
        """
        now = self._monotonic()
        if now >= self._next_progress_at:
            self._next_progress_at = now + PROGRESS_EVERY_S
            await self._rows.progress(self.job_id, self._fence, min(max(share, 0.0), 1.0), note)


class Nothing(msgspec.Struct, frozen=True):
    """The body of a job that needs none."""


@dataclass(frozen=True, kw_only=True)
class Job(Generic[BodyT]):
    """A kind of job.

    ``body``: a frozen struct; a new field needs a default, since jobs that are queued were written by older versions.
    ``run`` is cancelled after ``timeout_s``. ``tries``: after so many the job is dead. ``at_once``: how many run at a
    time in the cluster, ``at_once_on_node``: on one node; None: as many as there are slots. ``run`` must leave the
    event loop free: what computes for long belongs into a thread or a process. ``when_dead``: the kind of the job that
    is enqueued, with the same body, in the transaction in which one dies, also of a killed worker. A cancelled one has
    not died.
    """

    name: str
    body: type[BodyT]
    run: Callable[[Attempt[BodyT]], Awaitable[None]]
    timeout_s: float = 60.0
    tries: int = 12
    at_once: int | None = None
    at_once_on_node: int | None = None
    when_dead: Job[BodyT] | None = None

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name) or len(self.name) > MAX_NAME_CHARS:
            raise ValueError(f"{self.name!r} is no name of a job")
        bounds = (self.tries, self.at_once, self.at_once_on_node)
        if self.timeout_s <= 0 or any(bound is not None and bound < 1 for bound in bounds):
            raise ValueError(f"the bounds of the job {self.name} must be positive")

    @property
    def is_bounded(self) -> bool:
        return self.at_once is not None or self.at_once_on_node is not None


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """When a job is enqueued by itself, once in the cluster.

    Either ``every_s``, or ``cron``: minute, hour, day of month, month and day of week in UTC, as in crontab(5). Times
    that passed while no node ran are made up for by one job. Nothing is enqueued while a job of its name is queued.
    """

    name: str
    job: Job[Any]
    every_s: float | None = None
    cron: str | None = None
    body: msgspec.Struct | None = None

    def __post_init__(self) -> None:
        if (self.every_s is None) == (self.cron is None):
            raise ValueError(f"the schedule {self.name} needs either every_s or cron")
        if self.every_s is not None and self.every_s < 1:
            raise ValueError(f"the schedule {self.name} must not come more than once a second")
        if self.cron is not None:
            parse(self.cron)

    @property
    def spec(self) -> str:
        return self.cron or f"every {self.every_s:g} s"

    def first(self, now: dt.datetime) -> dt.datetime:
        """When a schedule that is new fires: one that repeats at once, a cron-like one at its next time."""
        return now if self.cron is None else parse(self.cron).next_after(now)

    def next_after(self, fired: dt.datetime, now: dt.datetime) -> dt.datetime:
        """The time after the one of ``fired``, which is in the future of ``now``."""
        if self.cron is not None:
            return parse(self.cron).next_after(now)
        every = dt.timedelta(seconds=self.every_s or 0)
        return fired + every if fired + every > now else now + every


def repeated(name: str, do: Callable[[], Awaitable[object]], *, every_s: float, timeout_s: float = 300.0) -> Schedule:
    """A schedule of a job without a body, of which one runs at a time. ``do`` may be repeated at any time.

    It is tried once: the next time makes up for a failure.
    """

    async def run(_: Attempt[Nothing]) -> None:
        await do()

    job = Job(name=name, body=Nothing, run=run, timeout_s=timeout_s, tries=1, at_once=1)
    return Schedule(name=name, job=job, every_s=every_s)
