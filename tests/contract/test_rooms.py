"""What the rows of rooms keep to."""

from __future__ import annotations

import datetime as dt

import pytest

from storage.errors import Conflict, Fenced
from storage.leases import Fence
from storage.rooms import Sanction
from tests.contract.conftest import World


async def test_a_room_is_loaded_as_it_was_created(world: World) -> None:
    room, owner = await world.room()
    loaded = await world.rooms.load(room)
    assert (loaded.owner_id, loaded.log_epoch, loaded.last_offset) == (owner, "e1", 0)
    assert (loaded.mode, loaded.pinned_id, loaded.moderators, loaded.sanctions) == ({}, None, frozenset(), ())


@pytest.mark.parametrize("room_id", ["nonsense", "", "0192f0c0-0000-7000-8000-000000000000"])
async def test_a_room_that_is_not_there_is_none(world: World, room_id: str) -> None:
    assert await world.rooms.load(room_id) is None


async def test_a_room_is_created_once(world: World) -> None:
    room, owner = await world.room()
    with pytest.raises(Conflict):
        await world.rooms.create(room_id=room, owner_id=owner, log_epoch="e2")


async def test_mode_pin_and_moderators_are_kept(world: World) -> None:
    room, owner = await world.room()
    moderator, message = await world.person(), world.id()
    await world.rooms.set_mode(room, {"slow_seconds": 5}, fence=world.fence)
    await world.rooms.set_pinned(room, message, fence=world.fence)
    for who in (moderator, owner, moderator):
        await world.rooms.add_moderator(room, who, fence=world.fence)
    await world.rooms.remove_moderator(room, owner, fence=world.fence)
    loaded = await world.rooms.load(room)
    assert (loaded.mode, loaded.pinned_id, loaded.moderators) == ({"slow_seconds": 5}, message, {moderator})


async def test_the_last_sanction_of_a_person_holds_until_it_passes_or_is_lifted(world: World) -> None:
    room, owner = await world.room()
    banned, passed, lifted = [await world.person() for _ in range(3)]
    now = dt.datetime.now(dt.UTC)

    async def put(user: str, until: dt.datetime | None) -> None:
        sanction = Sanction(user_id=user, until=until, reason="r", by_id=owner)
        await world.rooms.put_sanction(room, sanction, fence=world.fence)

    await put(banned, now + dt.timedelta(hours=1))
    await put(banned, None)
    await put(passed, now - dt.timedelta(seconds=1))
    await put(lifted, None)
    await world.rooms.lift_sanction(room, lifted, fence=world.fence)
    loaded = await world.rooms.load(room)
    assert loaded.sanctions == (Sanction(user_id=banned, until=None, reason="r", by_id=owner),)


async def test_a_stale_owner_changes_nothing(world: World) -> None:
    room, _ = await world.room()
    stale = Fence(shard=world.fence.shard, epoch=world.fence.epoch - 1)
    with pytest.raises(Fenced):
        await world.rooms.set_mode(room, {"slow_seconds": 5}, fence=stale)
    with pytest.raises(Fenced):
        await world.rooms.delete_message(room, world.id(), by=world.id(), fence=stale)
    assert (await world.rooms.load(room)).mode == {}
