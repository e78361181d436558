"""The recorder against a store that fails, hangs and comes back."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from media.hls.events import Event, SegmentReady, SegmentRemoved, SegmentStored
from media.hls.folder import RunFolder
from media.hls.muxer import Muxer
from media.recorder import Recorder
from tests.media.hls.sources import AUDIO, VIDEO, live, mixed, pictures, sounds


class Store:
    """Keeps what it is given; while ``gate`` is closed puts wait, and the next ``failures`` of them fail."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.order: list[str] = []
        self.failures = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.asked = asyncio.Semaphore(0)

    async def put(self, key: str, path: Path, content_type: str) -> None:
        self.asked.release()
        await self.gate.wait()
        if self.failures:
            self.failures -= 1
            raise ConnectionError("away")
        assert content_type == "video/mp4"
        self.objects[key] = path.read_bytes()
        self.order.append(key)


class RecorderFixture:
    """A stream's events and a recorder that takes them."""

    def __init__(self, path: Path) -> None:
        self.store = Store()
        self.folder = RunFolder(path=path)
        self.stored: list[SegmentStored] = []
        self.skipped: list[str] = []
        self.recorders: list[Recorder] = []

    def recorder(self, **options) -> Recorder:
        options = {"first_pause_s": 0.001, "max_pause_s": 0.002, **options}
        recorder = Recorder(
            store=self.store,
            stream_id="s1",
            epoch=5,
            on_stored=self.stored.append,
            on_skipped=self.skipped.append,
            **options,
        )
        self.recorders.append(recorder)
        return recorder

    def events(self, seconds: float = 5) -> list[Event]:
        muxer = Muxer(folder=self.folder, publication=3, pins=True)
        units = mixed(pictures(seconds), sounds(seconds))
        return [*muxer.feed(live(VIDEO, AUDIO, units=units)), *muxer.close("over")]


@pytest.fixture
async def fixture(tmp_path: Path):
    fixture = RecorderFixture(tmp_path / "run")
    yield fixture
    fixture.store.gate.set()
    for recorder in fixture.recorders:
        await recorder.close(deadline_s=0)


def note(recorder: Recorder, events: list[Event]) -> list[SegmentReady]:
    for event in events:
        recorder.note(event)
    return [event for event in events if isinstance(event, SegmentReady)]


async def test_segments_and_initialisations_are_stored_under_keys_with_the_epoch(fixture):
    recorder = fixture.recorder()
    segments = note(recorder, fixture.events())
    assert await recorder.close(deadline_s=10) == 0
    assert set(fixture.store.objects) == {
        *(f"streams/s1/5-3/{each.rendition}/{each.segment}.m4s" for each in segments),
        "streams/s1/5-3/video/init-0.mp4",
        "streams/s1/5-3/audio/init-0.mp4",
    }
    for each in segments:
        assert fixture.store.objects[recorder.key(each.name)] == Path(each.path).read_bytes()


async def test_what_was_stored_is_reported_with_everything_a_row_needs(fixture):
    recorder = fixture.recorder(workers=1)
    segments = note(recorder, fixture.events())
    await recorder.close(deadline_s=10)
    assert [each.name for each in fixture.stored] == [each.name for each in segments]
    first = fixture.stored[0]
    assert first.object_key == "streams/s1/5-3/" + first.name.replace("/3/", "/")
    assert first.init_key == f"streams/s1/5-3/{first.rendition}/init-0.mp4"
    assert (first.media_time_ms, first.size) == (segments[0].media_time_ms, segments[0].size)
    assert recorder.counters.stored == len(segments)


async def test_initialisation_is_stored_before_the_segments_that_need_it(fixture):
    recorder = fixture.recorder()
    note(recorder, fixture.events())
    await recorder.close(deadline_s=10)
    for rendition in ("video", "audio"):
        keys = [key for key in fixture.store.order if f"/{rendition}/" in key]
        assert keys[0].endswith("init-0.mp4")


async def test_failed_puts_are_tried_again_until_they_work(fixture):
    recorder = fixture.recorder()
    fixture.store.failures = 7
    segments = note(recorder, fixture.events())
    assert await recorder.close(deadline_s=10) == 0
    assert recorder.counters.retries == 7
    assert len(fixture.stored) == len(segments)


async def test_put_that_hangs_is_given_up_and_tried_again(fixture):
    recorder = fixture.recorder(put_timeout_s=0.01)
    fixture.store.gate.clear()
    segments = note(recorder, fixture.events())
    for _ in range(5):
        await fixture.store.asked.acquire()
    fixture.store.gate.set()
    assert await recorder.close(deadline_s=10) == 0
    assert recorder.counters.retries >= 3
    assert len(fixture.stored) == len(segments)


async def test_close_gives_up_at_its_deadline_and_says_how_many_are_left(fixture):
    recorder = fixture.recorder()
    fixture.store.gate.clear()
    segments = note(recorder, fixture.events())
    assert await recorder.close(deadline_s=0.01) == len(segments)
    assert await recorder.close(deadline_s=0.01) == len(segments)


async def test_segments_beyond_the_bound_are_refused_and_named(fixture):
    recorder = fixture.recorder(max_waiting=2)
    fixture.store.gate.clear()
    segments = note(recorder, fixture.events())
    fixture.store.gate.set()
    await recorder.close(deadline_s=10)
    assert fixture.skipped == [each.name for each in segments[2:]]
    assert recorder.counters.refused == len(segments) - 2
    assert len(fixture.stored) == 2


async def test_segment_whose_file_has_gone_is_skipped_and_the_others_go_on(fixture):
    recorder = fixture.recorder()
    events = fixture.events()
    segments = [each for each in events if isinstance(each, SegmentReady)]
    Path(segments[0].path).unlink()
    note(recorder, events)
    assert await recorder.close(deadline_s=10) == 0
    assert fixture.skipped == [segments[0].name]
    assert recorder.counters.lost == 1
    assert len(fixture.stored) == len(segments) - 1


async def test_segment_lost_to_the_folders_bound_is_not_tried_for_ever(fixture):
    recorder = fixture.recorder(workers=1)
    fixture.store.failures = 1_000_000
    segments = note(recorder, fixture.events())
    await fixture.store.asked.acquire()
    for each in segments:
        recorder.note(SegmentRemoved(name=each.name, is_lost=True))
        Path(each.path).unlink()
    fixture.store.failures = 0
    assert await recorder.close(deadline_s=10) == 0
    assert recorder.counters.lost == len(segments)


async def test_released_segments_may_leave_the_folder_only_after_they_are_stored(fixture):
    recorder = fixture.recorder()
    segments = note(recorder, fixture.events())
    assert fixture.folder.trim(1e12) == []
    await recorder.close(deadline_s=10)
    for each in fixture.stored:
        fixture.folder.release(each.name)
    assert len(fixture.folder.trim(1e12)) == len(segments)
