"""What the rows of rooms keep to."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from actors.chat_rules import ChatMode, Sanction
from actors.events import DeletedMessage
from actors.runtime import Fence
from storage.errors import Conflict, Fenced
from storage.rooms import UnknownPerson
from tests.contract.conftest import Drivers
from tests.contract.test_chat_log import entry


async def test_a_room_is_loaded_as_it_was_created(drivers: Drivers) -> None:
    room, owner = await drivers.room()
    loaded = await drivers.rooms.load(room)
    assert (loaded.owner_id, loaded.log_epoch, loaded.last_offset) == (owner, "e1", 0)
    assert (loaded.mode, loaded.pinned_id, loaded.moderators, loaded.sanctions) == (ChatMode(), None, frozenset(), {})


@pytest.mark.parametrize("room_id", ["nonsense", "", "0192f0c0-0000-7000-8000-000000000000"])
async def test_a_room_that_is_not_there_is_none(drivers: Drivers, room_id: str) -> None:
    assert await drivers.rooms.load(room_id) is None


async def test_a_room_is_created_once(drivers: Drivers) -> None:
    room, owner = await drivers.room()
    with pytest.raises(Conflict):
        await drivers.rooms.create(room_id=room, owner_id=owner, log_epoch="e2")


async def test_mode_pin_and_moderators_are_kept(drivers: Drivers) -> None:
    room, owner = await drivers.room()
    moderator, message = await drivers.person(), drivers.id()
    act: Any = {"by": owner, "fence": drivers.fence}
    await drivers.rooms.set_mode(room, ChatMode(slow_seconds=5), **act)
    await drivers.rooms.set_pinned(room, message, **act)
    vip = await drivers.person()
    for who, role in ((moderator, "vip"), (owner, "vip"), (moderator, "moderator"), (vip, "moderator"), (vip, "vip")):
        await drivers.rooms.set_role(room, who, role, **act)
    await drivers.rooms.set_role(room, owner, None, **act)
    loaded = await drivers.rooms.load(room)
    assert (loaded.mode, loaded.pinned_id) == (ChatMode(slow_seconds=5), message)
    assert (loaded.moderators, loaded.vips) == ({moderator}, {vip})


@pytest.mark.parametrize("user_id", ["nobody", "0192f0c0-0000-7000-8000-000000000000"])
async def test_a_role_of_an_unknown_person_is_an_answer(drivers: Drivers, user_id: str) -> None:
    room, owner = await drivers.room()
    with pytest.raises(UnknownPerson):
        await drivers.rooms.set_role(room, user_id, "vip", by=owner, fence=drivers.fence)


async def test_a_purge_deletes_what_one_person_wrote_up_to_an_offset_and_a_clear_all_that_is_there(
    drivers: Drivers,
) -> None:
    room, owner = await drivers.room()
    guest = await drivers.person()
    for who in (guest, owner, guest, guest):
        await drivers.log.append(entry(drivers, room, who, drivers.id()))
    act: Any = {"by": owner, "fence": drivers.fence}
    for count in (2, 0):
        assert await drivers.rooms.purge(room, guest, up_to=3, reason="", **act) == count
    assert await places(drivers, room) == [(1, True), (2, False), (3, True), (4, False)]
    assert await drivers.rooms.clear(room, **act) == 4
    assert (await drivers.rooms.load(room)).cleared_to == 4
    await drivers.log.append(entry(drivers, room, guest, "after"))
    assert await places(drivers, room) == [(1, True), (2, True), (3, True), (4, True), (5, False)]
    assert [found.offset for found in await drivers.log.since(room, 3)] == [4, 5]


async def places(drivers: Drivers, room: str) -> list[tuple[int, bool]]:
    """The offsets of the room's messages, and which are deleted."""
    return [(found.offset, isinstance(found, DeletedMessage)) for found in await drivers.log.last(room, 100)]


async def test_the_last_sanction_of_a_person_holds_until_it_passes_or_is_lifted(drivers: Drivers) -> None:
    room, owner = await drivers.room()
    banned, passed, lifted = [await drivers.person() for _ in range(3)]
    now = dt.datetime.now(dt.UTC)

    async def put(user: str, until: dt.datetime | None) -> None:
        sanction = Sanction(until=until)
        await drivers.rooms.put_sanction(room, user, sanction, reason="r", by=owner, fence=drivers.fence)

    await put(banned, now + dt.timedelta(hours=1))
    await put(banned, None)
    await put(passed, now - dt.timedelta(seconds=1))
    await put(lifted, None)
    await drivers.rooms.lift_sanction(room, lifted, by=owner, reason="", fence=drivers.fence)
    loaded = await drivers.rooms.load(room)
    assert loaded.sanctions == {banned: Sanction(until=None)}


@pytest.mark.parametrize("user_id", ["nobody", "0192f0c0-0000-7000-8000-000000000000"])
async def test_a_sanction_of_an_unknown_person_is_an_answer(drivers: Drivers, user_id: str) -> None:
    room, owner = await drivers.room()
    with pytest.raises(UnknownPerson) as caught:
        await drivers.rooms.put_sanction(room, user_id, Sanction(until=None), reason="", by=owner, fence=drivers.fence)
    assert (caught.value.code, caught.value.field) == ("not_found", "user_id")


async def test_lifting_a_sanction_of_what_is_no_id_is_an_answer(drivers: Drivers) -> None:
    room, owner = await drivers.room()
    with pytest.raises(UnknownPerson):
        await drivers.rooms.lift_sanction(room, "nobody", by=owner, reason="", fence=drivers.fence)


async def test_the_server_deletes_a_message_by_itself(drivers: Drivers) -> None:
    room, _ = await drivers.room()
    guest = await drivers.person()
    posted = entry(drivers, room, guest, "c")
    await drivers.log.append(posted)
    act: Any = {"by": None, "reason": "judge", "fence": drivers.fence}
    assert await drivers.rooms.delete_message(room, drivers.id(), **act) is None
    assert await drivers.rooms.delete_message(room, posted.id, **act) == 1
    assert await places(drivers, room) == [(1, True)]


async def test_who_deleted_a_message_brings_it_back_and_nobody_else(drivers: Drivers) -> None:
    room, owner = await drivers.room()
    guest = await drivers.person()
    posted = entry(drivers, room, guest, "c")
    await drivers.log.append(posted)
    restore: Any = {"reason": "a mistake", "fence": drivers.fence}
    for deleted_by, other in ((owner, guest), (guest, owner), (None, owner)):
        await drivers.rooms.delete_message(room, posted.id, by=deleted_by, reason="", fence=drivers.fence)
        await drivers.rooms.delete_message(room, posted.id, by=other, reason="", fence=drivers.fence)
        await drivers.rooms.restore_message(room, posted.id, by=other, **restore)
        assert await places(drivers, room) == [(1, True)]
        for _ in range(2):
            await drivers.rooms.restore_message(room, posted.id, by=deleted_by, **restore)
            assert await places(drivers, room) == [(1, False)]
    await drivers.rooms.restore_message(room, drivers.id(), by=owner, **restore)


async def test_a_stale_owner_changes_nothing(drivers: Drivers) -> None:
    room, owner = await drivers.room()
    stale = Fence(shard=drivers.fence.shard, epoch=drivers.fence.epoch - 1)
    rooms, act = drivers.rooms, {"by": owner, "fence": stale}
    for write in (
        rooms.set_mode(room, ChatMode(slow_seconds=5), **act),
        rooms.set_pinned(room, None, **act),
        rooms.set_role(room, owner, "vip", **act),
        rooms.put_sanction(room, owner, Sanction(until=None), reason="", **act),
        rooms.lift_sanction(room, owner, reason="", **act),
        rooms.delete_message(room, drivers.id(), reason="", **act),
        rooms.restore_message(room, drivers.id(), reason="", **act),
        rooms.purge(room, owner, up_to=1, reason="", **act),
        rooms.clear(room, **act),
    ):
        with pytest.raises(Fenced):
            await write
    assert (await drivers.rooms.load(room)).mode == ChatMode()


async def test_a_room_without_an_owner_is_private(drivers: Drivers) -> None:
    room = drivers.id()
    await drivers.rooms.create(room_id=room, owner_id=None, log_epoch="e1")
    loaded = await drivers.rooms.load(room)
    assert (loaded.owner_id, loaded.is_private) == ("", True)
    assert not (await drivers.rooms.load((await drivers.room())[0])).is_private


async def test_a_message_of_a_private_room_has_its_last_text_and_its_reactions(drivers: Drivers) -> None:
    room, (ann, bob) = drivers.id(), [await drivers.person() for _ in range(2)]
    await drivers.rooms.create(room_id=room, owner_id=None, log_epoch="e1")
    written = await drivers.log.append(entry(drivers, room, ann, "c"))
    now, rooms, fence = dt.datetime.now(dt.UTC), drivers.rooms, drivers.fence
    await rooms.edit_message(room, written.id, "better", at=now, fence=fence)
    for person, is_on in ((ann, True), (bob, True), (bob, True), (ann, False)):
        reactions = await rooms.react(room, written.id, person, "👍", is_on=is_on, fence=fence)
    found = await drivers.log.message(room, written.id)
    assert (found.text, found.edited_at, found.reactions) == ("better", now, {"👍": (bob,)})
    assert reactions == found.reactions


async def test_a_message_takes_three_reactions_of_a_person(drivers: Drivers) -> None:
    room, ann = drivers.id(), await drivers.person()
    await drivers.rooms.create(room_id=room, owner_id=None, log_epoch="e1")
    written = await drivers.log.append(entry(drivers, room, ann, "c"))
    answers = [
        await drivers.rooms.react(room, written.id, ann, emoji, is_on=True, fence=drivers.fence)
        for emoji in ("👍", "🎉", "😂", "😮", "👍")
    ]
    assert [answer is None for answer in answers] == [False, False, False, True, False]
