"""Jobs run where a test stands, one after another: what a handler raises reaches the test, as a kill would end it."""

from __future__ import annotations

import time
from typing import Any

import msgspec

from server.jobs import Attempt, Job
from storage.jobs.queue import JobQueue
from storage.jobs.rows import Outcome
from storage.postgres import Database


async def run_due(db: Database, *jobs: Job[Any]) -> int:
    """Runs what is due of these kinds; how many ended. A handler that raises leaves its job running."""
    queue, kinds, ended = JobQueue(db=db), {job.name: job for job in jobs}, 0
    while claims := await queue.claim(list(kinds), 1, worker="inline", lease_s=60):
        (claim,) = claims
        job = kinds[claim.name]
        body = msgspec.convert(claim.body, job.body)
        attempt = Attempt(claim=claim, body=body, rows=queue, monotonic=time.monotonic)
        await job.run(attempt)
        if not attempt.is_finished:
            await queue.settle([Outcome(id=claim.id, attempt=claim.attempt, state="done")])
        ended += 1
    return ended


async def make_due(db: Database) -> None:
    """Every job that waits or was left running by a worker that went is due now."""
    await db.execute(
        "update jobs set state = 'queued', leased_until = null, due_at = now() where state in ('queued', 'running')"
    )
