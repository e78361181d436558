"""How fast jobs are enqueued, picked up and run, and what is lost or done twice when workers and Postgres are killed.

The engine is an embedded Postgres in a fresh folder with synchronous commit. A job of the second question writes one
row in the transaction of its end; one of the third does nothing. Picking up is from the commit of a job that is
enqueued alone to the first line of its handler.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from pathlib import Path
from typing import Final

import uvloop

from bench import report
from bench.job_kills import Toll, under_fire
from bench.job_worker import TABLES, Bench, Effect, node_of
from bench.report import Figure, figure
from server.jobs import Job, JobNode, Jobs
from storage.embedded.postgres import EmbeddedPostgres
from storage.migrate import migrate
from storage.postgres import Database

BATCH: Final = 500
BAR_ENQUEUED_S: Final = 3_000
BAR_RUN_S: Final = 1_000
BAR_PICK_UP_MS: Final = 100.0
LEASE_S: Final = 15.0
TOO_LONG_S: Final = 120.0


class Yard:
    """A database, a worker in this process, and what enqueues for it."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.bench = Bench(db)
        self.jobs: Jobs = self.new_node()[1]
        self._numbers = 0

    def new_node(self) -> tuple[JobNode, Jobs]:
        return node_of(self.db, self.bench, lease_s=LEASE_S)

    async def enqueue(self, job: Job[Effect], count: int) -> float:
        """Jobs a second, with keys, in batches of a transaction each."""
        bodies = [Effect(self._numbers + number) for number in range(count)]
        self._numbers += count
        began = time.perf_counter()
        for at in range(0, count, BATCH):
            async with self.db.transaction() as tx:
                await self.jobs.enqueue_many(tx, job, bodies[at : at + BATCH], key_of=lambda body: str(body.number))
        return count / (time.perf_counter() - began)

    async def run(self, job: Job[Effect], count: int) -> float:
        """Jobs a second, all of them queued at the start."""
        await self.enqueue(job, count)
        node, _ = self.new_node()
        began = time.perf_counter()
        node.start()
        while node.worker.ended[job.name, "done"] < count and time.perf_counter() - began < TOO_LONG_S:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        took = time.perf_counter() - began
        await node.close(budget_s=5)
        return count / took

    async def pick_ups(self, rate: float, seconds: float) -> list[float]:
        """Milliseconds each."""
        node, _ = self.new_node()
        node.start()
        took: list[float] = []
        self.bench.begun.clear()
        for number in range(int(rate * seconds)):
            async with self.db.transaction() as tx:
                await self.jobs.enqueue(tx, self.bench.plain, Effect(number))
            committed = time.perf_counter()
            while len(self.bench.begun) <= number:  # noqa: ASYNC110 - a wake-up would be part of what is timed
                await asyncio.sleep(0.0005)
            took.append(max(self.bench.begun[number] - committed, 0.0) * 1000)
            await asyncio.sleep(max(0.0, 1 / rate - (time.perf_counter() - committed)))
        await node.close(budget_s=5)
        return sorted(took)


async def _measure(url: str, options: argparse.Namespace) -> list[Figure]:
    db = await Database.connect(url, max_connections=24)
    try:
        for table in TABLES:
            await db.execute(table)
        yard = Yard(db)
        await yard.run(yard.bench.commits, 200)
        enqueued = [await yard.enqueue(Job(name="bench.kept", body=Effect, run=_never), options.jobs)
                    for _ in range(options.rounds)]  # fmt: skip
        commits = [await yard.run(yard.bench.commits, options.jobs) for _ in range(options.rounds)]
        plain = [await yard.run(yard.bench.plain, options.jobs) for _ in range(options.rounds)]
        took = await yard.pick_ups(options.rate, options.seconds)
    finally:
        await db.close()
    return [
        figure("jobs", "enqueued in batches, with keys", enqueued, "jobs/s", better="higher", bar=BAR_ENQUEUED_S),
        figure("jobs", "run, each commits a row", commits, "jobs/s", better="higher", bar=BAR_RUN_S),
        figure("jobs", "run, empty", plain, "jobs/s", better="higher", bar=BAR_RUN_S),
        figure("jobs", "pick-up, p50", [took[len(took) // 2]], "ms", better="lower"),
        figure("jobs", "pick-up, p99", [took[len(took) * 99 // 100]], "ms", better="lower", bar=BAR_PICK_UP_MS),
    ]


async def _never(_: object) -> None:
    raise AssertionError("it stays in the queue")


def _toll(toll: Toll) -> list[Figure]:
    name = f"{toll.jobs:,} jobs over {toll.kills} kills"
    return [
        figure("jobs", f"{name}: lost", [toll.lost], "jobs", better="lower", bar=0),
        figure("jobs", f"{name}: effects twice", [toll.twice], "rows", better="lower", bar=0),
        figure("jobs", f"{name}: tries of killed workers, counted", [toll.counted], "tries", better="lower"),
    ]


async def _all(options: argparse.Namespace, engine: EmbeddedPostgres) -> list[Figure]:
    url = await asyncio.to_thread(engine.start)
    await migrate(url)
    figures = await _measure(url, options)
    if options.kills:
        other = url.replace("/postgres?", "/kills?", 1)
        admin = await Database.connect(url, max_connections=1)
        await admin.execute("create database kills")
        await admin.close()
        await migrate(other)
        toll = await under_fire(
            engine, other, jobs=options.killed_jobs, kills=options.kills, pause_s=0.5, within_s=TOO_LONG_S
        )
        figures += _toll(toll)
    return figures


def main(argv: list[str]) -> int:
    """Prints a row a question: median, spread, the bar."""
    parser = argparse.ArgumentParser(prog="bench jobs", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="rounds of the first questions")
    parser.add_argument("--jobs", type=int, default=5_000, help="jobs a round")
    parser.add_argument("--rate", type=float, default=50.0, help="jobs a second while picking up is timed")
    parser.add_argument("--seconds", type=float, default=10.0, help="for so long")
    parser.add_argument("--kills", type=int, default=50, help="kills of workers and Postgres; 0: none")
    parser.add_argument("--killed-jobs", type=int, default=10_000, help="jobs that run meanwhile")
    report.options(parser)
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="sf-bench-") as folder:
        engine = EmbeddedPostgres(data_dir=Path(folder))
        try:
            figures = uvloop.run(_all(options, engine))
        finally:
            engine.stop()
    report.hand_over(figures, options.json)
    return 0


if __name__ == "__main__":
    import sys

    sys.exit(main(sys.argv[1:]))
