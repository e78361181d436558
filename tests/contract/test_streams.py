"""What the rows of streams, recordings and views keep to."""

from __future__ import annotations

import datetime as dt
from typing import Any

import msgspec
import pytest

from storage.errors import BadValue, Conflict, Fenced
from storage.leases import Fence
from storage.recording import Init, Segment
from storage.stream import Keyholder, StreamState
from storage.viewers import ViewSession, ViewTotals
from tests.contract.conftest import World

AT = dt.datetime(2026, 5, 1, 12, tzinfo=dt.UTC)


def stale(world: World) -> Fence:
    return Fence(shard=world.fence.shard, epoch=world.fence.epoch - 1)


def segment(number: int, **fields: Any) -> Segment:
    given: dict[str, Any] = {
        "rendition": "source",
        "segment": number,
        "publication": 1,
        "object_key": f"s/{number}.m4s",
        "init_key": "s/init.mp4",
        "init_name": "init-1",
        "media_time_ms": number * 2000,
        "duration_ms": 2000.5,
        "bytes": 1000,
        "started_at": AT,
    }
    return Segment(**{**given, **fields})


def view(world: World, viewer: str, watched_ms: int, **fields: Any) -> ViewSession:
    given: dict[str, Any] = {"id": world.id(), "user_id": None, "started_at": AT, "last_at": AT}
    return ViewSession(viewer=viewer, watched_ms=watched_ms, **{**given, **fields})


async def test_a_stream_is_created_with_its_room_and_loaded_with_its_owner(world: World) -> None:
    owner = await world.person("mona")
    created = await world.stream(owner, title="Hi", tags=("a", "b"), scheduled_at=AT)
    assert await world.streams.load(created.id) == created
    assert (created.owner.username, created.title, created.tags, created.state) == (
        "mona",
        "Hi",
        ("a", "b"),
        "scheduled",
    )
    room = await world.rooms.load(created.room_id)
    assert (room.stream_id, room.owner_id) == (created.id, owner)


async def test_a_key_in_use_is_refused_and_leaves_neither_stream_nor_room(world: World) -> None:
    first = await world.stream()
    stream_id, room_id = world.id(), world.id()
    with pytest.raises(Conflict):
        await world.stream(id=stream_id, room_id=room_id, stream_key=first.stream_key)
    assert await world.streams.load(stream_id) is None
    assert await world.rooms.load(room_id) is None


async def test_load_many_keeps_the_order_asked_for(world: World) -> None:
    one, two = await world.stream(), await world.stream()
    found = await world.streams.load_many([two.id, world.id(), one.id])
    assert [row.id for row in found] == [two.id, one.id]


async def test_a_key_stands_for_a_stream_a_person_or_nobody(world: World) -> None:
    owner = await world.person("mona")
    row = await world.stream(owner)
    assert await world.streams.by_key(row.stream_key) == row
    assert await world.streams.by_key("key-mona") == Keyholder(user_id=owner, username="mona", stream_defaults={})
    assert await world.streams.by_key("wrong") is None


async def test_an_address_is_verified_or_not(world: World) -> None:
    ada, bob = await world.person("ada"), await world.person("bob")
    await world.verify_address(bob)
    assert [await world.streams.has_verified_address(one) for one in (ada, bob, world.id())] == [False, True, False]


async def test_a_rotated_key_is_no_longer_known(world: World) -> None:
    owner = await world.person("mona")
    row = await world.stream(owner)
    assert await world.streams.rotate_key(row.id, "new-one", fence=world.fence)
    assert await world.streams.rotate_lasting_key(owner, "new-two")
    assert [await world.streams.by_key(key) for key in (row.stream_key, "key-mona")] == [None, None]
    assert (await world.streams.by_key("new-one")).id == row.id
    assert (await world.streams.by_key("new-two")).user_id == owner


async def test_open_streams_come_in_the_order_of_taking_up(world: World) -> None:
    owner = await world.person()
    far = await world.stream(owner, scheduled_at=AT + dt.timedelta(days=3))
    near = await world.stream(owner, scheduled_at=AT - dt.timedelta(hours=1))
    broken = await world.stream(owner)
    over = await world.stream(owner)
    interrupted = StreamState(state="interrupted", started_at=AT, interrupted_at=AT)
    await world.streams.save_state(broken.id, interrupted, fence=world.fence)
    await world.streams.save_state(over.id, StreamState(state="ended", ended_at=AT), fence=world.fence)
    await world.stream()
    assert [row.id for row in await world.streams.open_of(owner, now=AT)] == [broken.id, near.id, far.id]
    assert [row.id for row in await world.streams.left_on_air()] == [broken.id]
    assert (await world.streams.last_of(owner)).id == over.id


async def test_state_is_saved_whole(world: World) -> None:
    row = await world.stream()
    state = StreamState(
        state="live", started_at=AT, publication=2, media_time_ms=5000, next_segment=9, tracks=({"codec": "h264"},)
    )
    await world.streams.save_state(row.id, state, fence=world.fence)
    loaded = await world.streams.load(row.id)
    assert {name: getattr(loaded, name) for name in StreamState.__struct_fields__} == msgspec.structs.asdict(state)


async def test_an_edit_changes_what_it_gives(world: World) -> None:
    row = await world.stream(title="Old", description="Kept")
    assert await world.streams.edit(row.id, {"title": "New", "tags": ("x",)}, fence=world.fence)
    edited = await world.streams.load(row.id)
    assert (edited.title, edited.description, edited.tags) == ("New", "Kept", ("x",))
    assert not await world.streams.edit(world.id(), {"title": "New"}, fence=world.fence)


@pytest.mark.parametrize("changes", [{}, {"state": "live"}, {"title": "x", "owner_id": "y"}])
async def test_an_edit_of_what_is_not_the_owners_is_refused(world: World, changes: dict[str, str]) -> None:
    row = await world.stream()
    with pytest.raises(BadValue):
        await world.streams.edit(row.id, changes, fence=world.fence)


async def test_delete_takes_the_room_and_the_recording_along(world: World) -> None:
    row = await world.stream()
    await world.recordings.add(row.id, segments=[segment(1)], fence=world.fence)
    assert await world.streams.delete(row.id, fence=world.fence)
    assert not await world.streams.delete(row.id, fence=world.fence)
    assert await world.rooms.load(row.room_id) is None
    assert await world.recordings.segments(row.id) == []


async def test_a_stale_owner_writes_nothing(world: World) -> None:
    row = await world.stream()
    fence = stale(world)
    for write in (
        world.streams.save_state(row.id, StreamState(state="live"), fence=fence),
        world.streams.edit(row.id, {"title": "x"}, fence=fence),
        world.streams.rotate_key(row.id, "x", fence=fence),
        world.streams.delete(row.id, fence=fence),
        world.recordings.add(row.id, segments=[segment(1)], fence=fence),
        world.views.flush(row.id, sessions=[view(world, "v", 1)], peak_viewers=1, fence=fence),
    ):
        with pytest.raises(Fenced):
            await write
    assert await world.streams.load(row.id) == row
    assert await world.recordings.segments(row.id) == []


async def test_segments_are_listed_in_order_and_a_batch_may_be_repeated(world: World) -> None:
    row = await world.stream()
    init = Init(rendition="source", name="init-1", object_key="s/init.mp4", info={"codecs": "avc1"})
    batch = [segment(2), segment(1), segment(2, rendition="audio")]
    for _ in range(2):
        await world.recordings.add(row.id, segments=batch, inits=[init], fence=world.fence)
    await world.recordings.add(row.id, segments=[segment(3, is_discontinuity=True)], fence=world.fence)
    listed = await world.recordings.segments(row.id)
    assert [(each.rendition, each.segment) for each in listed] == [
        ("source", 1),
        ("audio", 2),
        ("source", 2),
        ("source", 3),
    ]
    assert listed[0] == segment(1)
    assert [each.segment for each in await world.recordings.segments(row.id, rendition="source", from_segment=2)] == [
        2,
        3,
    ]
    assert await world.recordings.inits(row.id) == [init]


async def test_segments_of_a_deleted_stream_are_refused(world: World) -> None:
    with pytest.raises(Conflict):
        await world.recordings.add(world.id(), segments=[segment(1)], fence=world.fence)


async def test_totals_are_exact_however_often_a_batch_is_flushed(world: World) -> None:
    row = await world.stream()
    one, two = view(world, "ann", 1000), view(world, "bob", 2000)
    for _ in range(2):
        totals = await world.views.flush(row.id, sessions=[one, two], peak_viewers=2, fence=world.fence)
        assert totals == ViewTotals(peak_viewers=2, unique_viewers=2, watched_ms=3000)
    later = msgspec.structs.replace(one, watched_ms=5000, last_at=AT + dt.timedelta(seconds=4))
    batch = [later, view(world, "bob", 100), view(world, "cyd", 10), view(world, "cyd", 20)]
    totals = await world.views.flush(row.id, sessions=batch, peak_viewers=1, fence=world.fence)
    assert totals == ViewTotals(peak_viewers=2, unique_viewers=3, watched_ms=7130)
    assert await world.views.totals(row.id) == totals
    assert len(await world.views.sessions(row.id)) == 5


async def test_views_of_a_deleted_stream_are_dropped(world: World) -> None:
    assert (
        await world.views.flush(world.id(), sessions=[view(world, "v", 1)], peak_viewers=1, fence=world.fence) is None
    )
