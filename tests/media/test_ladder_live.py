"""A publication with real codecs: what players get of a rendition that is made of it, also when its worker dies."""

from __future__ import annotations

import asyncio
import io
import os
import signal
from collections.abc import Callable
from pathlib import Path

import av
import msgspec

from media.control import ControlMessage, Granted, Packaged
from media.hls.answers import Rendered
from media.hls.blocking import BlockingQuery
from media.hls.events import Event, InitReady, PartReady, SegmentReady
from media.hls.index import LiveIndex
from media.plane import Plane
from media.transcode.pool import CodecPool
from media.unit import Codec, Unit
from tests.media.transcode.sources import video

FPS = 15
GRANT = Granted(
    stream_id="s", epoch=1, publication=1, first_segment=0, media_time_ms=0, latency="low", is_recorded=False,
    transcode="ladder",
)  # fmt: skip


class NoStore:
    async def put(self, key: str, path: Path, content_type: str) -> None:
        raise AssertionError("what is made is not recorded")


class OnAir:
    """A plane with one publication, and what it says of it."""

    def __init__(self, folder: Path, codecs: CodecPool) -> None:
        self.events: list[Event] = []
        self.index = LiveIndex(on_change=lambda: None)
        self._changed = asyncio.Event()
        self.plane = Plane(
            run_dir=folder, store=NoStore(), codecs=codecs, say=self._say, max_streams=1, max_run_bytes=2**26,
            max_ladders=1,
        )  # fmt: skip
        self.plane.publish(GRANT, protocol="rtmp", remote="r")
        (self.run,) = self.plane.runs

    def _say(self, message: ControlMessage) -> None:
        if isinstance(message, Packaged):
            self.events.append(message.event)
            self.index.apply(message.event)
            self._changed.set()

    async def until(self, is_so: Callable[[], bool]) -> None:
        async with asyncio.timeout(30):
            while not is_so():
                self._changed.clear()
                await self._changed.wait()

    def segments(self, rendition: str) -> list[SegmentReady]:
        return [event for event in self.events if isinstance(event, SegmentReady) and event.rendition == rendition]

    def parts(self, rendition: str) -> list[PartReady]:
        return [event for event in self.events if isinstance(event, PartReady) and event.rendition == rendition]

    def joined(self, rendition: str) -> bytes:
        inits = [event for event in self.events if isinstance(event, InitReady) and event.rendition == rendition]
        paths = [inits[0].path, *(event.path for event in self.segments(rendition))]
        return b"".join(Path(path).read_bytes() for path in paths)


async def test_a_killed_worker_costs_players_of_its_renditions_neither_a_segment_nor_the_alignment(
    tmp_path: Path,
) -> None:
    track, units = video(Codec.H264, width=640, height=480, frames=8 * FPS + 2, fps=FPS)
    track = msgspec.structs.replace(track, fps=float(FPS))
    pool = CodecPool()
    await pool.start()
    air = OnAir(tmp_path, pool)
    try:
        air.run.configure([track])
        write(air, units[:FPS])
        await air.until(lambda: any(isinstance(event, InitReady) and event.rendition == "360p" for event in air.events))
        write(air, units[FPS : 5 * FPS + 5])
        await air.until(lambda: bool(air.parts("360p")) and air.parts("360p")[-1].media_time >= 4 * 90_000)
        os.kill(next(iter(pool._at_work)).pid, signal.SIGKILL)
        write(air, units[5 * FPS + 5 : 6 * FPS])
        await air.until(lambda: air.parts("360p")[-1].media_time > units[5 * FPS + 4].pts)
        write(air, units[6 * FPS :])
        await air.until(lambda: len(air.segments("360p")) == 5)
        made, sent = air.segments("360p"), air.segments("video")
        assert [each.segment for each in made] == [each.segment for each in sent] == [1, 2, 3, 4, 5]
        assert [each.media_time for each in made] == [each.media_time for each in sent]
        assert not any(each.is_gap for each in made)
        assert [each.is_independent for each in made] == [each.is_independent for each in sent]
        answer = air.index.media("360p", BlockingQuery())
        assert isinstance(answer, Rendered)
        assert b"EXT-X-GAP" not in answer.body
        with av.open(io.BytesIO(air.joined("360p"))) as file:
            frames = list(file.decode(video=0))
        assert {(frame.width, frame.height) for frame in frames} == {(480, 360)}
        assert 7 * FPS <= len(frames) <= 8 * FPS, "at most a key frame interval of pictures is missing"
    finally:
        air.run.close("over")
        await air.plane.close("over")
        await pool.close()


def write(air: OnAir, units: list[Unit]) -> None:
    """As if they had just come however late it is: a loaded machine leaves out pictures that came long ago."""
    for unit in units:
        air.run.write(msgspec.structs.replace(unit, at=unit.at + 3_600))
