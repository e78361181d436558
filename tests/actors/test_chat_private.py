"""A private room: members write, edit and delete within 15 minutes, and nobody moderates; strangers learn nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from actors.chat_messages import DeleteChat, EditChat, JudgeWriter, PinChat, ReactToChat, ReadRoom
from actors.chat_rules import Author, Relationship, Standing
from actors.runtime import DomainError
from actors.screening import BannedWord, ChatFilter, Screen
from tests.actors.room_fixture import RoomFixture


@pytest.fixture
async def fixture() -> AsyncIterator[RoomFixture]:
    made = RoomFixture()
    await made.rooms.create(room_id=made.room_id, owner_id=None, log_epoch="e1")
    await made.node.start()
    yield made
    await made.close()


def stands(fixture: RoomFixture, author: Author, standing: Standing) -> None:
    fixture.relationships.members[author.id] = Relationship(standing=standing)


@pytest.mark.parametrize(
    ("standing", "code"), [("stranger", "not_found"), ("asked", "not_accepted"), ("silent", "closed")]
)
async def test_who_is_no_member_writes_nothing(fixture: RoomFixture, standing: Standing, code: str) -> None:
    stands(fixture, fixture.ann, standing)
    with pytest.raises(DomainError) as refused:
        await fixture.post(fixture.ann, "hello")
    assert refused.value.code == code
    with pytest.raises(DomainError) as refused:
        await fixture.ask(JudgeWriter(author=fixture.ann))
    assert refused.value.code == code


async def test_no_filter_of_an_owner_or_the_server_holds_there(fixture: RoomFixture) -> None:
    fixture.screens.now = Screen(ChatFilter(words=(BannedWord(text="rude", action="refuse"),)))
    assert (await fixture.post(fixture.ann, "how rude")).offset == 1


async def test_an_admin_is_a_member_like_any_other(fixture: RoomFixture) -> None:
    admin = Author(id=fixture.bob.id, username="bob", display_name="Bob", roles=("admin",))
    posted = await fixture.post(fixture.ann, "hello")
    for act in (DeleteChat(by=admin, message_id=posted.id), PinChat(by=admin, message_id=posted.id)):
        with pytest.raises(DomainError) as refused:
            await fixture.ask(act)
        assert refused.value.code == "forbidden"


def act_on(name: str, author: Author, message_id: str) -> Any:
    if name == "edit":
        return EditChat(by=author, message_id=message_id, text="better")
    return DeleteChat(by=author, message_id=message_id)


@pytest.mark.parametrize("name", ["edit", "delete"])
@pytest.mark.parametrize(("minutes", "is_in_time"), [(14.9, True), (15.1, False)])
async def test_a_message_is_changed_for_all_within_15_minutes(
    fixture: RoomFixture, name: str, minutes: float, is_in_time: bool
) -> None:
    posted = await fixture.post(fixture.ann, "hello")
    await fixture.clock.advance(minutes * 60)
    act = act_on(name, fixture.ann, posted.id)
    if is_in_time:
        await fixture.ask(act)
    else:
        with pytest.raises(DomainError) as refused:
            await fixture.ask(act)
        assert refused.value.code == "too_late"
    shown = (await fixture.ask(ReadRoom())).messages[0]
    assert (shown.get("text") != "hello") is is_in_time


async def test_who_joins_is_shown_the_last_text_and_the_reactions_and_others_hear_of_both(fixture: RoomFixture) -> None:
    posted = await fixture.post(fixture.ann, "helo")
    await fixture.listen("n2", 1)
    await fixture.ask(EditChat(by=fixture.ann, message_id=posted.id, text="hello"))
    await fixture.ask(ReactToChat(by=fixture.bob, message_id=posted.id, emoji="🎉", is_on=True))
    shown = (await fixture.ask(ReadRoom())).messages[0]
    assert (shown["text"], shown["reactions"]) == ("hello", {"🎉": (fixture.bob.id,)})
    assert [one["text"] for one in fixture.changes("chat:edited")] == ["hello"]
    assert [one["reactions"] for one in fixture.changes("chat:reacted")] == [{"🎉": (fixture.bob.id,)}]


async def test_messages_of_a_stream_are_not_edited() -> None:
    made = RoomFixture()
    await made.open()
    posted = await made.post(made.ann, "hello")
    with pytest.raises(DomainError) as refused:
        await made.ask(EditChat(by=made.ann, message_id=posted.id, text="better"))
    assert refused.value.code == "forbidden"
    await made.close()
