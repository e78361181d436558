"""An uploaded video as one MP4 for its owner, and encoded again: what is there is played until that is done."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import av
import pytest

from media.vod.messages import SourceBounds
from server.features.videos.library import queries
from server.features.videos.library.encoding import VideoEncoder
from server.features.videos.library.files import VideoFiles
from server.features.videos.library.trimming import Trimmer
from server.jobs import GiveUp
from tests.server.features.library.conftest import Studio
from tests.server.features.library.test_trimming import in_process, no_picture, no_poster
from tests.server.jobs.inline import run_due
from tests.server.served import PASSWORD


async def worked(studio: Studio, *, pixels: int = 10**6) -> None:
    """The jobs of videos, with their encoders in this process, and what follows from them."""
    platform = studio.kit.platform()
    common: dict[str, Any] = {
        "db": platform.db, "objects": platform.objects, "publish": platform.publish, "now": platform.now,
        "carry_out": in_process,
    }  # fmt: skip
    bounds = SourceBounds(streams=4, pixels=pixels, seconds=60)
    encoder = VideoEncoder(
        originals=studio.kit.install().uploads,
        bounds=bounds,
        at_once=1,
        take=no_picture,
        ask_poster=no_poster,
        **common,
    )
    trimmer, files = Trimmer(**common), VideoFiles(db=platform.db, objects=platform.objects, jobs=platform.jobs)
    await run_due(studio.kit.database, encoder.job, encoder.dead, trimmer.job, trimmer.dead)
    await studio.kit.read_facts([studio.served.feature("library")])
    await run_due(studio.kit.database, files.job)


async def shown(studio: Studio, video_id: str, token: str | None = None) -> Any:
    return (await studio.call("GET", f"/videos/{video_id}", token))[1]


def decoded(data: bytes) -> tuple[int, int]:
    """Pictures, and packets of sound."""
    with av.open(io.BytesIO(data)) as container:
        pictures = sum(1 for _ in container.decode(video=0))
    with av.open(io.BytesIO(data)) as container:
        return pictures, sum(1 for packet in container.demux(audio=0) if packet.size)


@pytest.fixture
async def video_id(studio: Studio, small_film: bytes) -> str:
    made: str = (await studio.made(small_film))["id"]
    await worked(studio)
    return made


async def test_its_owner_gets_one_mp4_that_plays_and_can_be_fetched_in_parts(studio: Studio, video_id: str) -> None:
    mine = (await shown(studio, video_id))["playback"]["mp4"]
    assert mine.startswith(f"/vod/{video_id}~")
    status, data, headers = await studio.get(mine)
    assert (status, headers["Content-Type"], headers["Cache-Control"]) == (200, "video/mp4", "private, no-cache")
    assert headers["Content-Disposition"].startswith("attachment")
    pictures, sounds = decoded(data)
    assert pictures == 30
    assert sounds > 80
    status, part, _ = await studio.get(mine, Range=f"bytes={len(data) - 5000}-{len(data) - 1}")
    assert (status, part) == (206, data[-5000:])
    status, part, _ = await studio.get(mine, Range="bytes=100-9999")
    assert (status, part) == (206, data[100:10000])
    assert (await shown(studio, video_id, studio.bob))["playback"]["mp4"] is None
    assert (await studio.get(f"/vod/{video_id}/video.mp4", token=studio.bob))[0] == 404
    assert (await studio.get(f"/vod/{video_id}/video.mp4"))[0] == 404


async def test_what_is_encoded_again_is_played_as_it_was_until_it_is_there(studio: Studio, video_id: str) -> None:
    path = f"/videos/{video_id}"
    before = (await studio.get(f"/vod/{video_id}/90p.m3u8"))[1]
    assert (await studio.call("POST", f"{path}/encode", studio.bob))[0] == 403
    assert (await studio.call("POST", f"{path}/encode"))[0] == 202
    assert (await studio.call("POST", f"{path}/encode"))[0] == 409
    assert (await shown(studio, video_id))["state"] == "processing"
    assert (await studio.get(f"/vod/{video_id}/90p.m3u8"))[1] == before
    await worked(studio, pixels=100)  # it is refused now: the file is too large for this node
    video = await shown(studio, video_id)
    assert (video["state"], bool(video["reason"])) == ("ready", True)
    assert (await studio.get(f"/vod/{video_id}/90p.m3u8"))[1] == before

    assert (await studio.call("POST", f"{path}/encode"))[0] == 202
    await worked(studio)
    video = await shown(studio, video_id)
    assert (video["state"], video["reason"], [one["name"] for one in video["playback"]["renditions"]]) == (
        "ready", "", ["90p"],
    )  # fmt: skip
    playlist = (await studio.get(f"/vod/{video_id}/90p.m3u8"))[1]
    assert b"2/90p/0.m4s" in playlist
    assert decoded((await studio.get(video["playback"]["mp4"]))[1])[0] == 30
    kept = await studio.kit.database.fetch("select distinct edition from video_segments")
    assert [row["edition"] for row in kept] == [2]


async def test_an_operator_has_those_encoded_again_that_are_not_of_the_ladder(studio: Studio, video_id: str) -> None:
    assert (await studio.call("POST", "/admin/videos/encode", json={}))[0] == 403
    await studio.kit.database.execute("update users set roles = '{viewer,admin}' where username = 'bob'")
    login = {"login": "bob", "password": PASSWORD}
    admin = (await studio.call("POST", "/auth/login", json=login))[1]["access_token"]
    assert await studio.call("POST", "/admin/videos/encode", admin, json={}) == (202, {"videos": 0})
    await studio.kit.database.execute("update video_renditions set name = '80p' where kind = 'video'")
    assert await studio.call("POST", "/admin/videos/encode", admin, json={}) == (202, {"videos": 1})
    assert await studio.call("POST", "/admin/videos/encode", admin, json={}) == (202, {"videos": 0})
    assert (await studio.call("POST", "/admin/videos/encode", admin, json={"limit": 0}))[0] == 422


async def test_a_trim_that_failed_may_be_tried_again(studio: Studio, video_id: str) -> None:
    """And what was trimmed is not made whole again behind its owner's back."""
    path, folder = f"/videos/{video_id}", Path(studio.kit.objects_dir) / "videos" / video_id
    folder.rename(folder.with_name("elsewhere"))
    assert (await studio.call("POST", f"{path}/trim", json={"from_ms": 0, "to_ms": 1000}))[0] == 202
    with pytest.raises(GiveUp):
        await worked(studio)
    await studio.kit.database.fetchval(queries.NOT_TRIMMED, video_id, "It could not be trimmed")  # as its dead job does
    assert (await shown(studio, video_id))["duration_ms"] > 1500
    folder.with_name("elsewhere").rename(folder)
    assert (await studio.call("POST", f"{path}/trim", json={"from_ms": 0, "to_ms": 1000}))[0] == 202
    await worked(studio)
    video = await shown(studio, video_id)
    assert (video["state"], video["duration_ms"]) == ("ready", 1000)
    assert decoded((await studio.get(video["playback"]["mp4"]))[1])[0] == 15
    assert (await studio.call("POST", f"{path}/encode"))[0] == 409
