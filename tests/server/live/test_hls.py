"""The node's playlists through publications, restarts and ends."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from actors.events import Person, StreamView
from actors.runtime import Fence, Unavailable
from media.control import Packaged
from media.hls.answers import Bad, InStore, OnDisk, Rendered, Wait
from media.hls.blocking import parse_query
from media.hls.events import Event, InitReady, SegmentReady, SegmentStored
from media.hls.folder import RunFolder
from media.hls.muxer import Muxer
from media.unit import Track
from server.http.errors import Problem
from server.live.playback import Playback
from server.live.recorded import Replay
from storage.memory.recordings import MemoryRecordings
from storage.memory.streams import MemoryStreams
from storage.memory.tables import MemoryPerson as Row
from storage.memory.tables import Tables
from storage.recording import Init, Segment
from storage.stream_rows import NewStream
from tests.media.hls.sources import AUDIO, VIDEO, live, mixed, pictures, sounds

NOW = dt.datetime(2026, 5, 1, tzinfo=dt.UTC)
PEOPLE = Person(id="ann", username="ann", display_name="Ann")


def view(**fields: Any) -> StreamView:
    given = {
        "id": "s", "owner": PEOPLE, "room_id": "r", "title": "", "description": "", "category": "", "tags": (),
        "language": "", "visibility": "public", "latency": "low", "is_recorded": True, "state": "live",
        "created_at": NOW, "publication": 1,
    }  # fmt: skip
    return StreamView(**{**given, **fields})


def published(
    folder: Path,
    publication: int,
    *,
    first: int = 0,
    from_ms: float = 0,
    tracks: tuple[Track, ...] = (VIDEO, AUDIO),
    ends: bool = True,
) -> list[Event]:
    """What a publication of six seconds says, as it would come over the channel."""
    muxer = Muxer(folder=RunFolder(path=folder), publication=publication, first_segment=first)
    runs = [pictures(6, from_ms=from_ms), *([sounds(6, from_ms=from_ms)] if AUDIO in tracks else [])]
    events = muxer.feed(live(*tracks, units=mixed(*runs)))
    return [*events, *(muxer.close("gone") if ends else [])]


def stored(event: SegmentReady) -> SegmentStored:
    return SegmentStored(
        rendition=event.rendition,
        publication=event.publication,
        segment=event.segment,
        name=event.name,
        object_key=f"o/{event.name}",
        init_key=f"o/{event.init}",
        size=event.size,
        media_time=event.media_time,
        duration=event.duration,
        timescale=event.timescale,
        is_discontinuity=event.is_discontinuity,
        program_date_time=event.program_date_time,
        key_bytes=event.key_bytes,
    )


class RoutesFixture:
    """A node's playback over rows that outlive it."""

    def __init__(self, tables: Tables | None = None) -> None:
        self.tables = tables or Tables()
        self.recordings = MemoryRecordings(tables=self.tables)
        self.boot()

    def boot(self) -> None:
        self.playback = Playback(recordings=self.recordings)  # type: ignore[arg-type]

    async def open(self) -> None:
        self.tables.add_person(Row(id="ann", username="ann"))
        new = NewStream(id="s", room_id="r", owner_id="ann", title="", stream_key="k", log_epoch="e")
        await MemoryStreams(tables=self.tables).create(new)

    def handle(self, events: Iterable[Event], publication: int = 1) -> None:
        for event in events:
            self.playback.packaged(Packaged(stream_id="s", publication=publication, event=event))

    async def record(self, events: Sequence[Event]) -> None:
        segments, inits = rows_of(events)
        await self.recordings.add("s", segments=segments, inits=inits, fence=Fence(shard=0, epoch=0))

    async def playlist(self, of: StreamView, rendition: str = "video", *, dvr: bool = False) -> str:
        held = await self.playback.held(of)
        answer = held.index.media(rendition, parse_query(None, None, None), dvr=dvr)
        assert isinstance(answer, Rendered), answer
        return answer.body.decode()

    async def keys(self, of: StreamView) -> str:
        held = await self.playback.held(of)
        answer = held.index.keys("video", parse_query(None, None, None), dvr=True)
        assert isinstance(answer, Rendered), answer
        return answer.body.decode()


def rows_of(events: Sequence[Event]) -> tuple[list[Segment], list[Init]]:
    """What the stream's actor writes of these events."""
    inits = {event.name: event for event in events if isinstance(event, InitReady)}
    segments = [
        Segment(
            rendition=event.rendition,
            segment=event.segment,
            publication=event.publication,
            object_key=f"o/{event.name}",
            init_key=f"o/{event.init}",
            init_name=event.init,
            media_time_ms=event.media_time_ms,
            duration_ms=event.duration_s * 1000,
            bytes=event.size,
            started_at=dt.datetime.fromtimestamp(event.program_date_time, dt.UTC),
            is_discontinuity=event.is_discontinuity,
            key_bytes=event.key_bytes,
        )
        for event in events
        if isinstance(event, SegmentReady) and not event.is_gap
    ]
    rows = [
        Init(rendition=init.rendition, name=init.name, object_key=f"o/{init.name}", info=msgspec.to_builtins(init))
        for init in inits.values()
    ]
    return segments, rows


@pytest.fixture
async def routes() -> RoutesFixture:
    made = RoutesFixture()
    await made.open()
    return made


def names(playlist: str) -> list[str]:
    """The whole segments that a playlist lists."""
    return [line for line in playlist.splitlines() if line.endswith(".m4s") and not line.startswith("#")]


async def refused(of: Any) -> int:
    with pytest.raises(Problem) as caught:
        await of
    return caught.value.status


async def test_a_stream_that_was_never_published_is_not_there_and_costs_no_look_up(routes: RoutesFixture) -> None:
    routes.tables.is_away = True
    assert await refused(routes.playback.held(view(publication=0, state="scheduled"))) == 404


async def test_a_live_stream_is_played_from_what_the_media_process_says(routes: RoutesFixture, tmp_path: Path) -> None:
    await routes.playback.prepare(view())
    routes.handle(published(tmp_path, 1))
    assert names(await routes.playlist(view())) == ["video/1/1.m4s", "video/1/2.m4s", "video/1/3.m4s"]
    located = (await routes.playback.held(view())).index.locate("video/1/1.m4s")
    assert isinstance(located, OnDisk)


async def test_events_of_a_stream_that_nobody_prepared_are_passed_over(routes: RoutesFixture, tmp_path: Path) -> None:
    routes.handle(published(tmp_path, 1))
    assert await refused(routes.playback.held(view())) == 404


async def test_a_viewer_before_the_first_part_does_not_cost_the_publication_its_index(
    routes: RoutesFixture, tmp_path: Path
) -> None:
    first = published(tmp_path, 1)
    await routes.record(first)
    routes.boot()
    await routes.playback.prepare(view(publication=2))
    second = published(tmp_path, 2, first=4, from_ms=6_000, ends=False)
    routes.handle(second[:2], 2)
    held = await routes.playback.held(view(publication=2))
    routes.handle(second[2:], 2)
    assert await routes.playback.held(view(publication=2)) is held
    assert names(await routes.playlist(view(publication=2), dvr=True))[:5] == [
        "video/1/1.m4s", "video/1/2.m4s", "video/1/3.m4s", "video/2/4.m4s", "video/2/5.m4s",
    ]  # fmt: skip


async def test_viewers_who_ask_while_the_rows_are_read_get_the_same_index(
    routes: RoutesFixture, tmp_path: Path
) -> None:
    await routes.record(published(tmp_path, 1))
    routes.boot()
    held = await asyncio.gather(
        *[routes.playback.held(view()) for _ in range(10)], routes.playback.prepare(view(publication=2))
    )
    assert len({id(each) for each in held[:-1]}) == 1
    assert await routes.playback.held(view(publication=2)) is held[0]


async def test_after_a_restart_an_interrupted_stream_plays_from_its_recording_and_waits_for_nobody(
    routes: RoutesFixture, tmp_path: Path
) -> None:
    await routes.record(published(tmp_path, 1))
    routes.boot()
    held = await routes.playback.held(view(state="interrupted"))
    assert held.index.is_playable
    assert not held.index.is_ended
    master = held.index.multivariant()
    assert isinstance(master, Rendered)
    assert "video.m3u8" in master.body.decode()
    assert "audio.m3u8" in master.body.decode()
    playlist = await routes.playlist(view(state="interrupted"))
    assert len(names(playlist)) == 3
    assert "ENDLIST" not in playlist
    assert "PRELOAD-HINT" not in playlist
    assert isinstance(held.index.locate("video/1/1.m4s"), InStore)


async def test_a_publication_after_a_restart_goes_on_where_the_recording_ends(
    routes: RoutesFixture, tmp_path: Path
) -> None:
    await routes.record(published(tmp_path, 1))
    routes.boot()
    await routes.playback.prepare(view(publication=2))
    assert routes.playback.next_segment("s") == 4
    routes.handle(published(tmp_path, 2, first=4, from_ms=6_000), 2)
    for rendition in ("video", "audio"):
        playlist = await routes.playlist(view(publication=2), rendition, dvr=True)
        assert names(playlist) == [f"{rendition}/{1 if n < 4 else 2}/{n}.m4s" for n in range(1, 7)]
        assert playlist.count("#EXT-X-DISCONTINUITY\n") == 1


async def test_a_recorded_publication_without_sound_leaves_gaps_in_the_sound_of_the_others(
    routes: RoutesFixture, tmp_path: Path
) -> None:
    first = published(tmp_path, 1)
    second = published(tmp_path, 2, first=4, from_ms=6_000, tracks=(VIDEO,))
    await routes.record([*first, *second])
    routes.boot()
    of = view(publication=2, state="ended")
    video, audio = await routes.playlist(of, "video"), await routes.playlist(of, "audio")
    assert len(names(video)) == len(names(audio)) == 6
    assert audio.count("#EXT-X-GAP") == 3


async def test_an_ended_recording_says_so_and_holds_everything(routes: RoutesFixture, tmp_path: Path) -> None:
    await routes.record(published(tmp_path, 1))
    routes.boot()
    playlist = await routes.playlist(view(state="ended"), dvr=True)
    assert "#EXT-X-ENDLIST" in playlist
    assert len(names(playlist)) == 3


async def test_a_replay_is_what_was_live_but_for_the_places_of_the_bytes(routes: RoutesFixture, tmp_path: Path) -> None:
    events = published(tmp_path, 1)
    await routes.playback.prepare(view())
    routes.handle(events)
    routes.handle([stored(event) for event in events if isinstance(event, SegmentReady)])
    routes.playback.ended("s")
    was = await routes.playlist(view(state="ended"), dvr=True)
    await routes.record(events)
    routes.boot()
    assert await routes.playlist(view(state="ended"), dvr=True) == was


async def test_when_the_media_process_is_lost_open_segments_are_closed_and_nobody_waits(
    routes: RoutesFixture, tmp_path: Path
) -> None:
    await routes.playback.prepare(view())
    routes.handle(published(tmp_path, 1, ends=False))
    held = await routes.playback.held(view())
    following = routes.playback.next_segment("s")
    routes.playback.interrupted("s", 1)
    assert routes.playback.next_segment("s") == following
    hint = [line for line in (await routes.playlist(view())).splitlines() if "PRELOAD-HINT" in line]
    assert hint == []
    await routes.playback.prepare(view(publication=2))
    routes.handle(published(tmp_path, 2, first=following, from_ms=6_000), 2)
    playlist = await routes.playlist(view(publication=2), dvr=True)
    numbers = [int(name.split("/")[2].split(".")[0]) for name in names(playlist)]
    assert numbers == list(range(1, len(numbers) + 1))
    assert await routes.playback.held(view(publication=2)) is held


async def test_whoever_waits_is_woken_by_the_next_change_and_not_before(routes: RoutesFixture, tmp_path: Path) -> None:
    events = published(tmp_path, 1)
    await routes.playback.prepare(view())
    half = len(events) // 2
    routes.handle(events[:half])
    held = await routes.playback.held(view())
    number = routes.playback.next_segment("s")
    answer = held.index.media("video", parse_query(str(number), None, None))
    assert isinstance(answer, Wait)
    waiting = asyncio.ensure_future(held.changed.wait())
    await asyncio.sleep(0)
    assert not waiting.done()
    routes.handle(events[half:])
    await waiting
    assert isinstance(held.index.media("video", parse_query(str(number), None, None)), Rendered)


async def test_what_is_not_recorded_is_gone_when_it_is_forgotten(routes: RoutesFixture, tmp_path: Path) -> None:
    of = view(is_recorded=False)
    await routes.playback.prepare(of)
    routes.handle(published(tmp_path, 1))
    routes.playback.ended("s")
    assert "#EXT-X-ENDLIST" in await routes.playlist(of)
    routes.playback.forget("s")
    assert await refused(routes.playback.held(view(is_recorded=False, state="ended"))) == 404


async def test_a_publication_is_put_off_while_its_past_cannot_be_read(routes: RoutesFixture) -> None:
    routes.tables.is_away = True
    with pytest.raises(Unavailable):
        await routes.playback.prepare(view(publication=2))
    routes.tables.is_away = False
    await routes.playback.prepare(view(publication=2))


async def long_recording(routes: RoutesFixture, path: Path) -> list[str]:
    """Record six seconds and their like over and over, until a page of rows does not hold them; the videos' names."""
    segments, inits = rows_of(published(path, 1))
    rows = [
        msgspec.structs.replace(row, segment=row.segment + 3 * again, media_time_ms=row.media_time_ms + 6_000 * again)
        for again in range(20)
        for row in segments
    ]
    await routes.recordings.add("s", segments=rows, inits=inits, fence=Fence(shard=0, epoch=0))
    return [f"video/1/{number}.m4s" for number in range(1, 61)]


@pytest.mark.parametrize("page", [3, 8, 120, 1_000])
async def test_a_recording_longer_than_the_live_window_plays_whole_after_a_restart(
    routes: RoutesFixture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    monkeypatch.setattr("server.live.recorded.PAGE", page)
    wanted = await long_recording(routes, tmp_path)
    routes.boot()
    for rendition in ("video", "audio"):
        playlist = await routes.playlist(view(state="ended"), rendition)
        assert names(playlist) == [name.replace("video", rendition) for name in wanted]
        assert "#EXT-X-PLAYLIST-TYPE:VOD" in playlist


async def test_a_stream_that_ends_while_its_rows_are_read_has_an_end(routes: RoutesFixture, tmp_path: Path) -> None:
    await long_recording(routes, tmp_path)
    routes.boot()
    reading = asyncio.ensure_future(routes.playback.held(view(state="interrupted")))
    await asyncio.sleep(0)
    routes.playback.ended("s")
    held = await reading
    assert held.index.is_ended


async def test_a_recording_that_was_deleted_is_gone_also_where_it_was_being_read(
    routes: RoutesFixture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await routes.record(published(tmp_path, 1))
    of = view(state="ended")
    assert "ENDLIST" in await routes.playlist(of)
    routes.playback.forget("s")
    read, go_on, segments = asyncio.Event(), asyncio.Event(), routes.recordings.segments

    async def slow(*args: Any, **options: Any) -> list[Segment]:
        rows = await segments(*args, **options)
        read.set()
        await go_on.wait()
        return rows

    monkeypatch.setattr(routes.recordings, "segments", slow)
    reading = asyncio.create_task(routes.playback.held(of))
    await read.wait()
    routes.tables.segments.clear()
    routes.playback.forget("s")
    go_on.set()
    await asyncio.gather(reading, return_exceptions=True)
    assert await refused(routes.playback.held(of)) == 404


async def test_what_another_node_recorded_after_the_rows_were_read_is_there_once_the_stream_has_ended(
    routes: RoutesFixture, tmp_path: Path
) -> None:
    await routes.record(published(tmp_path, 1))
    routes.boot()
    assert len(names(await routes.playlist(view(state="interrupted")))) == 3
    await routes.record(published(tmp_path / "there", 2, first=4, from_ms=6_000))
    routes.playback.ended("s")
    assert len(names(await routes.playlist(view(publication=2, state="ended")))) == 6


async def test_recordings_are_forgotten_when_all_of_them_are_too_long(
    routes: RoutesFixture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.live.playback.MAX_SEGMENTS", 100)
    await long_recording(routes, tmp_path)
    first = await routes.playback.held(view(state="ended"))
    assert await routes.playback.held(view(state="ended")) is first
    new = NewStream(id="t", room_id="q", owner_id="ann", title="", stream_key="l", log_epoch="e")
    await MemoryStreams(tables=routes.tables).create(new)
    segments, inits = rows_of(published(tmp_path, 1))
    await routes.recordings.add("t", segments=segments, inits=inits, fence=Fence(shard=0, epoch=0))
    await routes.playback.held(view(id="t", state="ended"))
    assert await routes.playback.held(view(state="ended")) is not first


async def test_only_ended_streams_are_forgotten_when_there_are_too_many(
    routes: RoutesFixture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.live.playback.MAX_INDEXES", 1)
    await routes.playback.prepare(view(id="live"))
    await routes.record(published(tmp_path, 1))
    await routes.playback.held(view(state="ended"))
    assert await routes.playback.held(view(id="live")) is not None
    routes.playback.ended("live")
    assert routes.playback.next_segment("s") in (0, 4)


def test_rows_whose_initialisation_is_missing_are_left_out(tmp_path: Path) -> None:
    segments, inits = rows_of(published(tmp_path, 1))
    made = Playback(recordings=None)._new(view())  # type: ignore[arg-type]
    replay = Replay(made.index, [init for init in inits if init.rendition == "video"])
    replay.take(segments)
    assert replay.finish()
    assert made.index.is_playable
    assert isinstance(made.index.media("video", parse_query(None, None, None)), Rendered)


async def test_an_i_frame_playlist_of_a_recording_names_the_ranges_that_it_named_live(
    routes: RoutesFixture, tmp_path: Path
) -> None:
    await routes.playback.prepare(view())
    routes.handle(events := published(tmp_path, 1))
    await routes.record(events)
    live_keys = await routes.keys(view())
    assert len(names(live_keys)) == live_keys.count("#EXT-X-BYTERANGE") == 3
    routes.boot()
    recorded = await routes.keys(view(state="ended"))
    ranges = [line for line in live_keys.splitlines() if "BYTERANGE" in line]
    assert [line for line in recorded.splitlines() if "BYTERANGE" in line] == ranges


async def test_a_recording_whose_key_frames_were_not_written_down_has_no_i_frame_playlist(
    routes: RoutesFixture, tmp_path: Path
) -> None:
    events = [
        msgspec.structs.replace(event, key_bytes=0) if isinstance(event, SegmentReady) else event
        for event in published(tmp_path, 1)
    ]
    await routes.record(events)
    index = (await routes.playback.held(view(state="ended"))).index
    assert isinstance(index.keys("video", parse_query(None, None, None)), Bad)
    master = index.multivariant()
    assert isinstance(master, Rendered)
    assert b"I-FRAME" not in master.body


async def test_captions_inside_of_the_pictures_are_announced_for_the_recording_too(
    routes: RoutesFixture, tmp_path: Path
) -> None:
    events = [
        msgspec.structs.replace(event, captions=("CC1",))
        if isinstance(event, InitReady) and event.kind == "video"
        else event
        for event in published(tmp_path, 1)
    ]
    await routes.record(events)
    master = (await routes.playback.held(view(state="ended"))).index.multivariant()
    assert isinstance(master, Rendered)
    assert b'INSTREAM-ID="CC1"' in master.body
