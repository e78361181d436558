"""What a worker does with a job that runs, fails, hangs, is cancelled or loses its worker."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from server.jobs import Attempt, GiveUp, Job, RetryLater
from server.jobs.worker import LEASE_S, LOST, POLL_S, backoff_s
from storage.jobs.rows import Superseded
from tests.server.jobs.conftest import Greeting, JobsFixture


class Post:
    """A job whose handler notes each attempt and then does what it is told."""

    def __init__(self, **bounds: Any) -> None:
        self.met: list[tuple[str, int]] = []
        self.at_once = self.most_at_once = 0
        self.fails: Exception | None = None
        self.gate: asyncio.Event | None = None
        self.job = Job(name="greet", body=Greeting, run=self._run, **bounds)

    async def _run(self, attempt: Attempt[Greeting]) -> None:
        self.met.append((attempt.body.to, attempt.number))
        self.at_once += 1
        self.most_at_once = max(self.at_once, self.most_at_once)
        try:
            if self.gate is not None:
                await self.gate.wait()
            if self.fails is not None:
                raise self.fails
        finally:
            self.at_once -= 1


async def test_an_enqueued_job_is_run_at_once_and_done(routes: JobsFixture) -> None:
    post = Post()
    routes.worker(post.job)
    await routes.clock.settle()
    made = await routes.enqueue(post.job, Greeting(to="ada"))
    await routes.clock.settle()
    assert (post.met, (await routes.row(made)).state) == ([("ada", 1)], "done")


async def test_without_a_notice_a_job_is_found_by_looking(routes: JobsFixture) -> None:
    post = Post()
    routes.worker(post.job)
    await routes.clock.settle()
    routes.queue.on_notify = lambda _: None
    await routes.enqueue(post.job)
    await routes.clock.settle()
    assert post.met == []
    await routes.clock.advance(POLL_S)
    assert post.met == [("all", 1)]


async def test_no_more_jobs_run_at_once_than_there_are_slots(routes: JobsFixture) -> None:
    post = Post()
    post.gate = asyncio.Event()
    worker = routes.worker(post.job, slots=3)
    await routes.enqueue(post.job, *[Greeting()] * 8)
    await routes.clock.settle()
    assert (post.at_once, worker.running, list(await routes.states()).count("running")) == (3, 3, 3)
    post.gate.set()
    await routes.clock.advance(POLL_S)
    assert (post.most_at_once, set(await routes.states())) == (3, {"done"})


@pytest.mark.parametrize("bound", ["at_once", "at_once_on_node"])
async def test_a_kind_keeps_to_its_bound_and_leaves_the_other_slots_free(routes: JobsFixture, bound: str) -> None:
    post, other = Post(**{bound: 2}), Post()
    post.gate = asyncio.Event()
    free = Job(name="free", body=Greeting, run=other.job.run)
    routes.worker(post.job, free)
    await routes.enqueue(post.job, *[Greeting()] * 5)
    await routes.enqueue(free)
    await routes.clock.settle()
    assert (post.at_once, len(other.met)) == (2, 1)
    post.gate.set()
    await routes.clock.advance(5 * POLL_S)
    assert (post.most_at_once, len(post.met)) == (2, 5)


async def test_a_bound_of_the_cluster_holds_across_workers_and_one_of_a_node_does_not(routes: JobsFixture) -> None:
    ours, theirs = Post(at_once=2), Post(at_once_on_node=2)
    ours.gate = theirs.gate = asyncio.Event()
    other = Job(name="other", body=Greeting, run=theirs.job.run, at_once_on_node=2)
    for name in ("w1", "w2"):
        routes.worker(ours.job, other, name=name, slots=8)
    await routes.enqueue(ours.job, *[Greeting()] * 6)
    await routes.enqueue(other, *[Greeting()] * 6)
    await routes.clock.advance(POLL_S)
    assert (ours.at_once, theirs.at_once) == (2, 4)


# failures


async def test_a_failure_is_tried_again_after_growing_pauses_until_the_job_is_dead(routes: JobsFixture) -> None:
    post = Post(tries=3)
    post.fails = ValueError("no such door")
    routes.worker(post.job)
    made = await routes.enqueue(post.job)
    await routes.clock.settle()
    row = await routes.row(made)
    assert (row.state, row.reason, row.due_at.timestamp() - routes.clock.time()) == (
        "queued",
        "ValueError: no such door",
        1.0,
    )
    await routes.clock.advance(10)
    assert [number for _, number in post.met] == [1, 2, 3]
    assert ((await routes.row(made)).state, (await routes.row(made)).reason) == ("dead", "ValueError: no such door")


async def test_a_handler_may_give_up_or_say_when_to_try_again(routes: JobsFixture) -> None:
    post = Post()
    routes.worker(post.job)
    post.fails = RetryLater("come on Monday", after_s=500)
    made = await routes.enqueue(post.job)
    await routes.clock.advance(499)
    assert ((await routes.row(made)).reason, len(post.met)) == ("come on Monday", 1)
    post.fails = GiveUp("she has moved")
    await routes.clock.advance(3)
    assert ((await routes.row(made)).state, (await routes.row(made)).reason) == ("dead", "she has moved")


async def test_a_job_that_hangs_is_ended_after_its_time(routes: JobsFixture) -> None:
    post = Post(timeout_s=20, tries=1)
    post.gate = asyncio.Event()
    routes.worker(post.job)
    made = await routes.enqueue(post.job)
    await routes.clock.advance(19)
    assert post.at_once == 1
    await routes.clock.advance(2)
    assert (post.at_once, (await routes.row(made)).reason) == (0, "it was not done within 20 s")


async def test_a_body_that_does_not_fit_is_a_failure_like_another(routes: JobsFixture) -> None:
    class Other(Greeting, frozen=True):
        to: int = 3  # type: ignore[assignment]

    post = Post(tries=1)
    routes.worker(post.job)
    made = await routes.enqueue(Job(name="greet", body=Other, run=post.job.run), Other())
    await routes.clock.settle()
    row = await routes.row(made)
    assert (row.state, post.met) == ("dead", [])
    assert "Expected `str`, got `int`" in (row.reason or "")


@pytest.mark.parametrize(
    ("tries", "least", "most"), [(1, 0.5, 1), (2, 1, 2), (5, 8, 16), (13, 1800, 3600), (99, 1800, 3600)]
)
def test_the_pause_doubles_up_to_an_hour_and_is_spread_by_chance(tries: int, least: float, most: float) -> None:
    assert (backoff_s(tries, 0.0), backoff_s(tries, 1.0)) == (least, most)


# workers that go


async def test_a_try_of_a_worker_that_was_killed_counts_and_another_worker_goes_on(routes: JobsFixture) -> None:
    post = Post(tries=2)
    made = await routes.enqueue(post.job)
    await _killed(routes)
    routes.worker(post.job)
    await routes.clock.advance(LEASE_S)
    assert post.met == []
    await routes.clock.advance(LEASE_S / 3 + 2)
    assert (post.met, (await routes.row(made)).reason) == ([("all", 2)], LOST)


async def test_a_job_that_kills_its_worker_each_time_is_dead_after_its_tries(routes: JobsFixture) -> None:
    post = Post(tries=1)
    made = await routes.enqueue(post.job)
    await _killed(routes)
    routes.worker(post.job)
    await routes.clock.advance(2 * LEASE_S)
    row = await routes.row(made)
    assert (post.met, row.state, row.tries, row.reason) == ([], "dead", 1, LOST)


async def _killed(routes: JobsFixture) -> None:
    """A worker has claimed what is there and is never heard of again."""
    assert await routes.queue.claim(["greet"], 9, worker="w0", lease_s=LEASE_S)


async def test_the_lease_of_a_job_that_takes_long_is_renewed(routes: JobsFixture) -> None:
    post = Post(timeout_s=10_000)
    post.gate = asyncio.Event()
    routes.worker(post.job)
    made = await routes.enqueue(post.job)
    routes.worker(post.job, name="w2")
    await routes.clock.advance(10 * LEASE_S)
    assert (post.met, (await routes.row(made)).tries) == ([("all", 1)], 1)


async def test_an_attempt_that_was_taken_over_is_ended_and_writes_nothing(routes: JobsFixture) -> None:
    post = Post(timeout_s=10_000)
    post.gate = asyncio.Event()
    worker = routes.worker(post.job)
    made = await routes.enqueue(post.job)
    await routes.clock.settle()
    routes.queue.is_away = True
    await routes.clock.advance(LEASE_S + 1)
    routes.queue.is_away = False
    (lost,) = await routes.queue.take_lost(["greet"], 9, lease_s=1_000)
    await routes.clock.advance(LEASE_S)
    assert (post.at_once, worker.running) == (0, 0)
    row = await routes.row(made)
    assert (row.state, row.reason, lost.attempt) == ("running", None, 2)


async def test_what_a_superseded_attempt_would_commit_is_refused(routes: JobsFixture) -> None:
    refused: list[Exception] = []

    async def run(attempt: Attempt[Greeting]) -> None:
        routes.queue._rows[attempt.job_id] = _raised(routes, attempt.job_id)
        try:
            async with attempt.finish():
                pytest.fail("an attempt that was superseded commits")
        except Superseded as error:
            refused.append(error)
            raise

    job = Job(name="greet", body=Greeting, run=run)
    worker = routes.worker(job)
    made = await routes.enqueue(job)
    await routes.clock.settle()
    assert (len(refused), worker.running, (await routes.row(made)).state) == (1, 0, "running")


def _raised(routes: JobsFixture, job_id: str) -> Any:
    import msgspec

    return msgspec.structs.replace(routes.queue._rows[job_id], attempt=9)


async def test_what_an_attempt_commits_with_its_end_is_done_and_not_written_twice(routes: JobsFixture) -> None:
    made_here: list[str | None] = []

    async def run(attempt: Attempt[Greeting]) -> None:
        async with attempt.finish() as tx:
            made_here.append(await routes.jobs.enqueue(tx, Post().job, Greeting(), key="follow-up"))

    job = Job(name="first", body=Greeting, run=run)
    worker = routes.worker(job)
    made = await routes.enqueue(job)
    await routes.clock.settle()
    assert ((await routes.row(made)).state, len(made_here), worker.running) == ("done", 1, 0)
    assert worker.ended == {("first", "done"): 1}


async def test_a_worker_outlives_its_database_and_writes_the_end_when_it_is_back(routes: JobsFixture) -> None:
    post = Post()
    post.gate = asyncio.Event()
    worker = routes.worker(post.job, slots=1)
    first, second = await routes.enqueue(post.job), await routes.enqueue(post.job)
    await routes.clock.settle()
    routes.queue.is_away = True
    post.gate.set()
    await routes.clock.advance(5)
    assert (worker.running, len(post.met)) == (1, 1)
    routes.queue.is_away = False
    await routes.clock.advance(2)
    assert [(await routes.row(one)).state for one in (first, second)] == ["done", "done"]
    assert [number for _, number in post.met] == [1, 1]


# cancellation, progress, the end


async def test_a_running_job_is_ended_as_soon_as_its_cancellation_is_heard_of(routes: JobsFixture) -> None:
    post = Post()
    post.gate = asyncio.Event()
    routes.worker(post.job)
    made = await routes.enqueue(post.job)
    await routes.clock.settle()
    async with routes.queue.transaction() as tx:
        assert await routes.jobs.cancel(tx, made) == "running"
    await routes.clock.settle()
    await routes.clock.advance(POLL_S)
    assert (post.at_once, (await routes.row(made)).state, len(post.met)) == (0, "cancelled", 1)


async def test_progress_is_written_at_most_twice_a_second(routes: JobsFixture) -> None:
    gate = asyncio.Event()

    async def run(attempt: Attempt[Greeting]) -> None:
        await attempt.progress(0.25, "a quarter")
        await attempt.progress(0.3, "left out")
        await routes.clock.sleep(0.5)
        await attempt.progress(7, "more than all")
        await gate.wait()

    job = Job(name="long", body=Greeting, run=run)
    routes.worker(job)
    made = await routes.enqueue(job)
    await routes.clock.settle()
    assert ((await routes.row(made)).progress, (await routes.row(made)).note) == (0.25, "a quarter")
    await routes.clock.advance(0.5)
    assert ((await routes.row(made)).progress, (await routes.row(made)).note) == (1.0, "more than all")


async def test_a_worker_that_stops_lets_jobs_end_and_gives_back_what_takes_longer(routes: JobsFixture) -> None:
    quick, slow = Post(), Post()
    quick.gate, slow.gate = asyncio.Event(), asyncio.Event()
    endless = Job(name="endless", body=Greeting, run=slow.job.run)
    worker = routes.worker(quick.job, endless, slots=2)
    first, second = await routes.enqueue(quick.job), await routes.enqueue(endless)
    third = await routes.enqueue(quick.job)
    await routes.clock.settle()
    closing = asyncio.ensure_future(worker.close(budget_s=5))
    await routes.clock.advance(1)
    quick.gate.set()
    await routes.clock.advance(3)
    assert not closing.done()
    await routes.clock.advance(2)
    assert closing.done()
    rows = [await routes.row(one) for one in (first, second, third)]
    assert [(row.state, row.tries) for row in rows] == [("done", 1), ("queued", 0), ("queued", 0)]


@pytest.mark.parametrize(
    "wrong",
    [{"name": "No"}, {"name": "a" * 81}, {"tries": 0}, {"timeout_s": 0}, {"at_once": 0}, {"at_once_on_node": -1}],
)
def test_a_kind_with_a_bound_or_a_name_that_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        Job(**{"name": "greet", "body": Greeting, "run": Post().job.run, **wrong})


class Mourned:
    """A job that another one follows when it is dead."""

    def __init__(self, post: Post, **bounds: Any) -> None:
        self.told: list[str] = []
        self.after = Job(name="sorry", body=Greeting, run=self._run)
        self.job = Job(name="greet", body=Greeting, run=post.job.run, when_dead=self.after, **bounds)

    async def _run(self, attempt: Attempt[Greeting]) -> None:
        self.told.append(attempt.body.to)


async def test_the_job_of_a_dead_one_follows_it_at_once_with_its_body(routes: JobsFixture) -> None:
    post = Post()
    post.fails = GiveUp("nobody is there")
    mourned = Mourned(post)
    routes.worker(mourned.job, mourned.after)
    await routes.enqueue(mourned.job, Greeting(to="ada"))
    await routes.clock.settle()
    await routes.clock.advance(POLL_S)
    assert (mourned.told, sorted(await routes.states())) == (["ada"], ["dead", "done"])


async def test_it_follows_one_whose_worker_was_killed_at_the_last_try(routes: JobsFixture) -> None:
    mourned = Mourned(Post(), tries=1)
    await routes.enqueue(mourned.job, Greeting(to="ada"))
    await routes.queue.claim(["greet"], 1, worker="killed", lease_s=LEASE_S)
    routes.worker(mourned.job, mourned.after)
    await routes.clock.advance(2 * LEASE_S)
    assert (mourned.told, sorted(await routes.states())) == (["ada"], ["dead", "done"])


async def test_it_does_not_follow_one_that_is_tried_again_or_cancelled(routes: JobsFixture) -> None:
    post = Post()
    post.fails = ValueError("not today")
    mourned = Mourned(post)
    routes.worker(mourned.job, mourned.after)
    made = await routes.enqueue(mourned.job)
    await routes.clock.settle()
    await routes.queue.cancel(None, made)
    await routes.clock.advance(2 * LEASE_S)
    assert (mourned.told, await routes.states()) == ([], ["cancelled"])


def test_a_job_that_follows_must_be_among_those_of_the_worker(routes: JobsFixture) -> None:
    with pytest.raises(ValueError, match="is to be among"):
        routes.worker(Mourned(Post()).job)
