"""A conversation is private by every address: only its members read it, write in it, or learn that it is there."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable
from typing import Any

import msgspec
import pytest

from server.describe import features as all_features
from server.http.operation import Operation
from server.socket_events import ClientEvent
from tests.server.live.conversing import begin, inside, of, people, write
from tests.server.live.core_node import CoreNode, Person
from tests.server.served import Device

pytestmark = pytest.mark.asyncio(loop_scope="module")

SECRET = "the cat is in the bag"
ABSENT = str(uuid.uuid4())
VALUES: dict[str, Any] = {
    "text": "x", "client_id": "c", "emoji": "👍", "user_id": ABSENT, "message_id": ABSENT, "question": "q?",
    "offset": 1, "options": ["a", "b"], "outcomes": ["a", "b"], "seconds": 60, "mode": {"slow_seconds": 5},
    "allow": True, "role": "moderator", "reward_id": ABSENT, "username": "nobody_there", "name": "main",
}  # fmt: skip


def body_of(event: ClientEvent, room_id: str, message_id: str) -> dict[str, Any]:
    """A body that fits the event's shape, in which every id is one of the room or its message."""
    fields = msgspec.structs.fields(event.shape)
    wanted = {one.encode_name for one in fields if one.required} | {"room_id", "message_id"}
    names = wanted & {one.encode_name for one in fields}
    ids = {name: message_id if name == "message_id" else room_id for name in names if name.endswith("_id")}
    return {name: VALUES.get(name, room_id) for name in names} | {
        name: value for name, value in ids.items() if name != "client_id"
    }


def paths_of(operation: Operation, room_id: str, message_id: str) -> Iterable[str]:
    """The operation's path with each of its ids that of the room, or of its message."""
    names = re.findall(r"{(\w+)}", operation.path)
    for given in {room_id, message_id}:
        values = {name: VALUES.get(name, given) for name in names}
        yield operation.path.removeprefix("/api/v1").format(**values)


async def refused_events(device: Device, room_id: str, message_id: str) -> dict[str, tuple[Any, Any]]:
    """Each event that names a room → what is answered for the conversation's, and for one that is not there."""
    answers: dict[str, tuple[Any, Any]] = {}
    for event in (one for feature in all_features() for one in feature.events):
        names = {field.encode_name for field in msgspec.structs.fields(event.shape)}
        if not names & {"room_id", "stream_id", "message_id", "poll_id", "prediction_id", "call_id"}:
            continue
        asked = [body_of(event, room_id, message_id), body_of(event, ABSENT, ABSENT)]
        there, absent = [await device.ask(event.name, body) for body in asked]
        answers[event.name] = (there, absent)
    return answers


def without_waits(ack: dict[str, Any]) -> dict[str, Any]:
    return {**ack, "error": {k: v for k, v in ack.get("error", {}).items() if k != "retry_after_ms"}}


async def outsiders(node: CoreNode, owner: Person, admin: Person) -> tuple[dict[str, Any], str, dict[str, Person]]:
    """A group with one message; the owner of a stream, an admin, a stranger, and one who was in the group."""
    ada, bob, former, stranger = await people(node, 4)
    made = await begin(ada, bob, former, title="Plans")
    device = await inside(ada, made)
    sent = await write(device, made, SECRET)
    await ada.done("DELETE", f"/conversations/{made['id']}/members/{former.username}")
    return made, sent["id"], {"stranger": stranger, "former": former, "admin": admin, "owner": owner}


async def test_no_event_tells_an_outsider_more_of_a_conversation_than_of_a_room_that_is_not_there(
    node: CoreNode, owner: Person, admin: Person
) -> None:
    made, message_id, them = await outsiders(node, owner, admin)
    devices = {name: await person.connect() for name, person in them.items()} | {"guest": await node.served.connect()}
    for name, device in devices.items():
        answers = await refused_events(device, made["room_id"], message_id)
        assert len(answers) > 30
        for event, (there, absent) in answers.items():
            assert without_waits(there) == without_waits(absent), (name, event)
            assert there["ok"] is False or event in ("stream:unwatch", "call:leave"), (name, event)
        assert SECRET not in repr(device.pending())


async def test_no_call_tells_an_outsider_more_of_a_conversation_than_of_one_that_is_not_there(
    node: CoreNode, owner: Person, admin: Person
) -> None:
    made, message_id, them = await outsiders(node, owner, admin)
    operations = [one for feature in all_features() for one in feature.operations if "id}" in one.path]
    for operation in (one for one in operations if one.path.startswith("/api/v1/")):
        for name, person in them.items():
            there = [
                await person.call(operation.method, path, json={} if operation.body else None)
                for path in paths_of(operation, made["id"], message_id)
            ]
            absent = [
                await person.call(operation.method, path, json={} if operation.body else None)
                for path in paths_of(operation, ABSENT, ABSENT)
            ]
            statuses = [status for status, _ in there]
            assert set(statuses) == {status for status, _ in absent}, (name, operation.name)
            assert SECRET not in repr(there), (name, operation.name)


async def test_no_list_names_a_conversation_to_an_outsider(node: CoreNode, owner: Person, admin: Person) -> None:
    made, message_id, them = await outsiders(node, owner, admin)
    operations = [one for feature in all_features() for one in feature.operations if "{" not in one.path]
    read = [one for one in operations if one.method == "GET" and one.path.startswith("/api/v1/")]
    lists = [one for one in read if not one.path.endswith((".csv", ".pdf"))]
    for operation in lists:
        for name, person in them.items():
            _, answer = await person.call("GET", operation.path.removeprefix("/api/v1"))
            told = repr(answer)
            assert SECRET not in told, (name, operation.name)
            assert message_id not in told, (name, operation.name)
            is_of_operator = operation.path.startswith("/api/v1/admin/") and name == "admin"
            assert is_of_operator or made["room_id"] not in told, (name, operation.name)


@pytest.mark.parametrize("ends", ["removed", "left"])
async def test_who_is_a_member_no_longer_is_cut_off_from_the_live_room_at_once(node: CoreNode, ends: str) -> None:
    ada, bob = await people(node, 2)
    made = await begin(ada, bob, title="Plans")
    hers, his = await inside(ada, made), await inside(bob, made)
    room = {"room_id": made["room_id"]}
    await write(hers, made, "before")
    await his.until("chat:messages")
    if ends == "removed":
        await ada.done("DELETE", f"/conversations/{made['id']}/members/{bob.username}")
    else:
        await bob.done("DELETE", f"/conversations/{made['id']}/membership")
    await write(hers, made, "after")
    await hers.done("chat:typing", room)
    for event, body in (("chat:join", {}), ("chat:history", {}), ("chat:send", {"text": "x", "client_id": "c"})):
        assert (await his.refused(event, {**room, **body}))["code"] == "not_found"
    assert not [name for name, _ in his.pending() if name.startswith("chat:")]
    present = await hers.done("presence:list", room)
    assert [one["id"] for one in present["users"]] == [ada.id]


async def test_who_is_added_reads_the_room_at_once(node: CoreNode) -> None:
    ada, bob, eve = await people(node, 3)
    made = await begin(ada, bob, title="Plans")
    await inside(ada, made)
    device = await eve.connect()
    assert (await device.refused("chat:join", {"room_id": made["room_id"]}))["code"] == "not_found"
    await ada.done("PUT", f"/conversations/{made['id']}/members/{eve.username}")
    await device.done("chat:join", {"room_id": made["room_id"]})
    assert (await of(eve, made))["state"] == "request"


async def test_a_member_is_not_sent_what_those_write_whom_they_block_until_they_do_no_longer(node: CoreNode) -> None:
    ada, bob, cleo = await people(node, 3)
    made = await begin(ada, bob, cleo, title="Three")
    room = {"room_id": made["room_id"]}
    hers, his, theirs = await inside(ada, made), await inside(bob, made), await inside(cleo, made)
    first = await write(his, made, "before")
    assert (await hers.until("chat:messages"))["messages"][0]["text"] == "before"
    await ada.done("PUT", f"/users/{bob.username}/block")
    second = await write(his, made, "unseen")
    await his.done("chat:typing", room)
    await his.done("chat:edit", {**room, "message_id": second["id"], "text": "unseen still"})
    last = await write(theirs, made, "seen")
    heard = list[Any]()
    while not any(
        one["id"] == last["id"] for name, body in heard if name == "chat:messages" for one in body["messages"]
    ):
        heard.append(await hers.event())
    told = [one for name, body in heard if name == "chat:messages" for one in body["messages"]]
    places = [{"id": one["id"], "offset": one["offset"], "deleted": True, "hidden": True} for one in (first, second)]
    assert (told[0], told[1]["text"]) == (places[1], "seen")
    assert not any(name in ("chat:typing", "chat:edited") for name, _ in heard)
    again = await ada.connect()
    joined = await again.done("chat:join", room)
    page = await again.done("chat:history", room)
    since = {"epoch": joined["epoch"], "offset": 0}
    caught_up = await (await ada.connect()).done("chat:join", {**room, "since": since})
    for messages in (joined["messages"], page["messages"], caught_up["messages"]):
        assert messages[:2] == places
        assert [one["id"] for one in messages[2:]] == [last["id"]]
    assert (await theirs.done("chat:history", room))["messages"][1]["text"] == "unseen still"
    await ada.done("DELETE", f"/users/{bob.username}/block")
    await write(his, made, "again")
    while (text := (await again.until("chat:messages"))["messages"][-1].get("text")) is None:
        pass
    assert text == "again"
