"""A recording that was trimmed: what is played, and all that goes by its clock, agree on what is left."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import av
import pytest

from media.hls.answers import InStore, OnDisk, Rendered
from media.hls.blocking import BlockingQuery
from media.hls.events import Event
from media.hls.folder import RunFolder
from media.hls.index import LiveIndex
from media.hls.muxer import Muxer
from server.features.videos.recordings import RecordingTrims
from storage.recording import Recordings, Segment, Window, window_of
from storage.timed_marks import TimedMarks
from tests.media.hls.sources import encode, live
from tests.server.features.clips.conftest import SECONDS, Stage, Stream, media, staged
from tests.server.features.clips.test_muted import index_of
from tests.server.kit import Kit

__all__ = ["media"]


@pytest.fixture
async def stage(kit: Kit, media: list[Event]) -> AsyncIterator[Stage]:
    async with staged(kit, media) as made:
        yield made


async def recorded(stage: Stage) -> Stream:
    stream = await stage.recorded()
    await stage.kit.read_facts([stage.served.feature("library")])
    await stage.kit.database.execute("update videos set duration_ms = $1", SECONDS * 1000)
    return stream


async def trim(stage: Stage, stream: Stream, from_ms: int, to_ms: int, token: str | None = None) -> tuple[int, Any]:
    body = {"from_ms": from_ms, "to_ms": to_ms}
    return await stage.served.call("POST", f"/videos/{stream.id}/trim", token=token or stage.ada, json=body)


async def worked(stage: Stage, *others: str) -> None:
    await stage.kit.run_jobs([stage.served.feature(name) for name in ("library", *others)])


async def bytes_at(stage: Stage, index: LiveIndex, name: str) -> bytes:
    location = index.locate(name)
    if isinstance(location, OnDisk):
        rows = await stage.kit.database.fetch("select object_key from stream_inits where name = $1", name)
        key = rows[0]["object_key"]
    else:
        assert isinstance(location, InStore), name
        key = location.object_key
    return b"".join([chunk async for chunk in stage.kit.platform().objects.open(key)])


async def runs(stage: Stage, stream: Stream, rendition: str) -> list[bytes]:
    """An HLS playlist as files that a decoder takes: an initialisation and the segments after it."""
    index = await index_of(stage, stream)
    playlist = index.media(rendition, BlockingQuery())
    assert isinstance(playlist, Rendered)
    found: list[bytes] = []
    for line in playlist.body.decode().splitlines():
        if line.startswith("#EXT-X-MAP"):
            found.append(await bytes_at(stage, index, line.split('"')[1]))
        elif line.endswith(".m4s"):
            found[-1] += await bytes_at(stage, index, line)
    return found


def shown(data: bytes) -> list[float]:
    """When its pictures are shown, on the media clock."""
    with av.open(io.BytesIO(data)) as container:
        return [round(float(frame.pts * frame.time_base), 3) for frame in container.decode(video=0)]


def heard(data: bytes) -> float:
    """Seconds of sound."""
    with av.open(io.BytesIO(data)) as container:
        return sum(frame.samples for frame in container.decode(audio=0)) / 48_000


async def pictures(stage: Stage, stream: Stream) -> list[float]:
    return [at for run in await runs(stage, stream, "video") for at in shown(run)]


def left(times: list[float], from_s: float, to_s: float) -> Any:
    """The picture that is shown at the beginning, and those that begin afterwards."""
    return pytest.approx([from_s, *(at for at in times if from_s < at < to_s)], abs=0.002)


async def test_what_was_asked_for_stays_to_the_picture_and_can_be_trimmed_again(stage: Stage) -> None:
    stream = await recorded(stage)
    assert (await trim(stage, stream, 1_000, 11_500, stage.bob))[0] == 403
    status, answer = await trim(stage, stream, 3_000, 11_500)
    assert (status, answer["video"]["state"]) == (202, "processing")
    assert (await trim(stage, stream, 0, 9_000))[0] == 409, "another one is at work"
    before = await pictures(stage, stream)
    objects, thumbnail = stage.kit.platform().objects, f"streams/{stream.id}/thumbnail.webp"
    await objects.put(thumbnail, b"a picture of the end", content_type="image/webp")
    await stage.kit.run_jobs()
    told = [body["progress"] for _, event, body in stage.kit.published.events if event == "video:progress"]
    assert told == sorted(told)
    assert (told[0], told[-1]) == (0.0, 1.0)
    assert any(0 < share < 1 for share in told)
    picture = b"".join([chunk async for chunk in objects.open(thumbnail)])
    assert picture[8:12] == b"WEBP", "it is one of what is left"
    _, video = await stage.served.call("GET", f"/videos/{stream.id}")
    assert (video["state"], video["duration_ms"]) == ("ready", 8_500)
    assert await pictures(stage, stream) == left(before, 3.0, 11.5)
    assert len(await runs(stage, stream, "video")) == 1, "all is decoded by one initialisation"
    kept = await Recordings(db=stage.kit.database).segments(stream.id, rendition="video")
    assert ["/trimmed/" in row.object_key for row in kept] == [True, *[False] * (len(kept) - 2), True]
    assert sum([heard(run) for run in await runs(stage, stream, "audio")]) == pytest.approx(8.5, abs=0.05)

    assert (await trim(stage, stream, 1_000, 1_500))[0] == 202, "by the clock of what is left"
    await worked(stage)
    assert await pictures(stage, stream) == left(before, 4.0, 4.5)
    assert await window_of(stage.kit.database, stream.id) == Window(begin_ms=4_000, end_ms=4_500, edition=2)


def packaged(folder: Path, **options: Any) -> list[Event]:
    encoded = encode(seconds=SECONDS, fps=10, gop=20, **options)
    muxer = Muxer(folder=RunFolder(path=folder), publication=1)
    return muxer.feed(live(*encoded.tracks, units=encoded.units))


async def test_what_refers_to_later_pictures_is_encoded_anew_and_other_codecs_are_cut_at_the_key_frames_around(
    stage: Stage, tmp_path_factory: pytest.TempPathFactory
) -> None:
    reordered = {"bf": "2", "b_strategy": "0", "preset": "veryfast"}
    stage.media = packaged(tmp_path_factory.mktemp("reordered"), options=reordered)
    stream = await recorded(stage)
    stage.media = packaged(tmp_path_factory.mktemp("hevc"), video_codec="libx265")
    hevc = await recorded(stage)
    before = await pictures(stage, stream)
    rows = await Recordings(db=stage.kit.database).segments(hevc.id, rendition="video")
    assert [(await trim(stage, one, 3_000, 9_000))[0] for one in (stream, hevc)] == [202, 202]
    await worked(stage)
    assert await pictures(stage, stream) == left(before, 3.0, 9.0)
    assert len(await runs(stage, stream, "video")) == 1
    around = [row for row in rows if row.media_time_ms < 9_000 and row.media_time_ms + row.duration_ms > 3_000]
    await lasts(stage, hevc, around)


async def lasts(stage: Stage, stream: Stream, rows: Sequence[Segment]) -> None:
    """Its pictures are those segments, and its sound lasts as long."""
    kept = await Recordings(db=stage.kit.database).segments(stream.id, rendition="video")
    assert [row.object_key for row in kept] == [row.object_key for row in rows]
    window = await window_of(stage.kit.database, stream.id)
    assert window is not None
    assert window.begin_ms == rows[0].media_time_ms
    seconds = (rows[-1].media_time_ms + rows[-1].duration_ms - window.begin_ms) / 1000
    assert sum([heard(run) for run in await runs(stage, stream, "audio")]) == pytest.approx(seconds, abs=0.05)


async def test_on_a_key_frame_nothing_is_encoded_anew(stage: Stage) -> None:
    stream = await recorded(stage)
    before = await pictures(stage, stream)
    rows = await Recordings(db=stage.kit.database).segments(stream.id, rendition="video")
    begin_ms = rows[2].media_time_ms
    assert (await trim(stage, stream, begin_ms, SECONDS * 1000))[0] == 202
    await worked(stage)
    assert await pictures(stage, stream) == left(before, begin_ms / 1000, SECONDS)
    kept = await Recordings(db=stage.kit.database).segments(stream.id, rendition="video")
    assert [row.object_key for row in kept] == [row.object_key for row in rows[2:]]
    window = await window_of(stage.kit.database, stream.id)
    assert window == Window(begin_ms=begin_ms, end_ms=None, edition=1), "nothing is cut at the end"
    late = await Recordings(db=stage.kit.database).segments(stream.id)
    assert len({row.edition for row in late}) == 1, "all have addresses of their own"


async def test_all_that_goes_by_the_clock_of_a_recording_moves_with_a_trim(stage: Stage) -> None:
    stream = await recorded(stage)
    assert (await stage.served.call("POST", f"/streams/{stream.id}/recording", token=stage.ada))[0] == 202
    await worked(stage, "recordings")
    for label, at_ms in (("Cut", 500), ("Goal", 4_000), ("End", 11_900)):
        body = {"label": label, "at_ms": at_ms}
        assert (await stage.served.call("POST", f"/streams/{stream.id}/markers", token=stage.ada, json=body))[0] == 201
    await stage.kit.database.execute(
        "insert into polls (id, room_id, author_id, client_id, question, options, opened_at, closes_at, media_time_ms,"
        " former_votes) values ($1, $2, $3, 'c', 'Who?', '{a,b}', now(), now(), 5000, '{0,0}')",
        stream.id, stream.room_id, stream.owner_id,
    )  # fmt: skip
    assert (await trim(stage, stream, 3_000, 11_500))[0] == 202
    await worked(stage, "recordings")

    path = f"/streams/{stream.id}/markers"
    _, page = await stage.served.call("GET", path)
    assert [(one["label"], one["at_ms"]) for one in page["items"]] == [("Goal", 1_000)]
    assert "00:00:01.000 --> 00:00:08.500" in (await stage.get(f"/hls/{stream.id}/chapters.vtt"))[1].decode()
    status, made = await stage.served.call("POST", path, token=stage.ada, json={"label": "Late", "at_ms": 8_000})
    assert (status, made["at_ms"]) == (201, 8_000)
    assert (await stage.served.call("POST", path, token=stage.ada, json={"label": "x", "at_ms": 9_000}))[0] == 422
    _, video = await stage.served.call("GET", f"/videos/{stream.id}")
    assert [one["at_ms"] for one in video["chapters"]] == [1_000, 8_000]
    _, polls = await stage.served.call("GET", f"/streams/{stream.id}/polls")
    assert [one["media_time_ms"] for one in polls["items"]] == [2_000]

    _, file = await stage.served.call("GET", f"/streams/{stream.id}/recording")
    assert file["state"] == "ready", "it is made anew"
    _, data, _ = await stage.get(file["mp4"])
    with av.open(io.BytesIO(data)) as container:
        assert len(list(container.decode(video=0))) == len(await pictures(stage, stream))
    assert heard(data) == pytest.approx(8.5, abs=0.05)
    clip = await stage.made(stream, seconds=2, end_ms=8_500)
    assert clip["to_ms"] - clip["from_ms"] == 2_000
    assert (await stage.clip(stream, seconds=2, end_ms=9_500))[0] == 422

    manifest = (await index_of(stage, stream)).manifest(now=0.0)
    assert isinstance(manifest, Rendered)
    text = manifest.body.decode()
    assert 'mediaPresentationDuration="PT8.5' in text
    assert text.count("<Period ") == 1
    marks = await TimedMarks(db=stage.kit.database).of(stream.id)
    assert [mark.at_ms for mark in marks] == [4_000, 11_000], "players are not told of what was cut"


async def test_a_trim_that_ends_anywhere_leaves_the_old_or_the_new(stage: Stage) -> None:
    stream = await recorded(stage)
    before = await pictures(stage, stream)
    platform = stage.kit.platform()
    trims = RecordingTrims(db=platform.db, objects=platform.objects, jobs=platform.jobs, file=None)  # type: ignore[arg-type]
    plans = [await trims.plan(stream.id, from_ms=at, to_ms=10_000) for at in (3_000, 5_000)]
    assert await pictures(stage, stream) == before, "all is made, and nothing is changed"
    done = []
    for plan in plans:
        assert plan is not None
        async with platform.db.transaction() as tx:
            done.append(await trims.carry_out(tx, plan))
    assert done == [True, False], "the second one was made of what is there no more"
    assert await pictures(stage, stream) == left(before, 3.0, 10.0)
    rows = await Recordings(db=platform.db).segments(stream.id)
    await stage.kit.database.execute("update streams set state = 'live' where id = $1", stream.id)
    assert await trims.plan(stream.id, from_ms=3_000, to_ms=4_000) is None, "what goes on is not trimmed"
    assert len(rows) == len(await Recordings(db=platform.db).segments(stream.id))
