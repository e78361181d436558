"""What the job queue and the schedules keep to, in memory and on Postgres."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Any

import pytest

from storage.errors import BadValue, Unavailable
from storage.ids import Ids
from storage.jobs.memory import MemoryJobQueue
from storage.jobs.queue import JobQueue
from storage.jobs.rows import Claim, JobRow, NewJob, Outcome, Superseded
from storage.jobs.schedules import Schedules
from storage.postgres import Database

LEASE_S = 15.0
IDS = Ids()


class Jobs:
    """A queue, its schedules, and a clock that is moved by hand."""

    queue: Any
    schedules: Any

    async def pass_time(self, seconds: float) -> None:
        raise NotImplementedError

    def transaction(self) -> AbstractAsyncContextManager[Any]:
        found: AbstractAsyncContextManager[Any] = self.queue.transaction()
        return found

    async def add(self, name: str = "mail", **fields: Any) -> str | None:
        """Enqueue one job in a transaction of its own; its id if it is new."""
        async with self.transaction() as tx:
            made = await self.queue.enqueue(tx, [new_job(name, **fields)])
        return made[0] if made else None

    async def claim(self, *names: str, most: int = 10, worker: str = "w1") -> list[Claim]:
        found = await self.queue.claim(names or ("mail",), most, worker=worker, lease_s=LEASE_S)
        return sorted(found, key=lambda claim: claim.id)

    async def claim_one(self) -> Claim:
        (claim,) = await self.claim()
        return claim

    async def row(self, job_id: str | None) -> JobRow:
        assert job_id is not None
        row: JobRow | None = await self.queue.find(job_id)
        assert row is not None
        return row

    async def settle(self, claim: Claim, state: Any, **fields: Any) -> bool:
        outcome = Outcome(id=claim.id, attempt=claim.attempt, state=state, **fields)
        return bool(await self.queue.settle([outcome]))


class MemoryJobs(Jobs):
    def __init__(self) -> None:
        self._now = dt.datetime(2026, 5, 1, tzinfo=dt.UTC)
        self.queue = self.schedules = MemoryJobQueue(now=lambda: self._now)

    async def pass_time(self, seconds: float) -> None:
        self._now += dt.timedelta(seconds=seconds)


class PostgresJobs(Jobs):
    def __init__(self, db: Database) -> None:
        self._db = db
        self.queue, self.schedules = JobQueue(db=db), Schedules(db=db)

    async def pass_time(self, seconds: float) -> None:
        """Everything that was written becomes older."""
        for table, columns in (
            ("jobs", ("due_at", "leased_until", "created_at", "started_at", "finished_at")),
            ("job_schedules", ("next_at", "fired_at")),
        ):
            older = ", ".join(f"{column} = {column} - make_interval(secs => $1)" for column in columns)
            await self._db.execute(f"update {table} set {older}", seconds)


@pytest.fixture
def jobs(wanted_db: Database | None) -> Jobs:
    return PostgresJobs(wanted_db) if wanted_db else MemoryJobs()


def new_job(name: str = "mail", *, body: bytes = b"{}", **fields: Any) -> NewJob:
    return NewJob(id=IDS.uuid7(time.time()), name=name, body=body, **fields)


async def fails_after(block: AbstractAsyncContextManager[Any], do: Callable[[Any], Awaitable[object]]) -> None:
    """A transaction that raises after it has done this."""

    async def run() -> None:
        async with block as tx:
            await do(tx)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await run()


# enqueue


async def test_a_job_is_claimed_with_its_body_and_done_once(jobs: Jobs) -> None:
    made = await jobs.add(body=b'{"to": ["ada", 1, null]}', key="k")
    claim = await jobs.claim_one()
    assert claim == Claim(id=made or "", name="mail", key="k", body={"to": ["ada", 1, None]}, attempt=1, tries=1)
    assert await jobs.claim() == []
    assert await jobs.settle(claim, "done")
    assert not await jobs.settle(claim, "done")
    row = await jobs.row(made)
    assert (row.state, row.progress, row.worker, row.tries) == ("done", 1.0, "w1", 1)


async def test_a_job_of_a_transaction_that_fails_is_not_there(jobs: Jobs) -> None:
    await fails_after(jobs.transaction(), lambda tx: jobs.queue.enqueue(tx, [new_job(key="k")]))
    assert await jobs.claim() == []
    assert await jobs.add(key="k") is not None


async def test_a_key_makes_a_job_once_even_after_the_job_was_pruned(jobs: Jobs) -> None:
    first = await jobs.add(key="k")
    assert await jobs.add(key="k") is None
    assert await jobs.add("push", key="k") is not None
    await jobs.settle(await jobs.claim_one(), "done")
    assert await jobs.add(key="k") is None
    await jobs.pass_time(100)
    assert await jobs.queue.prune(kept_s=50, dead_kept_s=50, limit=10) == 1
    assert await jobs.queue.find(first) is None
    assert await jobs.add(key="k") is None
    assert await jobs.queue.id_of("mail", "k") == first


async def test_a_batch_holds_a_key_once_and_jobs_without_one_as_often_as_given(jobs: Jobs) -> None:
    batch = [new_job(key="b"), new_job(key="a"), new_job(key="b"), new_job(), new_job()]
    async with jobs.transaction() as tx:
        made = await jobs.queue.enqueue(tx, batch)
    assert len(made) == 4
    assert {claim.key for claim in await jobs.claim()} == {"a", "b", None}


@pytest.mark.parametrize("wrong", [{"body": b'"' + b"x" * 65_536 + b'"'}, {"key": ""}, {"key": "k" * 201}])
async def test_what_is_too_large_is_refused_and_leaves_nothing(jobs: Jobs, wrong: dict[str, Any]) -> None:
    with pytest.raises(BadValue):
        async with jobs.transaction() as tx:
            await jobs.queue.enqueue(tx, [new_job(), new_job(**wrong)])
    assert await jobs.claim() == []


# claim


async def test_priority_comes_first_then_the_time_that_a_job_is_due(jobs: Jobs) -> None:
    order = []
    for name, priority in (("a", "low"), ("b", "normal"), ("a", "high"), ("b", "high"), ("a", "normal")):
        order.append((await jobs.add(name, priority=priority), priority))
        await jobs.pass_time(1)
    wanted = [found for level in ("high", "normal", "low") for found, priority in order if priority == level]
    claimed = []
    while found := await jobs.claim("a", "b", most=1):
        claimed.append(found[0].id)
    assert claimed == wanted


async def test_a_job_waits_for_its_time(jobs: Jobs) -> None:
    await jobs.add(due_at=await jobs.queue.now() + dt.timedelta(seconds=60))
    assert (await jobs.claim(), await jobs.queue.names_due(["mail"])) == ([], [])
    await jobs.pass_time(61)
    assert await jobs.queue.names_due(["push", "mail"]) == ["mail"]
    assert len(await jobs.claim()) == 1


async def test_a_worker_gets_only_the_names_it_asks_for_and_no_more_than_it_can_do(jobs: Jobs) -> None:
    for _ in range(3):
        await jobs.add()
    assert await jobs.claim("push") == []
    assert [len(await jobs.claim(most=2)) for _ in range(3)] == [2, 1, 0]


async def test_no_more_of_a_bounded_name_run_at_once_than_it_allows(jobs: Jobs) -> None:
    for _ in range(5):
        await jobs.add()

    async def claim(most: int) -> list[Claim]:
        found: list[Claim] = await jobs.queue.claim_within("mail", most, at_once=3, worker="w1", lease_s=LEASE_S)
        return found

    first = await claim(2)
    assert (len(first), len(await claim(9)), len(await claim(9))) == (2, 1, 0)
    await jobs.settle(first[0], "queued", reason="again", after_s=60)
    await jobs.settle(first[1], "done")
    assert (len(await claim(9)), len(await claim(9))) == (2, 0)


# failures, retries


async def test_a_failed_attempt_comes_again_after_its_pause_with_the_reason_kept(jobs: Jobs) -> None:
    made = await jobs.add()
    await jobs.settle(await jobs.claim_one(), "queued", reason="it\x00 rained" + "!" * 2_000, after_s=30)
    row = await jobs.row(made)
    assert (row.state, row.tries, len(row.reason or "")) == ("queued", 1, 1_000)
    assert await jobs.claim() == []
    await jobs.pass_time(31)
    claim = await jobs.claim_one()
    assert (claim.attempt, claim.tries) == (2, 2)
    await jobs.settle(claim, "done")
    assert (await jobs.row(made)).reason == row.reason


async def test_an_attempt_that_is_given_back_does_not_count(jobs: Jobs) -> None:
    await jobs.add()
    await jobs.settle(await jobs.claim_one(), "queued", is_given_back=True)
    claim = await jobs.claim_one()
    assert (claim.attempt, claim.tries) == (2, 1)


async def test_an_attempt_whose_lease_is_over_is_taken_over_counted_and_fenced_off(jobs: Jobs) -> None:
    made = await jobs.add()
    old = await jobs.claim_one()
    assert await jobs.queue.take_lost(["mail"], 9, lease_s=LEASE_S) == []
    await jobs.pass_time(LEASE_S + 1)
    assert await jobs.queue.take_lost(["push"], 9, lease_s=LEASE_S) == []
    (lost,) = await jobs.queue.take_lost(["mail"], 9, lease_s=LEASE_S)
    assert (lost.id, lost.tries) == (made, 1)
    assert await jobs.queue.take_lost(["mail"], 9, lease_s=LEASE_S) == []
    assert not await jobs.settle(old, "done")
    assert await jobs.queue.renew([(old.id, old.attempt)], lease_s=LEASE_S) == {}
    for verb in (jobs.queue.finishing, jobs.queue.step):
        with pytest.raises(Superseded):
            async with verb(old.id, old.attempt):
                pytest.fail("the block of an attempt that was superseded runs")
    assert await jobs.settle(lost, "queued", reason="its worker has gone")
    assert (await jobs.claim_one()).tries == 2


async def test_a_renewed_lease_is_not_lost(jobs: Jobs) -> None:
    await jobs.add()
    claim = await jobs.claim_one()
    await jobs.pass_time(LEASE_S - 1)
    assert await jobs.queue.renew([(claim.id, claim.attempt)], lease_s=LEASE_S) == {claim.id: False}
    await jobs.pass_time(LEASE_S - 1)
    assert await jobs.queue.take_lost(["mail"], 9, lease_s=LEASE_S) == []


async def test_a_dead_job_stays_until_an_operator_retries_it_with_its_tries_counted_anew(jobs: Jobs) -> None:
    made = await jobs.add()
    claim = await jobs.claim_one()
    async with jobs.transaction() as tx:
        assert not await jobs.queue.retry(tx, made)
    await jobs.settle(claim, "dead", reason="hopeless")
    assert ((await jobs.row(made)).state, await jobs.claim()) == ("dead", [])
    async with jobs.transaction() as tx:
        assert await jobs.queue.retry(tx, made)
    again = await jobs.claim_one()
    assert (again.attempt, again.tries) == (2, 1)
    assert (await jobs.row(made)).reason == "hopeless"


# an attempt's writes


async def test_what_an_attempt_writes_and_its_end_are_committed_together(jobs: Jobs) -> None:
    made = await jobs.add()
    claim = await jobs.claim_one()
    finishing = jobs.queue.finishing(claim.id, claim.attempt)
    await fails_after(finishing, lambda tx: jobs.queue.enqueue(tx, [new_job("push")]))
    assert ((await jobs.row(made)).state, await jobs.claim("push")) == ("running", [])
    async with jobs.queue.finishing(claim.id, claim.attempt) as tx:
        await jobs.queue.enqueue(tx, [new_job("push")])
    assert ((await jobs.row(made)).state, len(await jobs.claim("push"))) == ("done", 1)
    with pytest.raises(Superseded):
        async with jobs.queue.finishing(claim.id, claim.attempt):
            pytest.fail("a job is finished twice")


async def test_a_step_leaves_the_attempt_running(jobs: Jobs) -> None:
    await jobs.add()
    claim = await jobs.claim_one()
    async with jobs.queue.step(claim.id, claim.attempt) as tx:
        await jobs.queue.enqueue(tx, [new_job("push")])
    assert len(await jobs.claim("push")) == 1
    assert await jobs.settle(claim, "done")


async def test_progress_is_that_of_the_current_attempt(jobs: Jobs) -> None:
    made = await jobs.add()
    claim = await jobs.claim_one()
    await jobs.queue.progress(claim.id, claim.attempt, 0.5, "half\x00way")
    await jobs.queue.progress(claim.id, claim.attempt + 1, 0.9, "of another")
    row = await jobs.row(made)
    assert (row.progress, row.note) == (0.5, "half�way")
    await jobs.settle(claim, "queued")
    await jobs.claim_one()
    assert ((await jobs.row(made)).progress, (await jobs.row(made)).note) == (0.0, "")


# cancellation


async def test_a_queued_job_is_cancelled_at_once_and_may_be_retried(jobs: Jobs) -> None:
    made = await jobs.add()
    async with jobs.transaction() as tx:
        assert await jobs.queue.cancel(tx, made) == "cancelled"
        assert await jobs.queue.cancel(tx, made) is None
        assert await jobs.queue.cancel(tx, new_job().id) is None
    assert await jobs.claim() == []
    async with jobs.transaction() as tx:
        assert await jobs.queue.retry(tx, made)
    assert len(await jobs.claim()) == 1


async def test_the_worker_of_a_running_job_hears_of_its_cancellation_and_no_other_try_follows(jobs: Jobs) -> None:
    made = await jobs.add()
    claim = await jobs.claim_one()
    async with jobs.transaction() as tx:
        assert await jobs.queue.cancel(tx, made) == "running"
    assert await jobs.queue.renew([(claim.id, claim.attempt)], lease_s=LEASE_S) == {claim.id: True}
    assert await jobs.settle(claim, "queued", reason="failed meanwhile")
    assert (await jobs.row(made)).state == "cancelled"


async def test_a_job_that_is_done_before_its_cancellation_arrives_is_done(jobs: Jobs) -> None:
    made = await jobs.add()
    claim = await jobs.claim_one()
    async with jobs.transaction() as tx:
        await jobs.queue.cancel(tx, made)
    assert await jobs.settle(claim, "done")
    assert (await jobs.row(made)).state == "done"


@pytest.mark.parametrize("job_id", ["", "nonsense", "0" * 36])
async def test_what_is_no_id_is_a_bad_value(jobs: Jobs, job_id: str) -> None:
    for verb in (jobs.queue.cancel, jobs.queue.retry):
        with pytest.raises(BadValue):
            async with jobs.transaction() as tx:
                await verb(tx, job_id)
    with pytest.raises(BadValue):
        await jobs.queue.find(job_id)


# operators


async def test_pages_hold_jobs_of_a_state_and_a_name_the_newest_first(jobs: Jobs) -> None:
    made = [await jobs.add(name) for name in ("mail", "push", "mail", "mail")]
    await jobs.settle((await jobs.claim("mail"))[0], "dead", reason="no")

    async def page(**query: Any) -> list[str]:
        given = {"state": None, "name": None, "before": None, "limit": 10, **query}
        return [row.id for row in await jobs.queue.page(**given)]

    assert await page() == made[::-1]
    assert await page(limit=2, before=made[3]) == [made[2], made[1]]
    assert await page(name="push") == [made[1]]
    assert await page(state="dead") == [made[0]]
    assert await page(state="running", name="mail", before=made[3]) == [made[2]]


async def test_counts_are_of_what_waits_runs_or_is_dead(jobs: Jobs) -> None:
    for name in ("mail", "mail", "mail", "push", "push"):
        await jobs.add(name)
    done, dead, *_ = await jobs.claim("mail")
    await jobs.settle(done, "done")
    await jobs.settle(dead, "dead", reason="no")
    found = [(one.name, one.state, one.count) for one in await jobs.queue.counts()]
    assert found == [("mail", "dead", 1), ("mail", "running", 1), ("push", "queued", 2)]


async def test_what_has_ended_is_pruned_dead_jobs_later_and_open_ones_never(jobs: Jobs) -> None:
    await jobs.add("push")
    await jobs.add()
    await jobs.add()
    done, dead = await jobs.claim()
    await jobs.settle(done, "done")
    await jobs.settle(dead, "dead", reason="no")
    await jobs.pass_time(100)
    assert await jobs.queue.prune(kept_s=200, dead_kept_s=300, limit=10) == 0
    assert await jobs.queue.prune(kept_s=50, dead_kept_s=300, limit=10) == 1
    assert (await jobs.row(dead.id)).state == "dead"
    assert await jobs.queue.prune(kept_s=50, dead_kept_s=60, limit=10) == 1
    assert len(await jobs.claim("push")) == 1


# schedules


async def test_a_schedule_is_fired_once_by_whoever_moves_it(jobs: Jobs) -> None:
    now = await jobs.queue.now()
    await jobs.schedules.arrange("hourly", spec="3600", next_at=now + dt.timedelta(seconds=10))
    assert await jobs.schedules.due(["hourly"]) == []
    await jobs.pass_time(11)
    (due,) = await jobs.schedules.due(["hourly", "daily"])
    assert due.next_at <= due.at
    later = due.at + dt.timedelta(hours=1)
    async with jobs.transaction() as tx:
        assert await jobs.schedules.fire(tx, "hourly", expected=due.next_at, next_at=later)
    async with jobs.transaction() as tx:
        assert not await jobs.schedules.fire(tx, "hourly", expected=due.next_at, next_at=later)
    (row,) = await jobs.schedules.all()
    assert (row.next_at, row.fired_at is not None) == (later, True)


async def test_a_schedule_that_fails_to_enqueue_is_due_still(jobs: Jobs) -> None:
    await jobs.schedules.arrange("hourly", spec="3600", next_at=await jobs.queue.now())
    await jobs.pass_time(1)
    (due,) = await jobs.schedules.due(["hourly"])
    later = due.at + dt.timedelta(hours=1)
    fire = partial(jobs.schedules.fire, name="hourly", expected=due.next_at, next_at=later)
    await fails_after(jobs.transaction(), fire)
    assert len(await jobs.schedules.due(["hourly"])) == 1


async def test_a_schedule_keeps_its_time_until_its_spec_is_another(jobs: Jobs) -> None:
    now = await jobs.queue.now()
    first, second, third = (now + dt.timedelta(seconds=after) for after in (10, 20, 30))
    await jobs.schedules.arrange("hourly", spec="3600", next_at=first)
    await jobs.schedules.arrange("hourly", spec="3600", next_at=second)
    assert [row.next_at for row in await jobs.schedules.all()] == [first]
    await jobs.schedules.arrange("hourly", spec="1800", next_at=third)
    assert [(row.spec, row.next_at) for row in await jobs.schedules.all()] == [("1800", third)]


async def test_a_queued_job_of_a_name_is_seen(jobs: Jobs) -> None:
    async with jobs.transaction() as tx:
        assert not await jobs.schedules.waits(tx, "mail")
        await jobs.queue.enqueue(tx, [new_job()])
        assert await jobs.schedules.waits(tx, "mail")
    await jobs.claim_one()
    async with jobs.transaction() as tx:
        assert not await jobs.schedules.waits(tx, "mail")


async def test_nothing_is_done_while_the_queue_is_away() -> None:
    queue = MemoryJobQueue(now=lambda: dt.datetime(2026, 5, 1, tzinfo=dt.UTC))
    queue.is_away = True
    with pytest.raises(Unavailable):
        await queue.claim(["mail"], 1, worker="w1", lease_s=LEASE_S)
    with pytest.raises(Unavailable):
        async with queue.transaction():
            pytest.fail("a transaction begins")


async def test_the_successor_of_an_outcome_is_enqueued_if_the_attempt_is_the_current_one(jobs: Jobs) -> None:
    await jobs.add()
    claim = await jobs.claim_one()
    late = Outcome(id=claim.id, attempt=claim.attempt - 1, state="dead", successor=new_job("sorry"))
    assert await jobs.queue.settle([late]) == []
    assert await jobs.claim("sorry") == []
    assert await jobs.settle(claim, "dead", successor=new_job("sorry"))
    assert [one.name for one in await jobs.claim("sorry")] == ["sorry"]
