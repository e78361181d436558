"""What the rows of rooms keep to."""

from __future__ import annotations

import datetime as dt

import pytest

from actors.chat_rules import ChatMode, Sanction
from actors.runtime import Fence
from storage.errors import Conflict, Fenced
from storage.rooms import UnknownPerson
from tests.contract.conftest import Drivers


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
    await drivers.rooms.set_mode(room, ChatMode(slow_seconds=5), fence=drivers.fence)
    await drivers.rooms.set_pinned(room, message, fence=drivers.fence)
    for who in (moderator, owner, moderator):
        await drivers.rooms.add_moderator(room, who, fence=drivers.fence)
    await drivers.rooms.remove_moderator(room, owner, fence=drivers.fence)
    loaded = await drivers.rooms.load(room)
    assert (loaded.mode, loaded.pinned_id, loaded.moderators) == (ChatMode(slow_seconds=5), message, {moderator})


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
    await drivers.rooms.lift_sanction(room, lifted, fence=drivers.fence)
    loaded = await drivers.rooms.load(room)
    assert loaded.sanctions == {banned: Sanction(until=None)}


@pytest.mark.parametrize("user_id", ["nobody", "0192f0c0-0000-7000-8000-000000000000"])
async def test_a_sanction_of_an_unknown_person_is_an_answer(drivers: Drivers, user_id: str) -> None:
    room, owner = await drivers.room()
    with pytest.raises(UnknownPerson) as caught:
        await drivers.rooms.put_sanction(room, user_id, Sanction(until=None), reason="", by=owner, fence=drivers.fence)
    assert (caught.value.code, caught.value.field) == ("not_found", "user_id")


async def test_lifting_a_sanction_of_what_is_no_id_is_an_answer(drivers: Drivers) -> None:
    room, _ = await drivers.room()
    with pytest.raises(UnknownPerson):
        await drivers.rooms.lift_sanction(room, "nobody", fence=drivers.fence)


async def test_a_stale_owner_changes_nothing(drivers: Drivers) -> None:
    room, owner = await drivers.room()
    stale = Fence(shard=drivers.fence.shard, epoch=drivers.fence.epoch - 1)
    with pytest.raises(Fenced):
        await drivers.rooms.set_mode(room, ChatMode(slow_seconds=5), fence=stale)
    with pytest.raises(Fenced):
        await drivers.rooms.set_pinned(room, None, fence=stale)
    with pytest.raises(Fenced):
        await drivers.rooms.put_sanction(room, owner, Sanction(until=None), reason="", by=owner, fence=stale)
    with pytest.raises(Fenced):
        await drivers.rooms.lift_sanction(room, owner, fence=stale)
    with pytest.raises(Fenced):
        await drivers.rooms.delete_message(room, drivers.id(), by=drivers.id(), fence=stale)
    assert (await drivers.rooms.load(room)).mode == ChatMode()
