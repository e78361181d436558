"""Enqueues the jobs of schedules. All nodes that work jobs look; the one that moves a schedule on enqueues its job."""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Final, Protocol

from actors.runtime import Clock
from server.jobs.enqueue import Jobs
from server.jobs.kinds import Schedule
from storage.errors import StorageError
from storage.jobs.schedules import Due

LOOK_S: Final = 1.0

log = logging.getLogger("server.jobs")


class ScheduleRows(Protocol):
    """What this needs of the table of schedules."""

    async def arrange(self, name: str, *, spec: str, next_at: dt.datetime) -> None: ...

    async def due(self, names: Sequence[str]) -> list[Due]: ...

    async def fire(self, tx: Any, name: str, *, expected: dt.datetime, next_at: dt.datetime) -> bool: ...

    async def waits(self, tx: Any, job_name: str) -> bool: ...


class Transactions(Protocol):
    """What this needs of the queue."""

    def transaction(self) -> AbstractAsyncContextManager[Any]: ...

    async def now(self) -> dt.datetime: ...


class Scheduler:
    """``start`` makes the schedules known and looks every second from then on."""

    def __init__(
        self,
        *,
        rows: ScheduleRows,
        queue: Transactions,
        jobs: Jobs,
        schedules: Sequence[Schedule],
        clock: Clock,
    ) -> None:
        self._rows = rows
        self._queue = queue
        self._jobs = jobs
        self._schedules = {schedule.name: schedule for schedule in schedules}
        self._clock = clock
        self._is_arranged = False
        self._task: asyncio.Task[None] | None = None
        if len(self._schedules) != len(schedules):
            raise ValueError("two schedules have the same name")

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._run(), name="schedules")

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            try:
                await self._look()
            except StorageError as error:
                log.warning("schedules wait: %s", error)
            await self._clock.sleep(LOOK_S)

    async def _look(self) -> None:
        if not self._is_arranged:
            await self._arrange()
        for due in await self._rows.due(list(self._schedules)):
            await self._fire(self._schedules[due.name], due)

    async def _arrange(self) -> None:
        now = await self._queue.now()
        for schedule in self._schedules.values():
            await self._rows.arrange(schedule.name, spec=schedule.spec, next_at=schedule.first(now))
        self._is_arranged = True

    async def _fire(self, schedule: Schedule, due: Due) -> None:
        next_at = schedule.next_after(due.next_at, due.at)
        async with self._queue.transaction() as tx:
            if not await self._rows.fire(tx, schedule.name, expected=due.next_at, next_at=next_at):
                return
            if await self._rows.waits(tx, schedule.job.name):
                log.warning("schedule %s: the job of before has not begun yet, none is added", schedule.name)
                return
            await self._jobs.enqueue(tx, schedule.job, schedule.body or schedule.job.body())
