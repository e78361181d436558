"""Pauses of a stream: called by its owner or on schedule, sent to who watches, and told in playlists."""

from __future__ import annotations

import datetime as dt

import pytest

from server.features.commerce.ads.breaks import Breaks
from server.http.errors import Problem
from server.live.viewings import Viewer
from storage.ids import Ids
from storage.timed_marks import TimedMarks
from tests.server.features.clips.conftest import SECONDS, Stage
from tests.server.features.clips.test_metadata import telling


class Clock:
    def __init__(self) -> None:
        self.at = dt.datetime.now(dt.UTC)

    def __call__(self) -> dt.datetime:
        return self.at


async def test_a_pause_is_its_owners_and_told_to_players_by_media_time(stage: Stage) -> None:
    stream = await stage.on_air()
    path = f"/streams/{stream.id}/ad-break"
    assert (await stage.served.call("POST", path, token=stage.bob))[0] == 403
    status, answer = await stage.served.call("POST", path, token=stage.ada)
    assert status == 201, answer
    made = answer["ad_break"]
    assert abs(made["at_ms"] - SECONDS * 1000) < 500
    [mark] = await TimedMarks(db=stage.kit.database).of(stream.id)
    assert (mark.id, mark.at_ms, mark.kind, mark.value) == (made["id"], made["at_ms"], "ad_break", {})
    status, problem = await stage.served.call("POST", path, token=stage.ada)
    assert (status, problem["type"]) == (409, "/problems/ad-break-too-soon")


async def test_pauses_come_every_so_many_minutes_where_the_owner_wants_it(stage: Stage) -> None:
    stream, kit, clock = await stage.on_air(), stage.kit, Clock()
    node, told = telling()
    await node.start()
    breaks = Breaks(
        db=kit.database, ids=Ids(), now=clock, footage=kit.footage(), publish=kit.published, node=node
    )  # fmt: skip
    owner = Viewer(id=await stage.id_of(stage.ada))
    await kit.database.execute("update streams set started_at = $1, state = 'live'", clock())
    await breaks.keep_schedules()
    assert kit.published.events == []  # nobody has asked for any
    await kit.database.execute(
        "insert into ads_creators (owner_id, is_on, warnings, refuses, break_minutes, changed_at)"
        " values ($1, true, '{}', '{}', 15, now())",
        owner.id,
    )
    for minutes, count in ((14, 0), (2, 1), (1, 1), (13, 1), (2, 2)):
        clock.at += dt.timedelta(minutes=minutes)
        await breaks.keep_schedules()
        assert len(kit.published.events) == count, minutes
    topic, event, body = kit.published.events[0]
    assert (topic, event, body["stream_id"]) == (f"stream:{stream.id}", "stream:ad_break", stream.id)
    assert (await told.get()).mark.kind == "ad_break"
    await kit.database.execute("update streams set state = 'ended'")
    with pytest.raises(Problem, match="on the air"):
        await breaks.call(stream.id, owner)
    await node.stop(budget_s=1.0)
