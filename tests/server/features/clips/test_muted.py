"""Parts of a recording that the owner of a work has had muted are silent wherever it is played."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import av
import numpy as np

from media.hls.answers import InStore, OnDisk, Rendered
from media.hls.blocking import BlockingQuery
from media.hls.events import StreamEnded
from media.hls.index import LiveIndex
from server.live.recorded import read_recording
from storage.ids import Ids
from storage.recording import Recordings
from tests.server.features.clips.conftest import Stage, Stream

RATE = 48_000


async def matched(stage: Stage, stream: Stream, policy: str = "mute") -> str:
    """From 2.5 to 10 s, of a work of bob; the answer to the publisher's dispute has what it asks for done."""
    match_id, work_id = (str(Ids().uuid7(1e9)) for _ in range(2))
    db = stage.kit.database
    await db.execute(
        "insert into works (id, owner_id, media_id, title, policy, state, created_at)"
        " values ($1::uuid, $2::uuid, $1::uuid, 'Song', $3, 'ready', now())", work_id, await stage.id_of(stage.bob),
        policy,
    )  # fmt: skip
    await db.execute(
        "insert into work_matches (id, work_id, holder_id, publisher_id, media_id, media_kind, from_ms, to_ms,"
        " work_from_ms, score, speed, policy, is_credited, created_at)"
        " values ($1::uuid, $2::uuid, $3::uuid, $4::uuid, $5::uuid, 'stream', 2500, 10000, 0, 1, 1, $6, false, now())",
        match_id, work_id, await stage.id_of(stage.bob), stream.owner_id, stream.id, policy,
    )  # fmt: skip
    assert (await stage.served.call("POST", f"/matches/{match_id}/dispute", token=stage.ada))[0] == 200
    await enforced(stage)
    return match_id


async def enforced(stage: Stage) -> None:
    await stage.kit.run_jobs([stage.served.feature(name) for name in ("works", "recordings")])


async def index_of(stage: Stage, stream: Stream) -> LiveIndex:
    index = LiveIndex(on_change=lambda: None, target_s=2, part_target_s=0.334, keeps_all=True)
    assert await read_recording(index, Recordings(db=stage.kit.database), stream.id)
    index.apply(StreamEnded())
    return index


async def played(stage: Stage, stream: Stream) -> tuple[list[str], bytes]:
    """The names of the segments of sound in the playlist, and the initialisation with them."""
    index = await index_of(stage, stream)
    playlist = index.media("audio", BlockingQuery())
    assert isinstance(playlist, Rendered)
    lines = playlist.body.decode().splitlines()
    names = [line for line in lines if line.endswith(".m4s")]
    init = index.locate(next(line for line in lines if "EXT-X-MAP" in line).split('"')[1])
    assert isinstance(init, OnDisk)
    segments = [await _read(stage, index.locate(name)) for name in names]
    return names, Path(init.path).read_bytes() + b"".join(segments)


async def _read(stage: Stage, location: Any) -> bytes:
    assert isinstance(location, InStore)
    objects = stage.kit.platform().objects
    data = b"".join([chunk async for chunk in objects.open(location.object_key)])
    assert len(data) == location.size, "a player is told the bytes that there are"
    return data


def levels(data: bytes) -> list[float]:
    """How loud the middle of each second is."""
    with av.open(io.BytesIO(data)) as container:
        samples = np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)])
    return [float(np.abs(samples[at : at + RATE // 5]).max()) for at in range(2 * RATE // 5, len(samples), RATE)]


def assert_silent_between(found: list[float]) -> None:
    assert min(found[0], found[1], found[11]) > 0.01
    assert max(found[3:9]) < 0.001


async def test_a_muted_part_of_a_recording_is_silent_under_addresses_of_its_own_until_the_match_is_withdrawn(
    stage: Stage,
) -> None:
    stream = await stage.recorded()
    names, whole = await played(stage, stream)
    match_id = await matched(stage, stream)
    renamed, muted = await played(stage, stream)
    assert renamed == [name.replace(".m4s", "-1.m4s") for name in names]
    assert_silent_between(levels(muted))
    manifest = (await index_of(stage, stream)).manifest(now=0.0)
    assert isinstance(manifest, Rendered)
    assert 'media="audio/1/$Number$-1.m4s"' in manifest.body.decode()
    assert 'media="video/1/$Number$.m4s"' in manifest.body.decode()
    changes = await stage.kit.database.fetch("select kind, subject_id::text from rights_changes")
    assert ("recording", stream.id) in [tuple(row) for row in changes], "nodes read it anew"

    assert (await stage.served.call("POST", f"/matches/{match_id}/withdraw", token=stage.bob))[0] == 200
    await enforced(stage)
    assert await played(stage, stream) == (names, whole)
    actions = await stage.kit.database.fetch("select action from audit_log where action = 'match.enforced'")
    assert len(actions) == 2


async def test_the_file_and_new_clips_of_a_muted_recording_are_silent_there_too(stage: Stage) -> None:
    stream = await stage.recorded()
    await stage.served.call("POST", f"/streams/{stream.id}/recording", token=stage.ada)
    await enforced(stage)
    _, before = await stage.served.call("GET", f"/streams/{stream.id}/recording")
    assert before["state"] == "ready"
    await matched(stage, stream)
    _, ready = await stage.served.call("GET", f"/streams/{stream.id}/recording")
    assert ready["state"] == "ready", "it is made anew"
    status, data, _ = await stage.get(ready["mp4"])
    assert (status, len(data)) == (200, ready["size"])
    assert_silent_between(levels(data))
    clip = await stage.made(stream, seconds=6, end_ms=9_000)
    _, data, _ = await stage.get(clip["playback"]["mp4"])
    assert max(levels(data)) < 0.001
