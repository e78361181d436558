"""Crashes, restarts, parking, fencing."""

from __future__ import annotations

import asyncio

import pytest

from actors.runtime import (
    ActorCrashed,
    ActorStopped,
    DeadlineExceeded,
    Lost,
    ManualClock,
    RestartPolicy,
    Unavailable,
)
from actors.runtime.supervisor import CrashRecord
from tests.actors.runtime.sample_actors import (
    BeFenced,
    Crash,
    CrashAsked,
    Echo,
    Promise,
    Put,
    Spawn,
    Stage,
    Values,
    Wait,
    running,
)

POLICY = RestartPolicy(restarts=2, window_s=60, backoff_s=1, cooldown_s=30)


def test_back_off_doubles_up_to_its_most_and_then_gives_up() -> None:
    record = CrashRecord(RestartPolicy(restarts=4, window_s=60, backoff_s=1, backoff_max_s=3))
    assert [record.add(now) for now in (0, 1, 2, 3, 4)] == [1, 2, 3, 3, None]


def test_crashes_outside_the_window_are_forgotten() -> None:
    record = CrashRecord(RestartPolicy(restarts=1, window_s=10, backoff_s=1))
    assert [record.add(now) for now in (0, 11, 22)] == [1, 1, 1]


async def test_crash_answers_its_asker_and_mail_waits_for_the_restart(stage: Stage, clock: ManualClock) -> None:
    async with running(stage, clock, restarts=POLICY) as node:
        ref = node.ref("recorder", "a")
        ref.tell(Put(value=1))
        crashed = asyncio.create_task(ref.ask(CrashAsked()))
        after = asyncio.create_task(ref.ask(Values()))
        await clock.settle()
        with pytest.raises(ActorCrashed, match="ValueError"):
            await crashed
        assert node.actors()[0].state == "backing off"
        ref.tell(Put(value=2))
        assert not after.done()
        await clock.advance(1)
        assert await after == []
        assert await ref.ask(Values()) == [2]
        assert stage.diary == ["activate", "activate"]
        assert node.actors()[0].restarts == 1


async def test_crash_in_async_handler_answers_its_asker(stage: Stage, clock: ManualClock) -> None:
    stage.gate.clear()
    async with running(stage, clock, restarts=POLICY) as node:
        ref = node.ref("recorder", "a")
        ref.tell(Spawn(is_failing=True))
        waiting = asyncio.create_task(ref.ask(Wait(value=1)))
        await clock.settle()
        stage.gate.set()
        with pytest.raises(ActorCrashed):
            await waiting
        await clock.advance(1)
        assert await ref.ask(Values()) == []


async def test_crash_of_a_spawned_task_crashes_the_actor(stage: Stage, clock: ManualClock) -> None:
    async with running(stage, clock, restarts=POLICY) as node:
        ref = node.ref("recorder", "a")
        promised = asyncio.create_task(ref.ask(Promise()))
        await clock.settle()
        ref.tell(Spawn(is_failing=True))
        with pytest.raises(ActorStopped):
            await promised
        assert node.actors()[0].state == "backing off"


async def test_restarts_past_the_budget_park_the_actor_until_it_cooled_down(stage: Stage, clock: ManualClock) -> None:
    async with running(stage, clock, restarts=POLICY) as node:
        ref = node.ref("recorder", "a")
        for _ in range(3):
            ref.tell(Crash())
        unread = asyncio.create_task(ref.ask(Values(), timeout_s=60))
        await clock.advance(1 + 2)
        with pytest.raises(Unavailable) as caught:
            await unread
        assert caught.value.retry_after_s == 30
        (info,) = node.actors()
        assert (info.state, info.parked_reason) == ("parked", "ValueError: on purpose")
        await clock.advance(10)
        with pytest.raises(Unavailable) as caught:
            ref.tell(Put(value=1))
        assert caught.value.retry_after_s == pytest.approx(20)
        await clock.advance(20)
        assert await ref.ask(Echo(value=1)) == 1


async def test_one_that_fails_all_the_time_is_parked_and_a_thousand_others_hear_everything(
    stage: Stage, clock: ManualClock
) -> None:
    turns, policy = 6_000, RestartPolicy()
    async with running(stage, clock, restarts=policy) as node:
        failing, others = node.ref("recorder", "failing"), [node.ref("recorder", f"{n}") for n in range(999)]
        refused = 0
        for turn in range(turns):
            try:
                failing.tell(Crash())
            except Unavailable:
                refused += 1
            for number in range(turn % 100, 999, 100):
                others[number].tell(Put(value=turn))
            await clock.advance(0.01)
        heard = await asyncio.gather(*(other.ask(Values()) for other in others))
        assert heard == [list(range(number % 100, turns, 100)) for number in range(999)]
        (parked,) = [info for info in node.actors() if info.restarts or info.state != "active"]
        assert (parked.id, parked.state) == (failing.id, "parked")
        assert parked.parked_reason == "ValueError: on purpose"
        assert parked.restarts <= 2 * policy.restarts  # its budget, and what the end of its cool-down brings
        assert refused > 0.85 * turns


async def test_unpark_ends_the_cool_down(stage: Stage, clock: ManualClock) -> None:
    async with running(stage, clock, restarts=RestartPolicy(restarts=0)) as node:
        ref = node.ref("recorder", "a")
        ref.tell(Crash())
        await clock.settle()
        with pytest.raises(Unavailable):
            await ref.ask(Values())
        assert node.unpark(ref.id)
        assert not node.unpark(ref.id)
        assert await ref.ask(Values()) == []


async def test_failing_activation_is_retried_and_keeps_the_mail(stage: Stage, clock: ManualClock) -> None:
    stage.failures_to_activate = 2
    async with running(stage, clock, restarts=POLICY) as node:
        asked = asyncio.create_task(node.ref("recorder", "a").ask(Echo(value=4), timeout_s=10))
        await clock.advance(1 + 2)
        assert await asked == 4


async def test_crashed_actor_does_not_passivate(stage: Stage, clock: ManualClock) -> None:
    async with running(stage, clock, restarts=POLICY) as node:
        ref = node.ref("recorder", "a")
        ref.tell(Put(value=1))
        ref.tell(Crash())
        await clock.advance(1)
        assert "passivate" not in stage.diary
        assert await ref.ask(Values()) == []


async def test_async_handler_past_the_patience_crashes(stage: Stage, clock: ManualClock) -> None:
    stage.gate.clear()
    async with running(stage, clock, restarts=POLICY, patience_s=5) as node:
        ref = node.ref("recorder", "a")
        waiting = asyncio.create_task(ref.ask(Wait(value=1), timeout_s=60))
        await clock.advance(4)
        assert not waiting.done()
        await clock.advance(2)
        with pytest.raises(ActorCrashed, match=DeadlineExceeded.__name__):
            await waiting


async def test_fenced_actor_goes_without_flush_and_its_askers_may_retry(stage: Stage, clock: ManualClock) -> None:
    async with running(stage, clock) as node:
        ref = node.ref("recorder", "a")
        asks = [asyncio.create_task(ref.ask(message)) for message in (BeFenced(), Values())]
        await clock.settle()
        errors = await asyncio.gather(*asks, return_exceptions=True)
        assert [type(error) for error in errors] == [Lost, Lost]
        assert node.actors() == []
        assert stage.diary == ["activate"]


async def test_node_stop_answers_mail_of_an_actor_that_backs_off(stage: Stage, clock: ManualClock) -> None:
    async with running(stage, clock, restarts=POLICY) as node:
        ref = node.ref("recorder", "a")
        ref.tell(Crash())
        unread = asyncio.create_task(ref.ask(Values(), timeout_s=60))
        await clock.settle()
        await node.stop(budget_s=1)
        with pytest.raises(ActorStopped):
            await unread
