"""What the rows of streams, recordings and views keep to."""

from __future__ import annotations

import datetime as dt
from typing import Any

import msgspec
import pytest

from actors.runtime import Fence
from storage.errors import BadValue, Conflict, Fenced
from storage.facts import Consumer, Fact, by_name
from storage.recording import Init, Segment
from storage.stream_facts import RecordingReady, StreamEnded, StreamInterrupted, StreamResumed, StreamStarted
from storage.stream_rows import Keyholder, StreamState
from storage.viewers import ViewSession, ViewSums
from tests.contract.conftest import Drivers

AT = dt.datetime(2026, 5, 1, 12, tzinfo=dt.UTC)


def stale(drivers: Drivers) -> Fence:
    return Fence(shard=drivers.fence.shard, epoch=drivers.fence.epoch - 1)


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


def view(drivers: Drivers, viewer: str, watched_ms: int, **fields: Any) -> ViewSession:
    given: dict[str, Any] = {"id": drivers.id(), "user_id": None, "started_at": AT, "last_at": AT}
    return ViewSession(viewer=viewer, watched_ms=watched_ms, **{**given, **fields})


async def test_a_stream_is_created_with_its_room_and_loaded_with_its_owner(drivers: Drivers) -> None:
    owner = await drivers.person("mona")
    created = await drivers.stream(owner, title="Hi", tags=("a", "b"), scheduled_at=AT)
    assert await drivers.streams.load(created.id) == created
    assert (created.owner.username, created.title, created.tags, created.state) == (
        "mona",
        "Hi",
        ("a", "b"),
        "scheduled",
    )
    room = await drivers.rooms.load(created.room_id)
    assert (room.stream_id, room.owner_id) == (created.id, owner)


async def test_a_key_in_use_is_refused_and_leaves_neither_stream_nor_room(drivers: Drivers) -> None:
    first = await drivers.stream()
    stream_id, room_id = drivers.id(), drivers.id()
    with pytest.raises(Conflict):
        await drivers.stream(id=stream_id, room_id=room_id, stream_key=first.stream_key)
    assert await drivers.streams.load(stream_id) is None
    assert await drivers.rooms.load(room_id) is None


async def test_load_many_keeps_the_order_asked_for(drivers: Drivers) -> None:
    one, two = await drivers.stream(), await drivers.stream()
    found = await drivers.streams.load_many([two.id, drivers.id(), one.id])
    assert [row.id for row in found] == [two.id, one.id]


async def test_a_key_stands_for_a_stream_a_person_or_nobody(drivers: Drivers) -> None:
    owner = await drivers.person("mona")
    row = await drivers.stream(owner)
    assert await drivers.streams.by_key(row.stream_key) == row
    assert await drivers.streams.by_key("key-mona") == Keyholder(user_id=owner, username="mona", stream_defaults={})
    assert await drivers.streams.by_key("wrong") is None


async def test_an_address_is_verified_or_not(drivers: Drivers) -> None:
    ada, bob = await drivers.person("ada"), await drivers.person("bob")
    await drivers.verify_address(bob)
    assert [await drivers.streams.has_verified_address(one) for one in (ada, bob, drivers.id())] == [False, True, False]


async def test_a_rotated_key_is_no_longer_known(drivers: Drivers) -> None:
    owner = await drivers.person("mona")
    row = await drivers.stream(owner)
    assert await drivers.streams.rotate_key(row.id, "new-one", fence=drivers.fence)
    assert await drivers.streams.rotate_lasting_key(owner, "new-two")
    assert [await drivers.streams.by_key(key) for key in (row.stream_key, "key-mona")] == [None, None]
    assert (await drivers.streams.by_key("new-one")).id == row.id
    assert (await drivers.streams.by_key("new-two")).user_id == owner


async def test_open_streams_come_in_the_order_of_taking_up(drivers: Drivers) -> None:
    owner = await drivers.person()
    far = await drivers.stream(owner, scheduled_at=AT + dt.timedelta(days=3))
    near = await drivers.stream(owner, scheduled_at=AT - dt.timedelta(hours=1))
    broken = await drivers.stream(owner)
    over = await drivers.stream(owner)
    interrupted = StreamState(state="interrupted", started_at=AT, interrupted_at=AT)
    await drivers.streams.save_state(broken.id, interrupted, fence=drivers.fence)
    await drivers.streams.save_state(over.id, StreamState(state="ended", ended_at=AT), fence=drivers.fence)
    await drivers.stream()
    assert [row.id for row in await drivers.streams.open_of(owner, now=AT)] == [broken.id, near.id, far.id]
    assert [row.id for row in await drivers.streams.left_on_air()] == [broken.id]
    assert (await drivers.streams.last_of(owner)).id == over.id


async def test_state_is_saved_whole(drivers: Drivers) -> None:
    row = await drivers.stream()
    state = StreamState(
        state="live", started_at=AT, publication=2, media_time_ms=5000, next_segment=9, tracks=({"codec": "h264"},)
    )
    await drivers.streams.save_state(row.id, state, fence=drivers.fence)
    loaded = await drivers.streams.load(row.id)
    assert {name: getattr(loaded, name) for name in StreamState.__struct_fields__} == msgspec.structs.asdict(state)


async def test_an_edit_changes_what_it_gives(drivers: Drivers) -> None:
    row = await drivers.stream(title="Old", description="Kept")
    assert await drivers.streams.edit(row.id, {"title": "New", "tags": ("x",)}, fence=drivers.fence)
    edited = await drivers.streams.load(row.id)
    assert (edited.title, edited.description, edited.tags) == ("New", "Kept", ("x",))
    assert not await drivers.streams.edit(drivers.id(), {"title": "New"}, fence=drivers.fence)


@pytest.mark.parametrize("changes", [{}, {"state": "live"}, {"title": "x", "owner_id": "y"}])
async def test_an_edit_of_what_is_not_the_owners_is_refused(drivers: Drivers, changes: dict[str, str]) -> None:
    row = await drivers.stream()
    with pytest.raises(BadValue):
        await drivers.streams.edit(row.id, changes, fence=drivers.fence)


async def test_delete_takes_the_room_and_the_recording_along(drivers: Drivers) -> None:
    row = await drivers.stream()
    await drivers.recordings.add(row.id, segments=[segment(1)], fence=drivers.fence)
    assert await drivers.streams.delete(row.id, fence=drivers.fence)
    assert not await drivers.streams.delete(row.id, fence=drivers.fence)
    assert await drivers.rooms.load(row.room_id) is None
    assert await drivers.recordings.segments(row.id) == []


async def test_a_stale_owner_writes_nothing(drivers: Drivers) -> None:
    row = await drivers.stream()
    fence = stale(drivers)
    for write in (
        drivers.streams.save_state(row.id, StreamState(state="live"), fence=fence),
        drivers.streams.edit(row.id, {"title": "x"}, fence=fence),
        drivers.streams.rotate_key(row.id, "x", fence=fence),
        drivers.streams.delete(row.id, fence=fence),
        drivers.recordings.add(row.id, segments=[segment(1)], fence=fence),
        drivers.views.flush(row.id, sessions=[view(drivers, "v", 1)], peak_viewers=1, fence=fence),
    ):
        with pytest.raises(Fenced):
            await write
    assert await drivers.streams.load(row.id) == row
    assert await drivers.recordings.segments(row.id) == []


async def test_segments_are_listed_in_order_and_a_batch_may_be_repeated(drivers: Drivers) -> None:
    row = await drivers.stream()
    init = Init(rendition="source", name="init-1", object_key="s/init.mp4", info={"codecs": "avc1"})
    batch = [segment(2), segment(1), segment(2, rendition="audio")]
    for _ in range(2):
        await drivers.recordings.add(row.id, segments=batch, inits=[init], fence=drivers.fence)
    last = segment(3, is_discontinuity=True, key_bytes=700)
    await drivers.recordings.add(row.id, segments=[last], fence=drivers.fence)
    listed = await drivers.recordings.segments(row.id)
    assert [(each.rendition, each.segment) for each in listed] == [
        ("source", 1),
        ("audio", 2),
        ("source", 2),
        ("source", 3),
    ]
    assert (listed[0], listed[-1]) == (segment(1), last)
    assert [each.segment for each in await drivers.recordings.segments(row.id, rendition="source", from_segment=2)] == [
        2,
        3,
    ]
    assert await drivers.recordings.inits(row.id) == [init]
    within = await drivers.recordings.between(row.id, from_ms=4_000, to_ms=6_000)
    assert [(each.rendition, each.segment) for each in within] == [("audio", 2), ("source", 2)]
    assert await drivers.recordings.extent_ms(row.id) == (2_000, 8_000.5)
    assert await drivers.recordings.extent_ms(drivers.id()) is None


async def test_segments_of_a_deleted_stream_are_refused(drivers: Drivers) -> None:
    with pytest.raises(Conflict):
        await drivers.recordings.add(drivers.id(), segments=[segment(1)], fence=drivers.fence)


async def test_totals_are_exact_however_often_a_batch_is_flushed(drivers: Drivers) -> None:
    row = await drivers.stream()
    one, two = view(drivers, "ann", 1000), view(drivers, "bob", 2000)
    for _ in range(2):
        totals = await drivers.views.flush(row.id, sessions=[one, two], peak_viewers=2, fence=drivers.fence)
        assert totals == ViewSums(peak_viewers=2, unique_viewers=2, watched_ms=3000)
    later = msgspec.structs.replace(one, watched_ms=5000, last_at=AT + dt.timedelta(seconds=4))
    batch = [later, view(drivers, "bob", 100), view(drivers, "cyd", 10), view(drivers, "cyd", 20)]
    totals = await drivers.views.flush(row.id, sessions=batch, peak_viewers=1, fence=drivers.fence)
    assert totals == ViewSums(peak_viewers=2, unique_viewers=3, watched_ms=7130)
    assert await drivers.views.totals(row.id) == totals
    assert len(await drivers.views.sessions(row.id)) == 5


async def test_views_of_a_deleted_stream_are_dropped(drivers: Drivers) -> None:
    assert (
        await drivers.views.flush(drivers.id(), sessions=[view(drivers, "v", 1)], peak_viewers=1, fence=drivers.fence)
        is None
    )


async def facts_told(drivers: Drivers) -> list[Fact]:
    """What a reader of streams hears, from the first fact on."""
    heard: list[Fact] = []

    async def hear(tx: Any, fact: Fact) -> None:
        heard.append(fact)

    kinds = (StreamStarted, StreamInterrupted, StreamResumed, StreamEnded, RecordingReady)
    consumers = by_name(Consumer(kind, hear) for kind in kinds)
    reader = drivers.id()
    await drivers.facts.open(reader)
    while True:
        step = await drivers.facts.advance(reader, consumers, fence=drivers.fence)
        if step.again_after_s is None and not step.read:
            return heard


LIVE = StreamState(state="live", started_at=AT, publication=1, media_node="n1")
ENDED = StreamState(state="ended", started_at=AT, ended_at=AT, publication=1, media_time_ms=9000, media_node="n1")


async def test_each_move_of_a_stream_is_one_fact_however_often_it_is_saved(drivers: Drivers) -> None:
    row = await drivers.stream()
    interrupted = StreamState(state="interrupted", started_at=AT, interrupted_at=AT, publication=1)
    for state in (LIVE, LIVE, interrupted, LIVE, ENDED, ENDED):
        await drivers.streams.save_state(row.id, state, fence=drivers.fence)
    ids = {"stream_id": row.id, "owner_id": row.owner.id}
    assert await facts_told(drivers) == [
        StreamStarted(**ids, visibility="public", started_at=AT),
        StreamInterrupted(**ids, interrupted_at=AT),
        StreamResumed(**ids),
        StreamEnded(**ids, started_at=AT, ended_at=AT, media_node="n1"),
    ]


async def test_a_save_that_is_refused_tells_nothing(drivers: Drivers) -> None:
    row = await drivers.stream()
    with pytest.raises(Fenced):
        await drivers.streams.save_state(row.id, LIVE, fence=stale(drivers))
    await drivers.streams.save_state(drivers.id(), LIVE, fence=drivers.fence)
    assert await facts_told(drivers) == []


async def test_a_stream_that_ends_without_ever_being_live_says_so(drivers: Drivers) -> None:
    row = await drivers.stream()
    await drivers.streams.save_state(row.id, StreamState(state="ended", ended_at=AT), fence=drivers.fence)
    [told] = await facts_told(drivers)
    assert told == StreamEnded(stream_id=row.id, owner_id=row.owner.id, started_at=None, ended_at=AT, media_node="")


@pytest.mark.parametrize("late", [False, True])
async def test_a_recording_is_ready_once_when_its_stream_has_ended_and_a_segment_is_listed(
    drivers: Drivers, late: bool
) -> None:
    row = await drivers.stream()
    await drivers.streams.save_state(row.id, LIVE, fence=drivers.fence)
    if not late:
        await drivers.recordings.add(row.id, segments=[segment(0)], fence=drivers.fence)
        assert [type(told) for told in await facts_told(drivers)] == [StreamStarted]
    await drivers.streams.save_state(row.id, ENDED, fence=drivers.fence)
    for number in (1, 2):
        await drivers.recordings.add(row.id, segments=[segment(number)], fence=drivers.fence)
    ready = RecordingReady(stream_id=row.id, owner_id=row.owner.id, duration_ms=9000)
    assert [told for told in await facts_told(drivers) if isinstance(told, RecordingReady)] == [ready]
