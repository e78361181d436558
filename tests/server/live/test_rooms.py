"""Rooms over Socket.IO on a node in this process: joining, catching up, writing, reading back, who is there."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

import pytest

from tests.server.live.core_node import CoreNode, Person
from tests.server.served import Device

pytestmark = pytest.mark.asyncio(loop_scope="module")

NO_ROOM = "01890c2a-7b5e-7cc3-98c8-6b1f6c1f0a11"
AT_ONCE = 50  # one connection may have 100 open
_numbers = itertools.count(1)


async def room_of(owner: Person, **stream: Any) -> str:
    room_id: str = (await owner.prepare(**stream))["chat"]["room_id"]
    return room_id


async def say(device: Device, room_id: str, text: str = "hello", **more: Any) -> Any:
    return await device.done("chat:send", {"room_id": room_id, "text": text, "client_id": f"c{next(_numbers)}", **more})


async def fill(device: Device, room_id: str, count: int) -> None:
    for begun in range(0, count, AT_ONCE):
        await asyncio.gather(*(say(device, room_id) for _ in range(min(AT_ONCE, count - begun))))


def offsets(messages: list[dict[str, Any]]) -> list[int]:
    return [message["offset"] for message in messages]


async def test_a_first_join_holds_the_last_fifty_messages_and_what_follows_comes_as_events(
    owner: Person, fan: Person
) -> None:
    room_id = await room_of(owner)
    writer, reader = await owner.connect(), await fan.connect()
    await fill(writer, room_id, 60)
    joined = await reader.done("chat:join", {"room_id": room_id})
    assert (joined["offset"], joined["recovered"], joined["pinned"]) == (60, False, None)
    assert offsets(joined["messages"]) == list(range(11, 61))
    await say(writer, room_id, "after it")
    told = await reader.until("chat:messages")
    assert (offsets(told["messages"]), told["epoch"]) == ([61], joined["epoch"])


async def test_a_join_with_a_position_holds_exactly_what_was_missed(owner: Person, fan: Person) -> None:
    room_id = await room_of(owner)
    writer, reader = await owner.connect(), await fan.connect()
    await fill(writer, room_id, 5)
    epoch = (await reader.done("chat:join", {"room_id": room_id}))["epoch"]
    await reader.done("chat:leave", {"room_id": room_id})
    await fill(writer, room_id, 3)
    back = await reader.done("chat:join", {"room_id": room_id, "since": {"epoch": epoch, "offset": 5}})
    assert (offsets(back["messages"]), back["recovered"], back["offset"]) == ([6, 7, 8], True, 8)
    assert "more" not in back
    nothing = await reader.done("chat:join", {"room_id": room_id, "since": {"epoch": epoch, "offset": 8}})
    assert (nothing["messages"], nothing["recovered"], nothing["offset"]) == ([], True, 8)


@pytest.mark.parametrize("since", [{"epoch": "another", "offset": 1}, {"epoch": None, "offset": 99}])
async def test_a_position_that_the_log_does_not_have_begins_the_room_anew(
    owner: Person, fan: Person, since: dict[str, Any]
) -> None:
    room_id = await room_of(owner)
    writer, reader = await owner.connect(), await fan.connect()
    epoch = (await say(writer, room_id))["epoch"]
    position = {**since, "epoch": since["epoch"] or epoch}
    joined = await reader.done("chat:join", {"room_id": room_id, "since": position})
    assert (joined["recovered"], offsets(joined["messages"]), joined["epoch"]) == (False, [1], epoch)


async def test_a_long_absence_is_caught_up_with_in_pages_of_five_hundred(owner: Person, fan: Person) -> None:
    room_id = await room_of(owner)
    writer, reader = await owner.connect(), await fan.connect()
    epoch = (await say(writer, room_id))["epoch"]
    await fill(writer, room_id, 1_150)
    held: list[int] = []
    position, has_more = 0, True
    while has_more:
        page = await reader.done("chat:join", {"room_id": room_id, "since": {"epoch": epoch, "offset": position}})
        assert page["recovered"]
        assert len(page["messages"]) <= 500
        held += offsets(page["messages"])
        position, has_more = page["offset"], page.get("more", False)
    assert held == list(range(1, 1_152))
    await say(writer, room_id)
    assert offsets((await reader.until("chat:messages"))["messages"]) == [1_152]


async def test_a_join_among_messages_leaves_no_gap_and_repeats_none(owner: Person, fan: Person) -> None:
    room_id = await room_of(owner)
    writer = await owner.connect()
    readers = [await fan.connect() for _ in range(4)]
    sending = asyncio.gather(*(say(writer, room_id) for _ in range(100)))
    joins = [await reader.done("chat:join", {"room_id": room_id}) for reader in readers]
    await sending
    for reader, joined in zip(readers, joins, strict=True):
        seen = offsets(joined["messages"])
        begun = seen[-1] if seen else 0
        assert joined["offset"] == begun
        while begun < 100:
            came = offsets((await reader.until("chat:messages"))["messages"])
            assert came == list(range(begun + 1, begun + 1 + len(came)))
            begun = came[-1]
        assert reader.is_silent


async def test_who_joins_again_is_not_sent_what_the_answer_holds(owner: Person, fan: Person) -> None:
    room_id = await room_of(owner)
    writer, reader = await owner.connect(), await fan.connect()
    await reader.done("chat:join", {"room_id": room_id})
    sending = asyncio.gather(*(say(writer, room_id) for _ in range(50)))
    seen: list[int] = []
    for _ in range(5):
        epoch = (again := await reader.done("chat:join", {"room_id": room_id}))["epoch"]
        seen.append(again["offset"])
    await sending
    last = await reader.done("chat:join", {"room_id": room_id, "since": {"epoch": epoch, "offset": seen[-1]}})
    assert offsets(last["messages"]) == list(range(seen[-1] + 1, 51))


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "room_id"),
        ({"room_id": 5}, "room_id"),
        ({"room_id": "room"}, "room_id"),
        ({"room_id": NO_ROOM, "since": {"epoch": "e", "offset": -1}}, "since.offset"),
        ({"room_id": NO_ROOM, "since": {"epoch": "e", "offset": 2**60}}, "since.offset"),
        ({"room_id": NO_ROOM, "since": {"epoch": "e" * 129, "offset": 1}}, "since.epoch"),
        ({"room_id": NO_ROOM, "since": {"offset": 1}}, "since.epoch"),
    ],
)
async def test_a_join_of_another_shape_is_refused_by_its_field(
    node: CoreNode, body: dict[str, Any], field: str
) -> None:
    refused = await (await node.served.connect()).refused("chat:join", body)
    assert (refused["code"], refused["field"]) == ("invalid", field)


@pytest.mark.parametrize("body", [None, [], "text", 5, True])
async def test_what_is_no_object_is_refused_and_the_socket_lives_on(node: CoreNode, body: Any) -> None:
    guest = await node.served.connect()
    assert (await guest.refused("chat:history", body))["code"] == "invalid"
    assert (await guest.refused("chat:leave", {"room_id": NO_ROOM}))["code"] == "not_found"


@pytest.mark.parametrize("event", ["chat:join", "chat:leave", "chat:send", "chat:history", "presence:list"])
async def test_a_room_that_is_not_there_and_one_of_a_private_stream_are_refused_alike(
    owner: Person, fan: Person, event: str
) -> None:
    hidden = await room_of(owner, visibility="private")
    body = {"text": "let me in", "client_id": f"x{next(_numbers)}"} if event == "chat:send" else {}
    outside, inside = await fan.connect(), await owner.connect()
    absent = await outside.refused(event, {"room_id": NO_ROOM, **body})
    private = await outside.refused(event, {"room_id": hidden, **body})
    assert private == absent
    assert (absent["code"], absent["field"]) == ("not_found", "room_id")
    await inside.done(event, {"room_id": hidden, **body})
    assert await outside.refused(event, {"room_id": hidden, **body}) == absent  # though this node knows the room now


async def test_a_sender_gets_its_own_message_with_its_client_id_and_needs_not_join_to_write(
    owner: Person, fan: Person
) -> None:
    room_id = await room_of(owner)
    inside, outside = await owner.connect(), await fan.connect()
    await inside.done("chat:join", {"room_id": room_id})
    first = await outside.done("chat:send", {"room_id": room_id, "text": "from outside", "client_id": "mine"})
    [message] = (await inside.until("chat:messages"))["messages"]
    assert (message["id"], message["offset"], message["client_id"]) == (first["id"], 1, "mine")
    reply = {"room_id": room_id, "text": "hi", "client_id": "own", "reply_to": first["id"]}
    await inside.done("chat:send", reply)
    [answer] = (await inside.until("chat:messages"))["messages"]
    assert (answer["client_id"], answer["reply_to"]) == ("own", first["id"])
    assert outside.is_silent


async def test_the_same_client_id_gives_the_same_answer_and_one_message_whatever_comes_at_once(
    owner: Person, fan: Person
) -> None:
    room_id = await room_of(owner)
    mine, other = [await owner.connect() for _ in range(2)], await fan.connect()
    body = {"room_id": room_id, "text": "once", "client_id": "once"}
    acks = await asyncio.gather(*(device.done("chat:send", body) for device in mine * 10))
    assert len({(ack["id"], ack["offset"], ack["epoch"]) for ack in acks}) == 1
    again = await mine[0].done("chat:send", {**body, "text": "another text"})
    assert again["offset"] == 1
    assert (await other.done("chat:send", body))["offset"] == 2  # of another person
    history = await other.done("chat:history", {"room_id": room_id})
    assert [message["text"] for message in history["messages"]] == ["once", "once"]


async def test_guests_read_and_do_not_write(node: CoreNode, owner: Person) -> None:
    room_id = await room_of(owner)
    guest = await node.served.connect()
    await guest.done("chat:join", {"room_id": room_id})
    refused = await guest.refused("chat:send", {"room_id": room_id, "text": "hi", "client_id": "1"})
    assert refused["code"] == "unauthenticated"


@pytest.mark.parametrize(
    ("more", "code", "field"),
    [
        ({"text": ""}, "empty_text", "text"),
        ({"text": " \n\u200b "}, "empty_text", "text"),
        ({"text": "x" * 501}, "text_too_long", "text"),
        ({"text": "x" * 8_001}, "invalid", "text"),
        ({"text": 5}, "invalid", "text"),
        ({"client_id": ""}, "invalid", "client_id"),
        ({"client_id": "c" * 65}, "invalid", "client_id"),
        ({"client_id": "a\x00"}, "invalid", "client_id"),
        ({"client_id": "a\nb"}, "invalid", "client_id"),
        ({"reply_to": "that one"}, "invalid", "reply_to"),
    ],
)
async def test_a_message_of_another_shape_is_refused_by_its_field(
    owner: Person, more: dict[str, Any], code: str, field: str
) -> None:
    room_id = await room_of(owner)
    writer = await owner.connect()
    refused = await writer.refused("chat:send", {"room_id": room_id, "text": "hi", "client_id": "c", **more})
    assert (refused["code"], refused["field"]) == (code, field)
    assert (await writer.done("chat:history", {"room_id": room_id}))["messages"] == []


async def test_history_is_ascending_below_an_offset_and_ends_with_an_empty_page(owner: Person, fan: Person) -> None:
    room_id = await room_of(owner)
    reader = await fan.connect()
    await fill(await owner.connect(), room_id, 130)
    read: list[int] = []
    before: int | None = None
    while True:
        body = {"room_id": room_id, "limit": 60} | ({} if before is None else {"before": before})
        page = offsets((await reader.done("chat:history", body))["messages"])
        if not page:
            break
        assert page == sorted(page)
        read, before = page + read, page[0]
    assert read == list(range(1, 131))
    assert offsets((await reader.done("chat:history", {"room_id": room_id}))["messages"]) == list(range(81, 131))
    assert (await reader.done("chat:history", {"room_id": room_id, "before": 0}))["messages"] == []


@pytest.mark.parametrize(
    ("more", "field"), [({"limit": 0}, "limit"), ({"limit": 101}, "limit"), ({"before": -1}, "before")]
)
async def test_history_beyond_its_bounds_is_refused(owner: Person, more: dict[str, Any], field: str) -> None:
    refused = await (await owner.connect()).refused("chat:history", {"room_id": await room_of(owner), **more})
    assert (refused["code"], refused["field"]) == ("invalid", field)


async def test_who_left_is_sent_no_more_and_may_leave_again(owner: Person, fan: Person) -> None:
    room_id, other_id = await room_of(owner), await room_of(owner)
    writer, reader = await owner.connect(), await fan.connect()
    for one in (room_id, other_id):
        await reader.done("chat:join", {"room_id": one})
    for _ in range(2):
        await reader.done("chat:leave", {"room_id": room_id})
    await say(writer, room_id, "unheard")
    await say(writer, other_id, "heard")
    assert [message["text"] for message in (await reader.until("chat:messages"))["messages"]] == ["heard"]


async def test_presence_counts_guests_and_names_each_person_once(node: CoreNode, owner: Person, fan: Person) -> None:
    room_id = await room_of(owner)
    devices = [await owner.connect(), await fan.connect(), await fan.connect(), await node.served.connect()]
    for device in devices:
        await device.done("chat:join", {"room_id": room_id})
    present = await devices[0].done("presence:list", {"room_id": room_id})
    assert sorted(user["username"] for user in present["users"]) == ["fan", "owner"]
    few = await devices[0].done("presence:list", {"room_id": room_id, "limit": 1})
    assert (few["count"], len(few["users"])) == (present["count"], 1)
    await devices[1].client.disconnect()
    still = await devices[0].done("presence:list", {"room_id": room_id})
    assert "fan" in [user["username"] for user in still["users"]]  # their other device is there
    await devices[2].done("chat:leave", {"room_id": room_id})
    left = await devices[0].done("presence:list", {"room_id": room_id})
    assert [user["username"] for user in left["users"]] == ["owner"]


async def test_who_is_here_is_listed_page_by_page_each_person_once(node: CoreNode, owner: Person) -> None:
    room_id = await room_of(owner)
    people = [await node.person(f"present{number}") for number in range(5)]
    devices = [await one.connect() for one in people]
    for device in devices:
        await device.done("chat:join", {"room_id": room_id})
    named: list[str] = []
    cursor: str | None = None
    for _ in range(3):
        page = await devices[0].done("presence:list", {"room_id": room_id, "limit": 2, "cursor": cursor})
        assert page["count"] == 5
        named += [user["username"] for user in page["users"]]
        cursor = page["next"]
    assert (sorted(named), cursor) == (sorted(one.username for one in people), None)


async def test_one_connection_is_in_a_bounded_number_of_rooms(owner: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("actors.session.MAX_ROOMS", 2)
    rooms = [await room_of(owner) for _ in range(3)]
    device = await owner.connect()
    for room_id in rooms[:2]:
        await device.done("chat:join", {"room_id": room_id})
    assert (await device.refused("chat:join", {"room_id": rooms[2]}))["code"] == "too_many_rooms"
    await device.done("chat:leave", {"room_id": rooms[0]})
    await device.done("chat:join", {"room_id": rooms[2]})
