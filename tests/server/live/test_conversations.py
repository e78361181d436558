"""Conversations: begun, asked into, accepted and left; messages in them, edited, reacted to, read."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from tests.server.live.conversing import begin, follow, inside, of, people, write
from tests.server.live.core_node import CoreNode, Person

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_two_people_have_one_conversation_whoever_begins_it_and_however_often(node: CoreNode) -> None:
    ada, bob = await people(node, 2)
    status, first = await ada.call("POST", "/conversations", json={"people": [bob.username]})
    again, same = await ada.call("POST", "/conversations", json={"people": [bob.username, ada.username]})
    theirs, his = await bob.call("POST", "/conversations", json={"people": [ada.username.upper()]})
    ids = {one["conversation"]["id"] for one in (first, same, his)}
    assert (status, again, theirs, len(ids)) == (201, 200, 200, 1)
    made = first["conversation"]
    assert (made["kind"], made["state"], made["unread"], made["last_message"]) == ("direct", "open", 0, None)
    assert {person["username"] for person in made["people"]} == {ada.username, bob.username}
    assert his["conversation"]["state"] == "open"  # to begin it is to accept it


async def test_who_is_not_followed_asks_and_may_be_accepted_or_declined_for_good(node: CoreNode) -> None:
    ada, bob = await people(node, 2)
    made = (await ada.done("POST", "/conversations", {"people": [bob.username]}))["conversation"]
    asked = await of(bob, made)
    assert asked["state"] == "request"
    counts = await bob.done("GET", "/conversations")
    assert (counts["requests"], counts["unread"], [one["id"] for one in counts["items"]]) == (1, 0, [made["id"]])
    device = await bob.connect()
    message = {"room_id": made["room_id"], "text": "hello", "client_id": "c"}
    assert (await device.refused("chat:send", message))["code"] == "not_accepted"
    await bob.done("PUT", f"/conversations/{made['id']}/membership")
    assert (await device.ask("chat:send", message))["offset"] == 1
    other = (await bob.done("POST", "/conversations", {"people": [ada.username], "title": "Plans"}))["conversation"]
    assert (await of(ada, other))["state"] == "request"
    await ada.done("DELETE", f"/conversations/{other['id']}/membership")
    assert (await ada.call("GET", f"/conversations/{other['id']}"))[0] == 404


async def test_a_declined_direct_conversation_asks_no_more_and_takes_no_message(node: CoreNode) -> None:
    ada, bob = await people(node, 2)
    made = (await ada.done("POST", "/conversations", {"people": [bob.username]}))["conversation"]
    await bob.done("DELETE", f"/conversations/{made['id']}/membership")
    assert (await ada.call("POST", "/conversations", json={"people": [bob.username]}))[0] == 200
    assert (await bob.call("GET", f"/conversations/{made['id']}"))[0] == 404
    body = {"room_id": made["room_id"], "text": "hello?", "client_id": "c"}
    assert (await (await ada.connect()).refused("chat:send", body))["code"] == "closed"


async def test_one_who_takes_messages_from_people_they_follow_cannot_be_asked_by_others(node: CoreNode) -> None:
    ada, bob = await people(node, 2)
    assert await bob.done("GET", "/me/conversation-settings") == {"requests_from": "everyone"}
    await bob.done("PUT", "/me/conversation-settings", {"requests_from": "followed"})
    status, problem = await ada.call("POST", "/conversations", json={"people": [bob.username]})
    assert (status, problem["type"].rpartition("/")[2]) == (403, "not-reachable")
    await follow(bob, ada)
    assert (await ada.call("POST", "/conversations", json={"people": [bob.username]}))[0] == 201


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"people": []}, 422), ({"people": ["nobody_there"]}, 404), ({"people": ["a b"]}, 422), ({}, 422),
        ({"people": ["talker1"] * 101}, 422), ({"people": ["talker1"], "title": "x" * 101}, 422),
        ({"people": ["talker1"], "title": "\u200b \u2060"}, 422),
        ({"people": "talker1"}, 422),
    ],
)  # fmt: skip
async def test_bad_conversations_are_refused(node: CoreNode, fan: Person, body: Any, status: int) -> None:
    assert (await fan.call("POST", "/conversations", json=body))[0] == status


async def test_a_conversation_with_oneself_alone_is_refused(node: CoreNode, fan: Person) -> None:
    status, problem = await fan.call("POST", "/conversations", json={"people": [fan.username]})
    assert (status, problem["errors"][0]["field"]) == (422, "people")


async def test_messages_keep_the_promises_of_chat(node: CoreNode) -> None:
    ada, bob = await people(node, 2)
    made = await begin(ada, bob)
    hers, his = await inside(ada, made), await inside(bob, made)
    first = await write(hers, made, "one")
    again = {"room_id": made["room_id"], "text": "two", "client_id": "same"}
    second = await hers.done("chat:send", again)
    assert await hers.done("chat:send", again) == second
    await write(his, made, "three", reply_to=first["id"])
    seen = [await his.until("chat:messages") for _ in range(3)]
    assert [one["text"] for batch in seen for one in batch["messages"]] == ["one", "two", "three"]
    since = {"epoch": first["epoch"], "offset": 1}
    joined = await (await bob.connect()).done("chat:join", {"room_id": made["room_id"], "since": since})
    assert (joined["recovered"], [one["offset"] for one in joined["messages"]]) == (True, [2, 3])
    page = await his.done("chat:history", {"room_id": made["room_id"], "before": 3})
    assert [one["text"] for one in page["messages"]] == ["one", "two"]
    assert (await of(bob, made))["last_message"]["text"] == "three"


async def test_the_list_is_ordered_by_activity_and_paged(node: CoreNode) -> None:
    ada, *others = await people(node, 4)
    made = [await begin(ada, other) for other in others]
    await write(await ada.connect(), made[1], "hello")
    page = await ada.done("GET", "/conversations?limit=2")
    rest = await ada.done("GET", f"/conversations?limit=2&cursor={page['next']}")
    assert [one["id"] for one in page["items"] + rest["items"]] == [made[n]["id"] for n in (1, 2, 0)]
    assert rest["next"] is None


async def test_unread_is_exact_over_devices_and_others_see_the_receipt(node: CoreNode) -> None:
    ada, bob = await people(node, 2)
    made = await begin(ada, bob)
    hers, his, other = await inside(ada, made), await inside(bob, made), await bob.connect()
    for text in ("one", "two", "three"):
        await write(hers, made, text)
    assert ((await of(bob, made))["unread"], (await of(ada, made))["unread"]) == (3, 0)
    assert (await bob.done("GET", "/conversations"))["unread"] == 1
    read = await his.done("chat:read", {"room_id": made["room_id"], "offset": 2})
    assert (read["offset"], read["unread"]) == (2, 1)
    assert await other.until("conversation:read") == {"room_id": made["room_id"], "offset": 2, "unread": 1}
    assert await hers.until("chat:read") == {"room_id": made["room_id"], "user_id": bob.id, "offset": 2}
    assert (await his.done("chat:read", {"room_id": made["room_id"], "offset": 1}))["offset"] == 2
    assert (await his.done("chat:read", {"room_id": made["room_id"], "offset": 2**40}))["offset"] == 3
    assert [one["read_offset"] for one in (await of(ada, made))["people"] if one["id"] == bob.id] == [3]
    assert (await bob.done("GET", "/conversations"))["unread"] == 0


async def test_typing_is_told_to_the_others_unless_the_person_has_yet_to_accept(node: CoreNode) -> None:
    ada, bob, eve = await people(node, 3)
    await follow(bob, ada)
    body = {"people": [bob.username, eve.username], "title": "Trip"}
    made = (await ada.done("POST", "/conversations", body))["conversation"]
    hers, his, asked = await inside(ada, made), await inside(bob, made), await inside(eve, made)
    room = {"room_id": made["room_id"]}
    await asked.done("chat:typing", room)
    await his.done("chat:typing", room)
    typing = await hers.until("chat:typing")
    assert (typing["user_id"], typing["expires_in_ms"]) == (bob.id, 6_000)


async def test_a_message_is_edited_and_deleted_for_all_and_reacted_to(node: CoreNode) -> None:
    ada, bob = await people(node, 2)
    made = await begin(ada, bob)
    hers, his = await inside(ada, made), await inside(bob, made)
    sent = await write(hers, made, "helo")
    one = {"room_id": made["room_id"], "message_id": sent["id"]}
    await hers.done("chat:edit", {**one, "text": "hello"})
    edited = await his.until("chat:edited")
    assert (edited["id"], edited["text"]) == (sent["id"], "hello")
    await his.done("chat:react", {**one, "emoji": "👍"})
    assert (await hers.until("chat:reacted"))["reactions"] == {"👍": [bob.id]}
    for device in (await inside(bob, made), await inside(ada, made)):
        shown = (await device.done("chat:history", {"room_id": made["room_id"]}))["messages"][0]
        joined = (await device.done("chat:join", {"room_id": made["room_id"]}))["messages"][0]
        assert shown == joined
        assert (shown["text"], shown["reactions"], "edited_at" in shown) == ("hello", {"👍": [bob.id]}, True)
    await his.done("chat:react", {**one, "emoji": "👍", "on": False})
    assert (await hers.until("chat:reacted"))["reactions"] == {}
    assert (await his.refused("chat:edit", {**one, "text": "mine"}))["code"] == "forbidden"
    assert (await his.refused("chat:delete", one))["code"] == "forbidden"
    assert (await his.refused("chat:react", {**one, "emoji": "no"}))["code"] == "invalid"
    await hers.done("chat:delete", one)
    assert (await his.until("chat:deleted"))["id"] == sent["id"]
    assert (await hers.refused("chat:edit", {**one, "text": "x"}))["code"] == "not_found"


async def test_a_block_closes_a_direct_conversation_both_ways_at_once_until_it_is_lifted(node: CoreNode) -> None:
    ada, bob = await people(node, 2)
    made = await begin(ada, bob)
    hers, his = await inside(ada, made), await inside(bob, made)
    await write(hers, made, "hello")
    await bob.done("PUT", f"/users/{ada.username}/block")
    for device in (hers, his):
        body = {"room_id": made["room_id"], "text": "x", "client_id": uuid.uuid4().hex}
        assert (await device.refused("chat:send", body))["code"] == "closed"
    assert (await ada.call("POST", "/conversations", json={"people": [bob.username]}))[0] == 404
    assert (await bob.call("POST", "/conversations", json={"people": [ada.username]}))[0] == 409
    await bob.done("DELETE", f"/users/{ada.username}/block")
    await write(hers, made, "hello again")


async def test_a_direct_conversation_that_was_left_is_open_to_both_at_once_when_it_is_asked_for_again(
    node: CoreNode,
) -> None:
    ada, bob = await people(node, 2)
    made = await begin(ada, bob)
    hers = await ada.connect()
    await bob.done("DELETE", f"/conversations/{made['id']}/membership")
    body = {"room_id": made["room_id"], "text": "x", "client_id": uuid.uuid4().hex}
    assert (await hers.refused("chat:send", body))["code"] == "closed"
    await bob.done("POST", "/conversations", {"people": [ada.username]})
    await write(hers, made, "hello again")


async def test_the_owner_of_a_group_adds_removes_and_titles_and_others_do_not(node: CoreNode) -> None:
    ada, bob, eve = await people(node, 3)
    made = await begin(ada, bob, title="Trip")
    await follow(eve, ada)
    path = f"/conversations/{made['id']}"
    assert (await bob.call("PUT", f"{path}/members/{eve.username}"))[0] == 403
    assert (await bob.call("PATCH", path, json={"title": "Mine"}))[0] == 403
    await ada.done("PUT", f"{path}/members/{eve.username}")
    assert (await of(eve, made))["title"] == "Trip"
    renamed = (await ada.done("PATCH", path, {"title": " Long \n trip "}))["conversation"]
    assert renamed["title"] == "Long trip"
    assert (await ada.call("DELETE", f"{path}/members/{ada.username}"))[0] == 409
    await ada.done("DELETE", f"{path}/members/{bob.username}")
    assert (await bob.call("GET", path))[0] == 404
    await ada.done("DELETE", f"{path}/membership")
    left = await of(eve, made)
    assert (left["owner_id"], [one["id"] for one in left["people"]]) == (eve.id, [eve.id])
    await eve.done("DELETE", f"{path}/membership")
    assert (await eve.call("GET", path))[0] == 404


async def test_the_owner_of_a_direct_conversation_is_nobody(node: CoreNode) -> None:
    ada, bob = await people(node, 2)
    made = await begin(ada, bob)
    assert (await ada.call("PATCH", f"/conversations/{made['id']}", json={"title": "x"}))[0] == 409
    assert (await ada.call("DELETE", f"/conversations/{made['id']}/members/{bob.username}"))[0] == 409


async def test_members_hear_of_messages_without_being_in_the_room(node: CoreNode) -> None:
    ada, bob = await people(node, 2)
    made = await begin(ada, bob)
    his = await bob.connect()
    await write(await ada.connect(), made, "hello")
    while (told := await his.until("conversation:changed"))["cause"] != "message":
        pass
    assert told["conversation_id"] == made["id"]


async def test_nobody_moderates_a_conversation(node: CoreNode, admin: Person) -> None:
    """A member who is an admin is a member like any other."""
    ada, bob = await people(node, 2)
    made = await begin(ada, bob, admin, title="Three")
    sent = await write(await ada.connect(), made, "hello")
    room = {"room_id": made["room_id"]}
    for person in (ada, admin):
        device = await person.connect()
        joined = await device.done("chat:join", room)
        assert joined["role"] is None
        for event, body in (
            ("chat:pin", {"message_id": sent["id"]}), ("chat:clear", {}), ("chat:mode", {"mode": {"slow_seconds": 5}}),
            ("chat:ban", {"user_id": bob.id}), ("chat:purge", {"user_id": bob.id}), ("chat:queue", {}),
            ("chat:role", {"user_id": bob.id, "role": "moderator"}), ("chat:announce", {"text": "hear"}),
        ):  # fmt: skip
            assert (await device.refused(event, {**room, **body}))["code"] == "forbidden", event
    assert (await (await admin.connect()).refused("chat:delete", {**room, "message_id": sent["id"]}))[
        "code"
    ] == "forbidden"


async def test_a_muted_conversation_is_not_counted_as_unread(node: CoreNode) -> None:
    ada, bob = await people(node, 2)
    made = await begin(ada, bob)
    await bob.done("PUT", f"/conversations/{made['id']}/mute")
    await write(await ada.connect(), made, "hello")
    muted = await of(bob, made)
    assert (muted["is_muted"], muted["unread"]) == (True, 1)
    assert (await bob.done("GET", "/conversations"))["unread"] == 0
    await bob.done("DELETE", f"/conversations/{made['id']}/mute")
    assert (await bob.done("GET", "/conversations"))["unread"] == 1


async def test_who_is_written_to_is_notified_until_they_have_read_it(node: CoreNode) -> None:
    ada, bob = await people(node, 2)
    made = await begin(ada, bob)
    his = await inside(bob, made)
    await write(await ada.connect(), made, "hello")
    told = await his.until("notification")
    while told["kind"] != "message":
        told = await his.until("notification")
    assert (told["people"][0]["username"], told["subject"]["path"]) == (ada.username, f"/messages/{made['id']}")
    await his.done("chat:read", {"room_id": made["room_id"], "offset": 1})
    assert (await his.until("notification:read"))["ids"] == [told["id"]]


async def test_who_writes_where_all_was_read_sends_no_receipt(node: CoreNode) -> None:
    ada, bob = await people(node, 2)
    made = await begin(ada, bob)
    hers, his = await inside(ada, made), await inside(bob, made)
    await write(hers, made, "hello")
    while (await his.until("conversation:changed"))["cause"] != "message":
        pass
    await his.done("chat:read", {"room_id": made["room_id"], "offset": 1})
    assert (await hers.until("chat:read"))["user_id"] == bob.id


async def test_who_writes_has_read_what_stands_before_it(node: CoreNode) -> None:
    ada, bob = await people(node, 2)
    made = await begin(ada, bob)
    hers, his = await inside(ada, made), await inside(bob, made)
    await write(hers, made, "hello")
    await write(his, made, "hi")
    while (receipt := await hers.until("chat:read"))["user_id"] != bob.id:
        pass
    assert (receipt["offset"], (await of(bob, made))["unread"]) == (2, 0)
