"""What a room keeps to: order, once only, nothing answered that is not written, nothing written that is not shown."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actors.budget import Budgets, Pace
from actors.chat import (
    DeleteChat,
    JudgeWriter,
    KeepListening,
    PinChat,
    PostChat,
    Posted,
    ReadRoom,
    SanctionPerson,
    SetChatMode,
    Standing,
)
from actors.chat_messages import LISTEN_S
from actors.chat_rules import ChatMode
from actors.events import ChatChanged, ChatPosted, Fact, RoomOpened
from actors.runtime import (
    ActorError,
    DomainError,
    MailboxFull,
    Unavailable,
    shard_of,
)
from tests.actors.house import FACTORS, PACES, House


@pytest.fixture
async def house() -> AsyncIterator[House]:
    made = House()
    await made.open()
    yield made
    made.log.gate.set()
    await made.close()


def place(posted: Posted) -> tuple[str, int, str]:
    """Where it stands, whether it was said before or not."""
    return posted.id, posted.offset, posted.epoch


async def refused(coroutine: Any) -> DomainError:
    with pytest.raises(DomainError) as caught:
        await coroutine
    return caught.value


# ------------------------------------------------------------------------------------------------- order and once only


async def test_messages_are_announced_in_the_order_of_their_offsets_and_answered_with_them(house: House) -> None:
    posted = [await house.post(house.ann, f"m{n}") for n in range(5)]
    assert [answer.offset for answer in posted] == [1, 2, 3, 4, 5]
    assert await house.shown() == [(n + 1, f"m{n}") for n in range(5)]


async def test_a_burst_that_is_committed_at_once_is_one_fact(house: House) -> None:
    await house.post(house.ann, "first")
    await house.shown()
    house.log.withheld = []
    asked = [house.start_post(house.ann, f"m{n}") for n in range(20)]
    await house.clock.settle()
    house.log.let_out()
    await house.shown()
    await asyncio.gather(*asked)
    assert [len(fact.messages) for fact in house.facts if isinstance(fact, ChatPosted)] == [1, 20]


async def test_nothing_is_shown_or_answered_before_the_log_has_committed(house: House) -> None:
    house.log.withheld = []
    asked = house.start_post(house.ann, "hello")
    assert await house.shown() == []
    assert not asked.done()
    house.log.let_out()
    assert await house.shown() == [(1, "hello")]
    assert (await asked).offset == 1


async def test_one_persons_first_messages_keep_their_order_whatever_the_look_ups_take(house: House) -> None:
    slow = asyncio.Event()
    house.log.look_ups = [slow]
    asked = [house.start_post(house.ann, f"m{n}") for n in range(5)]
    await house.clock.settle()
    slow.set()
    await house.clock.settle()
    assert [(await each).offset for each in asked] == [1, 2, 3, 4, 5]
    assert [text for _, text in await house.shown()] == ["m0", "m1", "m2", "m3", "m4"]


async def test_the_same_client_id_gives_the_same_answer_and_one_message(house: House) -> None:
    first = await house.post(house.ann, "hello", "c")
    again = await house.post(house.ann, "other words", "c")
    assert place(again) == place(first)
    assert await house.shown() == [(1, "hello")]


async def test_the_same_client_id_while_the_first_is_on_its_way_hears_of_the_first(house: House) -> None:
    await house.ask(SetChatMode(by=house.owner, changes={"slow_seconds": 60, "unique": True}))
    house.log.withheld = []
    asked = [house.start_post(house.ann, "hello", "c") for _ in range(3)]
    await house.clock.settle()
    house.log.let_out()
    await house.clock.settle()
    answers = [await each for each in asked]
    assert answers[0].offset == 1
    assert len({place(answer) for answer in answers}) == 1
    assert await house.shown() == [(1, "hello")]


async def test_the_same_client_id_after_a_restart_is_found_in_the_log(house: House) -> None:
    first = await house.post(house.ann, "hello", "c")
    await house.node.release(shard_of(house.room.id), budget_s=1.0)
    assert place(await house.post(house.ann, "hello", "c")) == place(first)
    assert await house.shown() == [(1, "hello")]


async def test_a_repeat_is_answered_before_any_rule_is_looked_at(house: House) -> None:
    first = await house.post(house.ann, "hello", "c")
    await house.ask(SanctionPerson(by=house.owner, user_id=house.ann.id, seconds=None))
    await house.node.release(shard_of(house.room.id), budget_s=1.0)
    assert place(await house.post(house.ann, "hello", "c")) == place(first)


async def test_outcomes_that_come_out_of_order_are_shown_in_order_and_once(house: House) -> None:
    await house.post(house.ann, "m0")
    house.log.withheld = []
    asked = [house.start_post(house.ann, f"m{n}") for n in range(1, 4)]
    await house.clock.settle()
    house.log.let_out([2, 0, 1])
    await house.clock.advance(1.0)
    assert [(await each).offset for each in asked] == [2, 3, 4]
    assert await house.shown() == [(1, "m0"), (2, "m1"), (3, "m2"), (4, "m3")]


# ------------------------------------------------------------------------------------------------------ what goes wrong


async def test_a_commit_whose_outcome_was_lost_is_shown_all_the_same_and_its_repeat_is_answered(house: House) -> None:
    await house.post(house.ann, "m1")
    house.log.loses_outcomes = True
    with pytest.raises(Unavailable):
        await house.post(house.ann, "m2", "c2")
    house.log.loses_outcomes = False
    assert (await house.post(house.ann, "m2", "c2")).offset == 2
    await house.clock.advance(1.0)
    assert await house.shown() == [(1, "m1"), (2, "m2")]
    assert [message["offset"] for message in (await house.ask(ReadRoom())).messages] == [1, 2]


async def test_what_was_written_while_the_outcome_was_lost_is_shown_when_the_database_is_back(house: House) -> None:
    house.log.loses_outcomes = True
    house.tables.is_away = False
    asked = house.start_post(house.ann, "m1")
    await asyncio.sleep(0)
    with pytest.raises(Unavailable):
        await asked
    house.tables.is_away = True
    await house.clock.advance(30.0)
    house.tables.is_away = house.log.loses_outcomes = False
    await house.clock.advance(5.0)
    assert await house.shown() == [(1, "m1")]


async def test_a_lost_outcome_does_not_tear_a_hole_into_what_the_room_holds(house: House) -> None:
    await house.post(house.ann, "m1")
    house.log.loses_outcomes = True
    lost = house.start_post(house.ann, "m2")
    await asyncio.sleep(0)
    house.log.loses_outcomes = False
    found = house.start_post(house.ann, "m3")
    await house.clock.advance(1.0)
    assert isinstance(lost.exception(), Unavailable) or lost.result().offset == 2
    assert (await found).offset == 3
    snapshot = await house.ask(ReadRoom())
    assert [message["offset"] for message in snapshot.messages] == [1, 2, 3]
    assert snapshot.offset == 3


async def test_a_refused_write_is_answered_and_leaves_no_mark_in_slow_or_unique_mode(house: House) -> None:
    await house.ask(SetChatMode(by=house.owner, changes={"slow_seconds": 60, "unique": True}))
    house.tables.is_away = True
    with pytest.raises(Unavailable):
        await house.post(house.ann, "hello", "c")
    house.tables.is_away = False
    assert (await house.post(house.ann, "hello", "c")).offset == 1


async def test_a_full_log_is_an_answer_and_not_a_crash(house: House) -> None:
    house.log.is_full = True
    with pytest.raises(MailboxFull):
        await house.post(house.ann, "hello")
    house.log.is_full = False
    assert (await house.post(house.ann, "hello")).offset == 1


async def test_more_look_ups_than_a_room_may_have_are_answers_and_not_a_crash(house: House) -> None:
    house.log.gate.clear()
    people = [house._person(f"p{n}") for n in range(4_200)]
    asked = [house.start_post(person, "hello") for person in people]
    for _ in range(20):
        await house.clock.settle()
    early = [each for each in asked if each.done()]
    assert 0 < len(early) < 4_200
    assert {type(each.exception()) for each in early} == {MailboxFull}
    house.log.gate.set()
    for _ in range(20):
        await house.clock.advance(0.1)
    assert sum(each.exception() is None for each in asked) == 4_096


async def test_a_stale_epoch_stops_the_room_and_the_message_goes_to_the_next_one(house: House) -> None:
    await house.post(house.ann, "m1")
    shard = shard_of(house.room.id)
    house.tables.epochs[shard] = 2
    asked = house.start_post(house.ann, "m2")
    await house.clock.settle()
    assert not asked.done()
    house.tables.epochs[shard] = 1
    await house.clock.advance(0.1)
    assert (await asked).offset == 2


async def test_a_room_that_goes_answers_what_it_has_submitted(house: House) -> None:
    await house.post(house.ann, "m1")
    house.log.withheld = []
    asked = house.start_post(house.ann, "m2")
    await house.clock.settle()
    going = asyncio.ensure_future(house.node.release(shard_of(house.room.id), budget_s=5.0))
    await house.clock.settle()
    house.log.let_out()
    await house.clock.settle()
    assert (await asked).offset == 2
    await going
    assert await house.shown() == [(1, "m1"), (2, "m2")]


async def test_a_room_that_is_not_there_is_not_found(house: House) -> None:
    asked = asyncio.ensure_future(house.node.ref("chat", "nowhere").ask(ReadRoom()))
    await house.clock.settle()
    assert (await refused(asked)).code == "not_found"


@pytest.mark.parametrize("client_id", ["", "a\0b", "x" * 65, "\ud800", "line\nend"])
async def test_a_client_id_that_cannot_be_kept_is_refused_without_a_crash(house: House, client_id: str) -> None:
    post = PostChat(author=house.ann, text="hello", client_id=client_id)
    assert (await refused(house.ask(post))).field == "client_id"


@pytest.mark.parametrize("reply_to", ["nonsense", "0192f0c0-0000-7000-8000-000000000000"])
async def test_a_reply_to_nothing_is_refused(house: House, reply_to: str) -> None:
    error = await refused(house.post(house.ann, "hello", reply_to=reply_to))
    assert (error.code, error.field) == ("not_found", "reply_to")


# ------------------------------------------------------------------------------------------------------------ who hears


def offsets(facts: Iterable[Fact]) -> list[int]:
    return [m["offset"] for fact in facts if isinstance(fact, ChatPosted) for m in fact.messages]


async def test_a_room_that_opens_says_to_everybody_where_it_stands(house: House) -> None:
    await house.post(house.ann, "m1")
    await house.node.release(shard_of(house.room.id), budget_s=1.0)
    await house.ask(ReadRoom())
    opened = [(fact.epoch, fact.offset, to) for fact, to in house.told if isinstance(fact, RoomOpened)]
    assert opened == [("e1", 0, None), ("e1", 1, None)]


async def test_what_is_said_in_a_room_goes_to_those_who_read_it_and_to_nobody_else(house: House) -> None:
    await house.post(house.ann, "m1")
    await house.shown()
    await house.ask(ReadRoom(node="n2"))
    await house.ask(ReadRoom(node="n3"))
    await house.ask(ReadRoom())
    await house.post(house.ann, "m2")
    await house.ask(SetChatMode(by=house.owner, changes={"slow_seconds": 5}))
    await house.shown()
    said = [to for fact, to in house.told if isinstance(fact, ChatPosted | ChatChanged)]
    assert said == [frozenset(), frozenset({"n2", "n3"}), frozenset({"n2", "n3"})]
    assert offsets(house.told_to("n2")) == [2]


async def test_nothing_is_between_a_snapshot_and_the_first_message_that_its_reader_is_told(house: House) -> None:
    house.log.withheld = []
    asked = [house.start_post(house.ann, f"m{n}") for n in range(3)]
    await house.clock.settle()
    house.log.let_out()
    snapshot = await house.ask(ReadRoom(node="n2"))
    await house.shown()
    await asyncio.gather(*asked)
    known = [message["offset"] for message in snapshot.messages]
    assert sorted({*known, *offsets(house.told_to("n2"))}) == [1, 2, 3]
    assert snapshot.offset == len(known)


async def test_a_node_that_says_nothing_is_forgotten_and_one_that_listens_on_is_not(house: House) -> None:
    await house.ask(ReadRoom(node="n2"))
    await house.ask(ReadRoom(node="n3"))
    for _ in range(5):
        await house.clock.advance(LISTEN_S / 3)
        await house.listen("n3", 0)
    await house.post(house.ann, "m1")
    await house.shown()
    assert offsets(house.told_to("n2")) == []
    assert offsets(house.told_to("n3")) == [1]


async def test_a_node_that_is_behind_is_told_where_the_room_stands_and_nobody_else_is(house: House) -> None:
    for n in range(3):
        await house.post(house.ann, f"m{n}")
    await house.shown()
    await house.listen("n2", 3)
    assert house.told_to("n2") == []
    await house.listen("n2", 1)
    assert house.told_to("n2") == [RoomOpened(room_id=house.room_id, epoch="e1", offset=3)]
    assert house.told[-1][1] == frozenset({"n2"})


async def test_a_node_that_knows_another_log_however_far_is_told_where_this_one_stands(house: House) -> None:
    await house.post(house.ann, "m1")
    await house.shown()
    await house.listen("n2", 90, epoch="e1")
    assert house.told_to("n2") == []
    await house.listen("n2", 90, epoch="e0")
    assert house.told_to("n2") == [RoomOpened(room_id=house.room_id, epoch="e1", offset=1)]


async def test_a_node_that_knows_all_but_what_is_told_in_a_moment_is_not_behind(house: House) -> None:
    await house.post(house.ann, "m1")
    await house.shown()
    house.log.withheld = []
    asked = house.start_post(house.ann, "m2")
    await house.clock.settle()
    house.log.let_out()
    house.room.tell(KeepListening(node="n2", offset=1))
    await house.shown()
    await asked
    assert [fact for fact in house.told_to("n2") if isinstance(fact, RoomOpened)] == []
    assert offsets(house.told_to("n2")) == [2]


async def test_listening_on_opens_a_room_that_had_gone_and_it_hears_who_listens(house: House) -> None:
    await house.post(house.ann, "m1")
    await house.shown()
    await house.ask(ReadRoom(node="n2"))
    await house.node.release(shard_of(house.room.id), budget_s=1.0)
    await house.listen("n2", 1)
    await house.post(house.ann, "m2")
    await house.shown()
    assert offsets(house.told_to("n2")) == [2]


# ----------------------------------------------------------------------------------------------------------- moderation


async def test_a_banned_person_is_refused_and_an_unban_is_told_and_lets_them_write(house: House) -> None:
    await house.ask(SanctionPerson(by=house.owner, user_id=house.ann.id, seconds=None))
    assert (await refused(house.post(house.ann, "one"))).code == "banned"
    await house.ask(SanctionPerson(by=house.owner, user_id=house.ann.id, seconds=0))
    assert (await house.post(house.ann, "two")).offset == 1
    told = house.changes("chat:user_timed_out")
    assert [(body["banned"], body["until"]) for body in told] == [(True, None), (False, None)]


async def test_a_timeout_ends_by_itself(house: House) -> None:
    await house.ask(SanctionPerson(by=house.owner, user_id=house.ann.id, seconds=10))
    error = await refused(house.post(house.ann, "one"))
    assert (error.code, error.retry_after_s) == ("timed_out", pytest.approx(10))
    await house.clock.advance(10.5)
    assert (await house.post(house.ann, "two")).offset == 1


async def test_somebody_whom_the_owner_has_blocked_may_not_write(house: House) -> None:
    house.log.standings[house.ann.id] = Standing(is_blocked=True)
    assert (await refused(house.post(house.ann, "hello"))).code == "blocked"


async def test_the_room_says_who_may_write_whatever_the_text(house: House) -> None:
    await house.ask(JudgeWriter(author=house.ann))
    await house.ask(SanctionPerson(by=house.owner, user_id=house.ann.id, seconds=10))
    assert (await refused(house.ask(JudgeWriter(author=house.ann)))).code == "timed_out"
    await house.clock.advance(10.5)
    await house.ask(JudgeWriter(author=house.ann))
    house.log.standings[house.bob.id] = Standing(is_blocked=True)
    assert (await refused(house.ask(JudgeWriter(author=house.bob)))).code == "blocked"


async def test_slow_mode_keeps_nobody_from_being_a_writer(house: House) -> None:
    await house.ask(SetChatMode(by=house.owner, changes={"slow_seconds": 60, "emotes_only": True}))
    await house.post(house.ann, "\U0001f44d")
    await house.ask(JudgeWriter(author=house.ann))


async def test_whoever_verifies_their_address_may_write_at_once(house: House) -> None:
    house.log.standings[house.ann.id] = Standing(is_verified=False)
    assert (await refused(house.post(house.ann, "hello"))).code == "email_not_verified"
    del house.log.standings[house.ann.id]
    assert (await house.post(house.ann, "hello")).offset == 1


async def test_the_owner_cannot_be_silenced_and_others_cannot_silence(house: House) -> None:
    assert (
        await refused(house.ask(SanctionPerson(by=house.owner, user_id=house.owner.id, seconds=5)))
    ).code == "forbidden"
    assert (await refused(house.ask(SanctionPerson(by=house.ann, user_id=house.bob.id, seconds=5)))).code == "forbidden"


async def test_a_sanction_of_nobody_is_not_found(house: House) -> None:
    error = await refused(house.ask(SanctionPerson(by=house.owner, user_id="nobody", seconds=5)))
    assert (error.code, error.field) == ("not_found", "user_id")


async def test_a_deleted_message_keeps_its_place_and_loses_its_pin(house: House) -> None:
    posted = await house.post(house.ann, "hello")
    await house.ask(PinChat(by=house.owner, message_id=posted.id))
    assert (await refused(house.ask(DeleteChat(by=house.bob, message_id=posted.id)))).code == "forbidden"
    await house.ask(DeleteChat(by=house.ann, message_id=posted.id))
    snapshot = await house.ask(ReadRoom())
    assert list(snapshot.messages) == [{"id": posted.id, "offset": 1, "deleted": True}]
    assert snapshot.pinned is None
    assert (await refused(house.ask(DeleteChat(by=house.owner, message_id=posted.id)))).code == "not_found"
    assert [body["id"] for body in house.changes("chat:deleted")] == [posted.id]


async def test_mode_pin_and_sanctions_outlive_the_actor(house: House) -> None:
    posted = await house.post(house.ann, "hello")
    await house.ask(PinChat(by=house.owner, message_id=posted.id))
    await house.ask(SetChatMode(by=house.owner, changes={"slow_seconds": 7}))
    await house.node.release(shard_of(house.room.id), budget_s=1.0)
    snapshot = await house.ask(ReadRoom())
    assert snapshot.mode == ChatMode(slow_seconds=7)
    assert snapshot.pinned is not None
    assert snapshot.pinned["id"] == posted.id


# --------------------------------------------------------------------------------------------------------- random lives

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["post", "post", "post", "repeat", "lose", "away", "back", "restart", "wait"]),
        st.integers(0, 5),
    ),
    max_size=25,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(STEPS)
def test_whatever_happens_each_offset_is_shown_once_in_order_and_what_was_answered_is_in_the_log(
    steps: list[tuple[str, int]],
) -> None:
    asyncio.run(_live(steps))


async def _live(steps: list[tuple[str, int]]) -> None:
    house = House()
    await house.open()
    asked: dict[str, list[asyncio.Task[Any]]] = {}
    for number, (step, which) in enumerate(steps):
        client_id = f"c{number}" if step != "repeat" else f"c{which}"
        if step in ("post", "repeat", "lose"):
            house.log.loses_outcomes = step == "lose"
            asked.setdefault(client_id, []).append(house.start_post(house.ann, client_id, client_id))
            await house.clock.settle()
            house.log.loses_outcomes = False
        elif step in ("away", "back"):
            house.tables.is_away = step == "away"
        elif step == "restart":
            await house.node.release(shard_of(house.room.id), budget_s=1.0)
        else:
            await house.clock.advance(which)
    house.tables.is_away = False
    last = await house.post(house.bob, "last", "last")
    await house.clock.advance(20.0)
    shown = await house.shown()
    held = [(m.offset, m.text) for m in house.tables.messages[house.room_id]]
    assert list(dict.fromkeys(shown)) == sorted(set(shown))
    assert {text for _, text in held} >= {text for _, text in shown}
    assert shown[-1] == (last.offset, "last")
    for client_id, tasks in asked.items():
        answers = {each.result().offset for each in tasks if each.done() and each.exception() is None}
        assert len(answers) <= 1
        assert all((offset, client_id) in held for offset in answers)
    await house.close()


# ------------------------------------------------------------------------------------------------------------- budgets


def pace(house: House, *, per_s: float = 1.0, burst: int = 2, **factors: float) -> None:
    """What everybody may do, in a room that nobody has spoken to yet."""
    paces = dict.fromkeys(PACES, Pace(per_s=per_s, burst=burst))
    house.budgets = Budgets(paces=paces, factors={**FACTORS, **factors})  # type: ignore[dict-item]


async def test_a_person_posts_a_burst_and_is_then_told_to_wait(house: House) -> None:
    pace(house)
    await house.post(house.ann, "m1")
    await house.post(house.ann, "m2")
    refusal = await refused(house.post(house.ann, "m3"))
    assert (refusal.code, refusal.retry_after_s) == ("rate_limited", 1.0)
    await house.post(house.bob, "b1")
    await house.clock.advance(1.0)
    await house.post(house.ann, "m3")
    assert [text for _, text in await house.shown()] == ["m1", "m2", "b1", "m3"]


async def test_a_client_id_that_was_posted_is_answered_before_any_limit_also_after_a_restart(house: House) -> None:
    pace(house)
    first = await house.post(house.ann, "m1")
    await house.post(house.ann, "m2")
    assert place(await house.post(house.ann, "m1")) == place(first)
    await house.node.release(shard_of(house.room.id), budget_s=1.0)
    assert place(await house.post(house.ann, "m1")) == place(first)
    assert (await refused(house.post(house.ann, "m3"))).code == "rate_limited"


async def test_a_message_that_was_not_written_or_was_there_already_costs_nothing(house: House) -> None:
    pace(house)
    house.log.is_full = True
    for number in range(3):
        with pytest.raises(ActorError):
            await house.post(house.ann, f"full{number}")
    house.log.is_full = False
    await house.post(house.ann, "m1")
    await house.node.release(shard_of(house.room.id), budget_s=1.0)
    await house.post(house.ann, "m1")
    await house.post(house.ann, "m2")
    assert (await refused(house.post(house.ann, "m3"))).code == "rate_limited"


async def test_the_owner_of_a_room_and_an_admin_have_rates_of_their_own(house: House) -> None:
    pace(house, owner=2.0, admin=3.0)
    admin = msgspec.structs.replace(house.bob, roles=("admin",))
    for author, most in ((house.ann, 2), (house.owner, 4), (admin, 6)):
        for number in range(most):
            await house.post(author, f"{author.username}{number}")
        assert (await refused(house.post(author, "one more"))).code == "rate_limited"


async def test_acts_of_moderation_are_limited_and_have_a_budget_of_their_own(house: House) -> None:
    pace(house)
    for seconds in (1, 2):
        await house.ask(SetChatMode(by=house.owner, changes={"slow_seconds": seconds}))
    asked = house.ask(SanctionPerson(by=house.owner, user_id=house.ann.id, seconds=60))
    assert (await refused(asked)).code == "rate_limited"
    await house.post(house.owner, "slow down")


async def test_a_room_that_has_just_come_to_life_reads_what_was_said_before_for_the_first_who_asks(
    house: House,
) -> None:
    first = await house.post(house.ann, "before")
    await house.post(house.ann, "kept")
    await house.node.release(shard_of(house.room.id), budget_s=1.0)
    await house.post(house.ann, "after")
    asked = [asyncio.ensure_future(house.ask(ReadRoom())) for _ in range(2)]
    await house.ask(DeleteChat(by=house.owner, message_id=first.id))
    for each in asked:
        snapshot = await each
        assert snapshot.offset == 3
        assert [message["offset"] for message in snapshot.messages] == [1, 2, 3]
    whole = await house.ask(ReadRoom())
    assert whole.messages[0] == {"id": first.id, "offset": 1, "deleted": True}
    assert [message["text"] for message in whole.messages[1:]] == ["kept", "after"]
    assert [message["offset"] for message in (await house.ask(ReadRoom(limit=1))).messages] == [3]


async def test_a_room_whose_log_cannot_be_read_refuses_those_who_ask_and_reads_for_the_next(house: House) -> None:
    await house.post(house.ann, "before")
    await house.node.release(shard_of(house.room.id), budget_s=1.0)
    await house.post(house.ann, "after")
    house.tables.is_away = True
    with pytest.raises(Unavailable):
        await house.ask(ReadRoom())
    house.tables.is_away = False
    assert [message["text"] for message in (await house.ask(ReadRoom())).messages] == ["before", "after"]
