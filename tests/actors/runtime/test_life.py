"""Passivation, timers, tasks, stopping."""

from __future__ import annotations

import asyncio

import pytest

from actors.runtime import (
    Actor,
    ActorStopped,
    DomainError,
    LocalDirectory,
    LocalTransport,
    ManualClock,
    Node,
    Unavailable,
    handles,
)
from tests.actors.runtime.sample_actors import Echo, Promise, Put, Remind, Spawn, Stage, StopNow, Values, Wait, running


async def test_idle_actor_passivates_and_comes_back_with_its_state(stage: Stage, clock: ManualClock) -> None:
    async with running(stage, clock, idle_after_s=10) as node:
        ref = node.ref("recorder", "a")
        ref.tell(Put(value=1))
        await clock.advance(9)
        assert len(node.actors()) == 1
        await clock.advance(3)
        assert node.actors() == []
        assert await ref.ask(Values()) == [1]
        assert stage.diary == ["activate", "passivate", "activate"]


async def test_actor_without_idle_limit_stays(stage: Stage, clock: ManualClock) -> None:
    async with running(stage, clock, idle_after_s=None) as node:
        node.ref("recorder", "a").tell(Put(value=1))
        await clock.advance(1000)
        assert len(node.actors()) == 1


async def test_mail_while_passivating_is_kept_and_reactivates(stage: Stage, clock: ManualClock) -> None:
    stage.flush_gate.clear()
    async with running(stage, clock, idle_after_s=10) as node:
        ref = node.ref("recorder", "a")
        ref.tell(Put(value=1))
        await clock.advance(12)
        assert node.actors()[0].state == "passivating"
        ref.tell(Put(value=2))
        asked = asyncio.create_task(ref.ask(Values()))
        await clock.settle()
        stage.flush_gate.set()
        assert await asked == [1, 2]
        assert stage.diary == ["activate", "passivate", "activate"]


async def test_context_stop_passivates_and_waiting_mail_starts_it_again(stage: Stage, clock: ManualClock) -> None:
    async with running(stage, clock) as node:
        ref = node.ref("recorder", "a")
        for message in (Put(value=1), StopNow(), Put(value=2)):
            ref.tell(message)
        assert await ref.ask(Values()) == [1, 2]
        assert stage.diary == ["activate", "passivate", "activate"]


async def test_timer_tells_once_and_holds_the_actor_awake(stage: Stage, clock: ManualClock) -> None:
    async with running(stage, clock, idle_after_s=10) as node:
        ref = node.ref("recorder", "a")
        ref.tell(Remind(after_s=60, value=5))
        await clock.advance(59)
        assert stage.diary == ["activate"]
        await clock.advance(2)
        assert await ref.ask(Values()) == [5]
        await clock.advance(12)
        assert node.actors() == []


async def test_repeating_timer_repeats_and_does_not_hold_awake(stage: Stage, clock: ManualClock) -> None:
    async with running(stage, clock, idle_after_s=10) as node:
        ref = node.ref("recorder", "a")
        ref.tell(Remind(after_s=1, value=5, is_repeated=True))
        await clock.advance(3.5)
        assert await ref.ask(Values()) == [5, 5, 5]
        await clock.advance(15)
        assert node.actors() == []
        saved = len(stage.saved["a"])
        await clock.advance(20)
        assert len(stage.saved["a"]) == saved


async def test_repeating_timer_leaves_one_unread_tick_behind_a_slow_handler(stage: Stage, clock: ManualClock) -> None:
    stage.gate.clear()
    async with running(stage, clock) as node:
        ref = node.ref("recorder", "a")
        ref.tell(Remind(after_s=1, value=5, is_repeated=True))
        ref.tell(Wait(value=1))
        await clock.advance(10.5)
        assert node.actors()[0].unread == 1
        stage.gate.set()
        assert await ref.ask(Values()) == [1, 5]
        await clock.advance(1)
        assert await ref.ask(Values()) == [1, 5, 5]


async def test_spawned_task_is_cancelled_when_the_actor_stops(stage: Stage, clock: ManualClock) -> None:
    async with running(stage, clock) as node:
        ref = node.ref("recorder", "a")
        ref.tell(Spawn())
        await clock.settle()
        assert node.actors()[0].tasks == 1
        ref.tell(StopNow())
        await clock.settle()
        assert stage.spawned[0].cancelled()
        assert node.actors() == []


async def test_promised_answer_becomes_actor_stopped_when_the_actor_goes(stage: Stage, clock: ManualClock) -> None:
    async with running(stage, clock) as node:
        ref = node.ref("recorder", "a")
        promised = asyncio.create_task(ref.ask(Promise()))
        await clock.settle()
        ref.tell(StopNow())
        with pytest.raises(ActorStopped):
            await promised


async def test_passivation_past_the_patience_is_given_up(stage: Stage, clock: ManualClock) -> None:
    stage.flush_gate.clear()
    async with running(stage, clock, patience_s=5) as node:
        ref = node.ref("recorder", "a")
        ref.tell(StopNow())
        await clock.advance(4)
        assert node.actors()[0].state == "passivating"
        asked = asyncio.create_task(ref.ask(Echo(value=1), timeout_s=30))
        await clock.advance(3)
        assert await asked == 1
        stage.flush_gate.set()


async def test_node_stop_handles_unread_mail_then_passivates_all(stage: Stage, clock: ManualClock) -> None:
    async with running(stage, clock) as node:
        refs = [node.ref("recorder", str(number)) for number in range(50)]
        for ref in refs:
            ref.tell(Put(value=1))
            ref.tell(Put(value=2))
        await node.stop(budget_s=5)
        assert stage.saved == {str(number): [1, 2] for number in range(50)}
        assert node.actors() == []
        with pytest.raises(Unavailable):
            refs[0].tell(Put(value=3))
        with pytest.raises(Unavailable):
            await refs[0].ask(Values())


async def test_node_stop_past_its_budget_answers_every_ask(stage: Stage, clock: ManualClock) -> None:
    stage.gate.clear()
    async with running(stage, clock) as node:
        ref = node.ref("recorder", "a")
        asks = [asyncio.create_task(ref.ask(Wait(value=value), timeout_s=600)) for value in range(5)]
        asks.append(asyncio.create_task(node.ref("recorder", "b").ask(Promise(), timeout_s=600)))
        await clock.settle()
        stopping = asyncio.create_task(node.stop(budget_s=3))
        await clock.settle()
        with pytest.raises(Unavailable):
            ref.tell(Put(value=1))
        await clock.advance(3)
        await stopping
        assert all(isinstance(error, ActorStopped) for error in await asyncio.gather(*asks, return_exceptions=True))
        assert node.actors() == []


async def test_full_node_refuses_new_actors_only(stage: Stage, clock: ManualClock) -> None:
    async with running(stage, clock) as node:
        node.most_actors = 1
        assert await node.ref("recorder", "a").ask(Echo(value=1)) == 1
        with pytest.raises(Unavailable, match="full"):
            node.ref("recorder", "b").tell(Put(value=1))
        assert await node.ref("recorder", "a").ask(Echo(value=2)) == 2


class Nobody(Actor):
    async def activate(self) -> None:
        raise DomainError("not_found", "There is no such thing.")

    @handles(Values)
    def values(self, message: Values) -> list[int]:
        return []


async def test_refusal_to_activate_answers_who_waits_and_is_no_crash(clock: ManualClock) -> None:
    node = Node(name="n", clock=clock, directory=LocalDirectory(node="n"), transport=LocalTransport())
    node.register("nobody", lambda _: Nobody())
    await node.start()
    asking = asyncio.ensure_future(node.ref("nobody", "1").ask(Values()))
    await clock.settle()
    with pytest.raises(DomainError, match="no such thing"):
        await asking
    assert node.actors() == []
    await node.stop(budget_s=1)
