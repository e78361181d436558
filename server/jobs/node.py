"""What a node with the role ``jobs`` runs: its worker, the schedules, and the listener that wakes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from actors.runtime import Clock
from server.jobs.enqueue import Jobs
from server.jobs.kinds import Job, Schedule, repeated
from server.jobs.scheduler import Scheduler
from server.jobs.worker import LEASE_S, Worker
from storage.ids import Ids
from storage.jobs.queue import JobQueue
from storage.jobs.rows import CHANNEL
from storage.jobs.schedules import Schedules
from storage.postgres import Database
from storage.postgres_notify import NotifyListener

KEPT_S: Final = 86_400.0
DEAD_KEPT_S: Final = 30 * 86_400.0
PRUNE_EVERY_S: Final = 300.0
PRUNE_BATCH: Final = 5_000


class JobNode:
    """``jobs``: those that are enqueued by hand; those of ``schedules`` come with them."""

    def __init__(
        self,
        *,
        db: Database,
        enqueue: Jobs,
        jobs: Sequence[Job[Any]],
        schedules: Sequence[Schedule],
        name: str,
        clock: Clock,
        slots: int,
        ids: Ids,
        lease_s: float = LEASE_S,
    ) -> None:
        queue = self._queue = JobQueue(db=db)
        schedules = [*schedules, repeated("jobs.prune", self._prune, every_s=PRUNE_EVERY_S)]
        scheduled = {schedule.job.name: schedule.job for schedule in schedules}
        self.worker = Worker(
            rows=queue,
            jobs=[*jobs, *(job for job in scheduled.values() if job not in jobs)],
            name=name,
            clock=clock,
            slots=slots,
            ids=ids,
            lease_s=lease_s,
        )
        self._scheduler = Scheduler(rows=Schedules(db=db), queue=queue, jobs=enqueue, schedules=schedules, clock=clock)
        self._listener = NotifyListener(db=db, channel=CHANNEL, on_notify=self.worker.notified)

    def start(self) -> None:
        self._listener.start()
        self.worker.start()
        self._scheduler.start()

    async def close(self, *, budget_s: float) -> None:
        """Jobs that run get ``budget_s`` to end; what takes longer is given back, to be begun anew elsewhere."""
        await self._scheduler.close()
        await self.worker.close(budget_s=budget_s)
        await self._listener.close()

    async def _prune(self) -> None:
        prune = self._queue.prune
        while await prune(kept_s=KEPT_S, dead_kept_s=DEAD_KEPT_S, limit=PRUNE_BATCH) == PRUNE_BATCH:
            pass
