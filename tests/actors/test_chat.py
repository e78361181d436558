"""What a room keeps to: order, once only, nothing answered that is not written, nothing written that is not shown."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actors.chat_messages import (
    LISTEN_S,
    DeleteChat,
    JudgeWriter,
    PinChat,
    PostChat,
    Posted,
    ReadRoom,
    RenewSubscription,
    SanctionPerson,
    SetChatMode,
    SetRole,
)
from actors.chat_rules import ChatMode, Relationship
from actors.events import ChatChanged, ChatPosted, LiveEvent, RoomOpened
from actors.rate_limits import Rate, RateLimits
from actors.runtime import (
    ActorError,
    DomainError,
    MailboxFull,
    Unavailable,
    shard_of,
)
from tests.actors.room_fixture import FACTORS, RATES, RoomFixture


@pytest.fixture
async def fixture() -> AsyncIterator[RoomFixture]:
    made = RoomFixture()
    await made.open()
    yield made
    made.relationships.gate.set()
    await made.close()


def place(posted: Posted) -> tuple[str, int, str]:
    """Where it stands, whether it was said before or not."""
    return posted.id, posted.offset, posted.epoch


async def refused(coroutine: Any) -> DomainError:
    with pytest.raises(DomainError) as caught:
        await coroutine
    return caught.value


# ------------------------------------------------------------------------------------------------- order and once only


async def test_messages_are_announced_in_the_order_of_their_offsets_and_answered_with_them(
    fixture: RoomFixture,
) -> None:
    posted = [await fixture.post(fixture.ann, f"m{n}") for n in range(5)]
    assert [answer.offset for answer in posted] == [1, 2, 3, 4, 5]
    assert await fixture.shown() == [(n + 1, f"m{n}") for n in range(5)]


async def test_a_burst_that_is_committed_at_once_is_one_fact(fixture: RoomFixture) -> None:
    await fixture.post(fixture.ann, "first")
    await fixture.shown()
    fixture.log.withheld = []
    asked = [fixture.start_post(fixture.ann, f"m{n}") for n in range(20)]
    await fixture.clock.settle()
    fixture.log.let_out()
    await fixture.shown()
    await asyncio.gather(*asked)
    assert [len(event.messages) for event in fixture.events if isinstance(event, ChatPosted)] == [1, 20]


async def test_nothing_is_shown_or_answered_before_the_log_has_committed(fixture: RoomFixture) -> None:
    fixture.log.withheld = []
    asked = fixture.start_post(fixture.ann, "hello")
    assert await fixture.shown() == []
    assert not asked.done()
    fixture.log.let_out()
    assert await fixture.shown() == [(1, "hello")]
    assert (await asked).offset == 1


async def test_one_persons_first_messages_keep_their_order_whatever_the_look_ups_take(fixture: RoomFixture) -> None:
    slow = asyncio.Event()
    fixture.relationships.look_ups = [slow]
    asked = [fixture.start_post(fixture.ann, f"m{n}") for n in range(5)]
    await fixture.clock.settle()
    slow.set()
    await fixture.clock.settle()
    assert [(await each).offset for each in asked] == [1, 2, 3, 4, 5]
    assert [text for _, text in await fixture.shown()] == ["m0", "m1", "m2", "m3", "m4"]


async def test_the_same_client_id_gives_the_same_answer_and_one_message(fixture: RoomFixture) -> None:
    first = await fixture.post(fixture.ann, "hello", "c")
    again = await fixture.post(fixture.ann, "other words", "c")
    assert place(again) == place(first)
    assert await fixture.shown() == [(1, "hello")]


async def test_the_same_client_id_while_the_first_is_on_its_way_hears_of_the_first(fixture: RoomFixture) -> None:
    await fixture.ask(SetChatMode(by=fixture.owner, changes={"slow_seconds": 60, "unique": True}))
    fixture.log.withheld = []
    asked = [fixture.start_post(fixture.ann, "hello", "c") for _ in range(3)]
    await fixture.clock.settle()
    fixture.log.let_out()
    await fixture.clock.settle()
    answers = [await each for each in asked]
    assert answers[0].offset == 1
    assert len({place(answer) for answer in answers}) == 1
    assert await fixture.shown() == [(1, "hello")]


async def test_the_same_client_id_after_a_restart_is_found_in_the_log(fixture: RoomFixture) -> None:
    first = await fixture.post(fixture.ann, "hello", "c")
    await fixture.node.release(shard_of(fixture.room.id), budget_s=1.0)
    assert place(await fixture.post(fixture.ann, "hello", "c")) == place(first)
    assert await fixture.shown() == [(1, "hello")]


async def test_a_repeat_is_answered_before_any_rule_is_looked_at(fixture: RoomFixture) -> None:
    first = await fixture.post(fixture.ann, "hello", "c")
    await fixture.ask(SanctionPerson(by=fixture.owner, user_id=fixture.ann.id, seconds=None))
    await fixture.node.release(shard_of(fixture.room.id), budget_s=1.0)
    assert place(await fixture.post(fixture.ann, "hello", "c")) == place(first)


async def test_outcomes_that_come_out_of_order_are_shown_in_order_and_once(fixture: RoomFixture) -> None:
    await fixture.post(fixture.ann, "m0")
    fixture.log.withheld = []
    asked = [fixture.start_post(fixture.ann, f"m{n}") for n in range(1, 4)]
    await fixture.clock.settle()
    fixture.log.let_out([2, 0, 1])
    await fixture.clock.advance(1.0)
    assert [(await each).offset for each in asked] == [2, 3, 4]
    assert await fixture.shown() == [(1, "m0"), (2, "m1"), (3, "m2"), (4, "m3")]


# ------------------------------------------------------------------------------------------------------ what goes wrong


async def test_a_commit_whose_outcome_was_lost_is_shown_all_the_same_and_its_repeat_is_answered(
    fixture: RoomFixture,
) -> None:
    await fixture.post(fixture.ann, "m1")
    fixture.log.loses_outcomes = True
    with pytest.raises(Unavailable):
        await fixture.post(fixture.ann, "m2", "c2")
    fixture.log.loses_outcomes = False
    assert (await fixture.post(fixture.ann, "m2", "c2")).offset == 2
    await fixture.clock.advance(1.0)
    assert await fixture.shown() == [(1, "m1"), (2, "m2")]
    assert [message["offset"] for message in (await fixture.ask(ReadRoom())).messages] == [1, 2]


async def test_what_was_written_while_the_outcome_was_lost_is_shown_when_the_database_is_back(
    fixture: RoomFixture,
) -> None:
    fixture.log.loses_outcomes = True
    fixture.tables.is_away = False
    asked = fixture.start_post(fixture.ann, "m1")
    await asyncio.sleep(0)
    with pytest.raises(Unavailable):
        await asked
    fixture.tables.is_away = True
    await fixture.clock.advance(30.0)
    fixture.tables.is_away = fixture.log.loses_outcomes = False
    await fixture.clock.advance(5.0)
    assert await fixture.shown() == [(1, "m1")]


async def test_a_lost_outcome_does_not_tear_a_hole_into_what_the_room_holds(fixture: RoomFixture) -> None:
    await fixture.post(fixture.ann, "m1")
    fixture.log.loses_outcomes = True
    lost = fixture.start_post(fixture.ann, "m2")
    await asyncio.sleep(0)
    fixture.log.loses_outcomes = False
    found = fixture.start_post(fixture.ann, "m3")
    await fixture.clock.advance(1.0)
    assert isinstance(lost.exception(), Unavailable) or lost.result().offset == 2
    assert (await found).offset == 3
    snapshot = await fixture.ask(ReadRoom())
    assert [message["offset"] for message in snapshot.messages] == [1, 2, 3]
    assert snapshot.offset == 3


async def test_a_refused_write_is_answered_and_leaves_no_mark_in_slow_or_unique_mode(fixture: RoomFixture) -> None:
    await fixture.ask(SetChatMode(by=fixture.owner, changes={"slow_seconds": 60, "unique": True}))
    fixture.tables.is_away = True
    with pytest.raises(Unavailable):
        await fixture.post(fixture.ann, "hello", "c")
    fixture.tables.is_away = False
    assert (await fixture.post(fixture.ann, "hello", "c")).offset == 1


async def test_a_full_log_is_an_answer_and_not_a_crash(fixture: RoomFixture) -> None:
    fixture.log.is_full = True
    with pytest.raises(MailboxFull):
        await fixture.post(fixture.ann, "hello")
    fixture.log.is_full = False
    assert (await fixture.post(fixture.ann, "hello")).offset == 1


async def test_more_look_ups_than_a_room_may_have_are_answers_and_not_a_crash(fixture: RoomFixture) -> None:
    fixture.relationships.gate.clear()
    people = [fixture._person(f"p{n}") for n in range(4_200)]
    asked = [fixture.start_post(person, "hello") for person in people]
    for _ in range(20):
        await fixture.clock.settle()
    early = [each for each in asked if each.done()]
    assert 0 < len(early) < 4_200
    assert {type(each.exception()) for each in early} == {MailboxFull}
    fixture.relationships.gate.set()
    for _ in range(20):
        await fixture.clock.advance(0.1)
    assert sum(each.exception() is None for each in asked) == 4_096


async def test_a_stale_epoch_stops_the_room_and_the_message_goes_to_the_next_one(fixture: RoomFixture) -> None:
    await fixture.post(fixture.ann, "m1")
    shard = shard_of(fixture.room.id)
    fixture.tables.epochs[shard] = 2
    asked = fixture.start_post(fixture.ann, "m2")
    await fixture.clock.settle()
    assert not asked.done()
    fixture.tables.epochs[shard] = 1
    await fixture.clock.advance(0.1)
    assert (await asked).offset == 2


async def test_a_room_that_goes_answers_what_it_has_submitted(fixture: RoomFixture) -> None:
    await fixture.post(fixture.ann, "m1")
    fixture.log.withheld = []
    asked = fixture.start_post(fixture.ann, "m2")
    await fixture.clock.settle()
    going = asyncio.ensure_future(fixture.node.release(shard_of(fixture.room.id), budget_s=5.0))
    await fixture.clock.settle()
    fixture.log.let_out()
    await fixture.clock.settle()
    assert (await asked).offset == 2
    await going
    assert await fixture.shown() == [(1, "m1"), (2, "m2")]


async def test_a_room_that_is_not_there_is_not_found(fixture: RoomFixture) -> None:
    asked = asyncio.ensure_future(fixture.node.ref("chat", "nowhere").ask(ReadRoom()))
    await fixture.clock.settle()
    assert (await refused(asked)).code == "not_found"


@pytest.mark.parametrize("client_id", ["", "a\0b", "x" * 65, "\ud800", "line\nend"])
async def test_a_client_id_that_cannot_be_kept_is_refused_without_a_crash(fixture: RoomFixture, client_id: str) -> None:
    post = PostChat(author=fixture.ann, text="hello", client_id=client_id)
    assert (await refused(fixture.ask(post))).field == "client_id"


@pytest.mark.parametrize("reply_to", ["nonsense", "0192f0c0-0000-7000-8000-000000000000"])
async def test_a_reply_to_nothing_is_refused(fixture: RoomFixture, reply_to: str) -> None:
    error = await refused(fixture.post(fixture.ann, "hello", reply_to=reply_to))
    assert (error.code, error.field) == ("not_found", "reply_to")


# ------------------------------------------------------------------------------------------------------------ who hears


def offsets(events: Iterable[LiveEvent]) -> list[int]:
    return [m["offset"] for event in events if isinstance(event, ChatPosted) for m in event.messages]


async def test_a_room_that_opens_says_to_everybody_where_it_stands(fixture: RoomFixture) -> None:
    await fixture.post(fixture.ann, "m1")
    await fixture.node.release(shard_of(fixture.room.id), budget_s=1.0)
    await fixture.ask(ReadRoom())
    opened = [(event.epoch, event.offset, to) for event, to in fixture.told if isinstance(event, RoomOpened)]
    assert opened == [("e1", 0, None), ("e1", 1, None)]


async def test_what_is_said_in_a_room_goes_to_those_who_read_it_and_to_nobody_else(fixture: RoomFixture) -> None:
    await fixture.post(fixture.ann, "m1")
    await fixture.shown()
    await fixture.ask(ReadRoom(node="n2"))
    await fixture.ask(ReadRoom(node="n3"))
    await fixture.ask(ReadRoom())
    await fixture.post(fixture.ann, "m2")
    await fixture.ask(SetChatMode(by=fixture.owner, changes={"slow_seconds": 5}))
    await fixture.shown()
    said = [to for event, to in fixture.told if isinstance(event, ChatPosted | ChatChanged)]
    assert said == [frozenset(), frozenset({"n2", "n3"}), frozenset({"n2", "n3"})]
    assert offsets(fixture.told_to("n2")) == [2]


async def test_nothing_is_between_a_snapshot_and_the_first_message_that_its_reader_is_told(
    fixture: RoomFixture,
) -> None:
    fixture.log.withheld = []
    asked = [fixture.start_post(fixture.ann, f"m{n}") for n in range(3)]
    await fixture.clock.settle()
    fixture.log.let_out()
    snapshot = await fixture.ask(ReadRoom(node="n2"))
    await fixture.shown()
    await asyncio.gather(*asked)
    known = [message["offset"] for message in snapshot.messages]
    assert sorted({*known, *offsets(fixture.told_to("n2"))}) == [1, 2, 3]
    assert snapshot.offset == len(known)


async def test_a_node_that_says_nothing_is_forgotten_and_one_that_listens_on_is_not(fixture: RoomFixture) -> None:
    await fixture.ask(ReadRoom(node="n2"))
    await fixture.ask(ReadRoom(node="n3"))
    for _ in range(5):
        await fixture.clock.advance(LISTEN_S / 3)
        await fixture.listen("n3", 0)
    await fixture.post(fixture.ann, "m1")
    await fixture.shown()
    assert offsets(fixture.told_to("n2")) == []
    assert offsets(fixture.told_to("n3")) == [1]


async def test_a_node_that_is_behind_is_told_where_the_room_stands_and_nobody_else_is(fixture: RoomFixture) -> None:
    for n in range(3):
        await fixture.post(fixture.ann, f"m{n}")
    await fixture.shown()
    await fixture.listen("n2", 3)
    assert fixture.told_to("n2") == []
    await fixture.listen("n2", 1)
    assert fixture.told_to("n2") == [RoomOpened(room_id=fixture.room_id, epoch="e1", offset=3)]
    assert fixture.told[-1][1] == frozenset({"n2"})


async def test_a_node_that_knows_another_log_however_far_is_told_where_this_one_stands(fixture: RoomFixture) -> None:
    await fixture.post(fixture.ann, "m1")
    await fixture.shown()
    await fixture.listen("n2", 90, epoch="e1")
    assert fixture.told_to("n2") == []
    await fixture.listen("n2", 90, epoch="e0")
    assert fixture.told_to("n2") == [RoomOpened(room_id=fixture.room_id, epoch="e1", offset=1)]


async def test_a_node_that_knows_all_but_what_is_told_in_a_moment_is_not_behind(fixture: RoomFixture) -> None:
    await fixture.post(fixture.ann, "m1")
    await fixture.shown()
    fixture.log.withheld = []
    asked = fixture.start_post(fixture.ann, "m2")
    await fixture.clock.settle()
    fixture.log.let_out()
    fixture.room.tell(RenewSubscription(node="n2", offset=1))
    await fixture.shown()
    await asked
    assert [event for event in fixture.told_to("n2") if isinstance(event, RoomOpened)] == []
    assert offsets(fixture.told_to("n2")) == [2]


async def test_listening_on_opens_a_room_that_had_gone_and_it_hears_who_listens(fixture: RoomFixture) -> None:
    await fixture.post(fixture.ann, "m1")
    await fixture.shown()
    await fixture.ask(ReadRoom(node="n2"))
    await fixture.node.release(shard_of(fixture.room.id), budget_s=1.0)
    await fixture.listen("n2", 1)
    await fixture.post(fixture.ann, "m2")
    await fixture.shown()
    assert offsets(fixture.told_to("n2")) == [2]


# ----------------------------------------------------------------------------------------------------------- moderation


async def test_a_banned_person_is_refused_and_an_unban_is_told_and_lets_them_write(fixture: RoomFixture) -> None:
    await fixture.ask(SanctionPerson(by=fixture.owner, user_id=fixture.ann.id, seconds=None))
    assert (await refused(fixture.post(fixture.ann, "one"))).code == "banned"
    await fixture.ask(SanctionPerson(by=fixture.owner, user_id=fixture.ann.id, seconds=0))
    assert (await fixture.post(fixture.ann, "two")).offset == 1
    told = fixture.changes("chat:user_timed_out")
    assert [(body["banned"], body["until"]) for body in told] == [(True, None), (False, None)]


async def test_moderator_who_is_banned_may_neither_write_nor_moderate(fixture: RoomFixture) -> None:
    await fixture.ask(SetRole(by=fixture.owner, user_id=fixture.ann.id, role="moderator"))
    await fixture.ask(SetChatMode(by=fixture.ann, changes={"slow_seconds": 0}))
    await fixture.ask(SanctionPerson(by=fixture.owner, user_id=fixture.ann.id, seconds=None))
    assert (await refused(fixture.post(fixture.ann, "two"))).code == "banned"
    assert (await refused(fixture.ask(JudgeWriter(author=fixture.ann)))).code == "banned"
    pardon = SanctionPerson(by=fixture.ann, user_id=fixture.ann.id, seconds=0)
    assert (await refused(fixture.ask(pardon))).code == "banned"
    assert (await refused(fixture.ask(PinChat(by=fixture.ann, message_id=None)))).code == "banned"


async def test_a_timeout_ends_by_itself(fixture: RoomFixture) -> None:
    await fixture.ask(SanctionPerson(by=fixture.owner, user_id=fixture.ann.id, seconds=10))
    error = await refused(fixture.post(fixture.ann, "one"))
    assert (error.code, error.retry_after_s) == ("timed_out", pytest.approx(10))
    await fixture.clock.advance(10.5)
    assert (await fixture.post(fixture.ann, "two")).offset == 1


async def test_somebody_whom_the_owner_has_blocked_may_not_write(fixture: RoomFixture) -> None:
    fixture.relationships.known[fixture.ann.id] = Relationship(is_blocked=True)
    assert (await refused(fixture.post(fixture.ann, "hello"))).code == "blocked"


async def test_the_room_says_who_may_write_whatever_the_text(fixture: RoomFixture) -> None:
    await fixture.ask(JudgeWriter(author=fixture.ann))
    await fixture.ask(SanctionPerson(by=fixture.owner, user_id=fixture.ann.id, seconds=10))
    assert (await refused(fixture.ask(JudgeWriter(author=fixture.ann)))).code == "timed_out"
    await fixture.clock.advance(10.5)
    await fixture.ask(JudgeWriter(author=fixture.ann))
    fixture.relationships.known[fixture.bob.id] = Relationship(is_blocked=True)
    assert (await refused(fixture.ask(JudgeWriter(author=fixture.bob)))).code == "blocked"


async def test_slow_mode_keeps_nobody_from_being_a_writer(fixture: RoomFixture) -> None:
    await fixture.ask(SetChatMode(by=fixture.owner, changes={"slow_seconds": 60, "emotes_only": True}))
    await fixture.post(fixture.ann, "\U0001f44d")
    await fixture.ask(JudgeWriter(author=fixture.ann))


async def test_whoever_verifies_their_address_may_write_at_once(fixture: RoomFixture) -> None:
    fixture.relationships.known[fixture.ann.id] = Relationship(is_verified=False)
    assert (await refused(fixture.post(fixture.ann, "hello"))).code == "email_not_verified"
    del fixture.relationships.known[fixture.ann.id]
    assert (await fixture.post(fixture.ann, "hello")).offset == 1


async def test_the_owner_cannot_be_silenced_and_others_cannot_silence(fixture: RoomFixture) -> None:
    assert (
        await refused(fixture.ask(SanctionPerson(by=fixture.owner, user_id=fixture.owner.id, seconds=5)))
    ).code == "forbidden"
    assert (
        await refused(fixture.ask(SanctionPerson(by=fixture.ann, user_id=fixture.bob.id, seconds=5)))
    ).code == "forbidden"


async def test_a_sanction_of_nobody_is_not_found(fixture: RoomFixture) -> None:
    error = await refused(fixture.ask(SanctionPerson(by=fixture.owner, user_id="nobody", seconds=5)))
    assert (error.code, error.field) == ("not_found", "user_id")


async def test_a_deleted_message_keeps_its_place_and_loses_its_pin(fixture: RoomFixture) -> None:
    posted = await fixture.post(fixture.ann, "hello")
    await fixture.ask(PinChat(by=fixture.owner, message_id=posted.id))
    assert (await refused(fixture.ask(DeleteChat(by=fixture.bob, message_id=posted.id)))).code == "forbidden"
    await fixture.ask(DeleteChat(by=fixture.ann, message_id=posted.id))
    snapshot = await fixture.ask(ReadRoom())
    assert list(snapshot.messages) == [{"id": posted.id, "offset": 1, "deleted": True}]
    assert snapshot.pinned is None
    assert (await refused(fixture.ask(DeleteChat(by=fixture.owner, message_id=posted.id)))).code == "not_found"
    assert [body["id"] for body in fixture.changes("chat:deleted")] == [posted.id]


async def test_mode_pin_and_sanctions_outlive_the_actor(fixture: RoomFixture) -> None:
    posted = await fixture.post(fixture.ann, "hello")
    await fixture.ask(PinChat(by=fixture.owner, message_id=posted.id))
    await fixture.ask(SetChatMode(by=fixture.owner, changes={"slow_seconds": 7}))
    await fixture.node.release(shard_of(fixture.room.id), budget_s=1.0)
    snapshot = await fixture.ask(ReadRoom())
    assert snapshot.mode == ChatMode(slow_seconds=7)
    assert snapshot.pinned is not None
    assert snapshot.pinned["id"] == posted.id


async def test_a_pin_of_a_message_that_was_deleted_is_no_pin_for_the_next_incarnation(fixture: RoomFixture) -> None:
    posted = await fixture.post(fixture.ann, "hello")
    await fixture.ask(PinChat(by=fixture.owner, message_id=posted.id))
    await fixture.ask(DeleteChat(by=fixture.ann, message_id=posted.id))
    await fixture.node.release(shard_of(fixture.room.id), budget_s=1.0)
    assert (await fixture.ask(ReadRoom())).pinned is None


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
    fixture = RoomFixture()
    await fixture.open()
    asked: dict[str, list[asyncio.Task[Any]]] = {}
    for number, (step, which) in enumerate(steps):
        client_id = f"c{number}" if step != "repeat" else f"c{which}"
        if step in ("post", "repeat", "lose"):
            fixture.log.loses_outcomes = step == "lose"
            asked.setdefault(client_id, []).append(fixture.start_post(fixture.ann, client_id, client_id))
            await fixture.clock.settle()
            fixture.log.loses_outcomes = False
        elif step in ("away", "back"):
            fixture.tables.is_away = step == "away"
        elif step == "restart":
            await fixture.node.release(shard_of(fixture.room.id), budget_s=1.0)
        else:
            await fixture.clock.advance(which)
    fixture.tables.is_away = False
    last = await fixture.post(fixture.bob, "last", "last")
    await fixture.clock.advance(20.0)
    shown = await fixture.shown()
    held = [(row.offset, row.entry.text) for row in fixture.tables.messages[fixture.room_id]]
    assert list(dict.fromkeys(shown)) == sorted(set(shown))
    assert {text for _, text in held} >= {text for _, text in shown}
    assert shown[-1] == (last.offset, "last")
    for client_id, tasks in asked.items():
        answers = {each.result().offset for each in tasks if each.done() and each.exception() is None}
        assert len(answers) <= 1
        assert all((offset, client_id) in held for offset in answers)
    await fixture.close()


# ------------------------------------------------------------------------------------------------------------- budgets


def rate(fixture: RoomFixture, *, per_s: float = 1.0, burst: int = 2, **factors: float) -> None:
    """What everybody may do, in a room that nobody has spoken to yet."""
    rates = dict.fromkeys(RATES, Rate(per_s=per_s, burst=burst))
    fixture.rate_limits = RateLimits(rates=rates, factors={**FACTORS, **factors})  # type: ignore[dict-item]


async def test_a_person_posts_a_burst_and_is_then_told_to_wait(fixture: RoomFixture) -> None:
    rate(fixture)
    await fixture.post(fixture.ann, "m1")
    await fixture.post(fixture.ann, "m2")
    refusal = await refused(fixture.post(fixture.ann, "m3"))
    assert (refusal.code, refusal.retry_after_s) == ("rate_limited", 1.0)
    await fixture.post(fixture.bob, "b1")
    await fixture.clock.advance(1.0)
    await fixture.post(fixture.ann, "m3")
    assert [text for _, text in await fixture.shown()] == ["m1", "m2", "b1", "m3"]


async def test_a_client_id_that_was_posted_is_answered_before_any_limit_also_after_a_restart(
    fixture: RoomFixture,
) -> None:
    rate(fixture)
    first = await fixture.post(fixture.ann, "m1")
    await fixture.post(fixture.ann, "m2")
    assert place(await fixture.post(fixture.ann, "m1")) == place(first)
    await fixture.node.release(shard_of(fixture.room.id), budget_s=1.0)
    assert place(await fixture.post(fixture.ann, "m1")) == place(first)
    assert (await refused(fixture.post(fixture.ann, "m3"))).code == "rate_limited"


async def test_a_message_that_was_not_written_or_was_there_already_costs_nothing(fixture: RoomFixture) -> None:
    rate(fixture)
    fixture.log.is_full = True
    for number in range(3):
        with pytest.raises(ActorError):
            await fixture.post(fixture.ann, f"full{number}")
    fixture.log.is_full = False
    await fixture.post(fixture.ann, "m1")
    await fixture.node.release(shard_of(fixture.room.id), budget_s=1.0)
    await fixture.post(fixture.ann, "m1")
    await fixture.post(fixture.ann, "m2")
    assert (await refused(fixture.post(fixture.ann, "m3"))).code == "rate_limited"


async def test_the_owner_of_a_room_and_an_admin_have_rates_of_their_own(fixture: RoomFixture) -> None:
    rate(fixture, owner=2.0, admin=3.0)
    admin = msgspec.structs.replace(fixture.bob, roles=("admin",))
    for author, most in ((fixture.ann, 2), (fixture.owner, 4), (admin, 6)):
        for number in range(most):
            await fixture.post(author, f"{author.username}{number}")
        assert (await refused(fixture.post(author, "one more"))).code == "rate_limited"


async def test_acts_of_moderation_are_limited_and_have_a_budget_of_their_own(fixture: RoomFixture) -> None:
    rate(fixture)
    for seconds in (1, 2):
        await fixture.ask(SetChatMode(by=fixture.owner, changes={"slow_seconds": seconds}))
    asked = fixture.ask(SanctionPerson(by=fixture.owner, user_id=fixture.ann.id, seconds=60))
    assert (await refused(asked)).code == "rate_limited"
    await fixture.post(fixture.owner, "slow down")


async def test_a_room_that_has_just_come_to_life_reads_what_was_said_before_for_the_first_who_asks(
    fixture: RoomFixture,
) -> None:
    first = await fixture.post(fixture.ann, "before")
    await fixture.post(fixture.ann, "kept")
    await fixture.node.release(shard_of(fixture.room.id), budget_s=1.0)
    await fixture.post(fixture.ann, "after")
    asked = [asyncio.ensure_future(fixture.ask(ReadRoom())) for _ in range(2)]
    await fixture.ask(DeleteChat(by=fixture.owner, message_id=first.id))
    for each in asked:
        snapshot = await each
        assert snapshot.offset == 3
        assert [message["offset"] for message in snapshot.messages] == [1, 2, 3]
    whole = await fixture.ask(ReadRoom())
    assert whole.messages[0] == {"id": first.id, "offset": 1, "deleted": True}
    assert [message["text"] for message in whole.messages[1:]] == ["kept", "after"]
    assert [message["offset"] for message in (await fixture.ask(ReadRoom(limit=1))).messages] == [3]


async def test_a_room_whose_log_cannot_be_read_refuses_those_who_ask_and_reads_for_the_next(
    fixture: RoomFixture,
) -> None:
    await fixture.post(fixture.ann, "before")
    await fixture.node.release(shard_of(fixture.room.id), budget_s=1.0)
    await fixture.post(fixture.ann, "after")
    fixture.tables.is_away = True
    with pytest.raises(Unavailable):
        await fixture.ask(ReadRoom())
    fixture.tables.is_away = False
    assert [message["text"] for message in (await fixture.ask(ReadRoom())).messages] == ["before", "after"]
