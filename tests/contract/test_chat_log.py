"""What every chat log keeps to."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import Any

import pytest

from actors.chat_log import ChatEntry
from storage.chat import UnknownReply, UnknownRoom
from storage.errors import Conflict, Fenced, Unavailable
from tests.contract.conftest import World

AT = dt.datetime(2026, 5, 1, 12, tzinfo=dt.UTC)


def entry(world: World, room: str, user: str, client_id: str, **fields: Any) -> ChatEntry:
    given = {"shard": world.fence.shard, "epoch": world.fence.epoch, "id": world.id(), "text": client_id, "sent_at": AT}
    return ChatEntry(room_id=room, user_id=user, client_id=client_id, **{**given, **fields})


async def fill(world: World, room: str, user: str, count: int) -> list[ChatEntry]:
    entries = [entry(world, room, user, f"m{n}", media_time_ms=n * 1000) for n in range(1, count + 1)]
    await asyncio.gather(*[world.log.append(each) for each in entries])
    return entries


async def test_offsets_begin_at_one_and_follow_the_order_of_submission(world: World) -> None:
    room, user = await world.room()
    outcomes = [world.log.submit(entry(world, room, user, f"c{n}")) for n in range(20)]
    assert [(await outcome).offset for outcome in outcomes] == list(range(1, 21))


async def test_rooms_count_for_themselves(world: World) -> None:
    (one, user), (two, other) = await world.room(), await world.room()
    outcomes = await asyncio.gather(
        *[world.log.append(entry(world, room, who, "c")) for room, who in ((one, user), (two, other))]
    )
    assert [outcome.offset for outcome in outcomes] == [1, 1]


async def test_a_client_id_again_in_the_same_burst_answers_the_first_and_leaves_no_gap(world: World) -> None:
    room, user = await world.room()
    ids = ["a", "b", "a", "c", "b"]
    outcomes = await asyncio.gather(*[world.log.append(entry(world, room, user, each)) for each in ids])
    assert [outcome.offset for outcome in outcomes] == [1, 2, 1, 3, 2]
    assert [outcome.is_duplicate for outcome in outcomes] == [False, False, True, False, True]
    assert outcomes[2].id == outcomes[0].id
    assert [message.text for message in await world.log.last(room, 10)] == ["a", "b", "c"]


async def test_a_client_id_again_later_answers_the_first(world: World) -> None:
    room, user = await world.room()
    first = await world.log.append(entry(world, room, user, "a"))
    again = await world.log.append(entry(world, room, user, "a", text="other words"))
    assert (again.id, again.offset, again.is_duplicate) == (first.id, first.offset, True)
    assert (await world.log.append(entry(world, room, user, "b"))).offset == 2


async def test_the_same_client_id_of_another_person_or_room_is_another_message(world: World) -> None:
    (room, user), (other_room, _) = await world.room(), await world.room()
    stranger = await world.person()
    for where, who in ((room, user), (room, stranger), (other_room, user)):
        assert not (await world.log.append(entry(world, where, who, "a"))).is_duplicate


async def test_a_stale_epoch_is_refused_alone(world: World) -> None:
    room, user = await world.room()
    stale = world.fence.epoch - 1
    outcomes = await asyncio.gather(
        world.log.append(entry(world, room, user, "a")),
        world.log.append(entry(world, room, user, "b", epoch=stale)),
        world.log.append(entry(world, room, user, "c")),
        return_exceptions=True,
    )
    assert isinstance(outcomes[1], Fenced)
    assert [outcomes[0].offset, outcomes[2].offset] == [1, 2]


async def test_after_a_take_over_the_former_owner_is_refused(world: World) -> None:
    room, user = await world.room()
    await world.log.append(entry(world, room, user, "a"))
    epochs = await world.leases.take([world.fence.shard], "n2")
    with pytest.raises(Fenced):
        await world.log.append(entry(world, room, user, "b"))
    taken = epochs[world.fence.shard]
    assert (await world.log.append(entry(world, room, user, "b", epoch=taken))).offset == 2


async def test_an_unknown_room_reply_or_person_is_refused_alone(world: World) -> None:
    (room, user), (other_room, _) = await world.room(), await world.room()
    elsewhere = await world.log.append(entry(world, other_room, user, "z"))
    outcomes = await asyncio.gather(
        world.log.append(entry(world, room, user, "a")),
        world.log.append(entry(world, world.id(), user, "b")),
        world.log.append(entry(world, room, user, "c", reply_to=elsewhere.id)),
        world.log.append(entry(world, room, world.id(), "d")),
        world.log.append(entry(world, room, user, "e")),
        return_exceptions=True,
    )
    assert [type(outcome) for outcome in outcomes[1:4]] == [UnknownRoom, UnknownReply, Conflict]
    assert [outcomes[0].offset, outcomes[4].offset] == [1, 2]


async def test_a_reply_names_its_message(world: World) -> None:
    room, user = await world.room()
    first = await world.log.append(entry(world, room, user, "a"))
    await world.log.append(entry(world, room, user, "b", reply_to=first.id))
    assert [message.reply_to for message in await world.log.last(room, 2)] == [None, first.id]


async def test_history_is_ascending_under_its_offset_and_ends_empty(world: World) -> None:
    room, user = await world.room()
    await fill(world, room, user, 7)
    read = [[m.offset for m in await world.log.history(room, before=before, limit=3)] for before in (None, 5, 2, 1)]
    assert read == [[5, 6, 7], [2, 3, 4], [1], []]


async def test_since_gives_what_follows_an_offset(world: World) -> None:
    room, user = await world.room()
    await fill(world, room, user, 5)
    assert [m.offset for m in await world.log.since(room, 2)] == [3, 4, 5]
    assert [m.offset for m in await world.log.since(room, 2, limit=2)] == [3, 4]
    assert await world.log.since(room, 5) == []


async def test_between_gives_a_window_of_media_time(world: World) -> None:
    room, user = await world.room()
    await fill(world, room, user, 5)
    assert [m.offset for m in await world.log.between(room, from_ms=2000, to_ms=4000)] == [2, 3]


async def test_a_message_carries_its_author_and_the_badges(world: World) -> None:
    room, owner = await world.room()
    moderator, guest = await world.person("mona"), await world.person()
    await world.rooms.add_moderator(room, moderator, fence=world.fence)
    for who in (owner, moderator, guest):
        await world.log.append(entry(world, room, who, "hi"))
    messages = await world.log.last(room, 3)
    assert [(m.is_owner, m.is_moderator) for m in messages] == [(True, False), (False, True), (False, False)]
    assert (messages[1].username, messages[1].display_name, messages[1].sent_at) == ("mona", "Mona", AT)


async def test_find_answers_a_used_client_id_only(world: World) -> None:
    room, user = await world.room()
    first = await world.log.append(entry(world, room, user, "a"))
    found = await world.log.find(room, user, "a")
    assert (found.id, found.offset) == (first.id, first.offset)
    assert await world.log.find(room, user, "b") is None


async def test_a_deleted_message_keeps_its_place_without_its_text(world: World) -> None:
    room, user = await world.room()
    entries = await fill(world, room, user, 3)
    assert await world.rooms.delete_message(room, entries[1].id, by=user, fence=world.fence) == 2
    assert await world.rooms.delete_message(room, entries[1].id, by=user, fence=world.fence) == 2
    assert await world.rooms.delete_message(room, world.id(), by=user, fence=world.fence) is None
    assert [(m.offset, m.text, m.is_deleted) for m in await world.log.last(room, 3)] == [
        (1, "m1", False),
        (2, "", True),
        (3, "m3", False),
    ]


async def test_append_after_close_is_refused(world: World) -> None:
    room, user = await world.room()
    await world.log.close()
    with pytest.raises(Unavailable):
        await world.log.append(entry(world, room, user, "a"))
