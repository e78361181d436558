"""Cards of people, notes on them, and requests to lift a ban, in rooms that are there."""

from __future__ import annotations

from typing import Any

import pytest

from server.features.rooms.conduct import cards, unbanning
from tests.server.live.core_node import CoreNode, Person
from tests.server.live.test_room_moderation import NOBODY, Room

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def banned(owner: Person, fan: Person) -> Room:
    room = await Room.open(owner, fan)
    await room.say(room.fan)
    await room.do("chat:ban", user_id=fan.id, reason="spam")
    return room


async def ask(person: Person, room: Room, text: str = "sorry") -> tuple[int, Any]:
    return await person.call("POST", f"/rooms/{room.id}/unban-requests", json={"text": text})


async def test_a_banned_person_asks_once_and_writes_again_when_a_moderator_lets_them(
    owner: Person, fan: Person, stranger: Person
) -> None:
    room = await banned(owner, fan)
    status, request = await ask(fan, room)
    assert (status, request["state"], request["user"]["username"]) == (201, "waiting", fan.username)
    assert (await room.owner.until("chat:unban_requested"))["id"] == request["id"]
    status, problem = await ask(fan, room)
    assert (status, problem["type"]) == (409, "/problems/already-asked")
    path = f"/rooms/{room.id}/unban-requests"
    assert (await owner.done("GET", f"{path}?state=waiting"))["items"] == [request]
    for other in (fan, stranger):
        assert (await other.call("GET", path))[0] == 403
        assert (await other.call("POST", f"{path}/{request['id']}", json={"allow": True}))[0] == 403
    for _ in range(2):
        decided = await owner.done("POST", f"{path}/{request['id']}", {"allow": True})
        assert decided["state"] == "granted"
    assert (await room.fan.until("chat:unban_decided"))["allow"] is True
    await room.say(room.fan, "thank you")
    status, problem = await owner.call("POST", f"{path}/{request['id']}", json={"allow": False})
    assert (status, problem["type"]) == (409, "/problems/already-decided")
    assert (await ask(fan, room))[1]["type"] == "/problems/not-banned"


async def test_a_refused_request_leaves_the_ban_and_another_ban_may_be_asked_about(
    owner: Person, fan: Person, admin: Person
) -> None:
    room = await banned(owner, fan)
    _, request = await ask(fan, room)
    await owner.done("POST", f"/rooms/{room.id}/unban-requests/{request['id']}", {"allow": False})
    assert (await room.fan.refused("chat:send", room.message()))["code"] == "banned"
    assert (await ask(fan, room))[0] == 409
    await room.do("chat:unban", user_id=fan.id)
    await room.do("chat:ban", user_id=fan.id)
    assert (await ask(fan, room))[0] == 201
    audit = await admin.done("GET", f"/admin/audit?actor={owner.username}&action=chat.unban_request")
    assert [entry["detail"]["allow"] for entry in audit["items"][:1]] == [False]


@pytest.mark.parametrize("text", ["", "\u200b", "x" * 501])
async def test_a_request_has_a_text_that_shows(owner: Person, fan: Person, text: str) -> None:
    room = await banned(owner, fan)
    assert (await ask(fan, room, text))[0] == 422


async def test_so_many_requests_wait_in_a_room(owner: Person, fan: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unbanning, "MAX_WAITING", 0)
    assert (await ask(fan, await banned(owner, fan)))[0] == 429


async def test_a_card_shows_what_was_written_and_to_moderators_alone_sanctions_and_notes(
    owner: Person, fan: Person, stranger: Person
) -> None:
    room = await banned(owner, fan)
    await stranger.done("PUT", f"/users/{owner.username}/follow")
    path = f"/rooms/{room.id}/people/{fan.id}"
    card = await stranger.done("GET", path)
    assert [message["text"] for message in card["messages"]] == ["hello"]
    assert (card["user"]["username"], card["role"], card["sanction"], card["notes"]) == (fan.username, None, None, None)
    note = await owner.done("POST", f"{path}/notes", {"text": "  watch\nthis one "})
    assert (note["text"], note["author"]["username"]) == ("watch this one", owner.username)
    card = await owner.done("GET", path)
    assert (card["sanction"]["until"], card["sanction"]["reason"], card["notes"]) == (None, "spam", [note])
    own = await owner.done("GET", f"/rooms/{room.id}/people/{stranger.id}")
    assert own["following_since"] is not None
    assert (await owner.done("GET", f"/rooms/{room.id}/people/{owner.id}"))["role"] == "owner"
    assert (await fan.done("GET", path))["notes"] is None
    assert (await fan.call("POST", f"{path}/notes", json={"text": "me"}))[0] == 403
    for who, status in ((fan, 403), (owner, 204), (owner, 404)):
        assert (await who.call("DELETE", f"/rooms/{room.id}/notes/{note['id']}"))[0] == status


async def test_notes_are_counted_and_nobody_is_not_found(
    node: CoreNode, owner: Person, fan: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = await Room.open(owner, fan)
    hidden = (await owner.prepare(visibility="private"))["chat"]["room_id"]
    assert (await owner.call("GET", f"/rooms/{room.id}/people/{NOBODY}"))[0] == 404
    assert (await fan.call("GET", f"/rooms/{hidden}/people/{fan.id}"))[0] == 404
    assert (await owner.call("POST", f"/rooms/{room.id}/people/{NOBODY}/notes", json={"text": "x"}))[0] == 404
    monkeypatch.setattr(cards, "MAX_NOTES", 0)
    status, problem = await owner.call("POST", f"/rooms/{room.id}/people/{fan.id}/notes", json={"text": "x"})
    assert (status, problem["type"]) == (409, "/problems/too-many-notes")
