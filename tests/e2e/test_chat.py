"""Chat as people have it: said once, in order, durable, kept in bounds by its moderators."""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from tests.e2e.conftest import NewPerson
from tests.e2e.people import Account, Api
from tests.e2e.serving import Server
from tests.e2e.talking import Talker, talker


class Room:
    """A room of the test's own, its owner's socket, and a way to more sockets."""

    def __init__(self, server: Server, owner: Account, made: dict[str, Any], stack: AsyncExitStack) -> None:
        self.server = server
        self.owner = owner
        self.stream_id: str = made["stream"]["id"]
        self.id: str = made["stream"]["chat"]["room_id"]
        self.socket: Talker
        self._stack = stack
        self._number = 0

    async def enter(self, person: Account | None, **options: Any) -> Talker:
        """A socket of this person that has joined."""
        socket = await self._stack.enter_async_context(
            talker(self.server.url, person.token if person else None, **options)
        )
        await socket.ok("chat:join", {"room_id": self.id})
        return socket

    def said(self, text: str, client_id: str | None = None, **more: Any) -> dict[str, Any]:
        self._number += 1
        return {"room_id": self.id, "text": text, "client_id": client_id or f"c{self._number}", **more}


@pytest.fixture
async def room(server: Server, owner: Account) -> AsyncIterator[Room]:
    async with AsyncExitStack() as stack:
        made = Room(server, owner, await owner.prepare("A room"), stack)
        made.socket = await made.enter(owner)
        yield made


async def test_a_message_reaches_everybody_with_its_offset_and_client_id(room: Room, someone: NewPerson) -> None:
    friend = await someone()
    there, guest = await room.enter(friend), await room.enter(None)
    ack = await room.socket.ok("chat:send", room.said("hello", "first"))
    assert ack["offset"] == 1
    assert ack["id"]
    for socket in (room.socket, there, guest):
        body = await socket.event("chat:messages")
        assert (body["room_id"], body["epoch"]) == (room.id, ack["epoch"])
        (message,) = body["messages"]
        assert (message["id"], message["offset"], message["text"], message["client_id"]) == (
            ack["id"],
            1,
            "hello",
            "first",
        )
        assert message["user"]["id"] == room.owner.id
        assert message["user"]["username"] == room.owner.username
        assert "owner" in message["user"]["badges"]
        assert message["sent_at"].endswith("Z")
    reply = await there.ok("chat:send", room.said("hello yourself", reply_to=ack["id"]))
    assert reply["offset"] == 2
    heard = await room.socket.said(lambda: [m for m in room.socket.messages if m["offset"] == 2])
    assert heard[0]["reply_to"] == ack["id"]


async def test_a_message_may_be_sent_without_joining(room: Room, someone: NewPerson) -> None:
    person = await someone()
    async with talker(room.server.url, person.token) as socket:
        await socket.ok("chat:send", room.said("from outside"))
    await room.socket.event("chat:messages")


async def test_the_same_client_id_is_the_same_message_for_good(room: Room) -> None:
    first = await room.socket.ok("chat:send", room.said("once", "same"))
    again = await room.socket.ok("chat:send", room.said("twice", "same"))
    assert (again["id"], again["offset"], again["epoch"]) == (first["id"], first["offset"], first["epoch"])
    history = await room.socket.ok("chat:history", {"room_id": room.id})
    assert [message["text"] for message in history["messages"]] == ["once"]


async def test_ten_sends_of_one_client_id_at_once_are_one_message(room: Room) -> None:
    acks = await asyncio.gather(*(room.socket.ok("chat:send", room.said(f"try {n}", "same")) for n in range(10)))
    assert len({ack["offset"] for ack in acks}) == 1
    history = await room.socket.ok("chat:history", {"room_id": room.id})
    assert len(history["messages"]) == 1


async def test_one_client_id_of_two_people_is_two_messages(room: Room, someone: NewPerson) -> None:
    other = await room.enter(await someone())
    mine = await room.socket.ok("chat:send", room.said("mine", "same"))
    theirs = await other.ok("chat:send", room.said("theirs", "same"))
    assert theirs["offset"] == mine["offset"] + 1


async def test_a_burst_over_the_limit_is_refused_with_a_time_to_wait(room: Room) -> None:
    first = await room.socket.ok("chat:send", room.said("first", "first"))
    answers = await asyncio.gather(*(room.socket.ask("chat:send", room.said(f"n{n}")) for n in range(20)))
    refused = [answer["error"] for answer in answers if not answer["ok"]]
    assert 5 <= len(refused) <= 12
    assert all(error["code"] == "rate_limited" and error["retry_after_ms"] > 0 for error in refused)
    again = await room.socket.ok("chat:send", room.said("first", "first"))
    assert again["offset"] == first["offset"], "the client_id is looked at before the limit"


@pytest.mark.parametrize(
    ("text", "is_fine"),
    [("x" * 500, True), ("x" * 501, False), ("e\u0301" * 500, True), ("", False), ("  \u0007 ", False)],
)
async def test_a_text_has_one_to_500_characters_after_normalisation(room: Room, text: str, is_fine: bool) -> None:
    answer = await room.socket.ask("chat:send", room.said(text))
    assert answer["ok"] is is_fine
    if not is_fine:
        assert answer["error"]["field"] == "text"


async def test_a_text_is_composed_and_without_control_characters(room: Room) -> None:
    await room.socket.ok("chat:send", room.said("cafe\u0301\u0000\u0007 \u202eok"))
    body = await room.socket.event("chat:messages")
    text = body["messages"][0]["text"]
    assert text == unicodedata.normalize("NFC", text)
    assert text.startswith("caf\u00e9")
    assert not any(unicodedata.category(character) == "Cc" for character in text)


@pytest.mark.parametrize("reply_to", ["01890c2a-7b5e-7cc3-98c8-6b1f6c1f0a11", "not an id", "\u0000"])
async def test_a_reply_to_nothing_is_refused_and_harms_nobody(room: Room, someone: NewPerson, reply_to: str) -> None:
    other = await room.enter(await someone())
    bad, good = await asyncio.gather(
        room.socket.ask("chat:send", room.said("lost", reply_to=reply_to)), other.ask("chat:send", room.said("fine"))
    )
    assert bad["error"]["code"] in ("not_found", "invalid"), bad
    assert good["ok"], good


@pytest.mark.parametrize("client_id", ["\u0000", "a\u0000b", "\ud800", "\U0001f389" * 64])
async def test_an_odd_client_id_is_answered_and_harms_nobody(room: Room, someone: NewPerson, client_id: str) -> None:
    other = await room.enter(await someone())
    odd, good = await asyncio.gather(
        room.socket.ask("chat:send", room.said("odd", client_id)), other.ask("chat:send", room.said("fine"))
    )
    assert odd["ok"] or odd["error"]["code"] == "invalid", odd
    assert good["ok"], good


async def test_a_client_id_of_more_than_64_characters_is_refused(room: Room) -> None:
    assert (await room.socket.no("chat:send", room.said("hi", "x" * 65)))["field"] == "client_id"
    assert (await room.socket.ask("chat:send", room.said("hi", "x" * 64)))["ok"]


async def test_guests_read_and_do_not_write(room: Room) -> None:
    guest = await room.enter(None)
    error = await guest.no("chat:send", room.said("let me in"))
    assert error["code"] == "unauthenticated"
    await room.socket.ok("chat:send", room.said("for all"))
    await guest.event("chat:messages")
    assert (await guest.ok("chat:history", {"room_id": room.id}))["messages"]


async def test_what_was_missed_comes_with_the_join_and_not_again(room: Room, someone: NewPerson) -> None:
    person = await someone()
    first = await room.socket.ok("chat:send", room.said("seen"))
    async with talker(room.server.url, person.token) as socket:
        joined = await socket.ok("chat:join", {"room_id": room.id})
        position = {"epoch": joined["epoch"], "offset": joined["offset"]}
    assert position == {"epoch": first["epoch"], "offset": 1}
    for n in range(3):
        await room.socket.ok("chat:send", room.said(f"missed {n}"))
    async with talker(room.server.url, person.token) as socket:
        back = await socket.ok("chat:join", {"room_id": room.id, "since": position})
        assert back["recovered"] is True
        assert [message["offset"] for message in back["messages"]] == [2, 3, 4]
        assert back["offset"] == 4
        await room.socket.ok("chat:send", room.said("now"))
        await socket.event("chat:messages")
        assert [message["offset"] for message in socket.messages] == [5]


@pytest.mark.parametrize("since", [{"epoch": "another", "offset": 1}, {"epoch": None, "offset": 10_000}])
async def test_a_position_that_does_not_hold_is_not_recovered(room: Room, since: dict[str, Any]) -> None:
    ack = await room.socket.ok("chat:send", room.said("one"))
    position = {"epoch": since["epoch"] or ack["epoch"], "offset": since["offset"]}
    async with talker(room.server.url, room.owner.token) as socket:
        back = await socket.ok("chat:join", {"room_id": room.id, "since": position})
        assert back["recovered"] is False
        assert back["offset"] == 1
        assert [message["text"] for message in back["messages"]] == ["one"]


async def test_nothing_missed_is_recovered_with_nothing(room: Room) -> None:
    ack = await room.socket.ok("chat:send", room.said("one"))
    async with talker(room.server.url) as guest:
        since = {"epoch": ack["epoch"], "offset": ack["offset"]}
        back = await guest.ok("chat:join", {"room_id": room.id, "since": since})
        assert (back["recovered"], back["messages"]) == (True, [])


async def test_history_pages_backwards_to_an_empty_list(room: Room) -> None:
    for n in range(5):
        await room.socket.ok("chat:send", room.said(f"n{n + 1}"))
    page = (await room.socket.ok("chat:history", {"room_id": room.id, "limit": 2}))["messages"]
    assert [message["offset"] for message in page] == [4, 5]
    page = (await room.socket.ok("chat:history", {"room_id": room.id, "limit": 3, "before": 4}))["messages"]
    assert [message["offset"] for message in page] == [1, 2, 3]
    assert (await room.socket.ok("chat:history", {"room_id": room.id, "before": 1}))["messages"] == []
    assert (await room.socket.no("chat:history", {"room_id": room.id, "limit": 101}))["field"] == "limit"


async def test_a_room_that_is_not_there_is_answered(room: Room) -> None:
    for event in ("chat:join", "chat:history", "chat:send"):
        body = {"room_id": "01890c2a-7b5e-7cc3-98c8-6b1f6c1f0a11", "text": "x", "client_id": "x"}
        assert (await room.socket.no(event, body))["code"] == "not_found"
        assert (await room.socket.no(event, {**body, "room_id": "no uuid"}))["code"] in ("not_found", "invalid")


# moderating


async def test_a_message_is_deleted_by_its_author_and_the_owner_alone(room: Room, someone: NewPerson) -> None:
    author, stranger = await room.enter(await someone()), await room.enter(await someone())
    first = await author.ok("chat:send", room.said("regretted"))
    second = await author.ok("chat:send", room.said("unwanted"))
    assert (await stranger.no("chat:delete", {"room_id": room.id, "message_id": first["id"]}))["code"] == "forbidden"
    await author.ok("chat:delete", {"room_id": room.id, "message_id": first["id"]})
    await room.socket.ok("chat:delete", {"room_id": room.id, "message_id": second["id"]})
    await stranger.event("chat:deleted", lambda body: body["id"] == first["id"])
    await stranger.event("chat:deleted", lambda body: body["id"] == second["id"] and body["room_id"] == room.id)
    history = (await stranger.ok("chat:history", {"room_id": room.id}))["messages"]
    assert history == [{"id": ack["id"], "offset": ack["offset"], "deleted": True} for ack in (first, second)]
    async with talker(room.server.url) as late:
        joined = await late.ok("chat:join", {"room_id": room.id})
        assert "regretted" not in str(joined)


async def test_a_deleted_text_is_not_in_the_replay(room: Room) -> None:
    ack = await room.socket.ok("chat:send", room.said("secret"))
    await room.socket.ok("chat:delete", {"room_id": room.id, "message_id": ack["id"]})
    replay = await room.owner.done("GET", f"streams/{room.stream_id}/chat?since_offset=0")
    assert "secret" not in str(replay)
    assert replay["items"][0]["deleted"] is True


async def test_a_timed_out_person_waits_and_a_banned_one_for_good(room: Room, someone: NewPerson) -> None:
    person = await someone()
    theirs = await room.enter(person)
    assert (await theirs.no("chat:timeout", {"room_id": room.id, "user_id": room.owner.id, "seconds": 5}))[
        "code"
    ] == "forbidden"
    await room.socket.ok("chat:timeout", {"room_id": room.id, "user_id": person.id, "seconds": 60, "reason": "spam"})
    await theirs.event("chat:user_timed_out", lambda body: body["user_id"] == person.id)
    error = await theirs.no("chat:send", room.said("still here"))
    assert error["code"] == "timed_out"
    assert 50_000 < error["retry_after_ms"] <= 60_000
    await room.socket.ok("chat:unban", {"room_id": room.id, "user_id": person.id})
    await theirs.ok("chat:send", room.said("thanks"))
    await room.socket.ok("chat:ban", {"room_id": room.id, "user_id": person.id})
    assert (await theirs.no("chat:send", room.said("again")))["code"] == "banned"


async def test_a_timeout_needs_no_time_and_a_ban_may_have_one(room: Room, someone: NewPerson) -> None:
    person = await someone()
    theirs = await room.enter(person)
    whom = {"room_id": room.id, "user_id": person.id}
    await room.socket.ok("chat:timeout", whom)
    error = await theirs.no("chat:send", room.said("still here"))
    assert (error["code"], 590_000 < error["retry_after_ms"] <= 600_000) == ("timed_out", True)
    await room.socket.ok("chat:ban", {**whom, "seconds": 60})
    error = await theirs.no("chat:send", room.said("still here"))
    assert 50_000 < error["retry_after_ms"] <= 60_000
    missing = await room.socket.no("chat:ban", {"room_id": room.id})
    assert (missing["code"], missing["field"]) == ("invalid", "user_id")


async def test_a_sanction_of_somebody_who_does_not_exist_is_answered(room: Room) -> None:
    for user_id in ("01890c2a-7b5e-7cc3-98c8-6b1f6c1f0a11", "nobody"):
        error = await room.socket.no("chat:ban", {"room_id": room.id, "user_id": user_id})
        assert error["code"] in ("not_found", "invalid")


async def test_slow_mode_spaces_a_persons_messages(room: Room, someone: NewPerson) -> None:
    theirs = await room.enter(await someone())
    ack = await room.socket.ok("chat:mode", {"room_id": room.id, "mode": {"slow_seconds": 30}})
    assert ack["mode"]["slow_seconds"] == 30
    await theirs.event("chat:mode", lambda body: body["mode"]["slow_seconds"] == 30)
    await theirs.ok("chat:send", room.said("one"))
    error = await theirs.no("chat:send", room.said("two"))
    assert error["code"] == "slow_mode"
    assert 0 < error["retry_after_ms"] <= 30_000
    await room.socket.ok("chat:send", room.said("the owner may"))
    await room.socket.ok("chat:send", room.said("at once"))


async def test_followers_only_mode_lets_followers_in(room: Room, someone: NewPerson) -> None:
    follower, stranger = await someone(), await someone()
    await follower.done("PUT", f"users/{room.owner.username}/follow")
    await room.socket.ok("chat:mode", {"room_id": room.id, "mode": {"followers_only_seconds": 0}})
    await (await room.enter(follower)).ok("chat:send", room.said("in"))
    outside = await room.enter(stranger)
    assert (await outside.no("chat:send", room.said("out")))["code"] == "followers_only"
    await room.socket.ok("chat:mode", {"room_id": room.id, "mode": {"followers_only_seconds": None}})
    await outside.ok("chat:send", room.said("in again"))


async def test_emotes_only_and_unique_modes(room: Room, someone: NewPerson) -> None:
    theirs, other = await room.enter(await someone()), await room.enter(await someone())
    await room.socket.ok("chat:mode", {"room_id": room.id, "mode": {"emotes_only": True}})
    assert (await theirs.no("chat:send", room.said("words")))["code"] == "emotes_only"
    await theirs.ok("chat:send", room.said("\U0001f389 :wave:"))
    await room.socket.ok("chat:mode", {"room_id": room.id, "mode": {"emotes_only": False, "unique": True}})
    await theirs.ok("chat:send", room.said("Same words"))
    assert (await other.no("chat:send", room.said("same words")))["code"] == "not_unique"


async def test_only_moderators_change_the_mode(room: Room, someone: NewPerson) -> None:
    theirs = await room.enter(await someone())
    assert (await theirs.no("chat:mode", {"room_id": room.id, "mode": {"unique": True}}))["code"] == "forbidden"
    error = await room.socket.no("chat:mode", {"room_id": room.id, "mode": {"slow_seconds": -1}})
    assert error["field"] == "mode.slow_seconds"


async def test_a_pinned_message_is_shown_to_those_who_come_later(room: Room, someone: NewPerson) -> None:
    theirs = await room.enter(await someone())
    ack = await theirs.ok("chat:send", room.said("worth reading"))
    assert (await theirs.no("chat:pin", {"room_id": room.id, "message_id": ack["id"]}))["code"] == "forbidden"
    await room.socket.ok("chat:pin", {"room_id": room.id, "message_id": ack["id"]})
    pinned = await theirs.event("chat:pinned")
    assert pinned["message"]["text"] == "worth reading"
    async with talker(room.server.url) as guest:
        watched = await guest.ok("stream:watch", {"stream_id": room.stream_id})
        assert watched["room"]["pinned"]["id"] == ack["id"]
    await room.socket.ok("chat:pin", {"room_id": room.id, "message_id": None})
    await theirs.event("chat:pinned", lambda body: body["message"] is None)


async def test_the_rooms_of_private_streams_are_closed_to_others(room: Room, someone: NewPerson) -> None:
    stream = (await room.owner.prepare("Private", visibility="private"))["stream"]
    stranger = await room.enter(await someone())
    await room.socket.ok("chat:send", {"room_id": stream["chat"]["room_id"], "text": "to myself", "client_id": "p"})
    for event, body in (
        ("stream:watch", {"stream_id": stream["id"]}),
        ("chat:join", {"room_id": stream["chat"]["room_id"]}),
        ("chat:history", {"room_id": stream["chat"]["room_id"]}),
        ("chat:send", {"room_id": stream["chat"]["room_id"], "text": "peek", "client_id": "peek"}),
        ("presence:list", {"room_id": stream["chat"]["room_id"]}),
    ):
        assert (await stranger.no(event, body))["code"] == "not_found", event


async def test_who_is_in_a_room_that_becomes_private_hears_no_more_of_it(room: Room, someone: NewPerson) -> None:
    stream = (await room.owner.prepare("Public, then private"))["stream"]
    said = {"room_id": stream["chat"]["room_id"], "text": "before", "client_id": "before"}
    stranger = await room.enter(await someone())
    await stranger.ok("stream:watch", {"stream_id": stream["id"]})
    await room.socket.ok("chat:join", {"room_id": stream["chat"]["room_id"]})
    await room.socket.ok("chat:send", said)
    await stranger.said(lambda: any(message["text"] == "before" for message in stranger.messages))
    await room.owner.done("PATCH", f"streams/{stream['id']}", {"visibility": "private"})
    await room.socket.ok("chat:send", {**said, "text": "after", "client_id": "after"})
    await room.socket.said(lambda: any(message["text"] == "after" for message in room.socket.messages))
    assert (await stranger.no("chat:join", {"room_id": stream["chat"]["room_id"]}))["code"] == "not_found"
    assert not any(message["text"] == "after" for message in stranger.messages)


# many


async def test_twenty_people_talking_at_once_are_heard_in_order_without_a_gap(room: Room, someone: NewPerson) -> None:
    people = [await someone() for _ in range(20)]
    sockets = [await room.enter(person) for person in people]
    reader = await room.enter(None)

    async def talk(socket: Talker, name: str) -> list[int]:
        return [(await socket.ok("chat:send", room.said(f"{name} {n}", f"{name}-{n}")))["offset"] for n in range(8)]

    offsets = await asyncio.gather(
        *(talk(socket, person.username) for socket, person in zip(sockets, people, strict=True))
    )
    total = len(people) * 8
    assert sorted(offset for mine in offsets for offset in mine) == list(range(1, total + 1))
    for socket in (reader, sockets[0], sockets[-1]):
        await socket.said(lambda socket=socket: len(socket.messages) >= total)
        assert [message["offset"] for message in socket.messages] == list(range(1, total + 1))
    by_offset = {m["offset"]: m["client_id"] for m in reader.messages}
    for person, mine in zip(people, offsets, strict=True):
        assert [by_offset[offset] for offset in mine] == [f"{person.username}-{n}" for n in range(8)]


async def test_a_thousand_missed_messages_are_caught_up_in_pages(room: Room, someone: NewPerson) -> None:
    position = await (await room.enter(None)).ok("chat:join", {"room_id": room.id})
    people = [await someone() for _ in range(20)]
    sockets = [await room.enter(person) for person in people]

    async def talk(socket: Talker, name: str) -> None:
        for n in range(60):
            await _send_patiently(socket, room.said(f"{name} {n}", f"{name}-{n}"))

    await asyncio.gather(*(talk(socket, person.username) for socket, person in zip(sockets, people, strict=True)))
    async with talker(room.server.url) as guest:
        since = {"epoch": position["epoch"], "offset": 0}
        offsets: list[int] = []
        pages = 0
        while True:
            page = await guest.ok("chat:join", {"room_id": room.id, "since": since})
            assert page["recovered"] is True
            assert len(page["messages"]) <= 500
            offsets += [message["offset"] for message in page["messages"]]
            pages += 1
            since = {"epoch": page["epoch"], "offset": page["offset"]}
            if not page.get("more"):
                break
        assert offsets == list(range(1, 1201))
        assert pages == 3
        await _send_patiently(sockets[0], room.said("after"))
        await guest.said(lambda: guest.messages)
        assert [message["offset"] for message in guest.messages] == [1201]


async def _send_patiently(socket: Talker, body: dict[str, Any]) -> None:
    """As a client does: wait as long as it is told to, then the same again."""
    while True:
        answer = await socket.ask("chat:send", body)
        if answer["ok"]:
            return
        assert answer["error"]["code"] == "rate_limited", answer
        await asyncio.sleep(answer["error"]["retry_after_ms"] / 1000)


async def test_the_replay_pages_with_a_cursor(room: Room, nobody: Api) -> None:
    for n in range(7):
        await room.socket.ok("chat:send", room.said(f"n{n}"))
    offsets, cursor = [], ""
    while True:
        page = await nobody.done("GET", f"streams/{room.stream_id}/chat?limit=3{cursor}")
        offsets += [message["offset"] for message in page["items"]]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert offsets == list(range(1, 8))
