"""What a room does not let be said, and what waits for a moderator: durable, once only, decided once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from actors.chat_messages import ClearRoom, PurgePerson, ReadHeld, RenewScreen, ReviewChat, SetChatMode, SetRole
from actors.chat_review import MAX_HELD_OF_ONE
from actors.events import ChatForModerators
from actors.runtime import Unavailable, shard_of
from actors.screening import BannedWord, ChatFilter, Screen
from tests.actors.room_fixture import RoomFixture
from tests.actors.test_chat import refused
from tests.actors.test_chat_moderation import in_log, in_room, taken_over

FILTER = ChatFilter(words=(BannedWord(text="bad"), BannedWord(text="hmm", action="hold")))


@pytest.fixture
async def fixture() -> AsyncIterator[RoomFixture]:
    made = RoomFixture()
    made.screens.now = Screen(FILTER)
    await made.open()
    yield made
    await made.close()


def for_moderators(fixture: RoomFixture, event: str) -> list[dict[str, Any]]:
    found = [one for one in fixture.events if isinstance(one, ChatForModerators) and one.event == event]
    return [{**one.body, "also": one.user_id} for one in found]


async def waiting(fixture: RoomFixture) -> list[str]:
    return [one["message"]["text"] for one in await fixture.ask(ReadHeld(by=fixture.owner))]


async def test_what_may_not_be_said_is_refused_by_its_field_and_is_nowhere(fixture: RoomFixture) -> None:
    refusal = await refused(fixture.post(fixture.ann, "so b.a.d"))
    assert (refusal.code, refusal.field) == ("screened", "text")
    assert await in_log(fixture) == await waiting(fixture) == []
    await fixture.post(fixture.owner, "bad")
    await fixture.ask(SetRole(by=fixture.owner, user_id=fixture.bob.id, role="vip"))
    assert (await refused(fixture.post(fixture.bob, "bad"))).code == "screened"


async def test_a_refused_message_does_not_count_for_slow_mode_and_a_held_one_does(fixture: RoomFixture) -> None:
    await fixture.ask(SetChatMode(by=fixture.owner, changes={"slow_seconds": 10}))
    assert (await refused(fixture.post(fixture.ann, "bad"))).code == "screened"
    assert (await fixture.post(fixture.ann, "hmm")).is_held
    assert (await refused(fixture.post(fixture.ann, "fine"))).code == "slow_mode"


async def test_a_held_message_is_told_to_moderators_and_shown_to_nobody(fixture: RoomFixture) -> None:
    held = await fixture.post(fixture.ann, "hmm")
    assert (held.is_held, await in_room(fixture), await in_log(fixture)) == (True, [], [])
    (told,) = for_moderators(fixture, "chat:held")
    assert (told["message"]["id"], told["message"]["text"], told["reason"]) == (held.id, "hmm", "word")
    assert (told["message"]["user"]["username"], told["also"]) == ("ann", None)
    assert (await refused(fixture.ask(ReadHeld(by=fixture.ann)))).code == "forbidden"


async def test_the_same_message_again_while_it_waits_is_the_same_answer_also_after_a_take_over(
    fixture: RoomFixture,
) -> None:
    held = await fixture.post(fixture.ann, "hmm", "c")
    for _ in range(2):
        assert await fixture.post(fixture.ann, "hmm", "c") == held
        assert await waiting(fixture) == ["hmm"]
        await taken_over(fixture)


async def test_a_message_that_was_written_before_is_not_held_when_it_comes_again(fixture: RoomFixture) -> None:
    fixture.screens.now = Screen()
    first = await fixture.post(fixture.ann, "hmm", "c")
    await taken_over(fixture)
    fixture.screens.now = Screen(FILTER)
    assert await fixture.post(fixture.ann, "hmm", "c") == first
    assert await waiting(fixture) == []


@pytest.mark.parametrize("is_taken_over", [False, True])
async def test_what_is_allowed_is_posted_once_by_its_author_with_the_id_that_they_know(
    fixture: RoomFixture, is_taken_over: bool
) -> None:
    held = await fixture.post(fixture.ann, "hmm", "c")
    if is_taken_over:
        await taken_over(fixture)
    await fixture.ask(ReviewChat(by=fixture.owner, message_id=held.id, allow=True))
    (logged,) = await fixture.log.last(fixture.room_id, 10)
    assert (logged.id, logged.offset, logged.user.id, logged.client_id) == (held.id, 1, fixture.ann.id, "c")  # type: ignore[union-attr]
    (told,) = for_moderators(fixture, "chat:reviewed")
    assert (told["id"], told["allow"], told["also"]) == (held.id, True, fixture.ann.id)
    assert (await in_room(fixture), await waiting(fixture)) == (["hmm"], [])
    again = await fixture.post(fixture.ann, "hmm", "c")
    assert (again.id, again.offset, again.is_held) == (held.id, 1, False)
    review = ReviewChat(by=fixture.owner, message_id=held.id, allow=False)
    assert (await refused(fixture.ask(review))).code == "not_found"


async def test_what_is_refused_is_never_posted_and_its_author_is_told(fixture: RoomFixture) -> None:
    held = await fixture.post(fixture.ann, "hmm", "c")
    await fixture.ask(ReviewChat(by=fixture.owner, message_id=held.id, allow=False))
    (told,) = for_moderators(fixture, "chat:reviewed")
    assert (told["allow"], told["also"]) == (False, fixture.ann.id)
    for _ in range(2):
        assert (await refused(fixture.post(fixture.ann, "hmm", "c"))).code == "refused"
        assert (await in_log(fixture), await waiting(fixture)) == ([], [])
        await taken_over(fixture)


async def test_only_moderators_decide(fixture: RoomFixture) -> None:
    held = await fixture.post(fixture.ann, "hmm")
    review = ReviewChat(by=fixture.ann, message_id=held.id, allow=True)
    assert (await refused(fixture.ask(review))).code == "forbidden"


async def test_a_decision_that_cannot_be_written_leaves_the_message_waiting(fixture: RoomFixture) -> None:
    held = await fixture.post(fixture.ann, "hmm")
    fixture.tables.is_away = True
    for allow in (True, False):
        with pytest.raises(Unavailable):
            await fixture.ask(ReviewChat(by=fixture.owner, message_id=held.id, allow=allow))
    fixture.tables.is_away = False
    assert (await waiting(fixture), await in_log(fixture)) == (["hmm"], [])
    await fixture.ask(ReviewChat(by=fixture.owner, message_id=held.id, allow=True))
    assert await in_log(fixture) == ["hmm"]


async def test_a_message_that_cannot_be_kept_is_not_held_and_may_be_sent_again(fixture: RoomFixture) -> None:
    await fixture.post(fixture.ann, "fine")
    fixture.tables.is_away = True
    with pytest.raises(Unavailable):
        await fixture.post(fixture.ann, "hmm", "c")
    fixture.tables.is_away = False
    assert await waiting(fixture) == []
    assert (await fixture.post(fixture.ann, "hmm", "c")).is_held


async def test_a_person_has_a_few_messages_waiting_and_no_more(fixture: RoomFixture) -> None:
    for number in range(MAX_HELD_OF_ONE):
        await fixture.post(fixture.ann, "hmm", f"c{number}")
    refusal = await refused(fixture.post(fixture.ann, "hmm", "more"))
    assert (refusal.code, refusal.retry_after_s) == ("too_many_held", 30.0)
    assert (await fixture.post(fixture.bob, "hmm", "c")).is_held


async def test_a_room_has_a_bounded_number_waiting(fixture: RoomFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("actors.chat_review.MAX_HELD", 1)
    await fixture.post(fixture.ann, "hmm")
    assert (await refused(fixture.post(fixture.bob, "hmm"))).code == "too_many_held"


async def test_a_purge_takes_what_waits_of_the_person_and_a_clear_all_that_waits(fixture: RoomFixture) -> None:
    for author in (fixture.ann, fixture.bob):
        await fixture.post(author, "hmm", "c")
    await fixture.ask(PurgePerson(by=fixture.owner, user_id=fixture.ann.id))
    assert await waiting(fixture) == ["hmm"]
    assert [one["user_id"] for one in for_moderators(fixture, "chat:reviewed")] == [fixture.ann.id]
    await fixture.ask(ClearRoom(by=fixture.owner))
    await taken_over(fixture)
    assert await waiting(fixture) == []


async def test_a_stale_owner_holds_nothing(fixture: RoomFixture) -> None:
    await fixture.post(fixture.ann, "fine")
    fixture.tables.epochs[shard_of(fixture.room.id)] += 1
    asked = fixture.start_post(fixture.ann, "hmm")
    await fixture.clock.settle()
    fixture.tables.epochs[shard_of(fixture.room.id)] -= 1
    assert not asked.done()
    await fixture.clock.advance(1.0)
    assert (await asked).is_held
    assert await waiting(fixture) == ["hmm"]


async def test_a_changed_filter_holds_for_the_next_message_and_of_other_owners_for_none(fixture: RoomFixture) -> None:
    await fixture.post(fixture.ann, "new")
    fixture.screens.now = Screen(ChatFilter(words=(BannedWord(text="new"),)))
    fixture.room.tell(RenewScreen(owner_id=fixture.ann.id))
    await fixture.post(fixture.ann, "new", "2")
    for owner_id, word in ((fixture.owner.id, "new"), (None, "newer")):
        fixture.screens.now = Screen(ChatFilter(words=(BannedWord(text=word),)))
        fixture.room.tell(RenewScreen(owner_id=owner_id))
        assert (await refused(fixture.post(fixture.ann, word, f"c {word}"))).code == "screened"


async def test_while_filters_cannot_be_read_the_one_of_before_holds_and_they_are_read_again(
    fixture: RoomFixture,
) -> None:
    await fixture.post(fixture.ann, "first")
    fixture.screens.is_away = True
    fixture.screens.now = Screen()
    fixture.room.tell(RenewScreen(owner_id=None))
    assert (await refused(fixture.post(fixture.ann, "bad"))).code == "screened"
    fixture.screens.is_away = False
    await fixture.clock.advance(1.5)
    await asyncio.sleep(0)
    assert (await fixture.post(fixture.ann, "bad")).offset == 2
