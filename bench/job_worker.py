"""A process that only works jobs, to be killed: ``python -m bench.job_worker URL``."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from typing import Final

import msgspec

from actors.runtime import LoopClock
from server.jobs import Attempt, Job, JobNode, Jobs
from storage.errors import StorageError
from storage.ids import Ids
from storage.jobs.queue import JobQueue
from storage.postgres import Database

LEASE_S: Final = 1.5
SLOTS: Final = 16
TABLES: Final = (
    "create table effects (number integer not null, attempt integer not null)",
    "create table outside (number integer not null, at timestamptz not null default clock_timestamp())",
)


class Effect(msgspec.Struct, frozen=True):
    """``hold_ms``: how long the handler is at it before it commits."""

    number: int
    hold_ms: float = 0.0


class Bench:
    """The kinds: ``bench.commits`` writes its row together with its end, ``bench.plain`` before it."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self.commits = Job(name="bench.commits", body=Effect, run=self._commit, tries=1_000)
        self.plain = Job(name="bench.plain", body=Effect, run=self._plain, tries=1_000)
        self.begun: list[float] = []

    async def _commit(self, attempt: Attempt[Effect]) -> None:
        if attempt.body.hold_ms:
            await asyncio.sleep(attempt.body.hold_ms / 1000)
        async with attempt.finish() as tx:
            await tx.execute("insert into effects values ($1, $2)", attempt.body.number, attempt.number)

    async def _plain(self, _: Attempt[Effect]) -> None:
        self.begun.append(time.perf_counter())


def node_of(db: Database, bench: Bench, *, lease_s: float = LEASE_S, slots: int = SLOTS) -> tuple[JobNode, Jobs]:
    """A worker over this database, and what enqueues for it."""
    jobs = Jobs(rows=JobQueue(db=db), ids=Ids(), wall=time.time)
    node = JobNode(
        db=db,
        enqueue=jobs,
        jobs=[bench.commits, bench.plain],
        schedules=[],
        name=f"bench-{os.getpid()}",
        clock=LoopClock(),
        slots=slots,
        ids=Ids(),
        lease_s=lease_s,
    )
    return node, jobs


async def _work(url: str) -> None:
    while True:
        try:
            db = await Database.connect(url, max_connections=SLOTS + 4)
        except StorageError:
            await asyncio.sleep(0.1)
            continue
        node, _ = node_of(db, Bench(db))
        node.start()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_work(sys.argv[1]))
