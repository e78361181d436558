"""Lists of streams: filters, order, and pages that stay put while rows are added."""

from __future__ import annotations

import datetime as dt
import time
from typing import Any

import pytest

from actors.runtime import Fence
from storage.ids import Ids
from storage.leases import Leases
from storage.postgres import Database
from storage.recording import Recordings, Segment
from storage.stream import Streams
from storage.stream_pages import StreamPages
from storage.stream_rows import NewStream, StreamState

AT = dt.datetime(2026, 5, 1, 12, tzinfo=dt.UTC)


class Shelf:
    """Streams of one owner."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.streams = Streams(db=db)
        self.pages = StreamPages(db=db)
        self._ids = Ids()
        self.owner = self.id()
        self.fence = Fence(shard=0, epoch=0)

    def id(self) -> str:
        return self._ids.uuid7(time.time())

    async def add(self, title: str, *, state: str = "live", at: int = 0, **fields: Any) -> str:
        """A stream that started ``at`` minutes after noon."""
        new = NewStream(
            id=self.id(),
            room_id=self.id(),
            owner_id=self.owner,
            title=title,
            stream_key=self.id(),
            log_epoch="e",
            **fields,
        )
        await self.streams.create(new)
        started = None if state == "scheduled" else AT + dt.timedelta(minutes=at)
        await self.streams.save_state(new.id, StreamState(state=state, started_at=started), fence=self.fence)
        return new.id

    async def titles(self, **wanted: Any) -> list[str]:
        return [row.title for row in (await self.pages.page(**wanted)).items]


@pytest.fixture
async def shelf(db: Database) -> Shelf:
    made = Shelf(db)
    await db.execute(
        "insert into users (id, username, username_key, email, email_key, password_hash, display_name, stream_key)"
        " values ($1, 'ann', 'ann', 'ann', 'ann', '', 'Ann', 'key')",
        made.owner,
    )
    made.fence = Fence(shard=1, epoch=(await Leases(db=db).take_all("n"))[1])
    return made


async def test_pages_hold_every_stream_once_while_newer_ones_are_added(shelf: Shelf) -> None:
    for n in range(7):
        await shelf.add(f"s{n}", at=n // 2)
    expected = await shelf.titles(limit=100)
    seen, after = [], None
    while True:
        page = await shelf.pages.page(limit=3, after=after)
        seen += [row.title for row in page.items]
        if (after := page.next) is None:
            break
        await shelf.add("newer", at=99)
    assert seen == expected
    assert sorted(seen) == [f"s{n}" for n in range(7)]


async def test_an_owner_is_found_by_name_in_any_case_and_has_a_lasting_key_until_the_account_goes(shelf: Shelf) -> None:
    assert await shelf.streams.owner_named("ANN") == shelf.owner
    assert await shelf.streams.owner_named("bob") is None
    assert await shelf.streams.lasting_key(shelf.owner) == "key"
    await shelf.db.execute("update users set deleted_at = now()")
    assert await shelf.streams.owner_named("ann") is None
    assert await shelf.streams.lasting_key(shelf.owner) is None


async def test_states_category_and_owner_filter(shelf: Shelf) -> None:
    await shelf.add("live", category="art")
    await shelf.add("broken", state="interrupted")
    await shelf.add("soon", state="scheduled", scheduled_at=AT)
    await shelf.add("over", state="ended", category="art")
    assert set(await shelf.titles()) == {"live", "broken"}
    assert await shelf.titles(states=["scheduled"]) == ["soon"]
    assert set(await shelf.titles(states=["live", "ended"], category="art")) == {"live", "over"}
    assert await shelf.titles(owner_id=shelf.id()) == []


async def test_what_is_to_come_stands_soonest_first_and_before_what_is_late_or_has_no_date(shelf: Shelf) -> None:
    days = {"far": 9, "near": 1, "late": -2, "later still": -3, "soon": 2}
    for name, day in days.items():
        await shelf.add(name, state="scheduled", scheduled_at=AT + dt.timedelta(days=day))
    seen: list[str] = []
    after = None
    while len(seen) < 9:
        page = await shelf.pages.page(states=["scheduled"], limit=2, after=after, to_come_at=AT)
        seen += [row.title for row in page.items]
        if (after := page.next) is None:
            break
    assert seen == ["near", "soon", "far", "late", "later still"]


async def test_only_public_streams_of_people_in_good_standing_are_listed(shelf: Shelf) -> None:
    await shelf.add("open")
    for visibility in ("unlisted", "private"):
        await shelf.add(visibility, visibility=visibility)
    assert await shelf.titles() == ["open"]
    assert len(await shelf.titles(is_public=False)) == 3
    await shelf.db.execute("update users set suspended_until = now() + interval '1 hour'")
    assert await shelf.titles() == []
    assert await shelf.streams.by_key("key") is None


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("chess", {"Chess night"}),
        ("NIGHT chess", {"Chess night"}),
        ("über", {"Über alles 100%"}),
        ("100%", {"Über alles 100%"}),
        ("%", {"Über alles 100%"}),
        ("_", set()),
        ("\\", set()),
        ("tagged", {"Plain"}),
        ("   ", {"Chess night", "Über alles 100%", "Plain"}),
        ("nothing", set()),
        ("a\0b", set()),
    ],
)
async def test_q_finds_streams_that_have_every_word(shelf: Shelf, q: str, found: set[str]) -> None:
    await shelf.add("Chess night", description="rapid")
    await shelf.add("Über alles 100%")
    await shelf.add("Plain", tags=("Tagged",))
    assert set(await shelf.titles(q=q)) == found


async def test_recordings_are_listed_when_a_segment_was_kept(shelf: Shelf) -> None:
    kept = await shelf.add("kept", state="ended")
    await shelf.add("empty", state="ended")
    segment = Segment(
        rendition="source",
        segment=1,
        publication=1,
        object_key="a",
        init_key="b",
        init_name="i",
        media_time_ms=0,
        duration_ms=2000,
        bytes=1,
        started_at=AT,
    )
    await Recordings(db=shelf.db).add(kept, segments=[segment], fence=shelf.fence)
    assert await shelf.titles(states=["ended"], has_recording=True) == ["kept"]


async def test_streams_of_whom_one_follows_leave_out_whom_one_mutes_until_the_mute_ends(shelf: Shelf) -> None:
    await shelf.add("on air")
    fan = shelf.id()
    await shelf.db.execute(
        "insert into users (id, username, username_key, email, email_key, password_hash, display_name, stream_key)"
        " values ($1, 'fan', 'fan', 'fan', 'fan', '', 'Fan', 'other')",
        fan,
    )
    await shelf.db.execute("insert into follows (follower_id, followee_id) values ($1, $2)", fan, shelf.owner)
    assert await shelf.titles(followed_by=fan) == ["on air"]
    await shelf.db.execute("insert into mutes (user_id, muted_id) values ($1, $2)", fan, shelf.owner)
    assert await shelf.titles(followed_by=fan) == []
    await shelf.db.execute("update mutes set expires_at = now() - interval '1 second'")
    assert await shelf.titles(followed_by=fan) == ["on air"]
