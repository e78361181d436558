"""A ladder over a real worker: one process, a relay a rendition, and what a killed worker costs."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator

import msgspec
import pytest

from media.relay import End, Relay
from media.transcode import ladder_bridge
from media.transcode.ladder import Tier
from media.transcode.ladder_bridge import LadderBridge
from media.transcode.pool import CodecPool
from media.unit import Codec, Track, Unit
from tests.media.transcode.sources import Ear, video

TIERS = (
    Tier(name="144p", width=192, height=144, fps=30.0, bit_rate=200_000, level=30),
    Tier(name="96p", width=128, height=96, fps=30.0, bit_rate=100_000, level=30),
)


@pytest.fixture
async def pool() -> AsyncIterator[CodecPool]:
    pool = CodecPool()
    await pool.start()
    yield pool
    await pool.close()


def source(frames: int) -> tuple[Track, list[Unit]]:
    """Units as if they had just come however late it is: a loaded machine leaves out pictures that came long ago."""
    track, units = video(Codec.H264, width=256, height=192, frames=frames)
    return track, [msgspec.structs.replace(unit, at=unit.at + 3_600) for unit in units]


def begun(pool: CodecPool, relay: Relay, track: Track) -> tuple[LadderBridge, list[str]]:
    reasons: list[str] = []
    return pool.ladder(relay, track, TIERS, name="test", on_closed=reasons.append), reasons


async def test_one_worker_makes_all_renditions_from_the_last_key_frame_but_one_on(pool: CodecPool) -> None:
    track, units = source(50)
    relay = Relay()
    relay.configure([track])
    for unit in units[:40]:
        relay.write(unit)
    ladder, reasons = begun(pool, relay, track)
    listeners = [Ear(each) for each in ladder.relays]
    for unit in units[40:]:
        relay.write(unit)
    for ear in listeners:
        await ear.until(lambda ear: len(ear.units("video")) == 50)
        assert [unit.pts for unit in ear.units("video")] == [unit.pts for unit in units]
        assert ear.units("video")[0].is_key
    assert pool.workers == pool.ladders == 1
    relay.close("gone")
    for ear in listeners:
        await ear.until_end()
        assert ear.items[-1] == End("gone")
    assert reasons == ["gone"]
    assert pool.ladders == 0


async def test_after_a_kill_pictures_go_on_without_one_missing_or_made_twice(pool: CodecPool) -> None:
    track, units = source(60)
    relay = Relay()
    relay.configure([track])
    ladder, _ = begun(pool, relay, track)
    ear = Ear(ladder.relays[0])
    for unit in units[:45]:
        relay.write(unit)
    await ear.until(lambda ear: len(ear.units("video")) == 45)
    worker = next(iter(pool._at_work))
    os.kill(worker.pid, signal.SIGKILL)
    await worker.gone.wait()
    for unit in units[45:]:
        relay.write(unit)
    await ear.until(lambda ear: len(ear.units("video")) == 60)
    made = ear.units("video")
    assert [unit.pts for unit in made] == [unit.pts for unit in units]
    assert made[45].is_key, "the first picture of the next worker needs no other"
    assert not ladder.is_late


async def test_it_is_late_while_its_worker_gets_no_time_and_not_after_that(
    pool: CodecPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ladder_bridge, "START_S", 0.0)
    track, units = source(3)
    relay = Relay()
    relay.configure([track])
    ladder, _ = begun(pool, relay, track)
    ear = Ear(ladder.relays[0])
    relay.write(units[0])
    await ear.until(lambda ear: bool(ear.units("video")))
    assert not ladder.is_late
    worker = next(iter(pool._at_work))
    os.kill(worker.pid, signal.SIGSTOP)
    relay.write(msgspec.structs.replace(units[1], at=units[0].at + ladder_bridge.LATE_S + 1))
    await asyncio.sleep(0)
    assert ladder.is_late
    os.kill(worker.pid, signal.SIGCONT)
    await ear.until(lambda ear: len(ear.units("video")) == 2)
    assert not ladder.is_late


async def test_other_pictures_of_the_source_end_it(pool: CodecPool) -> None:
    track, units = source(5)
    relay = Relay()
    relay.configure([track])
    ladder, reasons = begun(pool, relay, track)
    ear = Ear(ladder.relays[0])
    relay.write(units[0])
    await ear.until(lambda ear: bool(ear.units("video")))
    relay.configure([msgspec.structs.replace(track, width=128, height=96)])
    await ear.until_end()
    assert reasons == ["the pictures of the source have changed"]


async def test_a_pool_that_closes_ends_it(pool: CodecPool) -> None:
    track, _ = source(1)
    relay = Relay()
    relay.configure([track])
    _, reasons = begun(pool, relay, track)
    await pool.close()
    assert reasons == ["closed"]
