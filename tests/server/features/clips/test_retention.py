"""Recordings go by age and by space, whole, and nothing of them is left."""

from __future__ import annotations

import time
from typing import Any

import pytest

from server.features.videos.recordings.retention import TOO_OLD, Retention, Rule
from server.jobs import Jobs
from storage.doomed import DoomedObjects
from storage.ids import Ids
from storage.jobs.queue import JobQueue
from storage.objects import LocalObjects
from tests.server.features.clips.conftest import Stage, Stream


class Broken(Exception):
    """The process ends here."""


class Kept:
    """The rules over the stage's rows and objects."""

    def __init__(self, stage: Stage, *, keep_days: int | None = None, keep_gb: int | None = None) -> None:
        self.stage = stage
        self.db = stage.kit.database
        self.objects = LocalObjects(root=stage.kit.objects_dir)
        jobs = Jobs(rows=JobQueue(db=self.db), ids=Ids(), wall=time.time)
        self.retention = Retention(db=self.db, jobs=jobs, rule=Rule(keep_days, keep_gb))

    async def ended(self, *, days_ago: int, mb: int = 0) -> Stream:
        stream = await self.stage.recorded()
        await self.db.execute(
            "update streams set ended_at = now() - make_interval(days => $2) where id = $1", stream.id, days_ago
        )
        if mb:
            first = "select min(segment) from stream_segments where stream_id = $1"
            await self.db.execute(
                f"update stream_segments set bytes = $2 where stream_id = $1 and rendition = 'video'"
                f" and segment = ({first})",
                stream.id, mb * 1_000_000,
            )  # fmt: skip
        return stream

    async def rows(self, stream: Stream) -> int:
        return int(await self.db.fetchval("select count(*) from stream_segments where stream_id = $1", stream.id))

    def files(self, stream: Stream) -> list[Any]:
        folder = self.stage.kit.objects_dir / "streams" / stream.id
        return [path for path in folder.rglob("*") if path.is_file()]

    async def sweep(self) -> None:
        """As often as it takes: the second sweep, for late uploads, is due at once here."""
        for _ in range(2):
            await DoomedObjects(db=self.db, objects=self.objects).sweep()
            await self.db.execute("update doomed_objects set due_at = now() where prefix like 'streams/%'")
        await DoomedObjects(db=self.db, objects=self.objects).sweep()


async def test_a_recording_goes_when_it_is_older_than_the_rule_and_its_stream_stays(stage: Stage) -> None:
    kept = Kept(stage, keep_days=30)
    old, young = await kept.ended(days_ago=31), await kept.ended(days_ago=29)
    await kept.objects.put(f"streams/{old.id}/thumbnail.webp", b"picture", content_type="image/webp")
    assert await kept.retention.expire() == 1
    await kept.sweep()
    assert (await kept.rows(old), [path.name for path in kept.files(old)]) == (0, ["thumbnail.webp"])
    assert await kept.rows(young) > 0
    assert len(kept.files(young)) > 2
    assert await kept.db.fetchval("select state from streams where id = $1", old.id) == "ended"
    assert await kept.retention.expire() == 0


async def test_without_a_rule_nothing_goes(stage: Stage) -> None:
    kept = Kept(stage)
    stream = await kept.ended(days_ago=3_000, mb=900)
    assert await kept.retention.expire() == 0
    assert await kept.rows(stream) > 0


async def test_the_stricter_of_both_rules_holds(stage: Stage) -> None:
    stream = await Kept(stage).ended(days_ago=20)
    for server, owner, goes in ((30, 30, 0), (None, 30, 0), (30, 10, 1), (10, 30, 1), (None, 10, 1), (10, None, 1)):
        kept = Kept(stage, keep_days=server)
        await kept.retention.set_rule(stream.owner_id, Rule(owner, None))
        assert len(await kept.db.fetch(TOO_OLD, server, 10)) == goes, (server, owner)


async def test_beyond_the_space_the_oldest_go_first_and_pinned_ones_count_and_stay(stage: Stage) -> None:
    kept = Kept(stage, keep_gb=1)
    pinned, oldest, older, newest = [await kept.ended(days_ago=days, mb=400) for days in (40, 30, 20, 10)]
    await kept.retention.pin(pinned.id, pinned.owner_id, is_pinned=True)
    assert await kept.retention.expire() == 2
    left = [bool(await kept.rows(stream)) for stream in (pinned, oldest, older, newest)]
    assert left == [True, False, False, True]


async def test_what_is_pinned_or_on_the_air_is_not_removed(stage: Stage) -> None:
    kept = Kept(stage, keep_days=1)
    pinned, live = await kept.ended(days_ago=50), await kept.ended(days_ago=50)
    await kept.retention.pin(pinned.id, pinned.owner_id, is_pinned=True)
    await kept.db.execute("update streams set state = 'live' where id = $1", live.id)
    assert await kept.retention.expire() == 0
    await kept.retention.pin(pinned.id, pinned.owner_id, is_pinned=False)
    assert await kept.retention.expire() == 1


async def test_a_kill_at_any_step_leaves_no_object_without_a_row(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Kept(stage, keep_days=1)
    stream = await kept.ended(days_ago=2)
    with monkeypatch.context() as broken:
        broken.setattr("server.features.videos.recordings.retention.note_change", _breaks)
        with pytest.raises(Broken):
            await kept.retention.expire()
    assert await kept.rows(stream) > 0, "before the commit all of it is there"
    assert await kept.db.fetchval("select count(*) from doomed_objects") == 0
    assert await kept.retention.expire() == 1
    assert kept.files(stream), "after the commit the sweep is due"
    with monkeypatch.context() as broken:
        broken.setattr(kept.objects, "delete_prefix", _HalfWay(kept.objects))
        with pytest.raises(Broken):
            await kept.sweep()
    assert kept.files(stream), "half way through the objects"
    await kept.sweep()
    assert (await kept.rows(stream), kept.files(stream)) == (0, [])


async def _breaks(*_: object) -> None:
    raise Broken


class _HalfWay:
    """Deletes one prefix and breaks off at the next."""

    def __init__(self, objects: LocalObjects) -> None:
        self._delete = objects.delete_prefix
        self._count = 0

    async def __call__(self, prefix: str) -> None:
        self._count += 1
        if self._count > 1:
            raise Broken
        await self._delete(prefix)


async def test_owners_set_their_rule_and_see_what_goes_soon(stage: Stage) -> None:
    kept = Kept(stage)
    stream = await kept.ended(days_ago=5)
    status, rule = await stage.served.call("PUT", "/me/recordings", token=stage.ada, json={"keep_days": 10})
    assert (status, rule["keep_days"], rule["keep_gb"], rule["server_keep_days"]) == (200, 10, None, None)
    assert [one["stream_id"] for one in rule["expiring"]] == [stream.id]
    assert (await stage.served.call("PUT", f"/streams/{stream.id}/recording/pin", token=stage.ada))[0] == 204
    _, rule = await stage.served.call("GET", "/me/recordings", token=stage.ada)
    assert rule["expiring"] == []
    assert (await stage.served.call("DELETE", f"/streams/{stream.id}/recording/pin", token=stage.bob))[0] == 404
    for wrong in ({"keep_days": 0}, {"keep_gb": -1}, {"keep_days": "x"}):
        assert (await stage.served.call("PUT", "/me/recordings", token=stage.ada, json=wrong))[0] == 422


async def test_an_owner_is_notified_once_of_a_recording_that_will_expire(stage: Stage) -> None:
    kept = Kept(stage)
    expiring, pinned, _ = [await kept.ended(days_ago=days) for days in (6, 6, 1)]
    await kept.retention.set_rule(expiring.owner_id, Rule(10, None))
    await kept.retention.pin(pinned.id, pinned.owner_id, is_pinned=True)
    for _ in range(2):
        await kept.retention.announce()
        await stage.kit.run_jobs(stage.served.features)
        await stage.kit.read_facts(stage.served.features)
        _, page = await stage.served.call("GET", "/notifications", token=stage.ada)
        assert [(one["kind"], one["subject"]["id"]) for one in page["items"]] == [("recording_expiring", expiring.id)]
        await stage.served.call("POST", "/notifications/read", token=stage.ada, json={"until": page["items"][0]["id"]})
