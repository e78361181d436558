"""Pictures of key frames, made by a real worker."""

from __future__ import annotations

import asyncio
import io
import os
import signal
from collections.abc import AsyncIterator

import pytest
from PIL import Image

from media.transcode import pictures
from media.transcode.pool import CodecPool
from media.unit import Codec, Track, Unit
from tests.media.transcode.sources import video


@pytest.fixture
async def pool() -> AsyncIterator[CodecPool]:
    pool = CodecPool()
    await pool.start()
    yield pool
    await pool.close()


def shown(picture: bytes | None) -> Image.Image:
    assert picture is not None
    image = Image.open(io.BytesIO(picture))
    assert image.format == "WEBP"
    return image.convert("RGB")


@pytest.mark.parametrize("codec", [Codec.H264, Codec.HEVC])
async def test_key_frame_becomes_a_webp_480_wide(pool: CodecPool, codec: Codec) -> None:
    track, units = video(codec, width=1280, height=720)
    image = shown(await pool.picture(track, units[0]))
    assert image.size == (480, 270)
    left, right = image.getpixel((60, 135)), image.getpixel((420, 135))
    assert left[0] > 150 > left[2]
    assert right[2] > 150 > right[0]


@pytest.mark.parametrize(
    ("width", "height", "aspect", "expected"),
    [
        (320, 180, "1:1", (320, 180)),
        (720, 1280, "1:1", (480, 854)),
        (720, 576, "64:45", (480, 270)),
    ],
)
async def test_picture_has_the_proportions_in_which_the_frame_is_shown(
    pool: CodecPool, width: int, height: int, aspect: str, expected: tuple[int, int]
) -> None:
    track, units = video(Codec.H264, width=width, height=height, aspect=aspect)
    assert shown(await pool.picture(track, units[0])).size == expected


async def test_nonsense_is_no_picture_and_the_next_is_one(pool: CodecPool) -> None:
    track, units = video(Codec.H264, width=320, height=180)
    for data in (b"", b"\x00", os.urandom(2_000), units[0].data[:40]):
        unit = Unit(kind="video", pts=0, dts=0, is_key=True, data=data, at=0.0)
        assert await pool.picture(track, unit) is None
    nonsense = Track(kind="video", codec=Codec.HEVC, timescale=90_000, config=os.urandom(60))
    assert await pool.picture(nonsense, units[0]) is None
    assert await pool.picture(track, units[0]) is not None


async def test_frame_of_sound_is_no_picture(pool: CodecPool) -> None:
    track = Track(kind="audio", codec=Codec.OPUS, timescale=48_000)
    assert await pool.picture(track, Unit(kind="audio", pts=0, dts=0, is_key=True, data=b"x", at=0.0)) is None


async def test_pictures_beyond_those_that_may_wait_are_none_at_once(pool: CodecPool) -> None:
    track, units = video(Codec.H264, width=640, height=360)
    taken = await asyncio.gather(*(pool.picture(track, units[0]) for _ in range(20)))
    assert [picture is not None for picture in taken] == [True] * 9 + [False] * 11


async def test_killed_worker_costs_one_picture(pool: CodecPool) -> None:
    track, units = video(Codec.H264, width=640, height=360)
    assert await pool.picture(track, units[0]) is not None
    worker = next(iter(pool._at_work))
    os.kill(worker.pid, signal.SIGSTOP)
    lost = asyncio.ensure_future(pool.picture(track, units[0]))
    await asyncio.sleep(0)
    os.kill(worker.pid, signal.SIGKILL)
    assert await lost is None
    assert await pool.picture(track, units[0]) is not None


async def test_worker_that_is_late_is_waited_for_and_not_replaced(
    pool: CodecPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    track, units = video(Codec.H264, width=640, height=360)
    assert await pool.picture(track, units[0]) is not None
    worker = next(iter(pool._at_work))
    os.kill(worker.pid, signal.SIGSTOP)
    monkeypatch.setattr(pictures, "DEADLINE_S", 0.05)
    assert await pool.picture(track, units[0]) is None
    monkeypatch.undo()
    assert await pool.picture(track, units[0]) is None
    os.kill(worker.pid, signal.SIGCONT)
    async with asyncio.timeout(30):
        while await pool.picture(track, units[0]) is None:  # noqa: ASYNC110 - asks anew
            await asyncio.sleep(0.01)
    assert pool._at_work == {worker}


async def test_somebody_who_no_longer_wants_a_picture_leaves_the_worker_to_the_others(pool: CodecPool) -> None:
    track, units = video(Codec.H264, width=640, height=360)
    assert await pool.picture(track, units[0]) is not None
    worker = next(iter(pool._at_work))
    given_up = asyncio.ensure_future(pool.picture(track, units[0]))
    other = asyncio.ensure_future(pool.picture(track, units[0]))
    await asyncio.sleep(0)
    given_up.cancel()
    assert await other is not None
    assert worker in pool._at_work


async def test_picture_after_close_is_none(pool: CodecPool) -> None:
    track, units = video(Codec.H264, width=640, height=360)
    await pool.close()
    assert await pool.picture(track, units[0]) is None
