"""What the owner of a stream is told of its audience, and who is told nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from actors.runtime import DomainError
from server.features.insight.analytics.curve import MAX_STEPS, OTHER, by_protocol, by_rendition, curve, step_s
from server.features.insight.analytics.stream_sums import StreamSums
from server.features.insight.analytics.streams import Analytics, as_csv
from tests.server.features.rooms.conftest import Scene, new_id


def viewers(points: Any) -> list[int]:
    return [point.viewers for point in points]


def test_the_curve_has_who_was_there_in_each_step() -> None:
    points = curve({0: 3, 2: 1}, {0: 1, 2: 2, 9: 1}, steps=4, step=60, audience=4)
    assert viewers(points) == [3, 2, 3, 1]
    assert [(one.at_s, one.share) for one in points] == [(0, 0.75), (60, 0.5), (120, 0.75), (180, 0.25)]


def test_a_share_is_at_most_one_and_of_nobody_nothing() -> None:
    assert [one.share for one in curve({0: 5}, {}, steps=1, step=60, audience=2)] == [1.0]
    assert [one.share for one in curve({}, {}, steps=2, step=60, audience=0)] == [0.0, 0.0]


@pytest.mark.parametrize("hours", [0, 0.01, 1, 12, 12.01, 48, 24 * 365])
def test_a_curve_is_bounded_however_long_the_stream_is(hours: float) -> None:
    step = step_s(hours * 3600)
    assert step % 60 == 0
    assert hours * 3600 / step <= MAX_STEPS
    assert hours > 12 or step == 60


def test_watch_time_is_added_up_by_protocol_and_rendition_whatever_clients_report() -> None:
    watched = [("webrtc:source", 5), ("hls:source", 7), ("dvr:720p", 1), ("", 2), ("carrier-pigeon", 3)]
    assert by_protocol(watched) == {"hls": 8, "webrtc": 5, OTHER: 5}
    assert by_rendition(watched) == {"source": 12, OTHER: 5, "720p": 1}
    many = by_rendition([(f"hls:made-up-{number}", 1) for number in range(1000)])
    assert (len(many), sum(many.values())) == (21, 1000)


def analytics_of(scene: Scene) -> Analytics:
    return Analytics(db=scene.db, now=scene.now, sums=StreamSums(db=scene.db, now=scene.now))


class Watched:
    """A stream that began an hour ago, and views of it by minute."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.analytics = analytics_of(scene)
        self.began = scene.now() - timedelta(hours=1)

    async def open(self) -> Watched:
        await self.scene.db.execute(
            "update streams set started_at = $2, peak_viewers = 2, unique_viewers = 4, watched_ms = 240000"
            " where id = $1",
            self.scene.stream, self.began,
        )  # fmt: skip
        return self

    async def view(self, first: float, last: float, watched_by: dict[str, int], latency_ms: int = 0) -> None:
        await self.scene.db.execute(
            "insert into view_sessions (id, stream_id, viewer, started_at, last_at, watched_ms, stalled_ms, watched_by,"
            " latency_ms) values ($1, $2, $1::uuid::text, $3, $4, $5, 1500, $6, $7)",
            new_id(), self.scene.stream, self.began + timedelta(minutes=first), self.began + timedelta(minutes=last),
            sum(watched_by.values()), watched_by, latency_ms,
        )  # fmt: skip


@pytest.fixture
async def watched(scene: Scene) -> Watched:
    return await Watched(scene).open()


async def test_the_owner_is_told_who_watched_and_when(watched: Watched) -> None:
    await watched.view(-3, -2, {"hls:source": 1000})  # before it began
    await watched.view(-1, 1.5, {"webrtc:source": 90_000}, latency_ms=300)
    await watched.view(0.5, 59.9, {"hls:720p": 30_000}, latency_ms=900)
    await watched.view(58.2, 75, {"hls:source": 5_000})
    scene = watched.scene
    for offset, deleted in ((1, None), (2, None), (3, scene.now())):
        await scene.db.execute(
            'insert into chat_messages (room_id, "offset", id, user_id, client_id, text, sent_at, deleted_at)'
            " values ($1, $2, $3, $4, $2::bigint::text, 'hello', now(), $5)",
            scene.room, offset, new_id(), scene.owner, deleted,
        )  # fmt: skip
    told = await watched.analytics.of_stream(scene.stream, scene.owner)
    assert len(told.retention) == 60
    assert viewers(told.retention)[:3] == [2, 2, 1]
    assert viewers(told.retention)[57:] == [1, 2, 2]
    assert told.watch_seconds_by_protocol == {"webrtc": 90, "hls": 36}
    assert told.watch_seconds_by_rendition == {"source": 96, "720p": 30}
    assert (told.chat_messages, told.chatters) == (2, 1)
    assert (told.stalled_seconds, told.latency_ms, told.average_watch_seconds) == (6, 450, 60)
    lines = as_csv(told).splitlines()
    assert (lines[0], lines[1], len(lines)) == ("at_s,viewers,share", "0,2,0.5", 61)


async def test_a_stream_that_has_not_begun_has_an_empty_curve(scene: Scene) -> None:
    told = await analytics_of(scene).of_stream(scene.stream, scene.owner)
    assert (told.retention, told.latency_ms, told.watch_seconds_by_protocol) == ([], None, {})


@pytest.mark.parametrize(("visibility", "code"), [("public", "forbidden"), ("private", "not_found")])
async def test_nobody_else_is_told(scene: Scene, visibility: str, code: str) -> None:
    stream, _ = await scene.stage(owner=scene.owner, visibility=visibility)
    with pytest.raises(DomainError) as refused:
        await analytics_of(scene).of_stream(stream, await scene.person())
    assert refused.value.code == code
    with pytest.raises(DomainError) as unknown:
        await analytics_of(scene).of_stream(new_id(), scene.owner)
    assert unknown.value.code == "not_found"
