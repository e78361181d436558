"""A registered work is found in the recordings of others; both sides see the match, and may disagree about it."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from media.fingerprints.audio import RATE, Floats
from media.fingerprints.decoding import fingerprint
from media.fingerprints.fingerprinter import Fingerprinter, NoFingerprintError
from media.fingerprints.messages import VERSION, Fingerprint, Hash, Refused
from server.features.videos.library.facts import VideoDeleted, VideoReady
from server.features.videos.work_settings import WorkSettings
from server.features.videos.works.matches import Matches
from server.features.videos.works.media import Medium
from server.features.videos.works.rules import Run
from storage.audit import AuditLog
from storage.facts import publish
from storage.ids import Ids
from storage.leases import Leases
from storage.recording import Init, Recordings, Segment
from tests.media.fingerprints import made
from tests.media.fingerprints.files import film_file, sound_file, split
from tests.server.kit import Kit
from tests.server.served import Served

NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
SILENCE = np.zeros(RATE, np.float32)
MISSING = "01890c2a-7b5e-7cc3-98c8-6b1f6c1f0a11"


async def nothing(*_: object) -> None:
    """What is asked of the media is shown in ``test_enforcing``."""


@dataclass
class Stage:
    """``ada`` has works, ``bob`` streams: their access tokens."""

    kit: Kit
    served: Served
    ada: str
    bob: str

    async def person(self, token: str) -> str:
        _, me = await self.served.call("GET", "/me", token=token)
        return str(me["id"])

    async def stream(self, token: str, *, visibility: str = "public") -> str:
        """Nothing is recorded of it."""
        stream_id = Ids().uuid7(1e9)
        await self.kit.database.execute(
            "insert into streams (id, owner_id, room_id, title, visibility, stream_key, state)"
            " values ($1, $2, gen_random_uuid(), 'Late show', $3, $1::uuid::text, 'ended')",
            stream_id, await self.person(token), visibility,
        )  # fmt: skip
        return str(stream_id)

    async def video(self, token: str, sound: Floats) -> str:
        """An uploaded video of sound alone."""
        video_id, db = str(Ids().uuid7(1e9)), self.kit.database
        await db.execute(
            "insert into videos (id, owner_id, title, state, edition, duration_ms, created_at)"
            " values ($1, $2, 'Cut', 'ready', 1, 10000, now())", video_id, await self.person(token),
        )  # fmt: skip
        _, segment = await self._stored(video_id, "audio", sound)
        await db.execute(
            "insert into video_renditions (video_id, edition, name, place, kind, codec, timescale, width, height, fps,"
            " channels, init_key, is_whole) values ($1, 1, 'audio', 0, 'audio', 'a', 8000, 0, 0, 0, 1, $2, true)",
            video_id, segment.init_key,
        )  # fmt: skip
        await db.execute(
            "insert into video_segments (video_id, edition, rendition, number, object_key, start, duration, bytes,"
            " key_bytes) values ($1, 1, 'audio', 0, $2, 0, 80000, $3, 0)", video_id, segment.object_key, segment.bytes,
        )  # fmt: skip
        return video_id

    async def recorded(self, token: str, *, sound: Floats | None = None, film: Any = None) -> str:
        """A recording of one segment of each kind."""
        stream_id = await self.stream(token)
        inits, segments = [], []
        for kind, file in (("audio", sound), ("video", film)):
            if file is not None:
                init, segment = await self._stored(stream_id, kind, file)
                inits.append(init)
                segments.append(segment)
        fence = await Leases(db=self.kit.database).fence_of("stream", stream_id)
        await Recordings(db=self.kit.database).add(stream_id, segments=segments, inits=inits, fence=fence)
        return stream_id

    async def _stored(self, stream_id: str, kind: str, made_of: Any) -> tuple[Init, Segment]:
        head, body = split(sound_file(made_of) if kind == "audio" else film_file(made_of))
        keys = [f"streams/{stream_id}/{kind}-init.mp4", f"streams/{stream_id}/{kind}-1.m4s"]
        for key, data in zip(keys, (head, body), strict=True):
            await self.kit.platform().objects.put(key, data, content_type="video/mp4")
        info = {"kind": kind, "width": 160, "height": 90}
        segment = Segment(
            rendition=kind, segment=1, publication=1, object_key=keys[1], init_key=keys[0], init_name="init",
            media_time_ms=0, duration_ms=1_000.0, bytes=len(body), started_at=NOW,
        )  # fmt: skip
        return Init(rendition=kind, name="init", object_key=keys[0], info=info), segment

    async def register(self, token: str, video_id: str, **more: Any) -> tuple[int, Any]:
        return await self.served.call("POST", "/works", token=token, json={"video_id": video_id, "title": "T", **more})

    async def work(self) -> str:
        """Of ada, without fingerprints."""
        video_id = await self.stream(self.ada)
        await self.kit.database.execute(
            "insert into works (id, owner_id, media_id, title, policy, state, created_at)"
            " values ($1, $2, $1, 'T', 'credit', 'ready', now())", video_id, await self.person(self.ada),
        )  # fmt: skip
        return video_id

    async def record(
        self,
        work_id: str,
        media_id: str,
        *times: int,
        matches: Matches | None = None,
        live_until_ms: int | None = None,
    ) -> None:
        number = await self.kit.database.fetchval("select number from works where id = $1", work_id)
        medium = Medium(id=media_id, kind="stream", owner_id=await self.person(self.bob))
        run = Run(work=number, from_ms=times[0], to_ms=times[1], work_from_ms=times[2], score=0.5)
        async with self.kit.database.transaction() as tx:
            await (matches or self.matches(NOW)).record(tx, medium, [run], live_until_ms=live_until_ms)

    def matches(self, now: dt.datetime) -> Matches:
        within = dt.timedelta(days=WorkSettings().match_dispute_days)
        ids = Ids()
        return Matches(
            db=self.kit.database,
            audit=AuditLog(ids=ids),
            ids=ids,
            now=lambda: now,
            answer_within=within,
            enforce=nothing,
        )

    async def match(self, *times: int) -> str:
        """One of ada's work and bob's stream."""
        await self.record(await self.work(), await self.stream(self.bob), *(times or (0, 9_000, 60_000)))
        (item,) = await self.found(self.bob)
        return str(item["id"])

    async def found(self, token: str) -> list[dict[str, Any]]:
        status, page = await self.served.call("GET", "/me/matches", token=token)
        assert status == 200, page
        items: list[dict[str, Any]] = page["items"]
        return items

    async def told(self, token: str) -> list[tuple[str, str]]:
        """What the person was notified of matches, the newest first: what it is, and the title of the work."""
        rooms = [self.served.feature("works"), self.served.feature("notifications")]
        await self.kit.read_facts(rooms)
        _, page = await self.served.call("GET", "/notifications", token=token)
        subjects = [one["subject"] for one in page["items"] if one["kind"] == "match"]
        return [(one["type"], one["title"]) for one in subjects]

    async def facts(self, name: str) -> list[Any]:
        rows = await self.kit.database.fetch("select body from facts where name = $1 order by id", name)
        return [row["body"] for row in rows]

    async def actions(self) -> list[str]:
        rows = await self.kit.database.fetch(
            "select action from audit_log where action like 'match.%' or action like 'work.%' order by id"
        )
        return [row["action"] for row in rows]


@pytest.fixture(autouse=True)
def without_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fingerprints are made here: that a process makes the same ones is shown in ``tests/media/fingerprints``."""

    async def make(_: Fingerprinter, order: Fingerprint) -> list[Hash]:
        result = fingerprint(order)
        if isinstance(result, Refused):
            raise NoFingerprintError(result.detail)
        return result.hashes

    monkeypatch.setattr(Fingerprinter, "make", make)


@pytest.fixture
async def stage(kit: Kit) -> AsyncIterator[Stage]:
    async with kit.serve() as served:
        yield Stage(kit, served, await served.register("ada"), await served.register("bob"))


async def test_a_video_that_is_trimmed_or_failed_is_registered_later(stage: Stage) -> None:
    video_id = str(Ids().uuid7(1e9))
    await stage.kit.database.execute(
        "insert into videos (id, owner_id, state, created_at) values ($1, $2, 'processing', now())",
        video_id, await stage.person(stage.ada),
    )  # fmt: skip
    for state, said in (("processing", "ready"), ("failed", "anew")):
        await stage.kit.database.execute("update videos set state = $1", state)
        status, problem = await stage.register(stage.ada, video_id)
        assert status == 409
        assert said in problem["detail"]
    assert (await stage.register(stage.bob, video_id))[0] == 404


async def test_a_work_is_found_in_a_recording_whose_interval_both_sides_see(stage: Stage) -> None:
    music, room = made.music(1, 16), [stage.served.feature("works")]
    video_id = await stage.recorded(stage.ada, sound=music)
    status, answer = await stage.register(stage.ada, video_id, title="Song")
    assert (status, answer["work"]["state"]) == (201, "indexing")
    await stage.kit.run_jobs(room)
    _, mine = await stage.served.call("GET", "/me/works", token=stage.ada)
    assert [(each["title"], each["state"], each["video_id"]) for each in mine["items"]] == [("Song", "ready", video_id)]

    stream_id = await stage.recorded(stage.bob, sound=made.faster(music[4 * RATE : 15 * RATE], 1.02))
    bob_id = await stage.person(stage.bob)
    await stage.kit.read_facts(room)
    await stage.kit.run_jobs(room)

    (seen,), (held,) = await stage.found(stage.bob), await stage.found(stage.ada)
    assert {**seen, "role": ""} == {**held, "role": ""}
    assert (seen["role"], held["role"], seen["state"]) == ("publisher", "holder", "open")
    assert (seen["stream"]["id"], seen["video"], seen["work"]["title"]) == (stream_id, None, "Song")
    assert seen["work_from_ms"] - seen["from_ms"] * 1.02 == pytest.approx(4_000, abs=300)
    assert seen["to_ms"] - seen["from_ms"] > 7_000
    assert seen["credited"] is True
    assert 0 < seen["score"] <= 1
    (credited,) = await stage.facts("match.credited")
    assert (credited["match_id"], credited["publisher_id"]) == (seen["id"], bob_id)
    assert await stage.actions() == ["work.registered", "match.found", "match.credited"]


async def test_a_new_work_is_sought_in_what_others_have_published_already(stage: Stage) -> None:
    film = made.film(1, 12, width=160, height=90)
    stream_id = await stage.recorded(stage.bob, film=film[16:, :, ::-1])
    await stage.kit.database.execute(
        "insert into videos (id, owner_id, stream_id, state, created_at)"
        " select id, owner_id, id, 'ready', now() from streams where id = $1", stream_id,
    )  # fmt: skip
    video_id = await stage.recorded(stage.ada, film=film)
    await stage.register(stage.ada, video_id, policy="mute")
    await stage.kit.run_jobs([stage.served.feature("works")])
    (match,) = await stage.found(stage.ada)
    assert (match["stream"]["id"], match["policy"], match["credited"]) == (stream_id, "mute", False)
    assert match["work_from_ms"] - match["from_ms"] == pytest.approx(2_000, abs=300)


async def test_a_work_is_found_in_an_uploaded_video_and_in_a_stream_on_the_air(stage: Stage) -> None:
    music, room = made.music(2, 12), stage.served.feature("works")
    await stage.register(stage.ada, await stage.recorded(stage.ada, sound=music))
    await stage.kit.run_jobs([room])
    video_id = await stage.video(stage.bob, music[: 10 * RATE])
    live_id = await stage.recorded(stage.bob, sound=music[2 * RATE :])
    await stage.kit.database.execute("update streams set state = 'live' where id = $1", live_id)
    async with stage.kit.database.transaction() as tx:
        await publish(tx, VideoReady(video_id=video_id, owner_id=await stage.person(stage.bob), duration_ms=10_000))
    await stage.kit.read_facts([room])
    for _ in range(2):
        await stage.kit.run_schedule(room, "works.live")
    assert await stage.kit.database.fetchval("select count(*) from jobs where name = 'works.seek_live'") == 1
    await stage.kit.run_jobs([room])
    found = await stage.found(stage.bob)
    live, video = sorted(found, key=lambda match: match["video"] is not None)
    assert (video["video"]["id"], video["video"]["title"], video["stream"]) == (video_id, "Cut", None)
    assert (live["stream"]["id"], live["state"]) == (live_id, "open")


async def test_a_stream_on_the_air_is_mute_while_the_work_would_go_on(stage: Stage) -> None:
    music, room = made.music(2, 40), stage.served.feature("works")
    await stage.register(stage.ada, await stage.recorded(stage.ada, sound=music), policy="mute")
    await stage.kit.run_jobs([room])
    live_id = await stage.recorded(stage.bob, sound=music[2 * RATE : 14 * RATE])
    await stage.kit.database.execute("update streams set state = 'live' where id = $1", live_id)
    await stage.kit.run_schedule(room, "works.live")
    await stage.kit.run_jobs([room])
    row = await stage.kit.database.fetchrow("select to_ms, muted_until_ms from work_matches")
    assert row is not None
    assert row["muted_until_ms"] == row["to_ms"] + 600_000, "nobody has told how long the work is"
    assert (await stage.actions())[-1] == "match.muted"
    assert (
        await stage.kit.database.fetchval("select muted_until_ms from streams where id = $1", live_id)
        == (row["muted_until_ms"])
    )


async def test_looks_that_find_a_mute_going_on_are_no_acts_of_their_own(stage: Stage) -> None:
    work_id, live_id = await stage.work(), await stage.stream(stage.bob)
    await stage.kit.database.execute("update works set policy = 'mute'")
    for end_ms in (60_000, 120_000, 700_000):
        await stage.record(work_id, live_id, 0, end_ms, 0, live_until_ms=end_ms)
    assert (await stage.actions()).count("match.muted") == 1
    await stage.kit.database.execute("update work_matches set muted_until_ms = 750000")
    await stage.record(work_id, live_id, 0, 1_000_000, 0, live_until_ms=1_000_000)
    assert (await stage.actions()).count("match.muted") == 2, "the mute had ended, and begins anew"


async def test_a_work_whose_hashes_are_of_a_former_version_is_indexed_anew(stage: Stage) -> None:
    music, room, db = made.music(1, 12), stage.served.feature("works"), stage.kit.database
    await stage.register(stage.ada, await stage.recorded(stage.ada, sound=music))
    await stage.kit.run_jobs([room])
    whole = await db.fetchval("select count(*) from work_sounds")
    await db.execute("update work_sounds set value = -value - 1")
    await stage.kit.run_schedule(room, "works.anew")
    assert await stage.kit.run_jobs([room]) == 0, "it is of this version already"
    await db.execute("update works set version = version - 1")
    for _ in range(2):
        await stage.kit.run_schedule(room, "works.anew")
    await stage.kit.run_jobs([room])
    assert await db.fetchval("select count(*) filter (where value >= 0) = count(*) from work_sounds")
    assert await db.fetchval("select count(*) from work_sounds") == whole
    assert await db.fetchval("select version from works") == VERSION


async def test_a_work_goes_with_its_video(stage: Stage) -> None:
    work_id = await stage.work()
    async with stage.kit.database.transaction() as tx:
        await publish(tx, VideoDeleted(video_id=work_id, owner_id=await stage.person(stage.ada)))
    await stage.kit.read_facts([stage.served.feature("works")])
    _, mine = await stage.served.call("GET", "/me/works", token=stage.ada)
    assert mine["items"] == []


async def test_a_work_in_which_nothing_can_be_found_has_failed_with_a_reason(stage: Stage) -> None:
    await stage.register(stage.ada, await stage.recorded(stage.ada, sound=SILENCE))
    await stage.kit.run_jobs([stage.served.feature("works")])
    _, mine = await stage.served.call("GET", "/me/works", token=stage.ada)
    assert mine["items"][0]["state"] == "failed"
    assert mine["items"][0]["reason"]


async def test_only_ones_own_recording_is_registered_and_once(stage: Stage) -> None:
    video_id = await stage.recorded(stage.ada, sound=SILENCE)
    assert (await stage.register(stage.bob, video_id))[0] == 403
    assert (await stage.register(stage.ada, MISSING))[0] == 404
    for table, hidden in (("streams", video_id), ("videos", await stage.video(stage.ada, SILENCE))):
        await stage.kit.database.execute(f"update {table} set visibility = 'private'")
        status, problem = await stage.register(stage.bob, hidden)
        assert (status, problem["detail"]) == (404, (await stage.register(stage.bob, MISSING))[1]["detail"])
    assert (await stage.register(stage.ada, await stage.stream(stage.ada)))[0] == 404
    assert (await stage.register(stage.ada, video_id, title=""))[0] == 422
    assert (await stage.register(stage.ada, video_id, policy="burn"))[0] == 422
    status, answer = await stage.register(stage.ada, video_id)
    assert status == 201
    assert (await stage.register(stage.ada, video_id))[0] == 409
    work = f"/works/{answer['work']['id']}"
    assert (await stage.served.call("DELETE", work, token=stage.bob))[0] == 404
    assert (await stage.served.call("DELETE", work, token=stage.ada))[0] == 204
    assert (await stage.register(stage.ada, video_id))[0] == 201


async def test_an_account_has_a_bounded_number_of_works(kit: Kit) -> None:
    async with kit.serve(max_works_per_person=1) as served:
        stage = Stage(kit, served, await served.register("ada"), await served.register("bob"))
        assert (await stage.register(stage.ada, await stage.recorded(stage.ada, sound=SILENCE)))[0] == 201
        status, problem = await stage.register(stage.ada, await stage.recorded(stage.ada, sound=SILENCE))
        assert (status, problem["type"].rpartition("/")[2]) == (409, "too-many-works")


async def test_what_is_found_again_lengthens_its_match_and_is_credited_once(stage: Stage) -> None:
    work, stream = await stage.work(), await stage.stream(stage.bob)
    await stage.record(work, stream, 1_000, 6_000, 61_000)
    assert [each["credited"] for each in await stage.found(stage.bob)] == [False]
    for _ in range(2):
        await stage.record(work, stream, 4_000, 12_000, 64_000)
    (match,) = await stage.found(stage.bob)
    assert (match["from_ms"], match["to_ms"], match["work_from_ms"], match["credited"]) == (1_000, 12_000, 61_000, True)
    assert len(await stage.facts("match.credited")) == 1
    await stage.record(work, stream, 60_000, 70_000, 10_000)
    assert len(await stage.found(stage.bob)) == 2


async def test_who_publishes_is_told_once_why_something_is_done_and_each_what_the_other_does(stage: Stage) -> None:
    work, stream = await stage.work(), await stage.stream(stage.bob)
    await stage.kit.database.execute("update works set policy = 'mute'")
    await stage.record(work, stream, 1_000, 6_000, 61_000)
    assert await stage.told(stage.bob) == [], "nothing is done to five seconds"
    for _ in range(2):
        await stage.record(work, stream, 4_000, 12_000, 64_000)
    assert await stage.told(stage.bob) == [("match_mute", "T")]
    _, page = await stage.served.call("GET", "/notifications", token=stage.bob)
    assert [[each["username"] for each in one["people"]] for one in page["items"]] == [["ada"]], "who caused it"
    assert (await stage.served.call("PUT", "/users/ada/block", token=stage.bob))[0] < 300
    assert await stage.told(stage.bob) == [("match_mute", "T")], "a block hides nothing of a match"
    (match,) = await stage.found(stage.bob)
    await stage.served.call("POST", f"/matches/{match['id']}/dispute", token=stage.bob)
    assert await stage.told(stage.ada) == [("match_disputed", "T")]
    await stage.served.call("POST", f"/matches/{match['id']}/uphold", token=stage.ada)
    assert await stage.told(stage.bob) == [("match_upheld", "T"), ("match_mute", "T")]
    assert await stage.told(stage.ada) == [("match_disputed", "T")]


async def test_ones_own_works_are_no_matches(stage: Stage) -> None:
    work, stream = await stage.work(), await stage.stream(stage.ada)
    number = await stage.kit.database.fetchval("select number from works where id = $1", work)
    medium = Medium(id=stream, kind="stream", owner_id=await stage.person(stage.ada))
    async with stage.kit.database.transaction() as tx:
        run = Run(work=number, from_ms=0, to_ms=9_000, work_from_ms=0, score=1.0)
        await stage.matches(NOW).record(tx, medium, [run])
    assert await stage.found(stage.ada) == []


async def test_a_dispute_is_upheld_by_the_other_side_and_that_is_final(stage: Stage) -> None:
    match = f"/matches/{await stage.match()}"
    assert (await stage.served.call("POST", f"{match}/dispute", token=stage.ada))[0] == 403
    assert (await stage.served.call("POST", f"{match}/uphold", token=stage.ada))[0] == 409
    status, answer = await stage.served.call(
        "POST", f"{match}/dispute", token=stage.bob, json={"reason": "I have a licence"}
    )
    assert (status, answer["match"]["state"], answer["match"]["reason"]) == (200, "disputed", "I have a licence")
    assert answer["match"]["expires_at"] > answer["match"]["disputed_at"]
    assert (await stage.served.call("POST", f"{match}/dispute", token=stage.bob))[0] == 409
    assert (await stage.served.call("POST", f"{match}/withdraw", token=stage.bob))[0] == 403
    status, answer = await stage.served.call("POST", f"{match}/uphold", token=stage.ada)
    assert (status, answer["match"]["state"], answer["match"]["expires_at"]) == (200, "upheld", None)
    assert (await stage.served.call("POST", f"{match}/withdraw", token=stage.ada))[0] == 409
    assert [fact["state"] for fact in await stage.facts("match.decided")] == ["disputed", "upheld"]
    assert (await stage.actions())[-2:] == ["match.disputed", "match.upheld"]


async def test_a_dispute_without_an_answer_withdraws_the_match_when_its_time_is_over(stage: Stage) -> None:
    match_id = await stage.match()
    await stage.matches(NOW).act(match_id, await stage.person(stage.bob), "dispute")
    days = dt.timedelta(days=WorkSettings().match_dispute_days)
    await stage.matches(NOW + days - dt.timedelta(seconds=1)).expire()
    assert (await stage.found(stage.ada))[0]["state"] == "disputed"
    await stage.matches(NOW + days).expire()
    assert (await stage.found(stage.ada))[0]["state"] == "withdrawn"
    assert (await stage.actions())[-1] == "match.withdrawn"


async def test_a_decided_match_is_not_lengthened_or_made_again(stage: Stage) -> None:
    work, stream = await stage.work(), await stage.stream(stage.bob)
    await stage.record(work, stream, 0, 9_000, 60_000)
    (match,) = await stage.found(stage.ada)
    assert (await stage.served.call("POST", f"/matches/{match['id']}/withdraw", token=stage.ada))[0] == 200
    await stage.record(work, stream, 0, 30_000, 60_000)
    assert [(each["to_ms"], each["state"]) for each in await stage.found(stage.bob)] == [(9_000, "withdrawn")]


async def test_strangers_see_no_match_and_the_other_side_no_private_title(stage: Stage) -> None:
    match_id = await stage.match()
    eve = await stage.served.register("eve")
    assert await stage.found(eve) == []
    for method, path in (("GET", ""), ("POST", "/dispute"), ("POST", "/uphold")):
        assert (await stage.served.call(method, f"/matches/{match_id}{path}", token=eve))[0] == 404
    await stage.kit.database.execute("update streams set visibility = 'private'")
    assert [(await stage.found(token))[0]["stream"]["title"] for token in (stage.ada, stage.bob)] == ["", "Late show"]


async def test_matches_are_listed_page_by_page_the_newest_first(stage: Stage) -> None:
    work = await stage.work()
    streams = [await stage.stream(stage.bob) for _ in range(3)]
    for at, stream in enumerate(streams):
        await stage.record(work, stream, 0, 9_000, 60_000, matches=stage.matches(NOW + dt.timedelta(seconds=at)))
    _, first = await stage.served.call("GET", "/me/matches?limit=2", token=stage.ada)
    _, rest = await stage.served.call("GET", f"/me/matches?limit=2&cursor={first['next']}", token=stage.ada)
    found = [each["stream"]["id"] for each in [*first["items"], *rest["items"]]]
    assert (found, rest["next"]) == (streams[::-1], None)
