"""Jobs that are enqueued by themselves: once in the cluster, whoever looks."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from server.jobs import Attempt, Job, Schedule
from server.jobs.scheduler import LOOK_S
from tests.server.jobs.conftest import Greeting, JobsFixture


async def nothing(attempt: Attempt[Greeting]) -> None: ...


JOB = Job(name="tidy", body=Greeting, run=nothing)
AT = dt.datetime(2026, 5, 1, 12, tzinfo=dt.UTC)


def every(seconds: float, **more: Any) -> Schedule:
    return Schedule(name="tidy", job=JOB, every_s=seconds, **more)


async def test_of_many_nodes_one_enqueues_the_job_of_each_time(routes: JobsFixture) -> None:
    routes.worker(JOB)
    for _ in range(3):
        routes.scheduler(every(60, body=Greeting(to="the cellar")))
    await routes.clock.advance(59)
    assert len(await routes.states()) == 1
    await routes.clock.advance(120)
    assert await routes.states() == ["done"] * 3


async def test_times_that_nobody_saw_are_made_up_for_once(routes: JobsFixture) -> None:
    routes.worker(JOB)
    first = routes.scheduler(every(60))
    await routes.clock.advance(1)
    await first.close()
    await routes.clock.advance(1_000)
    routes.scheduler(every(60))
    await routes.clock.advance(2)
    assert len(await routes.states()) == 2
    await routes.clock.advance(60)
    assert len(await routes.states()) == 3


async def test_nothing_is_added_while_the_job_of_before_has_not_begun(routes: JobsFixture) -> None:
    routes.scheduler(every(60))
    await routes.clock.advance(300)
    assert await routes.states() == ["queued"]


async def test_a_database_that_is_away_only_delays_a_schedule(routes: JobsFixture) -> None:
    routes.worker(JOB)
    routes.queue.is_away = True
    routes.scheduler(every(60))
    await routes.clock.advance(10)
    routes.queue.is_away = False
    await routes.clock.advance(2 * LOOK_S)
    assert await routes.states() == ["done"]


def test_the_time_after_one_that_was_in_time_keeps_the_beat() -> None:
    hour = dt.timedelta(hours=1)
    assert every(3_600).next_after(AT, AT + dt.timedelta(seconds=3)) == AT + hour
    assert every(3_600).next_after(AT, AT + 5 * hour) == AT + 6 * hour
    daily = Schedule(name="tidy", job=JOB, cron="30 3 * * *")
    assert daily.first(AT) == daily.next_after(AT, AT) == dt.datetime(2026, 5, 2, 3, 30, tzinfo=dt.UTC)


@pytest.mark.parametrize("wrong", [{}, {"every_s": 60, "cron": "* * * * *"}, {"cron": "never"}, {"every_s": 0.5}])
def test_a_schedule_has_one_time_that_comes(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        Schedule(name="tidy", job=JOB, **wrong)
