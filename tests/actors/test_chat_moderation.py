"""What moderators do to a room as a whole: purge, clear, announce and roles; exact whatever is under way meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from actors.chat_acts import MAX_ACTS
from actors.chat_messages import (
    ClearRoom,
    DeleteChat,
    PinChat,
    PostChat,
    PurgePerson,
    ReadRoom,
    RestoreChat,
    SetChatMode,
    SetRole,
)
from actors.events import ChatPosted
from actors.runtime import Unavailable, shard_of
from tests.actors.room_fixture import RoomFixture
from tests.actors.test_chat import refused


@pytest.fixture
async def fixture() -> AsyncIterator[RoomFixture]:
    made = RoomFixture()
    await made.open()
    yield made
    await made.close()


async def taken_over(fixture: RoomFixture) -> None:
    """The room's actor goes; the next message finds another, which reads what is written."""
    await fixture.node.release(shard_of(fixture.room.id), budget_s=1.0)


async def in_room(fixture: RoomFixture) -> list[str]:
    """The texts of the newest messages, as who joins now is shown them; "-" for one that is deleted."""
    return [message.get("text", "-") for message in (await fixture.ask(ReadRoom())).messages]


async def in_log(fixture: RoomFixture) -> list[str]:
    return [getattr(found, "text", "-") for found in await fixture.log.last(fixture.room_id, 100)]


async def test_a_purge_deletes_all_that_one_person_wrote_and_outlives_the_actor(fixture: RoomFixture) -> None:
    for author, text in ((fixture.ann, "a1"), (fixture.bob, "b1"), (fixture.ann, "a2")):
        last = await fixture.post(author, text)
    await fixture.ask(PinChat(by=fixture.owner, message_id=last.id))
    await fixture.ask(PurgePerson(by=fixture.owner, user_id=fixture.ann.id))
    assert [change["offset"] for change in fixture.changes("chat:deleted")] == [1, 3]
    (cleared,) = fixture.changes("chat:cleared")
    assert (cleared["offset"], cleared["user_id"], cleared["by"]) == (3, fixture.ann.id, fixture.owner.id)
    assert fixture.changes("chat:pinned")[-1]["message"] is None
    await fixture.post(fixture.ann, "a3")
    for _ in range(2):
        assert await in_room(fixture) == await in_log(fixture) == ["-", "b1", "-", "a3"]
        await taken_over(fixture)


async def test_a_message_that_is_restored_stands_in_its_place_again(fixture: RoomFixture) -> None:
    await fixture.post(fixture.ann, "a1")
    deleted = await fixture.post(fixture.bob, "b1")
    await fixture.post(fixture.ann, "a2")
    await fixture.ask(DeleteChat(by=fixture.owner, message_id=deleted.id))
    assert await in_room(fixture) == await in_log(fixture) == ["a1", "-", "a2"]
    restore = RestoreChat(by=fixture.owner.id, message_id=deleted.id)
    await fixture.ask(restore)
    (told,) = fixture.changes("chat:restored")
    assert (told["message"]["text"], told["message"]["offset"], told["user_id"]) == ("b1", 2, fixture.bob.id)
    for _ in range(2):
        assert await in_room(fixture) == await in_log(fixture) == ["a1", "b1", "a2"]
        await taken_over(fixture)


async def test_what_its_author_deleted_is_not_restored(fixture: RoomFixture) -> None:
    deleted = await fixture.post(fixture.bob, "b1")
    await fixture.ask(DeleteChat(by=fixture.bob, message_id=deleted.id))
    await fixture.ask(RestoreChat(by=fixture.owner.id, message_id=deleted.id))
    assert (await in_room(fixture), fixture.changes("chat:restored")) == (["-"], [])


async def test_what_was_on_its_way_when_a_purge_was_asked_for_is_deleted_too(fixture: RoomFixture) -> None:
    fixture.log.withheld = []
    asked = fixture.start_post(fixture.ann, "late")
    await fixture.clock.settle()
    purge = asyncio.ensure_future(fixture.ask(PurgePerson(by=fixture.owner, user_id=fixture.ann.id)))
    await fixture.clock.settle()
    assert not purge.done()
    fixture.log.let_out()
    await fixture.clock.settle()
    await asyncio.gather(asked, purge)
    assert await in_room(fixture) == await in_log(fixture) == ["-"]


async def test_a_room_goes_on_while_a_long_purge_runs(fixture: RoomFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    gate, purge = asyncio.Event(), fixture.rooms.purge

    async def slow(*args: Any, **named: Any) -> int:
        await gate.wait()
        return await purge(*args, **named)

    monkeypatch.setattr(fixture.rooms, "purge", slow)
    await fixture.post(fixture.ann, "before")
    asked = asyncio.ensure_future(fixture.ask(PurgePerson(by=fixture.owner, user_id=fixture.ann.id)))
    await fixture.clock.settle()
    assert (await fixture.post(fixture.ann, "meanwhile")).offset == 2
    gate.set()
    await fixture.clock.settle()
    await asked
    assert await in_room(fixture) == await in_log(fixture) == ["-", "meanwhile"]


async def test_purges_wait_for_one_another_and_too_many_are_refused(
    fixture: RoomFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, begun = asyncio.Event(), 0

    async def slow(*args: Any, **named: Any) -> int:
        nonlocal begun
        begun += 1
        await gate.wait()
        return 0

    monkeypatch.setattr(fixture.rooms, "purge", slow)
    purge = PurgePerson(by=fixture.owner, user_id=fixture.ann.id)
    asked: list[asyncio.Future[None]] = []
    for count in (1, MAX_ACTS):  # the first is under way when the others come
        asked += [asyncio.ensure_future(fixture.room.ask(purge, timeout_s=1e6)) for _ in range(count)]
        await fixture.clock.settle()
    refusal = await refused(fixture.ask(purge))
    assert (refusal.code, refusal.retry_after_s, begun) == ("too_many_acts", 1.0, 1)
    gate.set()
    await fixture.clock.settle()
    await asyncio.gather(*asked)
    assert begun == MAX_ACTS + 1


async def test_a_cleared_room_keeps_places_and_goes_on_and_outlives_the_actor(fixture: RoomFixture) -> None:
    first = await fixture.post(fixture.ann, "one")
    await fixture.post(fixture.bob, "two")
    await fixture.ask(PinChat(by=fixture.owner, message_id=first.id))
    await fixture.ask(ClearRoom(by=fixture.owner))
    (cleared,) = fixture.changes("chat:cleared")
    assert (cleared["offset"], cleared["user_id"]) == (2, None)
    assert fixture.changes("chat:pinned")[-1]["message"] is None
    assert (await fixture.post(fixture.ann, "three")).offset == 3
    for _ in range(2):
        assert await in_room(fixture) == await in_log(fixture) == ["-", "-", "three"]
        await taken_over(fixture)


async def test_what_was_committed_before_a_clear_and_is_told_of_after_it_is_shown_as_deleted(
    fixture: RoomFixture,
) -> None:
    fixture.log.withheld = []
    asked = fixture.start_post(fixture.ann, "late")
    await fixture.clock.settle()
    await fixture.ask(ClearRoom(by=fixture.owner))
    assert fixture.changes("chat:cleared")[-1]["offset"] == 1
    fixture.log.let_out()
    await fixture.clock.settle()
    assert (await asked).offset == 1
    assert await fixture.shown() == [(1, "")]
    assert await in_room(fixture) == await in_log(fixture) == ["-"]


async def test_a_purge_or_clear_that_cannot_be_written_changes_nothing(fixture: RoomFixture) -> None:
    await fixture.post(fixture.ann, "one")
    fixture.tables.is_away = True
    for act in (PurgePerson(by=fixture.owner, user_id=fixture.ann.id), ClearRoom(by=fixture.owner)):
        with pytest.raises(Unavailable):
            await fixture.ask(act)
    fixture.tables.is_away = False
    assert await in_room(fixture) == ["one"]
    assert fixture.changes("chat:cleared") == fixture.changes("chat:deleted") == []


async def test_a_purge_under_a_stale_token_deletes_nothing_until_the_rooms_next_owner_does_it(
    fixture: RoomFixture,
) -> None:
    await fixture.post(fixture.ann, "one")
    fixture.tables.epochs[shard_of(fixture.room.id)] += 1
    asked = asyncio.ensure_future(fixture.ask(PurgePerson(by=fixture.owner, user_id=fixture.ann.id)))
    await fixture.clock.settle()
    assert (await in_log(fixture), asked.done(), fixture.changes("chat:cleared")) == (["one"], False, [])
    fixture.tables.epochs[shard_of(fixture.room.id)] -= 1
    await fixture.clock.advance(1.0)
    await asked
    assert await in_log(fixture) == ["-"]


async def test_an_announcement_is_a_message_of_a_moderator_that_says_so(fixture: RoomFixture) -> None:
    await fixture.ask(SetChatMode(by=fixture.owner, changes={"emotes_only": True}))
    post = PostChat(author=fixture.owner, text="We start at nine", client_id="c", is_announcement=True)
    assert (await fixture.ask(post)).offset == (await fixture.ask(post)).offset == 1
    await fixture.clock.advance(0.0)
    shown = [message for event in fixture.events if isinstance(event, ChatPosted) for message in event.messages]
    assert [(message["text"], message["announcement"]) for message in shown] == [("We start at nine", True)]
    assert (await fixture.log.last(fixture.room_id, 1))[0].announcement is True  # type: ignore[union-attr]
    assert (await refused(fixture.ask(msgspec.structs.replace(post, author=fixture.ann)))).code == "forbidden"


async def test_the_owner_gives_roles_which_hold_at_once_and_outlive_the_actor(fixture: RoomFixture) -> None:
    await fixture.post(fixture.ann, "before")
    await fixture.ask(SetRole(by=fixture.owner, user_id=fixture.ann.id, role="moderator"))
    await fixture.ask(SetRole(by=fixture.owner, user_id=fixture.bob.id, role="vip"))
    assert [(one["user_id"], one["role"]) for one in fixture.changes("chat:role")] == [
        (fixture.ann.id, "moderator"), (fixture.bob.id, "vip"),
    ]  # fmt: skip
    await fixture.ask(SetChatMode(by=fixture.ann, changes={"emotes_only": True}))
    for number in range(2):
        snapshot = await fixture.ask(ReadRoom())
        assert snapshot.messages[0]["user"]["badges"] == ("moderator",)
        assert (snapshot.moderators, snapshot.vips) == ((fixture.ann.id,), (fixture.bob.id,))
        await fixture.post(fixture.bob, f"words {number}")
        await taken_over(fixture)
    await fixture.ask(SetRole(by=fixture.owner, user_id=fixture.bob.id, role=None))
    assert (await refused(fixture.post(fixture.bob, "words"))).code == "emotes_only"


async def test_only_the_owner_gives_roles_and_has_no_other(fixture: RoomFixture) -> None:
    await fixture.ask(SetRole(by=fixture.owner, user_id=fixture.ann.id, role="moderator"))
    asked = SetRole(by=fixture.ann, user_id=fixture.bob.id, role="vip")
    assert (await refused(fixture.ask(asked))).code == "forbidden"
    asked = SetRole(by=fixture.owner, user_id=fixture.owner.id, role=None)
    assert (await refused(fixture.ask(asked))).code == "forbidden"


async def test_a_room_has_a_bounded_number_of_roles(fixture: RoomFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("actors.chat_moderation.MAX_ROLES", 1)
    await fixture.ask(SetRole(by=fixture.owner, user_id=fixture.ann.id, role="moderator"))
    assert (await refused(fixture.ask(SetRole(by=fixture.owner, user_id=fixture.bob.id, role="vip")))).code == "invalid"
    await fixture.ask(SetRole(by=fixture.owner, user_id=fixture.ann.id, role="vip"))


async def test_a_mode_under_the_shield_is_told_as_it_holds_and_comes_back_after_a_take_over(
    fixture: RoomFixture,
) -> None:
    await fixture.ask(SetChatMode(by=fixture.owner, changes={"slow_seconds": 5}))
    shielded = await fixture.ask(SetChatMode(by=fixture.owner, changes={"shield": True}))
    assert fixture.changes("chat:mode")[-1]["mode"] == msgspec.to_builtins(shielded)
    assert (shielded.slow_seconds, shielded.shield) == (30, True)
    await taken_over(fixture)
    assert (await fixture.ask(ReadRoom())).mode == shielded
    after = await fixture.ask(SetChatMode(by=fixture.owner, changes={"shield": False}))
    assert (after.slow_seconds, after.followers_only_seconds, after.unique) == (5, None, False)
