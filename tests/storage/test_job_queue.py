"""The job queue on Postgres with several at it at once, and what wakes its workers."""

from __future__ import annotations

import asyncio
import contextlib
import time

from storage.ids import Ids
from storage.jobs.queue import JobQueue
from storage.jobs.rows import CHANNEL, NewJob, Outcome
from storage.postgres import Database
from storage.postgres_notify import NotifyListener

IDS = Ids()


def new_jobs(count: int, **fields: str) -> list[NewJob]:
    return [NewJob(id=IDS.uuid7(time.time()), name="mail", body=b"{}", **fields) for _ in range(count)]


async def enqueue(db: Database, *jobs: NewJob) -> list[str]:
    async with db.transaction() as tx:
        return await JobQueue(db=db).enqueue(tx, jobs)


async def test_workers_at_once_never_hold_the_same_job(db: Database) -> None:
    queue = JobQueue(db=db)
    await enqueue(db, *new_jobs(80))
    held: list[str] = []
    while len(held) < 80:
        claims = await asyncio.gather(*(queue.claim(["mail"], 10, worker=f"w{n}", lease_s=9) for n in range(8)))
        held += [claim.id for found in claims for claim in found]
    assert len(set(held)) == len(held) == 80


async def test_workers_at_once_keep_to_the_bound_of_a_name(db: Database) -> None:
    queue = JobQueue(db=db)
    await enqueue(db, *new_jobs(20))
    for _ in range(4):
        claims = await asyncio.gather(
            *(queue.claim_within("mail", 9, at_once=3, worker=f"w{n}", lease_s=9) for n in range(8))
        )
        held = [claim for found in claims for claim in found]
        assert len(held) == 3
        await queue.settle([Outcome(id=claim.id, attempt=claim.attempt, state="done") for claim in held])


async def test_a_key_of_a_transaction_that_is_undone_does_not_count(db: Database) -> None:
    queue, (mine, theirs) = JobQueue(db=db), new_jobs(2, key="k")
    with contextlib.suppress(ZeroDivisionError):
        async with db.transaction() as tx:
            assert await queue.enqueue(tx, [mine]) == [mine.id]
            other = asyncio.ensure_future(enqueue(db, theirs))
            while not await db.fetchval("select exists (select from pg_locks where not granted)"):  # noqa: ASYNC110
                await asyncio.sleep(0.005)
            raise ZeroDivisionError
    assert await other == [theirs.id]


async def test_an_enqueued_job_and_an_asked_cancellation_are_heard_after_the_commit(db: Database) -> None:
    heard: asyncio.Queue[str] = asyncio.Queue()
    listener = NotifyListener(db=db, channel=CHANNEL, on_notify=heard.put_nowait)
    listener.start()
    try:
        async with asyncio.timeout(30):
            assert await heard.get() == ""
            (job,) = new_jobs(1)
            async with db.transaction() as tx:
                await JobQueue(db=db).enqueue(tx, [job])
                await db.ping()
                assert heard.empty()
            assert await heard.get() == ""
            await JobQueue(db=db).claim(["mail"], 1, worker="w1", lease_s=9)
            await JobQueue(db=db).cancel(db, job.id)
            assert await heard.get() == job.id
            await db.execute("select pg_terminate_backend(pid) from pg_stat_activity where query ilike 'listen %'")
            assert await heard.get() == ""
            await enqueue(db, *new_jobs(1))
            assert await heard.get() == ""
    finally:
        await listener.close()
