"""A recording is a video: listed, played, and deleted as one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from media.hls.events import Event
from storage.stream_cues import StreamCues
from tests.server.features.clips.conftest import SECONDS, Stage, media, staged
from tests.server.features.uploads.conftest import Uploader, png
from tests.server.kit import Kit

__all__ = ["media"]


@pytest.fixture
async def stage(kit: Kit, media: list[Event]) -> AsyncIterator[Stage]:
    async with staged(kit, media) as made:
        yield made


async def test_a_recording_is_listed_among_the_videos_under_the_id_of_its_stream(stage: Stage) -> None:
    stream = await stage.recorded()
    await stage.kit.read_facts([stage.served.feature("library")])
    status, video = await stage.served.call("GET", f"/videos/{stream.id}", token=stage.bob)
    assert (status, video["state"], video["title"], video["stream_id"]) == (200, "ready", "Late show", stream.id)
    assert video["playback"]["hls"] == f"/hls/{stream.id}/index.m3u8"
    assert video["playback"]["storyboard"] == f"/hls/{stream.id}/storyboard.vtt"
    for path in ("/me/videos", "/users/ada/videos"):
        _, listed = await stage.served.call("GET", path, token=stage.ada)
        assert [one["id"] for one in listed["items"]] == [stream.id]
    for name in ("index.m3u8", "manifest.mpd", "storyboard.vtt", "thumbnail.webp"):
        url = f"{stage.served.url}/vod/{stream.id}/{name}"
        async with stage.served.http.get(url, allow_redirects=False) as answer:
            assert (answer.status, answer.headers["Location"]) == (307, f"/hls/{stream.id}/{name}")


async def test_the_recording_of_a_private_stream_is_for_those_who_may_see_the_stream(stage: Stage) -> None:
    stream = await stage.recorded(visibility="private")
    await stage.kit.read_facts([stage.served.feature("library")])
    assert (await stage.served.call("GET", f"/videos/{stream.id}", token=stage.bob))[0] == 404
    _, video = await stage.served.call("GET", f"/videos/{stream.id}", token=stage.ada)
    assert video["playback"]["hls"].startswith(f"/hls/{stream.id}~")
    await stage.kit.database.execute(
        "insert into stream_guests (stream_id, user_id) select $1, id from users where username = 'bob'", stream.id
    )
    assert (await stage.served.call("GET", f"/videos/{stream.id}", token=stage.bob))[0] == 200


async def test_deleting_the_video_of_a_recording_leaves_the_stream(stage: Stage) -> None:
    stream = await stage.recorded()
    await stage.kit.read_facts([stage.served.feature("library")])
    assert (await stage.served.call("DELETE", f"/videos/{stream.id}", token=stage.bob))[0] == 403
    assert (await stage.served.call("DELETE", f"/videos/{stream.id}", token=stage.ada))[0] == 204
    assert (await stage.served.call("GET", f"/videos/{stream.id}", token=stage.ada))[0] == 404
    database = stage.kit.database
    assert await database.fetchval("select count(*) from stream_segments where stream_id = $1", stream.id) == 0
    assert await database.fetchval("select count(*) from streams where id = $1", stream.id) == 1
    assert not await database.fetchval("select is_recorded from streams where id = $1", stream.id)
    changes = await database.fetch("select kind from rights_changes where subject_id = $1", stream.id)
    assert {row["kind"] for row in changes} == {"recording", "stream"}, "nodes forget what they hold of it"


async def test_a_recording_that_a_rule_removes_is_no_video_any_more(stage: Stage) -> None:
    stream = await stage.recorded()
    await stage.kit.read_facts([stage.served.feature("library")])
    await stage.kit.database.execute("delete from stream_segments where stream_id = $1", stream.id)
    assert (await stage.served.call("GET", f"/videos/{stream.id}", token=stage.ada))[0] == 404
    assert (await stage.served.call("GET", "/me/videos", token=stage.ada))[1]["items"] == []


async def test_a_picture_that_was_chosen_stands_for_a_recording(stage: Stage) -> None:
    stream = await stage.recorded()
    await stage.kit.read_facts([stage.served.feature("library")])
    path = await Uploader(stage.kit, stage.served, stage.ada).whole(png())
    body = {"upload_id": path.rpartition("/")[2]}
    status, video = await stage.served.call("PUT", f"/videos/{stream.id}/poster", token=stage.ada, json=body)
    assert (status, video["playback"]["thumbnail"]) == (200, f"/vod/{stream.id}/thumbnail.webp")
    async with stage.served.http.get(stage.served.url + video["playback"]["thumbnail"]) as answer:
        assert (answer.status, (await answer.read())[8:12]) == (200, b"WEBP")


async def test_the_chapters_of_a_recording_are_changed_as_those_of_an_upload_and_are_its_markers(stage: Stage) -> None:
    stream = await stage.recorded()
    await stage.kit.read_facts([stage.served.feature("library")])
    await stage.kit.database.execute("update videos set duration_ms = $1", SECONDS * 1000)
    path, markers = f"/videos/{stream.id}", f"/streams/{stream.id}/markers"
    for at_ms, label in ((4_000, "Goal"), (9_000, "Late"), (4_000, "Second goal")):
        body = {"label": label, "at_ms": at_ms}
        assert (await stage.served.call("POST", markers, token=stage.ada, json=body))[0] == 201
    _, video = await stage.served.call("GET", path)
    assert video["chapters"] == [{"at_ms": 4_000, "label": "Second goal"}, {"at_ms": 9_000, "label": "Late"}]

    chapters = [{"at_ms": 9_000, "label": "Late"}, {"at_ms": 0, "label": "بداية"}]
    status, changed = await stage.served.call("PATCH", path, token=stage.ada, json={"chapters": chapters})
    assert (status, changed["chapters"]) == (200, chapters[::-1])
    _, page = await stage.served.call("GET", markers)
    assert [{"at_ms": one["at_ms"], "label": one["label"]} for one in page["items"]] == chapters[::-1]
    assert "بداية" in (await stage.get(f"/hls/{stream.id}/chapters.vtt"))[1].decode()

    wrong = {"chapters": [{"at_ms": at_ms, "label": "x"} for at_ms in (0, SECONDS * 1000, 0)]}
    status, problem = await stage.served.call("PATCH", path, token=stage.ada, json=wrong)
    assert (status, [one["field"] for one in problem["errors"]]) == (422, ["chapters.1.at_ms", "chapters.2.at_ms"])
    assert (await stage.served.call("PATCH", path, token=stage.bob, json={"chapters": []}))[0] == 403
    assert (await stage.served.call("GET", path))[1]["chapters"] == chapters[::-1]
    status, changed = await stage.served.call("PATCH", path, token=stage.ada, json={"chapters": []})
    assert (status, changed["chapters"]) == (200, [])


async def test_captions_files_of_a_recording_are_its_streams_and_count_from_where_it_begins(stage: Stage) -> None:
    stream = await stage.recorded()
    await stage.kit.read_facts([stage.served.feature("library")])
    db, path = stage.kit.database, f"/videos/{stream.id}/captions"
    live = {"language": "en", "cues": [{"from_ms": 500, "to_ms": 900, "text": "Old"}]}
    assert (await stage.served.call("POST", f"/streams/{stream.id}/captions", token=stage.ada, json=live))[0] == 201
    await db.execute("update videos set begin_ms = 2000, duration_ms = 9000")
    await db.execute("insert into recording_trims values ($1, 2000, 11000, 1, '{}')", stream.id)

    async def put(token: str, language: str, body: str) -> tuple[int, Any]:
        url, headers = f"{stage.served.url}/api/v1{path}/{language}", {"Authorization": f"Bearer {token}"}
        headers["Content-Type"] = "text/vtt"
        async with stage.served.http.put(url, data=body.encode(), headers=headers) as answer:
            return answer.status, await answer.json()

    vtt = "WEBVTT\n\n00:01.000 --> 00:02.000\nمرحبا\n"
    assert (await put(stage.bob, "ar", vtt))[0] == 403
    for language in ("ar", "en"):
        assert await put(stage.ada, language, vtt) == (200, {"language": language, "cues": 1})
    _, listed = await stage.served.call("GET", path)
    assert listed["items"] == [{"language": "ar", "cues": 1}, {"language": "en", "cues": 1}]
    added = {"language": "ar", "cues": [{"from_ms": 3_000, "to_ms": 3_500, "text": "more"}]}
    assert (await stage.served.call("POST", f"/streams/{stream.id}/captions", token=stage.ada, json=added))[0] == 201
    cues = await StreamCues(db=db).between(stream.id, "ar")
    assert [(one.from_ms, one.to_ms, one.text) for one in cues] == [(3_000, 4_000, "مرحبا"), (5_000, 5_500, "more")]
    assert [one.text for one in await StreamCues(db=db).between(stream.id, "en")] == ["مرحبا"], "in place of the old"
    assert (await stage.get(f"/api/v1{path}/ar"))[1].decode() == (
        "WEBVTT\n\n00:00:01.000 --> 00:00:02.000\nمرحبا\n\n00:00:03.000 --> 00:00:03.500\nmore\n"
    ), "as they are to be changed"
    assert (await stage.served.call("DELETE", f"{path}/ar", token=stage.ada))[0] == 204
    assert (await stage.served.call("DELETE", f"{path}/ar", token=stage.ada))[0] == 404


async def test_a_recording_is_not_encoded_again_and_says_why(stage: Stage) -> None:
    stream = await stage.recorded()
    await stage.kit.read_facts([stage.served.feature("library")])
    status, problem = await stage.served.call("POST", f"/videos/{stream.id}/encode", token=stage.ada)
    assert (status, problem["type"].rpartition("/")[2]) == (409, "is-recording")
