"""Who is notified of messages in conversations, and what they are spared."""

from __future__ import annotations

from typing import Any

import pytest

from server.features.messages.conversations.facts import ConversationLeft, ConversationRead
from tests.server.conftest import Someone
from tests.server.features.notifications.conftest import Notified, Stage, new_id


async def talk(notified: Notified, *people: Someone, **of_first: Any) -> Stage:
    """A conversation of these; ``of_first``: columns of the first one's membership."""
    room_id = new_id()
    await notified.database.execute(
        "insert into chat_rooms (id, log_epoch, is_private) values ($1, 'e', true)", room_id
    )
    await notified.database.execute("insert into conversations (room_id, is_group) values ($1, true)", room_id)
    for place, person in enumerate(people):
        columns = of_first if place == 0 else {}
        await notified.database.execute(
            "insert into conversation_members (room_id, person_id, state, is_muted) values ($1, $2, $3, $4)",
            room_id, person.id, columns.get("state", "open"), columns.get("is_muted", False),
        )  # fmt: skip
    return Stage(people[-1], "", room_id)


async def read(notified: Notified, person: Someone, room: Stage, offset: int) -> None:
    await notified.publish(ConversationRead(room_id=room.room_id, person_id=person.id, offset=offset))
    await notified.settle()


async def three(notified: Notified) -> tuple[Someone, Someone, Someone]:
    return await notified.register("ada"), await notified.register("bob"), await notified.register("cleo")


async def test_messages_of_a_conversation_are_one_notification_until_all_are_read(notified: Notified) -> None:
    ada, bob, cleo = await three(notified)
    room = await talk(notified, ada, bob, cleo)
    for author in (bob, cleo, bob):
        await notified.say(room, author, "hello")
    await notified.settle()
    (one,) = (await notified.listed(ada))["items"]
    assert (one["kind"], one["count"], [who["username"] for who in one["people"]]) == ("message", 2, ["bob", "cleo"])
    assert one["subject"] == {
        "type": "conversation", "id": room.room_id, "title": "", "path": f"/messages/{room.room_id}"
    }  # fmt: skip
    await read(notified, ada, room, 2)
    assert (await notified.listed(ada))["unread"] == 1
    await read(notified, ada, room, 3)
    assert (await notified.listed(ada))["unread"] == 0
    told = [body for to, event, body in notified.kit.published.events if (to, event) == (ada.id, "notification:read")]
    assert told == [{"until": None, "ids": [one["id"]], "unread": 0}]


async def test_who_answers_has_read_what_they_answer(notified: Notified) -> None:
    ada, bob, _ = await three(notified)
    room = await talk(notified, ada, bob)
    await notified.say(room, bob, "hello")
    await notified.settle()
    await notified.say(room, ada, "hi")
    await notified.settle()
    assert ((await notified.listed(ada))["unread"], await notified.told(bob)) == (0, [("message", ["ada"], 1)])


@pytest.mark.parametrize("of_ada", [{"is_muted": True}, {"state": "request"}, {"state": "left"}])
async def test_nobody_is_notified_of_a_conversation_that_they_muted_or_are_not_in(
    notified: Notified, of_ada: Any
) -> None:
    ada, bob, cleo = await three(notified)
    room = await talk(notified, ada, bob, cleo, **of_ada)
    await notified.say(room, bob, "hello")
    await notified.settle()
    assert (await notified.told(ada), await notified.told(cleo)) == ([], [("message", ["bob"], 1)])


@pytest.mark.parametrize("verb", ["mute", "block"])
async def test_nobody_is_notified_of_messages_of_whom_they_mute_or_block(notified: Notified, verb: str) -> None:
    ada, bob, cleo = await three(notified)
    await ada.ask("PUT", f"/users/bob/{verb}")
    room = await talk(notified, ada, bob, cleo)
    await notified.say(room, bob, "hello")
    await notified.settle()
    assert (await notified.told(ada), await notified.told(cleo)) == ([], [("message", ["bob"], 1)])


async def test_who_has_left_is_notified_of_it_no_longer(notified: Notified) -> None:
    ada, bob, _ = await three(notified)
    room = await talk(notified, ada, bob)
    await notified.say(room, bob, "hello")
    await notified.settle()
    await notified.publish(ConversationLeft(room_id=room.room_id, person_id=ada.id))
    await notified.settle()
    assert await notified.told(ada) == []
