"""Workers over a queue in memory, on a clock that is moved by hand."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from typing import Any

import msgspec
import pytest

from actors.runtime import ManualClock
from server.jobs import Job, Jobs, Schedule, Scheduler, Worker
from storage.ids import Ids
from storage.jobs.memory import MemoryJobQueue
from storage.jobs.rows import JobRow


class Greeting(msgspec.Struct, frozen=True):
    to: str = "all"


class JobsFixture:
    """One queue, and the workers and schedulers that stand at it."""

    def __init__(self, stack: AsyncExitStack) -> None:
        self.clock = ManualClock()
        self.queue = MemoryJobQueue(now=self.now)
        self.jobs = Jobs(rows=self.queue, ids=Ids(), wall=self.clock.time)
        self._stack = stack

    def now(self) -> dt.datetime:
        return dt.datetime.fromtimestamp(self.clock.time(), dt.UTC)

    def worker(self, *kinds: Job[Any], slots: int = 4, name: str = "w1") -> Worker:
        """Started; NOTIFY reaches the last one."""
        worker = Worker(
            rows=self.queue, jobs=kinds, name=name, clock=self.clock, slots=slots, ids=Ids(), chance=lambda: 1.0
        )
        self.queue.on_notify = worker.notified
        worker.start()
        self._stack.push_async_callback(worker.close, budget_s=0)
        return worker

    def scheduler(self, *schedules: Schedule) -> Scheduler:
        scheduler = Scheduler(rows=self.queue, queue=self.queue, jobs=self.jobs, schedules=schedules, clock=self.clock)
        scheduler.start()
        self._stack.push_async_callback(scheduler.close)
        return scheduler

    async def enqueue(self, job: Job[Any], *bodies: Greeting, **how: Any) -> str:
        """The id of the last of them."""
        made = None
        async with self.queue.transaction() as tx:
            for body in bodies or (Greeting(),):
                made = await self.jobs.enqueue(tx, job, body, **how)
        assert made is not None
        return made

    async def row(self, job_id: str) -> JobRow:
        row = await self.queue.find(job_id)
        assert row is not None
        return row

    async def states(self) -> Sequence[str]:
        """Of all jobs, in the order in which they were enqueued."""
        page = await self.queue.page(state=None, name=None, before=None, limit=100)
        return [row.state for row in reversed(page)]


@pytest.fixture
async def routes() -> AsyncIterator[JobsFixture]:
    async with AsyncExitStack() as stack:
        routes = JobsFixture(stack)
        # Cancelled attempts end without the clock; a worker whose jobs run on is closed by its alarm.
        yield routes
        closing = stack.pop_all()
        await _closed(closing, routes.clock)


async def _closed(stack: AsyncExitStack, clock: ManualClock) -> None:
    import asyncio

    task = asyncio.ensure_future(stack.aclose())
    while not task.done():
        await clock.advance(1)
    await task
