"""The actors' ports on the real tables."""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from actors.chat_log import Appended, ChatEntry
from actors.chat_rules import ChatMode, Relationship, Sanction
from actors.events import ChatMessage, DeletedMessage
from actors.runtime import DomainError, Fence, Fenced
from actors.stream import InitRow, SegmentRow, StreamRecord
from actors.viewers import StoredTotals, ViewRow
from server.live.durable import DurableChat, DurableStreams, DurableViews
from storage.chat import PostgresChatLog
from storage.ids import Ids
from storage.leases import Leases
from storage.postgres import Database
from storage.recording import Recordings
from storage.rooms import Rooms
from storage.stream import NewStream, Streams
from storage.viewers import Views

AT = dt.datetime(2026, 5, 1, 12, tzinfo=dt.UTC)
SHARD = 3


class DurableFixture:
    """An owner with a stream and its room, and somebody else."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.ids = Ids()
        self.log = PostgresChatLog(db=db)
        self.rooms = Rooms(db=db)
        self.rows = Streams(db=db)
        self.chat = DurableChat(log=self.log, rooms=self.rooms, db=db)
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

    def entry(self, client_id: str, **fields: Any) -> ChatEntry:
        given = {
            "room_id": self.room_id, "shard": SHARD, "epoch": self.epoch, "id": self.id(), "user_id": self.ann,
            "client_id": client_id, "text": client_id, "reply_to": None, "sent_at": AT, "media_time_ms": None,
        }  # fmt: skip
        return ChatEntry(**{**given, **fields})

    async def record(self) -> StreamRecord:
        found = await self.streams.load(self.stream_id)
        assert found is not None
        return found


@pytest.fixture
async def fixture(db: Database) -> AsyncIterator[DurableFixture]:
    made = DurableFixture(db)
    await made.open()
    yield made
    await made.log.close()


async def test_a_message_is_read_back_as_it_was_shown(fixture: DurableFixture) -> None:
    first = await fixture.chat.submit(fixture.entry("a", media_time_ms=1_500))
    second = await fixture.chat.submit(fixture.entry("b", user_id=fixture.owner, reply_to=first.id))
    assert (first.offset, second.offset, second.is_duplicate) == (1, 2, False)
    one, two = await fixture.chat.last(fixture.room_id, 10)
    assert isinstance(one, ChatMessage)
    assert isinstance(two, ChatMessage)
    assert (one.text, one.client_id, one.media_time_ms, one.user.username) == ("a", "a", 1_500, "ann")
    assert (two.reply_to, two.user.badges) == (first.id, ("owner",))
    again = await fixture.chat.find(fixture.room_id, fixture.ann, "a")
    assert again == Appended(id=first.id, offset=1, is_duplicate=True)


@pytest.mark.parametrize("reply_to", ["nonsense", "0192f0c0-0000-7000-8000-000000000000"])
async def test_a_reply_to_nothing_is_an_answer(fixture: DurableFixture, reply_to: str) -> None:
    with pytest.raises(DomainError) as caught:
        await fixture.chat.submit(fixture.entry("a", reply_to=reply_to))
    assert (caught.value.code, caught.value.field) == ("not_found", "reply_to")


async def test_pages_are_ascending_and_a_deleted_message_keeps_its_place(fixture: DurableFixture) -> None:
    posted = [await fixture.chat.submit(fixture.entry(f"m{n}", media_time_ms=n * 1000)) for n in range(5)]
    offset = await fixture.chat.delete_message(fixture.room_id, posted[2].id, by=fixture.owner, fence=fixture.fence)
    assert offset == 3
    since = await fixture.chat.since(fixture.room_id, 1, limit=3)
    assert [message.offset for message in since] == [2, 3, 4]
    assert since[1] == DeletedMessage(id=posted[2].id, offset=3)
    assert [m.offset for m in await fixture.chat.history(fixture.room_id, before=3, limit=10)] == [1, 2]
    assert [m.offset for m in await fixture.chat.between(fixture.room_id, from_ms=3_000, to_ms=9_000, limit=9)] == [
        4,
        5,
    ]


async def test_a_room_is_loaded_with_its_mode_pin_and_sanctions(fixture: DurableFixture) -> None:
    posted = await fixture.chat.submit(fixture.entry("a"))
    token = {"fence": fixture.fence}
    await fixture.chat.pin(fixture.room_id, posted.id, **token)
    await fixture.chat.set_mode(fixture.room_id, ChatMode(slow_seconds=5, unique=True), **token)
    until = dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)
    sanction = Sanction(until=until)
    await fixture.chat.sanction(fixture.room_id, fixture.ann, sanction, reason="r", by=fixture.owner, **token)
    room = await fixture.chat.load_room(fixture.room_id)
    assert room is not None
    assert (room.stream_id, room.owner_id, room.log_epoch, room.last_offset) == (
        fixture.stream_id,
        fixture.owner,
        "e1",
        1,
    )
    assert room.mode == ChatMode(slow_seconds=5, unique=True)
    assert room.pinned is not None
    assert room.pinned.id == posted.id
    assert room.sanctions == {fixture.ann: sanction}
    await fixture.chat.sanction(fixture.room_id, fixture.ann, None, reason="", by=fixture.owner, **token)
    lifted = await fixture.chat.load_room(fixture.room_id)
    assert lifted is not None
    assert lifted.sanctions == {}


async def test_a_pin_of_a_message_that_was_deleted_is_no_pin(fixture: DurableFixture) -> None:
    posted = await fixture.chat.submit(fixture.entry("a"))
    await fixture.chat.pin(fixture.room_id, posted.id, fence=fixture.fence)
    await fixture.chat.delete_message(fixture.room_id, posted.id, by=fixture.owner, fence=fixture.fence)
    room = await fixture.chat.load_room(fixture.room_id)
    assert room is not None
    assert room.pinned is None


@pytest.mark.parametrize("user_id", ["nobody", "0192f0c0-0000-7000-8000-000000000000"])
async def test_a_sanction_of_nobody_is_an_answer(fixture: DurableFixture, user_id: str) -> None:
    with pytest.raises(DomainError) as caught:
        await fixture.chat.sanction(
            fixture.room_id,
            user_id,
            Sanction(until=None),
            reason="",
            by=fixture.owner,
            fence=fixture.fence,
        )
    assert caught.value.field == "user_id"


async def test_a_standing_is_of_follows_and_blocks(fixture: DurableFixture) -> None:
    assert await fixture.chat.relationship(owner_id=fixture.owner, user_id=fixture.ann) == Relationship()
    await fixture.db.execute(
        "insert into follows (follower_id, followee_id) values ($1, $2)", fixture.ann, fixture.owner
    )
    await fixture.db.execute("insert into blocks (user_id, blocked_id) values ($1, $2)", fixture.owner, fixture.ann)
    relationship = await fixture.chat.relationship(owner_id=fixture.owner, user_id=fixture.ann)
    assert relationship.is_blocked
    assert relationship.following_since is not None
    assert await fixture.chat.relationship(owner_id=fixture.ann, user_id=fixture.owner) == Relationship()


async def test_where_addresses_must_be_verified_a_standing_says_whether_it_is(fixture: DurableFixture) -> None:
    strict = DurableChat(log=fixture.log, rooms=fixture.rooms, db=fixture.db, needs_verified_email=True)
    assert not (await strict.relationship(owner_id=fixture.owner, user_id=fixture.ann)).is_verified
    await fixture.db.execute("update users set email_verified_at = now() where id = $1", fixture.ann)
    assert (await strict.relationship(owner_id=fixture.owner, user_id=fixture.ann)).is_verified


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
        fixture.chat.pin(fixture.room_id, None, **stale),
        fixture.chat.set_mode(fixture.room_id, ChatMode(), **stale),
        fixture.chat.sanction(fixture.room_id, fixture.ann, None, reason="", by=fixture.owner, **stale),
        fixture.chat.delete_message(fixture.room_id, fixture.id(), by=fixture.owner, **stale),
        fixture.chat.submit(fixture.entry("a", epoch=fixture.epoch - 1)),
    ]
    outcomes = await asyncio.gather(*refused, return_exceptions=True)
    assert [type(outcome).__mro__[1].__name__ for outcome in outcomes if not isinstance(outcome, Fenced)] == []
    assert await fixture.record() == record
