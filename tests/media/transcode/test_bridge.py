"""A bridge over real worker processes: what passes, what is converted, and what happens when a worker dies."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from itertools import pairwise

import msgspec
import psutil
import pytest

from media.relay import End, Relay, Tracks
from media.transcode.bridge import CodecBridge
from media.transcode.child import Child, SlowStartError
from media.transcode.patience import MAX_CRASHES
from media.transcode.pool import CodecPool
from media.transcode.tracks import VideoGoal, aac_track, opus_track
from media.unit import Codec, Track, Unit
from tests.media.transcode.sources import Ear, Heard, burst, sound, tone, video

VIDEO = Track(kind="video", codec=Codec.H264, timescale=90_000, config=b"avcC", width=640, height=360)


@pytest.fixture
async def pool() -> AsyncIterator[CodecPool]:
    pool = CodecPool()
    await pool.start()
    yield pool
    await pool.close()
    assert not workers()


def workers() -> list[psutil.Process]:
    children = psutil.Process().children()  # those of servers that other tests started are deeper
    return [each for each in children if "media.transcode.worker" in " ".join(each.cmdline())]


def picture(index: int) -> Unit:
    pts = index * 3_000
    return Unit(kind="video", pts=pts, dts=pts, is_key=index % 30 == 0, data=f"picture {index}".encode(), at=100.0)


def unhurried(units: list[Unit]) -> list[Unit]:
    """The units as if they had just come however late it is: a loaded machine drops pictures that came long ago."""
    return [msgspec.structs.replace(unit, at=unit.at + 3_600) for unit in units]


def write(relay: Relay, units: list[Unit]) -> None:
    for unit in units:
        relay.write(unit)


async def test_opus_is_aac_beyond_the_bridge(pool: CodecPool) -> None:
    track, units = sound(Codec.OPUS, burst(0.7), seconds=1)
    source = Relay()
    source.configure([track])
    bridge = pool.bridge(source, audio=Codec.AAC, name="test")
    ear = Ear(bridge.relay)
    write(source, units)
    await ear.until(lambda ear: len(ear.units("audio")) > 42)
    source.close("unpublished")
    await ear.until_end()
    assert len(ear.units("audio")) > 45
    assert Heard(aac_track(2), ear.units("audio")).onset() == pytest.approx(Heard(track, units).onset(), abs=0.002)
    assert ear.items[-1] == End("unpublished")


async def test_aac_is_opus_beyond_the_bridge(pool: CodecPool) -> None:
    track, units = sound(Codec.AAC, tone(440), seconds=1, rate=44_100)
    source = Relay()
    source.configure([track])
    ear = Ear(pool.bridge(source, audio=Codec.OPUS, name="test").relay)
    write(source, units)
    await ear.until(lambda ear: len(ear.units("audio")) > 45)
    source.close("unpublished")
    await ear.until_end()
    made = ear.units("audio")
    assert Heard(opus_track(2), made).frequency(0.2, 0.8) == pytest.approx(440, abs=2)
    assert made[-1].pts / 48_000 == pytest.approx(units[-1].pts / 44_100, abs=0.024)


async def test_tracks_are_there_as_soon_as_the_bridge_is(pool: CodecPool) -> None:
    source = Relay()
    source.configure([VIDEO, opus_track(2)])
    assert pool.bridge(source, audio=Codec.AAC, name="test").relay.tracks == (VIDEO, aac_track(2))


async def test_video_passes_untouched_and_in_order_without_a_worker() -> None:
    async def none() -> Child:
        return await asyncio.get_running_loop().create_future()

    source = Relay()
    source.configure([VIDEO, opus_track(2)])
    pictures = [picture(index) for index in range(40)]
    write(source, pictures[:10])
    bridge = CodecBridge(
        source=source,
        audio=Codec.AAC,
        video=None,
        name="test",
        hire=none,
        release=lambda child, hung: None,
        on_closed=lambda bridge: None,
    )
    ear = Ear(bridge.relay)
    write(source, pictures[10:])
    await ear.until(lambda ear: len(ear.units("video")) == 40)
    assert all(made is given for made, given in zip(ear.units("video"), pictures, strict=True))
    bridge.close()


async def test_bridge_begins_with_the_last_key_frame(pool: CodecPool) -> None:
    track, units = sound(Codec.OPUS, tone(440), seconds=2)
    source = Relay()
    source.configure([VIDEO, track])
    write(
        source, sorted([picture(i) for i in range(45)] + units[:75], key=lambda u: u.pts / (90, 48)[u.kind == "audio"])
    )
    ear = Ear(pool.bridge(source, audio=Codec.AAC, name="test").relay)
    await ear.until(lambda ear: len(ear.units("audio")) > 10)
    assert ear.units("video")[0].pts == 90_000
    assert ear.units("audio")[0].pts / 48_000 == pytest.approx(1.0, abs=0.025)


async def test_killed_worker_is_replaced_and_the_sound_goes_on(pool: CodecPool) -> None:
    track, units = sound(Codec.OPUS, burst(3.5), seconds=4)
    source = Relay()
    source.configure([VIDEO, track])
    ear = Ear(pool.bridge(source, audio=Codec.AAC, name="test").relay)
    write(source, [picture(0), *units[:100]])
    await ear.until(lambda ear: len(ear.units("audio")) > 80)
    worker = next(iter(pool._at_work))
    os.kill(worker.pid, signal.SIGKILL)
    await worker.gone.wait()
    write(source, units[100:])
    source.write(picture(1))
    await ear.until(lambda ear: len(ear.units("audio")) > 160)
    source.close("unpublished")
    await ear.until_end()
    assert len(ear.units("video")) == 2
    made = ear.units("audio")
    assert all(after.pts > before.pts for before, after in pairwise(made))
    assert Heard(aac_track(2), made).onset() == pytest.approx(Heard(track, units).onset(), abs=0.002)
    assert [item for item in ear.items if isinstance(item, Tracks)] == [Tracks((VIDEO, aac_track(2)))]


async def test_start_that_is_too_slow_is_tried_again(pool: CodecPool, caplog: pytest.LogCaptureFixture) -> None:
    tries = []

    async def hire() -> Child:
        tries.append(1)
        if len(tries) == 1:
            raise SlowStartError("it was not ready in time")
        return await pool.hire()

    track, units = sound(Codec.OPUS, tone(440), seconds=1)
    source = Relay()
    source.configure([track])
    bridge = CodecBridge(
        source=source,
        audio=Codec.AAC,
        video=None,
        name="test",
        hire=hire,
        release=pool.release,
        on_closed=lambda bridge: None,
    )
    ear = Ear(bridge.relay)
    write(source, units)
    await ear.until(lambda ear: len(ear.units("audio")) > 20)
    assert "the next one is tried in 1 s" in caplog.text
    bridge.close()


async def test_end_of_a_worker_is_told_with_its_reason(pool: CodecPool, caplog: pytest.LogCaptureFixture) -> None:
    source = Relay()
    source.configure([opus_track(2)])
    bridge = pool.bridge(source, audio=Codec.AAC, name="s1 aac")
    async with asyncio.timeout(30):
        while not pool.workers:  # noqa: ASYNC110 - turns of the loop
            await asyncio.sleep(0)
    worker = next(iter(pool._at_work))
    await asyncio.sleep(0)
    os.kill(worker.pid, signal.SIGKILL)
    await worker.gone.wait()
    bridge.close()
    await pool.close()
    assert f"codec worker {worker.pid} (s1 aac) has ended: killed by SIGKILL; it lived for" in caplog.text
    assert pool.counters.crashed == 1


async def test_bridge_ends_when_its_workers_die_again_and_again(pool: CodecPool) -> None:
    source = Relay()
    source.configure([opus_track(2)])
    bridge = pool.bridge(source, audio=Codec.AAC, name="test")
    ear = Ear(bridge.relay)
    killed = set()
    async with asyncio.timeout(30):
        while bridge.relay.ended is None:
            for worker in pool._at_work - killed:
                killed.add(worker)
                os.kill(worker.pid, signal.SIGKILL)
            await asyncio.sleep(0.01)
    await ear.until_end()
    assert len(killed) == MAX_CRASHES
    assert "again and again" in bridge.relay.ended


async def test_bridge_beyond_the_last_worker_ends_and_the_others_go_on() -> None:
    pool = CodecPool(max_workers=1)
    await pool.start()
    track, units = sound(Codec.OPUS, tone(440), seconds=1)
    source = Relay()
    source.configure([track])
    first = Ear(pool.bridge(source, audio=Codec.AAC, name="first").relay)
    second = Ear(pool.bridge(source, audio=Codec.AAC, name="second").relay)
    await second.until_end()
    write(source, units)
    await first.until(lambda ear: len(ear.units("audio")) > 20)
    await pool.close()
    assert not workers()


async def test_pictures_beyond_those_that_may_be_re_encoded_end_and_there_is_room_again_after_the_first() -> None:
    pool = CodecPool(max_encodings=1)
    source = Relay()
    source.configure([VIDEO])
    first = pool.bridge(source, audio=None, name="first", video=VideoGoal())
    second = pool.bridge(source, audio=None, name="second", video=VideoGoal())
    await Ear(second.relay).until_end()
    assert "room" in second.relay.ended
    assert first.relay.ended is None
    first.close()
    assert pool.encodings == 0
    await pool.close()


async def test_units_that_cannot_be_decoded_are_counted_and_passed_over(pool: CodecPool) -> None:
    track, units = sound(Codec.AAC, tone(440), seconds=1)
    source = Relay()
    source.configure([track])
    bridge = pool.bridge(source, audio=Codec.OPUS, name="test")
    ear = Ear(bridge.relay)
    write(source, units[:10])
    source.write(msgspec.structs.replace(units[10], data=b"\xff" * 64))
    write(source, units[11:])
    await ear.until(lambda ear: len(ear.units("audio")) > 40)
    assert bridge.dropped_units == 1


async def test_tracks_that_change_change_beyond_the_bridge(pool: CodecPool) -> None:
    stereo, units = sound(Codec.OPUS, tone(440), seconds=1)
    mono, more = sound(Codec.OPUS, tone(880), seconds=1, channels=1, start=1)
    source = Relay()
    source.configure([stereo])
    ear = Ear(pool.bridge(source, audio=Codec.AAC, name="test").relay)
    write(source, units)
    await ear.until(lambda ear: len(ear.units("audio")) > 20)
    source.configure([VIDEO, mono])
    source.write(picture(30))
    write(source, more)
    await ear.until(lambda ear: Tracks((VIDEO, aac_track(1))) in ear.items and ear.units("audio")[-1].pts > 92_000)
    source.close("unpublished")
    await ear.until_end()
    place = ear.items.index(Tracks((VIDEO, aac_track(1))))
    after = [item for item in ear.items[place:] if isinstance(item, Unit) and item.kind == "audio"]
    assert Heard(aac_track(1), after).frequency(1.2, 1.8) == pytest.approx(880, abs=3)


async def test_source_without_sound_passes_without_a_worker(pool: CodecPool) -> None:
    source = Relay()
    source.configure([VIDEO])
    ear = Ear(pool.bridge(source, audio=Codec.AAC, name="test").relay)
    source.write(picture(0))
    source.close("unpublished")
    await ear.until_end()
    assert (len(ear.units("video")), pool.workers) == (1, 0)


async def test_close_ends_the_relay_at_once_and_again_does_nothing(pool: CodecPool) -> None:
    source = Relay()
    source.configure([opus_track(2)])
    bridge = pool.bridge(source, audio=Codec.AAC, name="test")
    bridge.close()
    bridge.close()
    assert (bridge.relay.ended, source.readers) == ("closed", 0)


async def test_worker_that_stops_answering_holds_a_bounded_number_of_units(pool: CodecPool) -> None:
    track, units = sound(Codec.OPUS, tone(440), seconds=1)
    source = Relay()
    source.configure([track])
    bridge = pool.bridge(source, audio=Codec.AAC, name="test")
    ear = Ear(bridge.relay)
    write(source, units)
    await ear.until(lambda ear: len(ear.units("audio")) > 20)
    worker = next(iter(pool._at_work))
    os.kill(worker.pid, signal.SIGSTOP)
    for _ in range(40):
        write(source, units)
        await asyncio.sleep(0)
    assert bridge.dropped_units >= 40 * len(units) - 1_100
    bridge.close()


async def test_pictures_are_made_anew_where_that_is_wanted(pool: CodecPool) -> None:
    video_track, pictures = video(Codec.H264, width=320, height=180, frames=60, reorder=2)
    audio_track, units = sound(Codec.AAC, tone(440), seconds=2)
    source = Relay()
    source.configure([video_track, audio_track])
    ear = Ear(pool.bridge(source, audio=Codec.OPUS, name="test", video=VideoGoal(max_height=90)).relay)
    pictures = unhurried(pictures)
    write(source, sorted(pictures + units, key=lambda unit: unit.dts / (90 if unit.kind == "video" else 48)))
    await ear.until(lambda ear: len(ear.units("video")) > 55)
    source.close("unpublished")
    await ear.until_end()
    assert isinstance(ear.items[0], Tracks)
    made_video, made_audio = ear.items[0].tracks
    assert (made_video.codec, made_video.width, made_video.height) == (Codec.H264, 160, 90)
    assert made_video.config
    assert made_audio == opus_track(2)
    made = ear.units("video")
    assert [unit.pts for unit in made] == sorted(unit.pts for unit in pictures)
    assert len(ear.units("audio")) > 90


async def test_pictures_go_on_with_a_key_frame_after_a_killed_worker(pool: CodecPool) -> None:
    track, pictures = video(Codec.VP8, width=160, height=90, frames=90)
    pictures = unhurried(pictures)
    source = Relay()
    source.configure([track])
    ear = Ear(pool.bridge(source, audio=Codec.OPUS, name="test", video=VideoGoal()).relay)
    write(source, pictures[:40])
    await ear.until(lambda ear: len(ear.units("video")) == 40)
    worker = next(iter(pool._at_work))
    os.kill(worker.pid, signal.SIGKILL)
    await worker.gone.wait()
    write(source, pictures[40:])
    await ear.until(lambda ear: len(ear.units("video")) > 40)
    assert ear.units("video")[40].is_key
    assert ear.units("video")[40].pts == next(u.pts for u in pictures[40:] if u.is_key)
