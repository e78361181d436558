"""Telling, asking, bounds, deadlines."""

from __future__ import annotations

import asyncio

import pytest

from actors.runtime import DeadlineExceeded, DomainError, MailboxFull, ManualClock, Unhandled, UnknownKind
from tests.actors.runtime.sample_actors import Echo, Keep, Promise, Put, Refuse, Stage, Unknown, Values, Wait, running


async def test_first_message_activates_and_order_is_kept(stage: Stage, clock: ManualClock) -> None:
    async with running(stage, clock) as node:
        ref = node.ref("recorder", "a")
        assert node.actors() == []
        for value in range(1000):
            ref.tell(Put(value=value))
        assert await ref.ask(Values()) == list(range(1000))
        assert stage.diary == ["activate"]


async def test_two_refs_to_one_id_reach_one_actor(stage: Stage, clock: ManualClock) -> None:
    async with running(stage, clock) as node:
        node.ref("recorder", "a").tell(Put(value=1))
        node.ref("recorder", "a").tell(Put(value=2))
        assert await node.ref("recorder", "a").ask(Values()) == [1, 2]
        assert await node.ref("recorder", "b").ask(Values()) == []


async def test_async_handler_makes_the_mailbox_wait(stage: Stage, clock: ManualClock) -> None:
    stage.gate.clear()
    async with running(stage, clock) as node:
        ref = node.ref("recorder", "a")
        waiting = asyncio.create_task(ref.ask(Wait(value=1)))
        await clock.settle()
        ref.tell(Put(value=2))
        await clock.settle()
        assert node.actors()[0].unread == 1
        stage.gate.set()
        assert await waiting == 1
        assert await ref.ask(Values()) == [1, 2]


async def test_later_lets_the_mailbox_go_on(stage: Stage, clock: ManualClock) -> None:
    async with running(stage, clock) as node:
        ref = node.ref("recorder", "a")
        promised = asyncio.create_task(ref.ask(Promise()))
        await clock.settle()
        assert await ref.ask(Echo(value=3)) == 3
        assert node.actors()[0].promised == 1
        ref.tell(Keep(value=9))
        assert await promised == 9


async def test_domain_error_reaches_the_asker_and_spares_the_actor(stage: Stage, clock: ManualClock) -> None:
    async with running(stage, clock) as node:
        ref = node.ref("recorder", "a")
        ref.tell(Put(value=1))
        with pytest.raises(DomainError) as caught:
            await ref.ask(Refuse())
        assert (caught.value.code, caught.value.retry_after_s, caught.value.field) == ("too_soon", 1.5, "value")
        assert await ref.ask(Values()) == [1]
        assert stage.diary == ["activate"]


async def test_domain_error_for_a_told_ask_is_a_dead_letter(stage: Stage, clock: ManualClock) -> None:
    async with running(stage, clock) as node:
        node.ref("recorder", "a").tell(Refuse())
        await clock.settle()
        assert node.dead_letters.counts == {"too_soon": 1}


async def test_message_without_handler_is_unhandled(stage: Stage, clock: ManualClock) -> None:
    async with running(stage, clock) as node:
        with pytest.raises(Unhandled):
            await node.ref("recorder", "a").ask(Unknown())
        assert [letter.message for letter in node.dead_letters.last] == ["Unknown"]


async def test_unregistered_kind_is_unknown(stage: Stage, clock: ManualClock) -> None:
    async with running(stage, clock) as node:
        with pytest.raises(UnknownKind):
            node.ref("nobody", "a")


async def test_ask_past_its_deadline_raises_and_takes_the_message_out(stage: Stage, clock: ManualClock) -> None:
    stage.gate.clear()
    async with running(stage, clock) as node:
        ref = node.ref("recorder", "a")
        busy = asyncio.create_task(ref.ask(Wait(value=1), timeout_s=60))
        unread = asyncio.create_task(ref.ask(Wait(value=2), timeout_s=1))
        await clock.advance(0.99)
        assert not unread.done()
        assert node.actors()[0].unread == 1
        await clock.advance(0.04)
        with pytest.raises(DeadlineExceeded, match="recorder/a"):
            await unread
        assert node.actors()[0].unread == 0
        stage.gate.set()
        assert await busy == 1
        assert await ref.ask(Values()) == [1]


async def test_cancelled_ask_takes_the_message_out(stage: Stage, clock: ManualClock) -> None:
    stage.gate.clear()
    async with running(stage, clock) as node:
        ref = node.ref("recorder", "a")
        busy = asyncio.create_task(ref.ask(Wait(value=1)))
        unread = asyncio.create_task(ref.ask(Wait(value=2)))
        await clock.settle()
        unread.cancel()
        with pytest.raises(asyncio.CancelledError):
            await unread
        assert node.actors()[0].unread == 0
        stage.gate.set()
        await busy
        assert await ref.ask(Values()) == [1]


async def test_full_mailbox_refuses_tell_and_ask_at_once(stage: Stage, clock: ManualClock) -> None:
    stage.gate.clear()
    async with running(stage, clock, mailbox=2) as node:
        ref = node.ref("recorder", "a")
        ref.tell(Wait(value=0))
        await clock.settle()
        ref.tell(Put(value=1))
        ref.tell(Put(value=2))
        with pytest.raises(MailboxFull):
            ref.tell(Put(value=3))
        with pytest.raises(MailboxFull):
            await ref.ask(Values())
        stage.gate.set()
        await clock.settle()
        assert await ref.ask(Values()) == [0, 1, 2]


async def test_drop_oldest_answers_the_ask_it_pushes_out(stage: Stage, clock: ManualClock) -> None:
    stage.gate.clear()
    async with running(stage, clock, mailbox=2, policy="drop_oldest") as node:
        ref = node.ref("recorder", "a")
        ref.tell(Wait(value=0))
        await clock.settle()
        pushed = asyncio.create_task(ref.ask(Echo(value=1)))
        await clock.settle()
        for value in (2, 3, 4):
            ref.tell(Put(value=value))
        with pytest.raises(MailboxFull):
            await pushed
        stage.gate.set()
        await clock.settle()
        assert await ref.ask(Values()) == [0, 3, 4]
        assert node.dead_letters.counts == {"mailbox_full": 1}


async def test_latest_keeps_only_the_newest_of_each_type(stage: Stage, clock: ManualClock) -> None:
    stage.gate.clear()
    async with running(stage, clock, policy="latest") as node:
        ref = node.ref("recorder", "a")
        ref.tell(Wait(value=0))
        await clock.settle()
        for value in (1, 2, 3):
            ref.tell(Put(value=value))
        assert node.actors()[0].unread == 1
        assert node.dead_letters.counts == {"displaced": 2}
        stage.gate.set()
        assert await ref.ask(Values()) == [0, 3]


async def test_one_busy_actor_does_not_hold_up_another(stage: Stage, clock: ManualClock) -> None:
    async with running(stage, clock, mailbox=100_000) as node:
        busy, other = node.ref("recorder", "busy"), node.ref("recorder", "other")
        await asyncio.gather(busy.ask(Values()), other.ask(Values()))
        for value in range(50_000):
            busy.tell(Put(value=value))
        assert await other.ask(Echo(value=1)) == 1
        unread = {actor.id.key: actor.unread for actor in node.actors()}
        assert unread["busy"] > 30_000
