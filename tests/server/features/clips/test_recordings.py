"""A recording as one file: made on request, of the segments as they lie."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from media.hls.cmaf import boxes
from server.features.videos.recordings.composed import FilePart, Layout
from server.jobs import GiveUp
from tests.server.features.clips.conftest import SECONDS, Stage, Stream
from tests.server.features.clips.test_clips import seconds_of


async def file(stage: Stage, stream: Stream, method: str = "GET", token: str | None = None) -> tuple[int, Any]:
    return await stage.served.call(method, f"/streams/{stream.id}/recording", token=token)


async def test_a_recording_is_made_into_one_file_without_being_stored_twice(stage: Stage, tmp_path: Path) -> None:
    stream = await stage.recorded()
    assert (await file(stage, stream))[1]["state"] == "none"
    assert (await file(stage, stream, "POST", stage.bob))[0] == 403
    for _ in range(2):
        status, asked = await file(stage, stream, "POST", stage.ada)
        assert (status, asked["state"], asked["mp4"]) == (202, "queued", None)
    assert await stage.kit.run_jobs([stage.served.feature("recordings")]) == 1
    _, ready = await file(stage, stream)
    assert (ready["state"], ready["progress"]) == ("ready", 1.0)

    status, data, headers = await stage.get(ready["mp4"])
    assert (status, len(data), headers["Accept-Ranges"]) == (200, ready["size"], "bytes")
    assert [kind for kind, _, _ in boxes(data, 0, len(data))] == [b"ftyp", b"moov", b"mdat"]
    assert seconds_of(data, tmp_path / "recording.mp4") == pytest.approx(SECONDS - 1, abs=0.3)  # whole segments
    for begin, end in ((0, 10), (100, len(data) // 2), (len(data) - 5, len(data) - 1)):
        status, part, _ = await stage.get(ready["mp4"], Range=f"bytes={begin}-{end}")
        assert (status, part) == (206, data[begin : end + 1])

    objects = stage.kit.platform().objects
    own = [size async for key, size in objects.listed() if key.startswith(f"streams/{stream.id}/recording/")]
    assert sum(own) < len(data) / 10
    await stage.kit.database.execute("delete from streams where id = $1", stream.id)
    assert (await stage.get(ready["mp4"]))[0] == 404


async def test_what_cannot_be_made_into_a_file_says_why(stage: Stage) -> None:
    assert (await file(stage, await stage.on_air(), "POST", stage.ada))[1]["type"].endswith("/not-ended")
    assert (await file(stage, await stage.stream(), "POST", stage.ada))[1]["type"].endswith("/not-recorded")
    broken = await stage.recorded()
    await stage.kit.platform().objects.put(f"streams/{broken.id}/video/1/3.m4s", b"x" * 500, content_type="video/mp4")
    await file(stage, broken, "POST", stage.ada)
    with pytest.raises(GiveUp):
        await stage.kit.run_jobs([stage.served.feature("recordings")])
    _, failed = await file(stage, broken)
    assert (failed["state"], failed["mp4"]) == ("failed", None)
    assert (await file(stage, broken, "POST", stage.ada))[1]["state"] == "queued"


async def test_the_file_of_a_private_stream_is_there_for_whom_it_is_addressed_to(stage: Stage) -> None:
    stream = await stage.recorded(visibility="private")
    await file(stage, stream, "POST", stage.ada)
    await stage.kit.run_jobs([stage.served.feature("recordings")])
    assert (await file(stage, stream, token=stage.bob))[0] == 404
    _, ready = await file(stage, stream, token=stage.ada)
    status, _, headers = await stage.get(ready["mp4"], Range="bytes=0-1")
    assert (status, headers["Cache-Control"]) == (206, "private, no-cache")
    assert (await stage.get(f"/hls/{stream.id}/recording.mp4"))[0] == 404


def test_a_range_is_read_of_the_parts_that_it_lies_in() -> None:
    layout = Layout([FilePart("a", 10), FilePart("b", 0), FilePart("c", 5)])
    assert layout.spans(8, 4) == [("a", 8, 2), ("c", 0, 2)]
    assert layout.spans(0, 100) == [("a", 0, 10), ("c", 0, 5)]
    assert layout.spans(15, 5) == []
