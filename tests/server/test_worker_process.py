"""``socialflow worker``: jobs are worked by a process that does nothing else."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

import pytest

from server.config import Settings
from server.ports import CannotStart
from server.worker import JobWorker
from storage.jobs.queue import JobQueue
from storage.jobs.rows import NewJob
from storage.postgres import Database

NOBODY = "00000000-0000-7000-8000-0000000000ff"


async def test_a_worker_process_runs_a_job_fires_schedules_and_ends_on_a_signal(
    database_url: str, redis_url: str, db: Database, tmp_path: Path
) -> None:
    job = NewJob(id=NOBODY, name="accounts.wipe", body=b'{"user_id": "%s"}' % NOBODY.encode())
    async with db.transaction() as tx:
        await JobQueue(db=db).enqueue(tx, [job])
    flags = (f"--database-url={database_url}", f"--redis-url={redis_url}", f"--data-dir={tmp_path}")
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "server", "worker", *flags)
    try:
        await _until_done(db, "accounts.wipe", "rights.purge", "sessions.purge", "objects.delete")
        row = await JobQueue(db=db).find(NOBODY)
        assert row is not None
        assert (row.tries, (row.worker or "").endswith(f"-{process.pid}")) == (1, True)
        process.terminate()
        assert await asyncio.wait_for(process.wait(), 30) == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _until_done(db: Database, *names: str) -> None:
    deadline = time.monotonic() + 60
    done = "select count(distinct name) from jobs where state = 'done' and name = any($1)"
    while await db.fetchval(done, list(names)) < len(names):
        assert time.monotonic() < deadline, await db.fetch("select name, state, reason from jobs")
        await asyncio.sleep(0.05)


def test_a_worker_without_a_cluster_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match="--database-url and --redis-url"):
        JobWorker(settings=Settings(data_dir=tmp_path))
