"""The actors' ports on the real tables."""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from typing import Any

import msgspec
import pytest

from actors.runtime import DomainError, Fence, Fenced
from actors.stream_store import InitRow, SegmentRow, StreamRecord
from actors.viewers_store import StoredTotals, ViewRow
from server.live.durable import DurableStreams, DurableViews
from storage.ids import Ids
from storage.leases import Leases
from storage.postgres import Database
from storage.recording import Recordings
from storage.stream import Streams
from storage.stream_rows import NewStream
from storage.viewers import Views

AT = dt.datetime(2026, 5, 1, 12, tzinfo=dt.UTC)
SHARD = 3


class DurableFixture:
    """An owner with a stream and its room, and somebody else."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.ids = Ids()
        self.rows = Streams(db=db)
        self.streams = DurableStreams(streams=self.rows, recordings=Recordings(db=db))
        self.views = DurableViews(views=Views(db=db))

    async def open(self) -> None:
        self.epoch = (await Leases(db=self.db).take_all("n1"))[SHARD]
        self.fence = Fence(shard=SHARD, epoch=self.epoch)
        self.owner, self.ann = await self.person("owner"), await self.person("ann")
        self.stream_id, self.room_id = self.id(), self.id()
        new = NewStream(
            id=self.stream_id, room_id=self.room_id, owner_id=self.owner, title="t", stream_key="k", log_epoch="e1"
        )
        await self.rows.create(new)

    def id(self) -> str:
        return self.ids.uuid7(time.time())

    async def person(self, name: str) -> str:
        person_id = self.id()
        await self.db.execute(
            "insert into users (id, username, username_key, email, email_key, password_hash, display_name, stream_key)"
            " values ($1, $2, $2, $2, $2, '', $3, $2)",
            person_id,
            name,
            name.title(),
        )
        return person_id

    async def record(self) -> StreamRecord:
        found = await self.streams.load(self.stream_id)
        assert found is not None
        return found


@pytest.fixture
async def fixture(db: Database) -> DurableFixture:
    made = DurableFixture(db)
    await made.open()
    return made


async def test_a_stream_is_saved_and_loaded_whole(fixture: DurableFixture) -> None:
    record = await fixture.record()
    view = msgspec.structs.replace(
        record.view, state="interrupted", started_at=AT, interrupted_at=AT, publication=3, media_time_ms=9_000
    )
    saved = msgspec.structs.replace(record, view=view, next_segment=7, tracks=({"codec": "h264"},))
    await fixture.streams.save(saved, fence=fixture.fence)
    assert await fixture.record() == saved
    changes = {"title": "Another", "tags": ("a", "b"), "visibility": "private", "is_recorded": False}
    await fixture.streams.edit(fixture.stream_id, changes, fence=fixture.fence)
    await fixture.streams.rotate_key(fixture.stream_id, "new", fence=fixture.fence)
    edited = await fixture.record()
    assert (edited.view.title, edited.view.tags, edited.view.visibility) == ("Another", ("a", "b"), "private")
    assert edited.stream_key == "new"
    assert await fixture.streams.load("nonsense") is None


def recorded(segment: int) -> dict[str, Any]:
    row = SegmentRow(
        rendition="video", segment=segment, publication=1, object_key=f"s{segment}", init_key="i",
        init_name="v/1/init-0.mp4", media_time_ms=segment * 2000, duration_ms=2000.0, bytes=1, started_at=AT,
        is_discontinuity=False,
    )  # fmt: skip
    init = InitRow(rendition="video", name="v/1/init-0.mp4", object_key="i", info={"codec": "avc1"})
    return {"inits": (init,), "segments": (row,)}


async def test_segments_are_listed_once_however_often_they_are_reported(fixture: DurableFixture) -> None:
    for segment in (1, 2, 2, 1):
        await fixture.streams.add_recorded(fixture.stream_id, **recorded(segment), fence=fixture.fence)
    rows = await Recordings(db=fixture.db).segments(fixture.stream_id)
    assert [row.segment for row in rows] == [1, 2]


async def test_segments_of_a_deleted_stream_are_an_answer(fixture: DurableFixture) -> None:
    await fixture.rows.delete(fixture.stream_id, fence=fixture.fence)
    with pytest.raises(DomainError) as caught:
        await fixture.streams.add_recorded(fixture.stream_id, **recorded(1), fence=fixture.fence)
    assert caught.value.code == "not_found"


async def test_a_deleted_stream_is_neither_edited_nor_given_another_key(fixture: DurableFixture) -> None:
    await fixture.rows.delete(fixture.stream_id, fence=fixture.fence)
    for change in (
        fixture.streams.edit(fixture.stream_id, {"title": "x"}, fence=fixture.fence),
        fixture.streams.rotate_key(fixture.stream_id, "x", fence=fixture.fence),
    ):
        with pytest.raises(DomainError) as caught:
            await change
        assert caught.value.code == "not_found"


async def test_views_add_up_and_a_deleted_streams_count_for_nothing(fixture: DurableFixture) -> None:
    row = ViewRow(
        id=fixture.id(), viewer=fixture.ann, user_id=fixture.ann, started_at=1.7e9, last_at=1.7e9 + 5, watched_ms=5_000
    )
    for _ in range(2):
        totals = await fixture.views.flush(fixture.stream_id, [row], peak_viewers=3, fence=fixture.fence)
    assert totals == StoredTotals(peak_viewers=3, unique_viewers=1, watched_ms=5_000)
    assert await fixture.views.totals(fixture.stream_id) == totals
    assert await fixture.views.totals(fixture.id()) == StoredTotals()


async def test_a_stale_epoch_writes_nothing(fixture: DurableFixture) -> None:
    stale = {"fence": Fence(shard=SHARD, epoch=fixture.epoch - 1)}
    record = await fixture.record()
    refused = [
        fixture.streams.save(record, **stale),
        fixture.streams.edit(fixture.stream_id, {"title": "x"}, **stale),
        fixture.streams.rotate_key(fixture.stream_id, "x", **stale),
        fixture.streams.add_recorded(fixture.stream_id, **recorded(1), **stale),
        fixture.views.flush(fixture.stream_id, [], peak_viewers=9, **stale),
    ]
    outcomes = await asyncio.gather(*refused, return_exceptions=True)
    assert [type(outcome).__mro__[1].__name__ for outcome in outcomes if not isinstance(outcome, Fenced)] == []
    assert await fixture.record() == record
