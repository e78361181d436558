"""What the policies of works do to the videos that they are found in, until a match is withdrawn."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from media.vod.messages import EncodeSound, LaneMade, SegmentMade
from media.vod.sound import encode_sound
from storage.ids import Ids
from tests.media.vod.films import film, written
from tests.server.features.works.test_works import Stage, stage

__all__ = ["stage"]

RATE = 48_000


async def uploaded(stage: Stage, folder: Path) -> tuple[str, bytes, list[SegmentMade]]:
    """A video of bob with nine seconds of a tone: its id, the initialisation, and the segments."""
    path = written(folder, film(seconds=9, fps=1))
    made = list(encode_sound(EncodeSound(path=str(path), seconds=9)))
    init = next(one.init for one in made if isinstance(one, LaneMade))
    segments = [one for one in made if isinstance(one, SegmentMade)]
    video_id, db, objects = str(Ids().uuid7(1e9)), stage.kit.database, stage.kit.platform().objects
    await db.execute(
        "insert into videos (id, owner_id, title, state, edition, duration_ms, created_at)"
        " values ($1, $2, 'Cut', 'ready', 1, 9000, now())", video_id, await stage.person(stage.bob),
    )  # fmt: skip
    base = f"videos/{video_id}/1/audio"
    await objects.put(f"{base}/init.mp4", init, content_type="video/mp4")
    await db.execute(
        "insert into video_renditions (video_id, edition, name, place, kind, codec, timescale, width, height, fps,"
        " channels, init_key, is_whole) values ($1, 1, 'audio', 0, 'audio', 'mp4a.40.2', 48000, 0, 0, 0, 2, $2, true)",
        video_id, f"{base}/init.mp4",
    )  # fmt: skip
    for one in segments:
        await objects.put(f"{base}/{one.number}.m4s", one.data, content_type="video/mp4")
        await db.execute(
            "insert into video_segments (video_id, edition, rendition, number, object_key, start, duration, bytes,"
            " key_bytes) values ($1, 1, 'audio', $2, $3, $4, $5, $6, 0)",
            video_id, one.number, f"{base}/{one.number}.m4s", one.start, one.duration, len(one.data),
        )  # fmt: skip
    return video_id, init, segments


async def matched(stage: Stage, video_id: str, policy: str) -> str:
    """With a work of ada, from 1 to 8.5 s."""
    match_id, work_id = str(Ids().uuid7(1e9)), await stage.work()
    await stage.kit.database.execute(
        "insert into work_matches (id, work_id, holder_id, publisher_id, media_id, media_kind, from_ms, to_ms,"
        " work_from_ms, score, speed, policy, is_credited, created_at)"
        " values ($1, $2, $3, $4, $5, 'video', 1000, 8500, 0, 1, 1, $6, false, now())",
        match_id, work_id, await stage.person(stage.ada), await stage.person(stage.bob), video_id, policy,
    )  # fmt: skip
    return match_id


async def enforced(stage: Stage, video_id: str) -> None:
    room = stage.served.feature("works")
    (job,) = [one for one in room.jobs if one.name == "works.enforce"]
    async with stage.kit.database.transaction() as tx:
        await stage.kit.platform().jobs.enqueue(tx, job, job.body(video_id))
    await stage.kit.run_jobs([room])


async def sound(stage: Stage, video_id: str, init: bytes) -> tuple[bytes, list[float]]:
    """The segments as they are played, and how loud the middle of each second is."""
    base = f"{stage.served.url}/vod/{video_id}"
    async with stage.served.http.get(f"{base}/audio.m3u8") as answer:
        names = [line for line in (await answer.text()).splitlines() if line.endswith(".m4s")]
    data = b""
    for name in names:
        async with stage.served.http.get(f"{base}/{name}") as answer:
            assert answer.status == 200
            data += await answer.read()
    with av.open(io.BytesIO(init + data)) as container:
        samples = np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)])
    return data, [float(np.abs(samples[at : at + RATE // 5]).max()) for at in range(2 * RATE // 5, 9 * RATE, RATE)]


async def seen(stage: Stage, video_id: str, token: str) -> tuple[int, Any]:
    return await stage.served.call("GET", f"/videos/{video_id}", token=token)


async def test_a_muted_part_is_silent_until_the_match_is_withdrawn(stage: Stage, tmp_path: Path) -> None:
    video_id, init, segments = await uploaded(stage, tmp_path)
    match_id = await matched(stage, video_id, "mute")
    await enforced(stage, video_id)
    _, levels = await sound(stage, video_id, init)
    assert levels[0] > 0.01
    assert max(levels[1:8]) < 0.001

    assert (await stage.served.call("POST", f"/matches/{match_id}/withdraw", token=stage.ada))[0] == 200
    await stage.kit.run_jobs([stage.served.feature("works")])
    data, levels = await sound(stage, video_id, init)
    assert data == b"".join(one.data for one in segments), "the segments are those that were encoded"
    assert min(levels) > 0.01


async def test_a_blocked_video_is_for_both_sides_alone_until_the_match_is_withdrawn(stage: Stage) -> None:
    video_id = str(Ids().uuid7(1e9))
    await stage.kit.database.execute(
        "insert into videos (id, owner_id, title, state, edition, created_at)"
        " values ($1, $2, 'Cut', 'ready', 1, now())", video_id, await stage.person(stage.bob),
    )  # fmt: skip
    match_id = await matched(stage, video_id, "block")
    await enforced(stage, video_id)
    eve = await stage.served.register("eve")
    status, problem = await seen(stage, video_id, eve)
    assert (status, problem["type"].rpartition("/")[2]) == (451, "claimed")
    assert (await seen(stage, video_id, stage.bob))[0] == 200
    assert (await seen(stage, video_id, stage.ada))[0] == 200, "both sides see what they differ about"
    _, listed = await stage.served.call("GET", "/users/bob/videos", token=stage.ada)
    assert listed["items"] == []

    assert (await stage.served.call("POST", f"/matches/{match_id}/dispute", token=stage.bob))[0] == 200
    await stage.kit.run_jobs([stage.served.feature("works")])
    assert (await seen(stage, video_id, eve))[0] == 451, "until it is decided"
    assert (await seen(stage, video_id, stage.ada))[0] == 200
    assert (await stage.served.call("POST", f"/matches/{match_id}/withdraw", token=stage.ada))[0] == 200
    await stage.kit.run_jobs([stage.served.feature("works")])
    assert (await seen(stage, video_id, eve))[0] == 200
    assert (await stage.actions()).count("match.enforced") == 2


async def test_a_video_that_cannot_be_muted_is_withheld(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("media.hls.silence.silence", lambda track: None)
    video_id, _, _ = await uploaded(stage, tmp_path)
    await matched(stage, video_id, "mute")
    await enforced(stage, video_id)
    assert (await seen(stage, video_id, await stage.served.register("eve")))[0] == 451
