"""What every chat log keeps to."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import Any

import msgspec
import pytest

from actors.chat_log import ChatEntry
from actors.events import DeletedMessage
from actors.runtime import DomainError
from storage.chat import UnknownReply, UnknownRoom
from storage.errors import Conflict, Fenced, Unavailable
from tests.contract.conftest import Drivers

AT = dt.datetime(2026, 5, 1, 12, tzinfo=dt.UTC)


def entry(drivers: Drivers, room: str, user: str, client_id: str, **fields: Any) -> ChatEntry:
    given = {
        "shard": drivers.fence.shard,
        "epoch": drivers.fence.epoch,
        "id": drivers.id(),
        "text": client_id,
        "sent_at": AT,
    }
    return ChatEntry(room_id=room, user_id=user, client_id=client_id, **{**given, **fields})


async def fill(drivers: Drivers, room: str, user: str, count: int) -> list[ChatEntry]:
    entries = [entry(drivers, room, user, f"m{n}", media_time_ms=n * 1000) for n in range(1, count + 1)]
    await asyncio.gather(*[drivers.log.append(each) for each in entries])
    return entries


async def test_offsets_begin_at_one_and_follow_the_order_of_submission(drivers: Drivers) -> None:
    room, user = await drivers.room()
    outcomes = [drivers.log.submit(entry(drivers, room, user, f"c{n}")) for n in range(20)]
    assert [(await outcome).offset for outcome in outcomes] == list(range(1, 21))


async def test_rooms_count_for_themselves(drivers: Drivers) -> None:
    (one, user), (two, other) = await drivers.room(), await drivers.room()
    outcomes = await asyncio.gather(
        *[drivers.log.append(entry(drivers, room, who, "c")) for room, who in ((one, user), (two, other))]
    )
    assert [outcome.offset for outcome in outcomes] == [1, 1]


async def test_a_client_id_again_in_the_same_burst_answers_the_first_and_leaves_no_gap(drivers: Drivers) -> None:
    room, user = await drivers.room()
    ids = ["a", "b", "a", "c", "b"]
    outcomes = await asyncio.gather(*[drivers.log.append(entry(drivers, room, user, each)) for each in ids])
    assert [outcome.offset for outcome in outcomes] == [1, 2, 1, 3, 2]
    assert [outcome.is_duplicate for outcome in outcomes] == [False, False, True, False, True]
    assert outcomes[2].id == outcomes[0].id
    assert [message.text for message in await drivers.log.last(room, 10)] == ["a", "b", "c"]


async def test_a_client_id_again_later_answers_the_first(drivers: Drivers) -> None:
    room, user = await drivers.room()
    first = await drivers.log.append(entry(drivers, room, user, "a"))
    again = await drivers.log.append(entry(drivers, room, user, "a", text="other words"))
    assert (again.id, again.offset, again.is_duplicate) == (first.id, first.offset, True)
    assert (await drivers.log.append(entry(drivers, room, user, "b"))).offset == 2


async def test_the_same_client_id_of_another_person_or_room_is_another_message(drivers: Drivers) -> None:
    (room, user), (other_room, _) = await drivers.room(), await drivers.room()
    stranger = await drivers.person()
    for where, who in ((room, user), (room, stranger), (other_room, user)):
        assert not (await drivers.log.append(entry(drivers, where, who, "a"))).is_duplicate


async def test_a_stale_epoch_is_refused_alone(drivers: Drivers) -> None:
    room, user = await drivers.room()
    stale = drivers.fence.epoch - 1
    outcomes = await asyncio.gather(
        drivers.log.append(entry(drivers, room, user, "a")),
        drivers.log.append(entry(drivers, room, user, "b", epoch=stale)),
        drivers.log.append(entry(drivers, room, user, "c")),
        return_exceptions=True,
    )
    assert isinstance(outcomes[1], Fenced)
    assert [outcomes[0].offset, outcomes[2].offset] == [1, 2]


async def test_after_a_take_over_the_former_owner_is_refused(drivers: Drivers) -> None:
    room, user = await drivers.room()
    await drivers.log.append(entry(drivers, room, user, "a"))
    epochs = await drivers.leases.take([drivers.fence.shard], "n2")
    with pytest.raises(Fenced):
        await drivers.log.append(entry(drivers, room, user, "b"))
    taken = epochs[drivers.fence.shard]
    assert (await drivers.log.append(entry(drivers, room, user, "b", epoch=taken))).offset == 2


async def test_an_unknown_room_reply_or_person_is_refused_alone(drivers: Drivers) -> None:
    (room, user), (other_room, _) = await drivers.room(), await drivers.room()
    elsewhere = await drivers.log.append(entry(drivers, other_room, user, "z"))
    outcomes = await asyncio.gather(
        drivers.log.append(entry(drivers, room, user, "a")),
        drivers.log.append(entry(drivers, drivers.id(), user, "b")),
        drivers.log.append(entry(drivers, room, user, "c", reply_to=elsewhere.id)),
        drivers.log.append(entry(drivers, room, drivers.id(), "d")),
        drivers.log.append(entry(drivers, room, user, "e")),
        return_exceptions=True,
    )
    assert [type(outcome) for outcome in outcomes[1:4]] == [UnknownRoom, UnknownReply, Conflict]
    assert [outcomes[0].offset, outcomes[4].offset] == [1, 2]


async def test_a_reply_names_its_message(drivers: Drivers) -> None:
    room, user = await drivers.room()
    first = await drivers.log.append(entry(drivers, room, user, "a"))
    await drivers.log.append(entry(drivers, room, user, "b", reply_to=first.id))
    one, two = await drivers.log.last(room, 2)
    assert (one.reply_to, two.reply_to, two.client_id) == (None, first.id, "b")


async def test_history_is_ascending_under_its_offset_and_ends_empty(drivers: Drivers) -> None:
    room, user = await drivers.room()
    await fill(drivers, room, user, 7)
    read = [[m.offset for m in await drivers.log.history(room, before=before, limit=3)] for before in (None, 5, 2, 1)]
    assert read == [[5, 6, 7], [2, 3, 4], [1], []]


async def test_since_gives_what_follows_an_offset(drivers: Drivers) -> None:
    room, user = await drivers.room()
    await fill(drivers, room, user, 5)
    assert [m.offset for m in await drivers.log.since(room, 2)] == [3, 4, 5]
    assert [m.offset for m in await drivers.log.since(room, 2, limit=2)] == [3, 4]
    assert await drivers.log.since(room, 5) == []


async def test_between_gives_a_window_of_media_time(drivers: Drivers) -> None:
    room, user = await drivers.room()
    await fill(drivers, room, user, 5)
    assert [m.offset for m in await drivers.log.between(room, from_ms=2000, to_ms=4000)] == [2, 3]


async def test_a_message_carries_its_author_and_the_badges(drivers: Drivers) -> None:
    room, owner = await drivers.room()
    moderator, vip, guest = await drivers.person("mona"), await drivers.person(), await drivers.person()
    await drivers.rooms.set_role(room, moderator, "moderator", by=owner, fence=drivers.fence)
    await drivers.rooms.set_role(room, vip, "vip", by=owner, fence=drivers.fence)
    for who in (owner, moderator, vip, guest):
        await drivers.log.append(entry(drivers, room, who, "hi"))
    messages = await drivers.log.last(room, 4)
    assert [m.user.badges for m in messages] == [("owner",), ("moderator",), ("vip",), ()]
    assert (messages[1].user.username, messages[1].user.display_name, messages[1].sent_at) == ("mona", "Mona", AT)


async def test_an_announcement_is_read_back_as_one(drivers: Drivers) -> None:
    room, owner = await drivers.room()
    await drivers.log.append(entry(drivers, room, owner, "a", is_announcement=True))
    await drivers.log.append(entry(drivers, room, owner, "b"))
    assert [found.announcement for found in await drivers.log.last(room, 2)] == [True, False]


async def test_find_answers_a_used_client_id_only(drivers: Drivers) -> None:
    room, user = await drivers.room()
    first = await drivers.log.append(entry(drivers, room, user, "a"))
    found = await drivers.log.find(room, user, "a")
    assert (found.id, found.offset) == (first.id, first.offset)
    assert await drivers.log.find(room, user, "b") is None


async def test_a_deleted_message_keeps_its_place_without_its_text(drivers: Drivers) -> None:
    room, user = await drivers.room()
    entries = await fill(drivers, room, user, 3)
    assert await drivers.rooms.delete_message(room, entries[1].id, by=user, reason="", fence=drivers.fence) == 2
    assert await drivers.rooms.delete_message(room, entries[1].id, by=user, reason="", fence=drivers.fence) == 2
    assert await drivers.rooms.delete_message(room, drivers.id(), by=user, reason="", fence=drivers.fence) is None
    read = await drivers.log.last(room, 3)
    assert [m.offset for m in read] == [1, 2, 3]
    assert [read[0].text, read[1], read[2].text] == ["m1", DeletedMessage(id=entries[1].id, offset=2), "m3"]
    assert await drivers.log.message(room, entries[1].id) == read[1]
    assert await drivers.log.message(room, "nonsense") is None


@pytest.mark.parametrize("reply_to", ["nonsense", "0192f0c0-0000-7000-8000-000000000000"])
async def test_a_reply_to_nothing_is_an_answer(drivers: Drivers, reply_to: str) -> None:
    room, user = await drivers.room()
    with pytest.raises(DomainError) as caught:
        await drivers.log.append(entry(drivers, room, user, "a", reply_to=reply_to))
    assert (caught.value.code, caught.value.field) == ("not_found", "reply_to")


async def test_a_thread_is_the_first_message_and_all_replies_whichever_of_them_is_asked_for(drivers: Drivers) -> None:
    room, user = await drivers.room()
    other_room, _ = await drivers.room()
    first, other, reply, to_reply = [entry(drivers, room, user, name) for name in "abcd"]
    second_reply = entry(drivers, room, user, "e", reply_to=first.id)
    reply = msgspec.structs.replace(reply, reply_to=first.id)
    to_reply = msgspec.structs.replace(to_reply, reply_to=reply.id)
    for one in (first, other, reply, to_reply, second_reply):
        await drivers.log.append(one)
    await drivers.rooms.delete_message(room, reply.id, by=user, reason="", fence=drivers.fence)
    for asked in (first, reply, to_reply, second_reply):
        thread = await drivers.log.thread(room, asked.id)
        assert [one.id for one in thread] == [first.id, reply.id, to_reply.id, second_reply.id]
        assert isinstance(thread[1], DeletedMessage)
    assert [one.id for one in await drivers.log.thread(room, other.id)] == [other.id]
    for unknown in (drivers.id(), "nonsense"):
        assert await drivers.log.thread(room, unknown) == []
    assert await drivers.log.thread(other_room, first.id) == []


async def test_append_after_close_is_refused(drivers: Drivers) -> None:
    room, user = await drivers.room()
    await drivers.log.close()
    with pytest.raises(Unavailable):
        await drivers.log.append(entry(drivers, room, user, "a"))
