"""Events of views: once each, on their day, rolled up exactly."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Sequence
from uuid import UUID

import pytest

from server.features.insight.analytics.events import KEPT_DAYS, Event, Events, pseudonym
from server.features.insight.analytics.recorder import AT_ONCE, Recorder
from storage.errors import Unavailable
from storage.postgres import Database

NOW = dt.datetime(2026, 11, 30, 0, 30, tzinfo=dt.UTC)
ITEM = str(UUID(int=99))


async def creator(database: Database) -> str:
    await database.execute("truncate analytics_events, analytics_viewers, analytics_daily")
    person: str = await database.fetchval(
        "insert into users (id, username, username_key, display_name, email, email_key, password_hash, stream_key)"
        " values (gen_random_uuid(), 'ada', 'ada', 'Ada', 'a@example.org', 'a@example.org', '', 'k') returning id"
    )
    return person


def view(
    creator_id: str, number: int, *, ago: dt.timedelta = dt.timedelta(), viewer: str = "", country: str = ""
) -> Event:
    return Event(
        id=str(UUID(int=number)),
        at=NOW - ago,
        kind="view",
        creator_id=creator_id,
        item_id=ITEM,
        viewer=viewer or f"viewer {number}",
        country=country,
        source="search",
    )


async def daily(database: Database) -> dict[tuple[str, str, str, str], int]:
    rows = await database.fetch("select day::text as day, metric, dimension, key, value from analytics_daily")
    return {(row["day"], row["metric"], row["dimension"], row["key"]): row["value"] for row in rows}


async def test_events_count_once_on_their_day_however_often_they_are_recorded_and_rolled_up(database: Database) -> None:
    events = Events(db=database, now=lambda: NOW)
    ada = await creator(database)
    batch = [
        view(ada, 1, viewer="x", country="DE"),
        view(ada, 2, viewer="x", country="FR"),
        view(ada, 3, viewer="y", country="DE"),
        view(ada, 4, viewer="x", ago=dt.timedelta(hours=1)),
    ]
    await events.record(batch)
    assert await events.roll_up() == 4
    await events.record(batch)
    await events.record([view(ada, 5, viewer="x", ago=dt.timedelta(hours=2))])
    await asyncio.gather(events.roll_up(), events.roll_up())
    found = await daily(database)
    today, before = "2026-11-30", "2026-11-29"
    assert {key: value for key, value in found.items() if key[2] == ""} == {
        (today, "views", "", ""): 3,
        (today, "viewers", "", ""): 2,
        (before, "views", "", ""): 2,
        (before, "viewers", "", ""): 1,
    }
    assert (found[today, "views", "country", "DE"], found[today, "views", "country", "FR"]) == (2, 1)
    assert found[before, "views", "country", ""] == found[before, "views", "source", "search"] == 2


@pytest.mark.parametrize(
    ("ago", "refused"),
    [
        (dt.timedelta(seconds=-30), 0),
        (dt.timedelta(minutes=-2), 1),
        (dt.timedelta(days=6), 0),
        (dt.timedelta(days=8), 1),
        (dt.timedelta(days=-4_000), 1),
    ],
)
async def test_events_of_the_future_and_very_old_ones_are_refused(
    database: Database, ago: dt.timedelta, refused: int
) -> None:
    events = Events(db=database, now=lambda: NOW)
    ada = await creator(database)
    assert await events.record([view(ada, 1, ago=ago), view(ada, 2)]) == refused == events.refused
    assert await events.roll_up() == 2 - refused


async def test_what_is_of_nobody_any_more_counts_for_nobody(database: Database) -> None:
    events = Events(db=database, now=lambda: NOW)
    await creator(database)
    await events.record([view(str(UUID(int=5)), 1)])
    assert await events.roll_up() == 1
    assert await daily(database) == {}


async def test_old_days_are_dropped_as_a_whole(database: Database) -> None:
    events = Events(db=database, now=lambda: NOW)
    await events.record([view(await creator(database), 1)])
    await Events(db=database, now=lambda: NOW + dt.timedelta(days=KEPT_DAYS)).prune()
    assert await database.fetchval("select count(*) from analytics_events") == 1
    await Events(db=database, now=lambda: NOW + dt.timedelta(days=KEPT_DAYS + 1)).prune()
    assert await database.fetchval("select to_regclass('analytics_events_20261130')") is None


def test_a_viewer_is_another_one_on_another_day() -> None:
    days = [dt.date(2026, 11, day) for day in (29, 30)]
    assert len({pseudonym(viewer, day) for viewer in "ab" for day in days}) == 4
    assert pseudonym("a", days[0]) == pseudonym("a", days[0])


class Log:
    """``Records``: is away for so many calls."""

    def __init__(self, away: int = 0) -> None:
        self.away = away
        self.batches: list[int] = []
        self.is_done = asyncio.Event()

    async def record(self, events: Sequence[Event]) -> int:
        if self.away > 0:
            self.away -= 1
            raise Unavailable("postgres", "it is away")
        self.batches.append(len(events))
        if len(events) < AT_ONCE:
            self.is_done.set()
        return 0


async def test_what_is_noted_is_written_in_batches_and_kept_while_the_database_is_away() -> None:
    records = Log(away=2)
    recorder = Recorder(events=records, flush_s=0)
    for number in range(AT_ONCE + 1):
        recorder.note(view(ITEM, number))
    await records.is_done.wait()
    assert records.batches == [AT_ONCE, 1]


async def test_a_node_that_ends_writes_what_it_has() -> None:
    records = Log()
    recorder = Recorder(events=records, flush_s=3_600)
    recorder.note(view(ITEM, 1))
    await recorder.close()
    assert records.batches == [1]
