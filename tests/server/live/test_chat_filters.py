"""Filters over REST, and what they do to messages over Socket.IO; held messages and who is told of them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.server.live.core_node import Person
from tests.server.live.test_room_moderation import Room
from tests.server.served import Device

pytestmark = pytest.mark.asyncio(loop_scope="module")

EMPTY = {"words": [], "links": {"allowed": [], "action": None}, "repeats": None, "capitals": None}
FILTER = {
    "words": [{"text": "scumbag", "action": "refuse"}, {"text": "hmm", "action": "hold"}],
    "links": {"allowed": ["example.org"], "action": "refuse"},
    "repeats": "hold",
    "capitals": "refuse",
}


async def test_a_filter_is_read_back_as_it_was_set_and_holds_in_the_owners_rooms_at_once(
    owner: Person, fan: Person
) -> None:
    assert await owner.done("GET", "/me/chat-filter") == EMPTY
    room = await Room.open(owner, fan)
    await room.say(room.fan, "scumbag")
    assert await owner.done("PUT", "/me/chat-filter", FILTER) == FILTER
    assert await owner.done("GET", "/me/chat-filter") == FILTER
    for text in ("s c u m b a g", "see other.com", "WHY DOES NOBODY LISTEN TO ME"):
        refused = await room.fan.refused("chat:send", room.message(text))
        assert (refused["code"], refused["field"]) == ("screened", "text"), text
    await room.say(room.fan, "see www.example.org")
    await owner.done("PUT", "/me/chat-filter", EMPTY)
    await room.say(room.fan, "scumbag")
    other = await Room.open(fan, owner)
    await other.say(other.fan, "scumbag")


async def test_the_servers_filter_holds_in_every_room_and_is_the_admins(
    admin: Person, owner: Person, fan: Person
) -> None:
    room = await Room.open(owner, fan)
    await room.say(room.fan)
    assert (await owner.call("PUT", "/admin/chat-filter", json=FILTER))[0] == 403
    await admin.done("PUT", "/admin/chat-filter", {**EMPTY, "words": [{"text": "wanker"}]})
    try:
        assert (await room.fan.refused("chat:send", room.message("w4nker")))["code"] == "screened"
    finally:
        await admin.done("PUT", "/admin/chat-filter", EMPTY)
    await room.say(room.fan, "w4nker")
    page = await admin.done("GET", f"/admin/audit?actor={admin.username}&action=chat.filter")
    assert [entry["detail"]["words"] for entry in page["items"][:2]] == [0, 1]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"words": [{"text": "!!"}]}, "words.0.text"),
        ({"words": [{"text": "x" * 65}]}, "words.0.text"),
        ({"words": [{"text": "x", "action": "burn"}]}, "words.0.action"),
        ({"words": [{"text": "x"}] * 5_001}, "words"),
        ({"links": {"allowed": ["not a host"]}}, "links.allowed.0"),
        ({"repeats": "often"}, "repeats"),
        ({"words": [{"text": "x", "acton": "hold"}]}, "words.0.acton"),
    ],
)
async def test_a_filter_of_another_shape_is_refused_by_its_field(owner: Person, body: Any, field: str) -> None:
    status, problem = await owner.call("PUT", "/me/chat-filter", json=body)
    assert (status, [error["field"] for error in problem["errors"]]) == (422, [field])


async def test_a_message_is_tried_against_what_is_set_and_against_what_is_not_yet(
    admin: Person, owner: Person, fan: Person
) -> None:
    await admin.done("PUT", "/admin/chat-filter", {**EMPTY, "words": [{"text": "wanker"}]})
    await owner.done("PUT", "/me/chat-filter", {**EMPTY, "capitals": "hold"})
    shouted = {"action": "hold", "reason": "capitals"}
    try:
        for text, expected in (
            ("hello", {"action": "allow", "reason": None}),
            ("w4nker", {"action": "refuse", "reason": "word"}),
            ("WHY DOES NOBODY LISTEN TO ME", shouted),
        ):
            assert await owner.done("POST", "/me/chat-filter/try", {"text": text}) == expected
        draft = {"text": "hmm", "filter": FILTER}
        assert await owner.done("POST", "/me/chat-filter/try", draft) == {"action": "hold", "reason": "word"}
        assert await owner.done("POST", "/me/chat-filter/try", {**draft, "text": "w4nker"}) == {
            "action": "refuse",
            "reason": "word",
        }
        servers = await admin.done("POST", "/admin/chat-filter/try", {"text": "w4nker", "filter": EMPTY})
        assert servers["action"] == "allow"
        assert (await owner.call("POST", "/admin/chat-filter/try", json={"text": "x"}))[0] == 403
        for text in ("\u200b", "x" * 501, ""):
            assert (await owner.call("POST", "/me/chat-filter/try", json={"text": text}))[0] == 422
        assert (await owner.done("GET", "/me/chat-filter"))["capitals"] == "hold"
    finally:
        for person, path in ((admin, "/admin/chat-filter"), (owner, "/me/chat-filter")):
            await person.done("PUT", path, EMPTY)


async def test_a_held_message_is_told_to_moderators_and_decided_from_the_chat(owner: Person, fan: Person) -> None:
    room = await Room.open(owner, fan)
    await owner.done("PUT", "/me/chat-filter", FILTER)
    await room.do("chat:join")
    for is_allowed in (True, False):
        answer = await room.fan.done("chat:send", room.message("hmm"))
        assert answer == {"ok": True, "held": True, "id": answer["id"]}
        told = await room.owner.until("chat:held")
        assert (told["message"]["id"], told["message"]["text"], told["reason"]) == (answer["id"], "hmm", "word")
        assert [one["message"]["id"] for one in (await room.do("chat:queue"))["held"]] == [answer["id"]]
        body = {"room_id": room.id, "message_id": answer["id"], "allow": is_allowed}
        assert (await room.fan.refused("chat:review", body))["code"] == "forbidden"
        assert (await room.fan.refused("chat:queue", {"room_id": room.id}))["code"] == "forbidden"
        await room.owner.done("chat:review", body)
        reviewed = await decision(room.fan)
        assert (reviewed["id"], reviewed["allow"]) == (answer["id"], is_allowed)
        assert (await room.do("chat:queue"))["held"] == []
    assert [message.get("text") for message in await room.history()] == ["hmm"]
    await owner.done("PUT", "/me/chat-filter", EMPTY)


async def decision(author: Device) -> Any:
    """What the author is told, to whom ``chat:held`` is not."""
    name, body = await author.event()
    while name != "chat:reviewed":
        assert name != "chat:held"
        name, body = await author.event()
    return body
