"""How often and how long a video is watched, by what players tell; the clock is an argument."""

from __future__ import annotations

import asyncio
import datetime as dt

import pytest

from server.features.videos.library import queries
from server.features.videos.library.library import VideoRow, video_of
from server.features.videos.library.views import Views
from server.live.viewings import NOBODY, Viewer
from storage.ids import Ids
from tests.server.features.library.conftest import Studio

IDS = Ids()
NOON = dt.datetime(2026, 5, 1, 12, tzinfo=dt.UTC)


class Watchers:
    """Those who watch one video: two nodes, one database."""

    def __init__(self, studio: Studio, video: VideoRow) -> None:
        self.studio = studio
        self.video = video
        self.at = NOON
        self.counted: list[str] = []
        self.nodes = [Views(db=studio.kit.database, watched=self._watched, now=lambda: self.at) for _ in range(2)]

    async def _watched(self, video: VideoRow, viewer: Viewer, address: str) -> None:
        self.counted.append(viewer.id or address)

    async def beat(
        self, after_s: float, viewer: Viewer = NOBODY, *, node: int = 0, playing: bool | None = True, address: str = "a"
    ) -> None:
        self.at += dt.timedelta(seconds=after_s)
        await self.nodes[node].note(self.video, viewer, address, is_playing=playing)

    async def told(self) -> tuple[int, float]:
        """Views, and seconds."""
        sql = "select views, watched_ms from videos where id = $1"
        row = await self.studio.kit.database.fetchrow(sql, self.video.id)
        assert row is not None
        days = await self.studio.kit.database.fetchval("select coalesce(sum(watched_ms), 0) from video_days")
        assert days == row["watched_ms"]
        return row["views"], row["watched_ms"] / 1000


@pytest.fixture
async def watchers(studio: Studio) -> Watchers:
    video_id = IDS.uuid7(NOON.timestamp())
    await studio.kit.database.execute(
        "insert into videos (id, owner_id, title, state, edition, created_at)"
        " select $1, id, 'Sea', 'ready', 1, now() from users where username = 'ada'",
        video_id,
    )
    row = await studio.kit.database.fetchrow(queries.SEEN, None, video_id)
    assert row is not None
    return Watchers(studio, video_of(row))


async def test_time_counts_from_beat_to_beat_while_it_plays(watchers: Watchers) -> None:
    await watchers.beat(0)
    await watchers.beat(10)
    await watchers.beat(3.25, playing=False)
    await watchers.beat(600, playing=False)
    await watchers.beat(0)
    await watchers.beat(10)
    await watchers.beat(31)  # a player that fell silent was away
    await watchers.beat(10)
    assert await watchers.told() == (1, 33.25)


async def test_a_second_tab_on_another_node_makes_neither_more_views_nor_more_time(watchers: Watchers) -> None:
    bob = Viewer(id=IDS.uuid7(1), session_id=IDS.uuid7(1))
    for _ in range(7):
        await watchers.beat(5, bob, node=0)
        await watchers.beat(5, bob, node=1)
    assert await watchers.told() == (1, 65.0)
    await asyncio.gather(*(watchers.beat(0, bob, node=number % 2) for number in range(40)))
    assert await watchers.told() == (1, 70.0 - 5)
    assert watchers.counted == [bob.id]


async def test_who_comes_back_after_half_an_hour_is_another_view_and_a_long_film_is_one(watchers: Watchers) -> None:
    for _ in range(400):
        await watchers.beat(10)
    assert await watchers.told() == (1, 3990.0)
    await watchers.beat(1799)
    assert (await watchers.told())[0] == 1
    await watchers.beat(1800)
    assert (await watchers.told())[0] == 2
    assert watchers.counted == ["a", "a"]


async def test_a_player_that_says_nothing_is_a_view_without_time(watchers: Watchers) -> None:
    await watchers.beat(0, playing=None)
    await watchers.beat(10, playing=None)
    await watchers.beat(0, playing=False, address="b")
    assert await watchers.told() == (1, 0)
    await watchers.beat(0, address="b")
    await watchers.beat(10, playing=None, address="b")
    await watchers.beat(10, address="b")
    assert await watchers.told() == (2, 20)


async def test_many_at_once_are_each_counted_and_their_marks_are_forgotten(watchers: Watchers) -> None:
    await asyncio.gather(*(watchers.beat(0, node=number % 2, address=str(number % 50)) for number in range(200)))
    assert await watchers.told() == (50, 0)
    database = watchers.studio.kit.database
    watchers.at += dt.timedelta(hours=3)
    await watchers.nodes[0].forget()
    assert await database.fetchval("select count(*) from video_sittings") == 0
    await database.execute("delete from videos")
    await watchers.beat(0)  # it was deleted meanwhile
    assert watchers.counted == sorted(watchers.counted, key=watchers.counted.index)


async def test_the_time_of_persons_is_kept_by_day_until_the_month_was_shared(watchers: Watchers) -> None:
    database = watchers.studio.kit.database
    bob = Viewer(id=str(await database.fetchval("select id from users where username = 'bob'")))
    gone = Viewer(id=IDS.uuid7(0))
    for node in (0, 1, 1):
        await watchers.beat(10, bob, node=node)
        await watchers.beat(0, gone, node=node)
        await watchers.beat(0, address="a guest")
    watchers.at = dt.datetime(2026, 5, 1, 23, 59, 55, tzinfo=dt.UTC)
    await watchers.beat(0, bob)
    await watchers.beat(10, bob)
    sql = "select person_id, day, watched_ms from video_watchers order by day"
    rows = [tuple(row) for row in await database.fetch(sql)]
    assert rows == [(bob.id, NOON.date(), 20_000), (bob.id, NOON.date() + dt.timedelta(days=1), 10_000)]
    watchers.at += dt.timedelta(days=69)
    await watchers.nodes[0].forget()
    assert await database.fetchval("select count(*) from video_watchers") == 2
    watchers.at += dt.timedelta(days=1)
    await watchers.nodes[0].forget()
    assert await database.fetchval("select count(*) from video_watchers") == 1


async def test_heartbeats_are_for_who_may_see_the_video_and_only_its_owner_learns_the_time(watchers: Watchers) -> None:
    studio, path = watchers.studio, f"/videos/{watchers.video.id}"
    async with studio.served.http.post(f"{studio.served.url}/api/v1{path}/heartbeat", json={}) as answer:
        assert answer.status == 204
    assert (await studio.call("POST", f"{path}/heartbeat", studio.bob, json={"is_playing": True}))[0] == 204
    assert (await studio.call("POST", f"{path}/heartbeat", json={"is_playing": True}))[0] == 204  # its owner
    assert (await studio.call("POST", f"{path}/heartbeat", studio.bob, json={"is_playing": 3}))[0] == 422
    await studio.kit.database.execute("update videos set watched_ms = 61_500")
    assert [(await studio.call("GET", path, who))[1]["watch_seconds"] for who in (studio.ada, studio.bob)] == [61, None]
    assert (await studio.call("GET", path))[1]["views"] == 2
    await studio.kit.database.execute("update videos set visibility = 'private'")
    assert (await studio.call("POST", f"{path}/heartbeat", studio.bob, json={}))[0] == 404
