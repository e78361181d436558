"""Two nodes in one process, joined by encoded frames, and owners that move."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest

from actors.runtime import (
    ActorCrashed,
    ActorId,
    ActorStopped,
    Ask,
    DeadlineExceeded,
    DomainError,
    LocalTransport,
    MailboxFull,
    ManualClock,
    Message,
    Moving,
    Node,
    Unavailable,
    Unhandled,
    shard_of,
    wire_name,
)
from actors.runtime.message import reply_type
from tests.actors.runtime.sample_actors import (
    CrashAsked,
    Echo,
    Epoch,
    Keep,
    Promise,
    PromiseAgain,
    Put,
    Refuse,
    ShardTable,
    Stage,
    StopNow,
    Unknown,
    Values,
    Wait,
)


class Pair:
    """`near` sends, `far` owns everything until a test moves it."""

    def __init__(self, stage: Stage, clock: ManualClock) -> None:
        self.transport = LocalTransport()
        self.table = ShardTable(owner="far")
        self.near, self.far = (self._node(name, stage, clock) for name in ("near", "far"))
        self.ref = self.near.ref("recorder", "a")

    def _node(self, name: str, stage: Stage, clock: ManualClock) -> Node:
        node = Node(name=name, clock=clock, directory=self.table, transport=self.transport)
        node.register("recorder", stage.actor, mailbox=4)
        return node


@pytest.fixture
async def pair(stage: Stage, clock: ManualClock) -> AsyncIterator[Pair]:
    pair = Pair(stage, clock)
    await pair.near.start()
    await pair.far.start()
    yield pair
    stage.gate.set()
    for node in (pair.near, pair.far):
        stopping = asyncio.create_task(node.stop(budget_s=1))
        await clock.advance(1)
        await stopping


async def test_messages_reach_the_owner_in_order_and_answers_come_back_typed(pair: Pair) -> None:
    for value in range(3):
        pair.ref.tell(Put(value=value))
    assert await pair.ref.ask(Values()) == [0, 1, 2]
    assert pair.near.actors() == []
    assert len(pair.far.actors()) == 1
    assert await pair.ref.ask(Epoch()) == 7
    assert pair.near.remote.open_asks == 0


async def test_errors_cross_nodes_as_they_are(pair: Pair) -> None:
    with pytest.raises(DomainError) as refused:
        await pair.ref.ask(Refuse())
    assert (refused.value.code, refused.value.message) == ("too_soon", "wait a little")
    assert (refused.value.retry_after_s, refused.value.field) == (1.5, "value")
    with pytest.raises(ActorCrashed, match="recorder/a crashed"):
        await pair.ref.ask(CrashAsked())


async def test_stop_of_the_actor_crosses_nodes(pair: Pair, clock: ManualClock) -> None:
    promised = asyncio.create_task(pair.ref.ask(Promise()))
    await clock.settle()
    pair.ref.tell(StopNow())
    with pytest.raises(ActorStopped):
        await promised


async def test_later_answer_crosses_nodes(pair: Pair, clock: ManualClock) -> None:
    promised = asyncio.create_task(pair.ref.ask(Promise()))
    await clock.settle()
    pair.ref.tell(Keep(value=8))
    assert await promised == 8


async def test_full_mailbox_crosses_nodes(pair: Pair, stage: Stage, clock: ManualClock) -> None:
    stage.gate.clear()
    pair.ref.tell(Wait(value=0))
    await clock.settle()
    for value in range(5):
        pair.ref.tell(Put(value=value))
    with pytest.raises(MailboxFull):
        await pair.ref.ask(Values())
    assert pair.far.dead_letters.counts == {"mailbox_full": 1}


async def test_unknown_message_is_counted_and_refused(pair: Pair, clock: ManualClock) -> None:
    with pytest.raises(Unhandled):
        await pair.ref.ask(Unknown())
    pair.ref.tell(Unknown())
    await clock.settle()
    assert pair.far.dead_letters.counts == {"unhandled": 2}
    assert pair.far.actors() == []


async def test_unreadable_frame_is_a_dead_letter(pair: Pair, clock: ManualClock) -> None:
    pair.transport.carry("near", "far", b"\xc1nonsense")
    await clock.settle()
    assert pair.far.dead_letters.counts == {"unreadable frame": 1}
    assert await pair.ref.ask(Echo(value=1)) == 1


async def test_lost_frames_end_in_the_deadline_on_both_sides(pair: Pair, stage: Stage, clock: ManualClock) -> None:
    pair.transport.cut("near", "far")
    lost = asyncio.create_task(pair.ref.ask(Echo(value=1), timeout_s=2))
    await clock.advance(2.1)
    with pytest.raises(DeadlineExceeded, match="recorder/a"):
        await lost
    assert pair.near.remote.open_asks == 0
    pair.transport.mend("near", "far")
    stage.gate.clear()
    pair.ref.tell(Wait(value=1))
    unread = asyncio.create_task(pair.ref.ask(Values(), timeout_s=2))
    await clock.settle()
    assert pair.far.actors()[0].unread == 1
    await clock.advance(2.1)
    with pytest.raises(DeadlineExceeded):
        await unread
    assert pair.far.actors()[0].unread == 0


async def test_owner_out_of_reach_is_unavailable_at_once(pair: Pair) -> None:
    pair.table.owner = "nowhere"
    with pytest.raises(Unavailable):
        pair.ref.tell(Put(value=1))
    with pytest.raises(Unavailable):
        await pair.ref.ask(Values())
    assert pair.near.remote.open_asks == 0


async def test_mail_waits_in_order_while_the_owner_is_looked_up(pair: Pair, clock: ManualClock) -> None:
    for owner in ("near", "far"):
        pair.table.owner = owner
        pair.table.known.clear()
        ref = pair.near.ref("recorder", f"of-{owner}")
        for value in (1, 2):
            ref.tell(Put(value=value))
        asked = asyncio.create_task(ref.ask(Values()))
        await clock.settle()
        assert [actor.state for actor in pair.near.actors() if actor.unread] == ["resolving"]
        pair.table.known.set()
        assert await asked == [1, 2]


async def test_failed_look_up_answers_what_waited(pair: Pair, clock: ManualClock) -> None:
    pair.table.known.clear()
    pair.table.is_failing = True
    asked = asyncio.create_task(pair.ref.ask(Values()))
    await clock.settle()
    pair.table.known.set()
    with pytest.raises(Unavailable) as caught:
        await asked
    assert caught.value.retry_after_s == 2.0
    assert pair.near.actors() == []


async def test_an_ask_of_an_actor_that_moved_is_put_again_until_both_know_its_owner(
    pair: Pair, clock: ManualClock
) -> None:
    pair.far.directory = ShardTable(owner="near")
    asked = asyncio.create_task(pair.ref.ask(Echo(value=3)))
    await clock.settle()
    assert pair.table.invalidated == [ActorId("recorder", "a")]
    assert not asked.done()
    pair.far.directory = pair.table
    await clock.advance(0.1)
    assert await asked == 3


async def test_an_actor_that_keeps_moving_is_refused_before_the_deadline(pair: Pair, clock: ManualClock) -> None:
    pair.far.directory = ShardTable(owner="near")
    asked = asyncio.create_task(pair.ref.ask(Echo(value=3), timeout_s=1))
    await clock.advance(1.0)
    with pytest.raises(Moving):
        await asked
    assert pair.near.remote.open_asks == 0
    with pytest.raises(Moving):
        await pair.ref.ask(Echo(value=3), timeout_s=0.05)


async def test_a_told_message_for_an_actor_that_moved_is_a_dead_letter(pair: Pair, clock: ManualClock) -> None:
    pair.far.directory = ShardTable(owner="near")
    pair.ref.tell(Put(value=1))
    await clock.settle()
    assert pair.far.dead_letters.counts == {"moving": 1}


async def test_an_ask_that_may_be_repeated_goes_on_at_the_new_owner(pair: Pair, clock: ManualClock) -> None:
    asked = asyncio.create_task(pair.ref.ask(PromiseAgain()))
    await clock.settle()
    pair.table.owner = "near"
    pair.near.remote.lost("far")
    await clock.advance(0.1)
    assert not asked.done()
    pair.ref.tell(Keep(value=8))
    assert await asked == 8


async def test_an_ask_that_may_be_repeated_outlives_a_hand_over(pair: Pair, clock: ManualClock) -> None:
    once = asyncio.create_task(pair.ref.ask(Promise()))
    again = asyncio.create_task(pair.ref.ask(PromiseAgain()))
    await clock.settle()
    pair.table.owner = "near"
    await pair.far.release(shard_of(pair.ref.id), budget_s=1)
    await clock.advance(0.1)
    with pytest.raises(ActorStopped):
        await once
    pair.ref.tell(Keep(value=8))
    assert await again == 8


async def test_released_shard_flushes_and_the_new_owner_restores(pair: Pair, stage: Stage, clock: ManualClock) -> None:
    pair.ref.tell(Put(value=1))
    await clock.settle()
    shard = shard_of(pair.ref.id)
    pair.table.moved[shard] = "near"
    await pair.far.release(shard, budget_s=1)
    assert pair.far.actors() == []
    assert await pair.ref.ask(Values()) == [1]
    assert len(pair.near.actors()) == 1
    assert stage.diary == ["activate", "passivate", "activate"]


async def test_node_stop_answers_asks_open_at_other_nodes(pair: Pair, clock: ManualClock) -> None:
    asked = asyncio.create_task(pair.ref.ask(Promise(), timeout_s=60))
    await clock.settle()
    await pair.near.stop(budget_s=1)
    with pytest.raises(Unavailable):
        await asked


async def test_asks_open_at_a_node_that_is_lost_are_refused_at_once_and_others_are_not(
    pair: Pair, clock: ManualClock
) -> None:
    asked = [asyncio.create_task(pair.ref.ask(Promise(), timeout_s=60)) for _ in range(3)]
    await clock.settle()
    pair.near.remote.lost("elsewhere")
    await clock.settle()
    assert not any(each.done() for each in asked)
    pair.near.remote.lost("far")
    for each in asked:
        with pytest.raises(Unavailable, match="far is gone") as caught:
            await each
        assert caught.value.retry_after_s is not None
    assert pair.near.remote.open_asks == 0
    pair.near.remote.lost("far")


async def test_a_node_that_is_cut_off_refuses_what_others_are_being_asked_and_asks_again_later(
    pair: Pair, clock: ManualClock
) -> None:
    asked = [asyncio.create_task(pair.ref.ask(ask)) for ask in (Promise(), PromiseAgain())]
    await clock.settle()
    pair.near.cut_off()
    for each in asked:
        with pytest.raises(Unavailable, match="out of reach"):
            await each
    assert pair.near.remote.open_asks == 0
    assert await pair.ref.ask(Echo(value=1)) == 1


async def test_an_answer_of_a_node_that_was_thought_lost_is_passed_over(pair: Pair, clock: ManualClock) -> None:
    promised = asyncio.create_task(pair.ref.ask(Promise(), timeout_s=60))
    await clock.settle()
    pair.near.remote.lost("far")
    with pytest.raises(Unavailable):
        await promised
    pair.ref.tell(Keep(value=8))
    await clock.settle()
    assert await pair.ref.ask(Echo(value=1)) == 1


def test_shards_are_the_same_in_every_process() -> None:
    assert [shard_of(ActorId("room", key)) for key in ("a", "b", "é")] == [
        shard_of(ActorId("room", key)) for key in ("a", "b", "é")
    ]
    assert str(ActorId("room", "a/b")) == "room/a/b"


def test_wire_name_is_the_tag_or_the_class_name() -> None:
    class Renamed(Message, frozen=True, tag="old-name"):
        pass

    assert (wire_name(Renamed), wire_name(Put)) == ("old-name", "Put")


def test_reply_type_is_read_from_the_class() -> None:
    class Point(msgspec.Struct):
        x: int

    class Where(Ask[Point | None], frozen=True):
        pass

    class WhereExactly(Where, frozen=True):
        pass

    assert reply_type(WhereExactly) == Point | None
