"""Videos of uploads: encoded by a job, played over HLS and DASH, seen by those who may, changed and deleted."""

from __future__ import annotations

import io
import re
from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import Any
from urllib.parse import urljoin

import av
import pytest

from media.vod.child import WorkerDiedError
from media.vod.messages import Order, Report, SegmentMade, SourceBounds
from media.vod.worker import obey
from server.features.videos.library.encoding import VideoEncoder
from server.jobs import RetryLater
from tests.media.vod.films import film
from tests.server.features.library.conftest import Studio
from tests.server.jobs.inline import make_due, run_due

NOBODY = "01890c2a-7b5e-7cc3-98c8-6b1f6c1f0a11"


async def test_an_upload_is_encoded_and_can_be_played_over_hls_and_dash(studio: Studio, small_film: bytes) -> None:
    video = await studio.made(small_film, description="Waves")
    assert (video["state"], video["progress"], video["playback"]["hls"]) == ("processing", 0.0, None)
    assert (await studio.call("GET", f"/videos/{video['id']}", studio.bob))[0] == 404

    await studio.kit.run_jobs()

    status, shown = await studio.call("GET", f"/videos/{video['id']}", studio.bob)
    assert (status, shown["state"], shown["progress"], shown["description"]) == (200, "ready", 1.0, "Waves")
    assert (shown["width"], shown["height"]) == (160, 90)
    assert shown["duration_ms"] == pytest.approx(2000, abs=100)
    assert [one["name"] for one in shown["playback"]["renditions"]] == ["90p"]
    assert await frames_of(studio, shown["playback"]["hls"]) == (30, True)
    status, manifest, headers = await studio.get(shown["playback"]["dash"])
    assert (status, headers["Content-Type"]) == (200, "application/dash+xml")
    assert b'type="static"' in manifest
    assert b"1/90p/$Number$.m4s" in manifest
    for picture in (shown["playback"]["thumbnail"], await sheet_of(studio, shown["playback"]["storyboard"])):
        status, body, _ = await studio.get(picture)
        assert (status, body[8:12]) == (200, b"WEBP")
    await look_while_it_is_private(studio, video["id"])
    states = [body["state"] for _, event, body in studio.kit.published.events if event == "video:progress"]
    assert (states[0], states[-1]) == ("processing", "ready")


async def look_while_it_is_private(studio: Studio, video_id: str) -> None:
    """Its owner has signed addresses, and it is hidden from others at every one."""
    _, video = await studio.call("PATCH", f"/videos/{video_id}", json={"visibility": "private"})
    index = video["playback"]["hls"]
    assert "~" in index
    status, _, headers = await studio.get(index)
    assert (status, headers["Cache-Control"]) == (200, "private, no-cache")
    plain = f"/vod/{video_id}"
    for path in ("index.m3u8", "90p.m3u8", "manifest.mpd", "storyboard.vtt", "thumbnail.webp", "1/90p/0.m4s"):
        assert (await studio.get(f"{plain}/{path}", token=studio.bob))[0] == 404, path
        assert (await studio.get(f"{plain}/{path}", token=studio.ada))[0] == 200, path
    assert (await studio.call("GET", f"/videos/{video_id}", studio.bob))[0] == 404
    assert (await studio.call("GET", "/users/ada/videos", studio.bob))[1]["items"] == []
    assert [one["id"] for one in (await studio.call("GET", "/me/videos"))[1]["items"]] == [video_id]


async def frames_of(studio: Studio, index: str) -> tuple[int, bool]:
    """How many pictures the best rendition shows, and whether it has sound beside it."""
    _, body, headers = await studio.get(index)
    assert headers["Content-Type"] == "application/vnd.apple.mpegurl"
    text = body.decode()
    (rendition,) = [line for line in text.splitlines() if line.endswith(".m3u8")][:1]
    _, body, _ = await studio.get(urljoin(index, rendition))
    playlist = body.decode()
    assert playlist.endswith("#EXT-X-ENDLIST\n")
    parts = re.findall(r'URI="([^"]+)"', playlist) + [line for line in playlist.splitlines() if line.endswith(".m4s")]
    data = b"".join([(await studio.get(urljoin(index, part)))[1] for part in parts])
    with av.open(io.BytesIO(data)) as container:
        return sum(1 for _ in container.decode(video=0)), "TYPE=AUDIO" in text


async def sheet_of(studio: Studio, storyboard: str) -> str:
    _, body, _ = await studio.get(storyboard)
    line = body.decode().splitlines()[3]
    return urljoin(storyboard, line.partition("#")[0])


async def test_the_original_is_for_its_owner_alone_in_whole_or_in_part(studio: Studio, small_film: bytes) -> None:
    video = await studio.made(small_film)
    path = f"/api/v1/videos/{video['id']}/original"
    status, body, headers = await studio.get(path, token=studio.ada)
    assert (status, body) == (200, small_film)
    assert headers["Content-Disposition"].startswith("attachment")
    status, body, _ = await studio.get(path, token=studio.ada, Range="bytes=100-199")
    assert (status, body) == (206, small_film[100:200])
    await studio.kit.database.execute("update videos set edition = 1, state = 'ready'")
    assert (await studio.get(path, token=studio.bob))[0] == 403
    assert (await studio.get(path))[0] == 401


async def test_the_original_keeps_its_name_in_any_script(studio: Studio, small_film: bytes) -> None:
    video = await studio.made(small_film)
    path = f"/api/v1/videos/{video['id']}/original"
    for name, said in (
        ("sea.mp4", 'attachment; filename="sea.mp4"'),
        ("بحر.mp4", "attachment; filename=\"___.mp4\"; filename*=UTF-8''%D8%A8%D8%AD%D8%B1.mp4"),
        ('a"; b', "attachment; filename=\"a_; b\"; filename*=UTF-8''a%22%3B%20b"),
    ):
        await studio.kit.database.execute("update uploads set filename = $1", name)
        _, _, headers = await studio.get(path, token=studio.ada)
        assert headers["Content-Disposition"] == said


async def test_a_token_for_uploads_makes_a_video_and_sees_it(studio: Studio, small_film: bytes) -> None:
    tokens = {}
    for scope in ("upload", "chat"):
        _, made = await studio.call("POST", "/auth/tokens", json={"name": "bot", "scopes": [scope]})
        tokens[scope] = made["token"]
    bot = tokens["upload"]
    upload_id = await studio.uploaded(small_film, token=bot)
    assert (await studio.call("GET", f"/uploads/{upload_id}", bot))[1]["state"] == "ready"
    status, answer = await studio.call("POST", "/videos", bot, json={"upload_id": upload_id, "title": "Sea"})
    assert status == 202
    path = f"/videos/{answer['video']['id']}"
    assert (await studio.call("GET", path, bot))[0] == 200
    assert len((await studio.call("GET", "/me/videos", bot))[1]["items"]) == 1
    work = {"video_id": answer["video"]["id"], "title": "Sea"}
    assert (await studio.call("POST", "/works", bot, json=work))[0] == 409
    assert (await studio.call("GET", "/me", bot))[0] == 403
    assert (await studio.call("GET", path, tokens["chat"]))[0] == 403


async def test_a_video_is_changed_by_its_owner(studio: Studio, small_film: bytes) -> None:
    video = await studio.made(small_film)
    await studio.kit.database.execute("update videos set edition = 1, state = 'ready'")
    path = f"/videos/{video['id']}"
    status, changed = await studio.call("PATCH", path, json={"title": "Shore", "visibility": "unlisted"})
    assert (status, changed["title"], changed["visibility"], changed["description"]) == (200, "Shore", "unlisted", "")
    assert (await studio.call("PATCH", path, studio.bob, json={"title": "Mine"}))[0] == 403
    assert (await studio.call("PATCH", path, json={"title": ""}))[0] == 422
    assert (await studio.call("PATCH", f"/videos/{NOBODY}", json={"title": "x"}))[0] == 404
    assert (await studio.call("GET", path, studio.bob))[0] == 200
    assert (await studio.call("GET", "/users/ada/videos", studio.bob))[1]["items"] == []


async def test_a_deleted_video_takes_its_files_and_its_upload_along(studio: Studio, small_film: bytes) -> None:
    video = await studio.made(small_film)
    await studio.kit.database.execute("update videos set edition = 1, state = 'ready'")
    path = f"/videos/{video['id']}"
    assert (await studio.call("DELETE", path, studio.bob))[0] == 403
    assert (await studio.call("DELETE", path))[0] == 204
    assert (await studio.call("GET", path))[0] == 404
    assert (await studio.get(f"/vod/{video['id']}/index.m3u8"))[0] == 404
    database = studio.kit.database
    assert await database.fetchval("select count(*) from uploads") == 0
    doomed = [row["prefix"] for row in await database.fetch("select prefix from doomed_objects")]
    assert f"videos/{video['id']}/" in doomed


async def test_a_video_that_was_deleted_before_its_job_leaves_nothing_to_do(studio: Studio, small_film: bytes) -> None:
    video = await studio.made(small_film)
    assert (await studio.call("DELETE", f"/videos/{video['id']}"))[0] == 204
    await studio.kit.run_jobs()
    assert await studio.kit.database.fetchval("select count(*) from video_segments") == 0


async def test_a_file_that_cannot_be_encoded_says_why(studio: Studio, small_film: bytes) -> None:
    made = await studio.made(small_film)
    [file] = (studio.kit.objects_dir / "uploads").glob("*/0*")
    file.write_bytes(small_film[: len(small_film) // 2])
    await studio.kit.run_jobs()
    _, video = await studio.call("GET", f"/videos/{made['id']}")
    assert video["state"] == "failed"
    assert "cannot be read" in video["reason"]
    assert studio.kit.published.events[-1][2]["state"] == "failed"
    assert (await studio.call("GET", f"/videos/{video['id']}", studio.bob))[0] == 404


TEXT = b"WEBVTT\n\n00:01.000 --> 00:02.000\nHello\n"
SOUND = b"ID3" + bytes(100)


async def test_only_a_ready_unused_upload_of_ones_own_of_kind_video_becomes_one(
    studio: Studio, small_film: bytes
) -> None:
    text = await studio.uploaded(TEXT)
    sound = await studio.uploaded(SOUND)
    others = await studio.uploaded(small_film, token=studio.bob)
    used = await studio.uploaded(small_film)
    assert (await studio.call("POST", "/videos", json={"upload_id": used, "title": "x"}))[0] == 202
    for upload_id in (text, sound, others, used, NOBODY, "no-id"):
        status, problem = await studio.call("POST", "/videos", json={"upload_id": upload_id, "title": "x"})
        assert (status, problem["errors"][0]["field"]) == (422, "upload_id"), upload_id
    state = await studio.kit.database.fetchval("select claimed_by from uploads where id = $1", text)
    assert state is None


async def test_encoding_goes_on_where_the_last_worker_was_killed(studio: Studio) -> None:
    video = await studio.made(film(seconds=9, fps=5))
    await encoded_here(studio, dies_after=3)
    rows = await studio.kit.database.fetch("select rendition, number from video_segments order by 1, 2")
    assert [(row["rendition"], row["number"]) for row in rows] == [("90p", 0), ("audio", 0), ("audio", 1), ("audio", 2)]
    _, shown = await studio.call("GET", f"/videos/{video['id']}")
    assert shown["state"] == "processing"
    assert "killed by signal 9" in shown["reason"]
    assert 0 < shown["progress"] < 1
    sent = await encoded_here(studio)
    assert [(type(one).__name__, one.have) for one in sent[1:]] == [("EncodePictures", (1,))]
    _, shown = await studio.call("GET", f"/videos/{video['id']}")
    assert (shown["state"], shown["reason"]) == ("ready", "")


async def encoded_here(studio: Studio, *, dies_after: int = 1000) -> list[Any]:
    """Run the job of one video with its encoder in this process, which is killed after so many segments; its orders."""
    orders: list[Any] = []
    made = 0

    async def carry_out(order: Order) -> AsyncGenerator[Report]:
        nonlocal made
        orders.append(order)
        for report in obey(order):
            if isinstance(report, SegmentMade):
                made += 1
                if made > dies_after + 1:
                    raise WorkerDiedError("killed by signal 9")
            yield report

    async def take(*_: object) -> bytes | None:
        return None

    async def no_poster(*_: object) -> None:
        """It is made later, in ``test_posters``."""

    platform = studio.kit.platform()
    encoder = VideoEncoder(
        db=platform.db,
        objects=platform.objects,
        originals=studio.kit.install().uploads,
        publish=platform.publish,
        bounds=SourceBounds(streams=4, pixels=10**6, seconds=60),
        ask_poster=no_poster,
        at_once=1,
        now=platform.now,
        carry_out=carry_out,
        take=take,
    )
    with suppress(RetryLater):
        await run_due(studio.kit.database, encoder.job)
    await make_due(studio.kit.database)
    return orders
