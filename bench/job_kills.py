"""Jobs under fire: workers and Postgres are killed while they run, then the rows show what was lost or done twice."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec
import psutil  # type: ignore[import-untyped]

from actors.runtime import LoopClock
from bench.job_worker import TABLES, Bench, Effect
from server.jobs import Jobs
from storage.embedded.postgres import EmbeddedPostgres
from storage.errors import StorageError
from storage.ids import Ids
from storage.jobs.queue import JobQueue
from storage.postgres import Database

POSTGRES_EACH: Final = 6
"""Of so many kills one hits Postgres."""


class Toll(msgspec.Struct, frozen=True, kw_only=True):
    """``lost``: jobs that were not done; ``twice``: effects beyond the first of a job; ``counted``: tries that a killed
    worker had used up."""

    jobs: int
    kills: int
    lost: int
    twice: int
    counted: int
    took_s: float


class Crew:
    """Worker processes over one engine. ``commands``: for each, the module and its arguments."""

    def __init__(self, engine: EmbeddedPostgres, commands: Sequence[Sequence[str]]) -> None:
        self._engine = engine
        self._commands = commands
        self._workers = [self._spawn(at) for at in range(len(commands))]

    def _spawn(self, at: int) -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-m", *self._commands[at]], stderr=subprocess.DEVNULL)

    def are_done(self) -> bool:
        """Whether each has ended by itself."""
        return all(worker.poll() == 0 for worker in self._workers)

    def kill_worker(self, chance: random.Random) -> None:
        at = chance.randrange(len(self._workers))
        self._workers[at].kill()
        self._workers[at].wait(20)
        self._workers[at] = self._spawn(at)

    def kill_postgres(self) -> None:
        """Killed with all its children, and started again."""
        children = psutil.Process(self._engine.pid).children(recursive=True)
        os.kill(self._engine.pid, signal.SIGKILL)
        for child in children:
            with contextlib.suppress(psutil.NoSuchProcess):
                child.kill()
        deadline = time.monotonic() + 20
        while self._engine.is_running() and time.monotonic() < deadline:
            time.sleep(0.005)
        self._engine.start()

    def stop(self) -> None:
        for worker in self._workers:
            worker.kill()
            worker.wait(20)


@contextlib.contextmanager
def crew_of(engine: EmbeddedPostgres, commands: Sequence[Sequence[str]]) -> Iterator[Crew]:
    crew = Crew(engine, commands)
    try:
        yield crew
    finally:
        crew.stop()


async def under_fire(
    engine: EmbeddedPostgres, url: str, *, jobs: int, kills: int, pause_s: float, within_s: float, seed: int = 1
) -> Toll:
    """Enqueue, kill every ``pause_s`` or so until there were ``kills``, wait for the rest, and count."""
    chance = random.Random(seed)
    began = time.monotonic()
    db = await Database.connect(url)
    try:
        await _enqueue(db, jobs, hold_ms=1000 * min(kills * pause_s * 24 / jobs, 2.0))
        with crew_of(engine, [("bench.job_worker", url)] * 2) as crew:
            for number in range(1, kills + 1):
                await asyncio.sleep(pause_s * (0.5 + chance.random()))
                kill = crew.kill_postgres if number % POSTGRES_EACH == 0 else lambda: crew.kill_worker(chance)
                await asyncio.to_thread(kill)
            await _until_done(db, time.monotonic() + within_s)
        return await _count(db, jobs, kills, time.monotonic() - began)
    finally:
        await db.close()


async def _enqueue(db: Database, count: int, *, hold_ms: float) -> None:
    for table in TABLES:
        await db.execute(table)
    jobs = Jobs(rows=JobQueue(db=db), ids=Ids(), wall=LoopClock().time)
    async with db.transaction(timeout_s=60) as tx:
        bodies = [Effect(number, hold_ms) for number in range(count)]
        await jobs.enqueue_many(tx, Bench(db).commits, bodies, key_of=lambda body: str(body.number))


async def _until_done(db: Database, deadline: float) -> None:
    while time.monotonic() < deadline:
        with contextlib.suppress(StorageError):
            if not await db.fetchval("select exists (select from jobs where name like 'bench.%' and state <> 'done')"):
                return
        await asyncio.sleep(0.1)


async def _count(db: Database, jobs: int, kills: int, took_s: float) -> Toll:
    effects, distinct = await _pair(db, "select count(*), count(distinct number) from effects")
    done, counted = await _pair(
        db, "select count(*) filter (where state = 'done'), sum(tries - 1) from jobs where name = 'bench.commits'"
    )
    return Toll(
        jobs=jobs,
        kills=kills,
        lost=jobs - min(done, distinct),
        twice=effects - distinct,
        counted=counted,
        took_s=took_s,
    )


async def _pair(db: Database, sql: str) -> tuple[int, int]:
    row = await db.fetchrow(sql)
    assert row is not None
    return int(row[0]), int(row[1] or 0)
