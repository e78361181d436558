"""Moderation over Socket.IO on a node in this process: who may, what it does to writers, what readers are shown."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from tests.server.live.core_node import CoreNode, Person
from tests.server.served import Device

pytestmark = pytest.mark.asyncio(loop_scope="module")

NOBODY = "01890c2a-7b5e-7cc3-98c8-6b1f6c1f0a11"
_numbers = itertools.count(1)


class Room:
    """A room of a new stream: its owner's device, and that of a person who has joined it."""

    def __init__(self, room_id: str, owner: Device, fan: Device) -> None:
        self.id, self.owner, self.fan = room_id, owner, fan

    @classmethod
    async def open(cls, owner: Person, fan: Person, **stream: Any) -> Room:
        room_id = (await owner.prepare(**stream))["chat"]["room_id"]
        room = cls(room_id, await owner.connect(), await fan.connect())
        await room.fan.done("chat:join", {"room_id": room_id})
        return room

    def message(self, text: str = "hello") -> dict[str, Any]:
        return {"room_id": self.id, "text": text, "client_id": f"c{next(_numbers)}"}

    async def say(self, device: Device, text: str = "hello") -> str:
        message_id: str = (await device.done("chat:send", self.message(text)))["id"]
        return message_id

    async def do(self, event: str, **body: Any) -> Any:
        """An act of the owner."""
        return await self.owner.done(event, {"room_id": self.id, **body})

    async def history(self) -> list[dict[str, Any]]:
        messages: list[dict[str, Any]] = (await self.fan.done("chat:history", {"room_id": self.id}))["messages"]
        return messages


def acts(message_id: str, user_id: str) -> list[tuple[str, dict[str, Any]]]:
    return [
        ("chat:pin", {"message_id": message_id}),
        ("chat:timeout", {"user_id": user_id, "seconds": 60}),
        ("chat:ban", {"user_id": user_id}),
        ("chat:unban", {"user_id": user_id}),
        ("chat:mode", {"mode": {"slow_seconds": 10}}),
        ("chat:announce", {"text": "hear, hear"}),
        ("chat:role", {"user_id": user_id, "role": None}),
        ("chat:delete", {"message_id": message_id}),
        ("chat:purge", {"user_id": user_id}),
        ("chat:clear", {}),
    ]


async def test_only_moderators_may_and_guests_are_asked_to_sign_in(
    node: CoreNode, admin: Person, owner: Person, fan: Person
) -> None:
    room = await Room.open(owner, fan)
    guest = await node.served.connect()
    message_id = await room.say(room.owner)
    for event, body in acts(message_id, fan.id):
        assert (await room.fan.refused(event, {"room_id": room.id, **body}))["code"] == "forbidden", event
        assert (await guest.refused(event, {"room_id": room.id, **body}))["code"] == "unauthenticated", event
    assert [message["id"] for message in await room.history()] == [message_id]
    acting = await admin.connect()
    for event, body in acts(message_id, fan.id):
        await acting.done(event, {"room_id": room.id, **body})


async def test_a_hidden_room_is_not_moderated_by_a_stranger_nor_told_of(owner: Person, fan: Person) -> None:
    room_id = (await owner.prepare(visibility="private"))["chat"]["room_id"]
    outside = await fan.connect()
    for event, body in acts(NOBODY, fan.id):
        hidden, absent = [await outside.refused(event, {"room_id": one, **body}) for one in (room_id, NOBODY)]
        assert hidden == absent, event
        assert hidden["code"] == "not_found"


async def test_a_deleted_message_keeps_its_place_and_is_no_longer_pinned(owner: Person, fan: Person) -> None:
    room = await Room.open(owner, fan)
    first, second = await room.say(room.fan, "bad"), await room.say(room.fan, "good")
    await room.do("chat:pin", message_id=first)
    assert (await room.fan.until("chat:pinned"))["message"]["id"] == first
    await room.do("chat:delete", message_id=first)
    told = [await room.fan.event(), await room.fan.event()]
    assert {name for name, _ in told} == {"chat:deleted", "chat:pinned"}
    assert dict(told)["chat:pinned"]["message"] is None
    assert (dict(told)["chat:deleted"]["id"], dict(told)["chat:deleted"]["offset"]) == (first, 1)
    assert await room.history() == [{"id": first, "offset": 1, "deleted": True}, (await room.history())[1]]
    joined = await room.owner.done("chat:join", {"room_id": room.id})
    assert (joined["pinned"], joined["messages"][0]) == (None, {"id": first, "offset": 1, "deleted": True})
    assert joined["messages"][1]["id"] == second
    refused = await room.owner.refused("chat:delete", {"room_id": room.id, "message_id": first})
    assert refused["code"] == "not_found"


async def test_a_thread_is_read_from_any_of_its_messages_by_those_who_may_see_the_room(
    node: CoreNode, owner: Person, fan: Person
) -> None:
    room = await Room.open(owner, fan)
    first = await room.say(room.fan)
    answer = await room.owner.done("chat:send", {**room.message("hello you"), "reply_to": first})
    await room.say(room.fan, "something else")
    guest = await node.served.connect()
    for device in (room.fan, guest):
        thread = await device.done("chat:thread", {"room_id": room.id, "message_id": answer["id"]})
        assert [message["id"] for message in thread["messages"]] == [first, answer["id"]]
    assert (await guest.refused("chat:thread", {"room_id": room.id, "message_id": NOBODY}))["code"] == "not_found"
    hidden = (await owner.prepare(visibility="private"))["chat"]["room_id"]
    body = {"room_id": hidden, "message_id": first}
    assert (await room.fan.refused("chat:thread", body))["code"] == "not_found"


async def test_everybody_may_delete_their_own_message_and_no_other(owner: Person, fan: Person) -> None:
    room = await Room.open(owner, fan)
    mine, theirs = await room.say(room.fan), await room.say(room.owner)
    await room.fan.done("chat:delete", {"room_id": room.id, "message_id": mine})
    assert (await room.fan.refused("chat:delete", {"room_id": room.id, "message_id": theirs}))["code"] == "forbidden"
    assert [message.get("deleted", False) for message in await room.history()] == [True, False]


async def test_a_message_of_another_room_is_not_moderated_from_this_one(owner: Person, fan: Person) -> None:
    here, there = await Room.open(owner, fan), await Room.open(owner, fan)
    message_id = await there.say(there.fan)
    for event in ("chat:delete", "chat:pin"):
        refused = await here.owner.refused(event, {"room_id": here.id, "message_id": message_id})
        assert (refused["code"], refused["field"]) == ("not_found", "message_id")
    assert (await there.history())[0]["text"] == "hello"


async def test_what_is_pinned_is_in_every_join_until_nothing_is(owner: Person, fan: Person) -> None:
    room = await Room.open(owner, fan)
    message_id = await room.say(room.fan)
    await room.do("chat:pin", message_id=message_id)
    assert (await room.owner.done("chat:join", {"room_id": room.id}))["pinned"]["id"] == message_id
    await room.do("chat:pin", message_id=None)
    assert (await room.owner.done("chat:join", {"room_id": room.id}))["pinned"] is None


async def test_a_timeout_says_how_long_and_ends_by_unban(owner: Person, fan: Person) -> None:
    room = await Room.open(owner, fan)
    await room.do("chat:timeout", user_id=fan.id, seconds=60, reason="calm down")
    told = await room.fan.until("chat:user_timed_out")
    assert (told["user_id"], told["banned"]) == (fan.id, False)
    assert told["until"].endswith("Z")
    assert "calm down" not in str(told)
    refused = await room.fan.refused("chat:send", room.message())
    assert refused["code"] == "timed_out"
    assert 55_000 < refused["retry_after_ms"] <= 60_000
    await room.do("chat:unban", user_id=fan.id)
    assert (await room.fan.until("chat:user_timed_out"))["until"] is None
    await room.say(room.fan)


async def test_a_ban_holds_for_reactions_and_own_deletions_and_leaves_reading(owner: Person, fan: Person) -> None:
    room = await Room.open(owner, fan)
    mine = await room.say(room.fan)
    await room.do("chat:ban", user_id=fan.id)
    assert (await room.fan.until("chat:user_timed_out"))["banned"] is True
    refused = await room.fan.refused("chat:send", room.message())
    assert (refused["code"], "retry_after_ms" in refused) == ("banned", False)
    await room.say(room.owner, "still shown")
    told = await room.fan.until("chat:messages")
    assert told["messages"][0]["text"] == "still shown"
    await room.fan.done("chat:delete", {"room_id": room.id, "message_id": mine})


async def test_the_same_message_again_is_answered_alike_to_an_author_who_was_banned(owner: Person, fan: Person) -> None:
    room = await Room.open(owner, fan)
    body = room.message()
    first = await room.fan.done("chat:send", body)
    await room.do("chat:ban", user_id=fan.id)
    assert (await room.fan.done("chat:send", body)) == first


async def test_neither_the_owner_nor_nobody_is_silenced(admin: Person, owner: Person, fan: Person) -> None:
    room = await Room.open(owner, fan)
    acting = await admin.connect()
    for event in ("chat:ban", "chat:timeout"):
        refused = await acting.refused(event, {"room_id": room.id, "user_id": owner.id})
        assert refused["code"] == "forbidden"
        unknown = await room.owner.refused(event, {"room_id": room.id, "user_id": NOBODY})
        assert (unknown["code"], unknown["field"]) == ("not_found", "user_id")


async def test_a_mode_holds_for_viewers_and_not_for_the_owner_and_is_kept_as_it_was_where_not_named(
    owner: Person, fan: Person
) -> None:
    room = await Room.open(owner, fan)
    set_to = (await room.do("chat:mode", mode={"emotes_only": True}))["mode"]
    assert (set_to["emotes_only"], set_to["slow_seconds"]) == (True, 0)
    assert (await room.fan.until("chat:mode"))["mode"] == set_to
    assert (await room.fan.refused("chat:send", room.message("words")))["code"] == "emotes_only"
    await room.say(room.fan, "🎉")
    await room.say(room.owner, "words")
    set_to = (await room.do("chat:mode", mode={"slow_seconds": 30, "unknown": 1}))["mode"]
    assert (set_to["emotes_only"], set_to["slow_seconds"]) == (True, 30)
    await room.say(room.fan, "🎉🎉")
    refused = await room.fan.refused("chat:send", room.message("🎉🎉🎉"))
    assert refused["code"] == "slow_mode"
    assert 25_000 < refused["retry_after_ms"] <= 30_000
    assert (await room.fan.done("chat:join", {"room_id": room.id}))["mode"] == set_to


async def test_followers_only_opens_for_followers_and_is_taken_back_by_null(owner: Person, fan: Person) -> None:
    room = await Room.open(owner, fan)
    await room.do("chat:mode", mode={"followers_only_seconds": 0})
    assert (await room.fan.refused("chat:send", room.message()))["code"] == "followers_only"
    await fan.done("PUT", f"/users/{owner.username}/follow")
    await room.say(room.fan)
    await room.do("chat:mode", mode={"followers_only_seconds": 3_600})
    refused = await room.fan.refused("chat:send", room.message())
    assert (refused["code"], refused["retry_after_ms"] > 3_500_000) == ("followers_only", True)
    assert (await room.do("chat:mode", mode={"followers_only_seconds": None}))["mode"]["followers_only_seconds"] is None
    await room.say(room.fan)


@pytest.mark.parametrize(
    ("event", "body", "field"),
    [
        ("chat:timeout", {"user_id": NOBODY, "seconds": 0}, "seconds"),
        ("chat:timeout", {"user_id": NOBODY, "seconds": 1_209_601}, "seconds"),
        ("chat:timeout", {"user_id": NOBODY, "seconds": 1.5}, "seconds"),
        ("chat:timeout", {"user_id": NOBODY, "reason": "x" * 301}, "reason"),
        ("chat:ban", {"user_id": "fan"}, "user_id"),
        ("chat:unban", {}, "user_id"),
        ("chat:pin", {"message_id": "first"}, "message_id"),
        ("chat:delete", {}, "message_id"),
        ("chat:mode", {}, "mode"),
        ("chat:mode", {"mode": {"slow_seconds": 3_601}}, "mode.slow_seconds"),
        ("chat:mode", {"mode": {"slow_seconds": -1}}, "mode.slow_seconds"),
        ("chat:mode", {"mode": {"followers_only_seconds": 7_776_001}}, "mode.followers_only_seconds"),
        ("chat:mode", {"mode": {"unique": "yes"}}, "mode.unique"),
        ("chat:mode", {"mode": {"shield": 1}}, "mode.shield"),
        ("chat:purge", {"user_id": "fan"}, "user_id"),
        ("chat:announce", {}, "text"),
        ("chat:role", {"user_id": NOBODY}, "role"),
        ("chat:role", {"user_id": NOBODY, "role": "owner"}, "role"),
    ],
)
async def test_an_act_of_another_shape_is_refused_by_its_field(
    owner: Person, fan: Person, event: str, body: dict[str, Any], field: str
) -> None:
    room = await Room.open(owner, fan)
    refused = await room.owner.refused(event, {"room_id": room.id, **body})
    assert (refused["code"], refused["field"]) == ("invalid", field)


async def test_a_purge_and_a_clear_are_shown_in_history_in_joins_and_to_who_is_there(
    owner: Person, fan: Person
) -> None:
    room = await Room.open(owner, fan)
    await room.say(room.fan, "bad")
    await room.say(room.owner, "good")
    await room.say(room.fan, "worse")
    await room.do("chat:purge", user_id=fan.id, reason="spam")
    assert [(await room.fan.until("chat:deleted"))["offset"] for _ in range(2)] == [1, 3]
    cleared = await room.fan.until("chat:cleared")
    assert (cleared["offset"], cleared["user_id"], cleared["by"]) == (3, fan.id, owner.id)
    assert [message.get("text") for message in await room.history()] == [None, "good", None]
    await room.do("chat:clear")
    assert (await room.fan.until("chat:cleared"))["user_id"] is None
    await room.say(room.fan, "anew")
    joined = await room.owner.done("chat:join", {"room_id": room.id})
    assert [message.get("text") for message in joined["messages"]] == [None, None, None, "anew"]
    missed = await room.owner.done("chat:join", {"room_id": room.id, "since": {"epoch": joined["epoch"], "offset": 1}})
    assert [message.get("text") for message in missed["messages"]] == [None, None, "anew"]


async def test_an_announcement_says_that_it_is_one_to_all_and_later(owner: Person, fan: Person) -> None:
    room = await Room.open(owner, fan)
    body = {"room_id": room.id, "text": "We start", "client_id": "once"}
    first = await room.owner.done("chat:announce", body)
    assert await room.owner.done("chat:announce", body) == first
    shown = (await room.fan.until("chat:messages"))["messages"]
    assert [(message["id"], message["announcement"]) for message in shown] == [(first["id"], True)]
    assert (await room.history())[0]["announcement"] is True
    assert (await room.do("chat:announce", text="Without an id"))["offset"] == 2
    refused = await room.owner.refused("chat:announce", {"room_id": room.id, "text": " \u200b"})
    assert (refused["code"], refused["field"]) == ("empty_text", "text")


async def test_a_role_is_told_to_all_and_to_the_person_who_joins_and_gives_its_rights(
    owner: Person, fan: Person
) -> None:
    room = await Room.open(owner, fan)
    assert (await room.owner.done("chat:join", {"room_id": room.id}))["role"] == "owner"
    assert (await room.fan.done("chat:join", {"room_id": room.id}))["role"] is None
    await room.say(room.fan)
    await room.do("chat:role", user_id=fan.id, role="moderator")
    assert (await room.fan.until("chat:role"))["role"] == "moderator"
    joined = await room.fan.done("chat:join", {"room_id": room.id})
    assert (joined["role"], joined["messages"][0]["user"]["badges"]) == ("moderator", ["moderator"])
    await room.fan.done("chat:mode", {"room_id": room.id, "mode": {"slow_seconds": 3}})
    assert (await room.fan.refused("chat:role", {"room_id": room.id, "user_id": fan.id, "role": "vip"}))["code"] == (
        "forbidden"
    )
    refused = await room.owner.refused("chat:role", {"room_id": room.id, "user_id": NOBODY, "role": "vip"})
    assert (refused["code"], refused["field"]) == ("not_found", "user_id")
    await room.do("chat:role", user_id=fan.id, role="vip")
    for text in ("one", "two"):
        await room.say(room.fan, text)
    assert (await room.history())[-1]["user"]["badges"] == ["vip"]
    await room.do("chat:role", user_id=fan.id, role=None)
    assert (await room.fan.refused("chat:send", room.message()))["code"] == "slow_mode"


async def test_every_act_of_a_moderator_is_in_the_audit_log_with_who_whom_and_why(
    admin: Person, owner: Person, fan: Person
) -> None:
    room = await Room.open(owner, fan)
    message_id = await room.say(room.fan)
    await room.fan.done("chat:delete", {"room_id": room.id, "message_id": await room.say(room.fan)})
    for event, body in acts(message_id, fan.id):
        await room.do(event, **body, **({"reason": "rude"} if "seconds" in body else {}))
    page = await admin.done("GET", f"/admin/audit?actor={owner.username}&limit=100")
    told = [entry for entry in page["items"] if entry["detail"].get("room_id") == room.id]
    assert [entry["action"] for entry in reversed(told)] == [
        "chat.pin", "chat.timeout", "chat.ban", "chat.unban", "chat.mode", "chat.role", "chat.delete", "chat.purge",
        "chat.clear",
    ]  # fmt: skip
    assert (told[-2]["subject"], told[-2]["why"]) == (fan.id, "rude")
