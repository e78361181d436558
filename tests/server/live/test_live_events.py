"""From the media process to the actors, and from the actors to the sockets."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from actors.events import (
    ChatChanged,
    ChatPosted,
    CounterOpened,
    Person,
    Reacted,
    RoomOpened,
    StreamChanged,
    StreamView,
    ViewersCounted,
)
from actors.runtime import (
    Actor,
    LocalDirectory,
    LocalTransport,
    LoopClock,
    ManualClock,
    Message,
    Node,
    Unavailable,
    handles,
)
from actors.stream_messages import (
    DescribeStream,
    MediaProgressed,
    PublisherLost,
    PublisherStarted,
    RecordingFlushed,
    SegmentsRecorded,
)
from media.control import (
    AuthorizePublish,
    Flushed,
    Granted,
    MediaCounters,
    Packaged,
    Pictured,
    Progress,
    PublishEnded,
    PublishStarted,
    Refused,
)
from media.hls.events import InitReady, SegmentReady
from media.restream.states import RestreamTarget
from server.live.broadcast import Broadcaster
from server.live.chat_filters import renewal
from server.live.edge.fanout import Fanout
from server.live.hype import Hype
from server.live.live_events import handlers
from server.live.media_events import MediaEvents
from server.live.playback import Playback
from server.live.restreams import Restreaming
from server.live.room_mirrors import RoomMirrors
from server.live.room_traces import RoomTraces
from server.live.stream_cleanup import StreamCleanup
from server.live.stream_directory import REACTIONS_S, StreamDirectory
from server.live.viewings import NOBODY, Viewings, WebrtcViewings
from server.tracing import Traces
from storage.memory.recordings import MemoryRecordings
from storage.memory.tables import Tables
from storage.objects import LocalObjects
from tests.server.live.openness import NO_ADDRESSES, Open
from tests.server.live.test_hls import published, stored

NOW = dt.datetime(2026, 5, 1, tzinfo=dt.UTC)
GRANT = Granted(
    stream_id="s", epoch=1, publication=1, first_segment=0, media_time_ms=0, latency="low", is_recorded=True
)
ASK = AuthorizePublish(key="k", protocol="rtmp", remote="r")


def view(**fields: Any) -> StreamView:
    given = {
        "id": "s", "owner": Person(id="a", username="a", display_name="A"), "room_id": "r", "title": "",
        "description": "", "category": "", "tags": (), "language": "", "visibility": "public", "latency": "low",
        "is_recorded": True, "state": "live", "created_at": NOW, "publication": 1,
    }  # fmt: skip
    return StreamView(**{**given, **fields})


class Stream(Actor):
    """In a stream's place: keeps what it hears."""

    def __init__(self, heard: list[Message]) -> None:
        self._heard = heard

    @handles(DescribeStream)
    def describe(self, _: DescribeStream) -> StreamView:
        return view()

    @handles(PublisherStarted)
    def started(self, message: PublisherStarted) -> None:
        self._heard.append(message)

    @handles(PublisherLost)
    def lost(self, message: PublisherLost) -> None:
        self._heard.append(message)

    @handles(MediaProgressed)
    def progressed(self, message: MediaProgressed) -> None:
        self._heard.append(message)

    @handles(SegmentsRecorded)
    def recorded(self, message: SegmentsRecorded) -> None:
        self._heard.append(message)

    @handles(RecordingFlushed)
    def flushed(self, message: RecordingFlushed) -> None:
        self._heard.append(message)


class KnownKey:
    """``Ingest`` for one key, or one answer."""

    def __init__(self) -> None:
        self.answer: Any = GRANT

    async def authorize(self, request: AuthorizePublish) -> Granted | Refused:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer  # type: ignore[no-any-return]


async def no_targets(stream_ids: Sequence[str]) -> Mapping[str, Sequence[RestreamTarget]]:
    return {}


class Wire:
    def __init__(self) -> None:
        self.tables = Tables()
        self.heard: list[Message] = []
        self.fanout = Fanout()
        self.node = Node(name="n1", clock=LoopClock(), directory=LocalDirectory(node="n1"), transport=LocalTransport())
        self.node.register("stream", lambda actor_id: Stream(self.heard))
        self.broadcaster = Broadcaster(me="n1", others=lambda: ["n1"])
        self.stream_directory = StreamDirectory(
            node=self.node, fan=self.fanout, broadcast=self.broadcaster, rights=Open().rights, addresses=NO_ADDRESSES
        )
        self.playback = Playback(recordings=MemoryRecordings(tables=self.tables))  # type: ignore[arg-type]
        self.ingest = KnownKey()
        self.listener = MediaEvents(
            node=self.node,
            ingest=self.ingest,
            stream_directory=self.stream_directory,
            playback=self.playback,  # type: ignore[arg-type]
            viewings=WebrtcViewings(viewings=Viewings(), media=cast(Any, None)),
            restreaming=Restreaming(targets=no_targets, set_restreams=lambda _: None),
            sources=cast(Any, None),
        )

    async def settle(self) -> list[Message]:
        await self.node.ref("stream", "s").ask(DescribeStream())
        return self.heard


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    made = Wire()
    await made.node.start()
    yield made
    await made.node.stop(budget_s=1.0)


def packaged(event: Any) -> Packaged:
    return Packaged(stream_id="s", publication=1, event=event)


async def test_what_several_nodes_viewers_react_with_is_shown_once_a_tick() -> None:
    shown: list[dict[str, int]] = []
    fan = SimpleNamespace(publish=lambda topic, event, payload: shown.append(payload["counts"]))
    clock = ManualClock()
    node: Any = SimpleNamespace(clock=clock)
    stream_directory = StreamDirectory(
        node=node,
        fan=fan,  # type: ignore[arg-type]
        broadcast=lambda _: None,  # type: ignore[arg-type]
        rights=Open().rights,
        addresses=NO_ADDRESSES,
    )
    for counts in ({"a": 1}, {"a": 2}, {"b": 1}):
        stream_directory.reacted(Reacted(stream_id="s", counts=counts))
    assert shown == [{"a": 1}]
    await clock.advance(REACTIONS_S)
    assert shown == [{"a": 1}, {"a": 2, "b": 1}]
    stream_directory.reacted(Reacted(stream_id="s", counts={"c": 1}))
    await clock.advance(REACTIONS_S)
    await clock.advance(REACTIONS_S)
    stream_directory.reacted(Reacted(stream_id="s", counts={"d": 1}))
    assert shown[2:] == [{"c": 1}, {"d": 1}]


async def test_what_the_media_process_says_reaches_the_stream_in_its_order(wire: Wire) -> None:
    await wire.listener.authorize(ASK)
    wire.listener.handle(PublishStarted(stream_id="s", publication=1, tracks=({"codec": "h264"},)))
    wire.listener.handle(
        Progress(stream_id="s", publication=1, media_time_ms=5, next_segment=2, at=1.0, health={"fps": 30})
    )
    wire.listener.handle(PublishEnded(stream_id="s", publication=1, reason="gone"))
    wire.listener.handle(Flushed(stream_id="s", publication=1))
    assert await wire.settle() == [
        PublisherStarted(publication=1, tracks=({"codec": "h264"},)),
        MediaProgressed(publication=1, media_time_ms=5, next_segment=2, at=1.0, health={"fps": 30}),
        PublisherLost(publication=1, reason="gone", next_segment=wire.playback.next_segment("s")),
        RecordingFlushed(publication=1),
    ]


async def test_the_last_report_of_each_publisher_is_told_again_while_the_media_process_is_quiet(wire: Wire) -> None:
    """To the stream's actor, which may be on another node, a node that says nothing for long would be gone."""
    wire.listener.media_quiet()
    await wire.listener.authorize(ASK)
    wire.listener.media_quiet()
    wire.listener.handle(PublishStarted(stream_id="s", publication=1, tracks=()))
    wire.listener.media_quiet()
    wire.listener.handle(Progress(stream_id="s", publication=1, media_time_ms=5, next_segment=2, at=1.0, health={}))
    wire.listener.media_quiet()
    wire.listener.media_quiet()
    wire.listener.handle(PublishEnded(stream_id="s", publication=1, reason="gone"))
    wire.listener.media_quiet()
    started = PublisherStarted(publication=1, tracks=())
    progressed = MediaProgressed(publication=1, media_time_ms=5, next_segment=2, at=1.0, health={})
    lost = PublisherLost(publication=1, reason="gone", next_segment=wire.playback.next_segment("s"))
    assert await wire.settle() == [started, started, progressed, progressed, progressed, lost]


async def test_a_stored_segment_becomes_a_row_with_its_initialisation(wire: Wire, tmp_path: Path) -> None:
    await wire.listener.authorize(ASK)
    events = published(tmp_path, 1)
    for event in events:
        wire.listener.handle(packaged(event))
    segments = [event for event in events if isinstance(event, SegmentReady)]
    for event in segments:
        renamed = msgspec.structs.replace(stored(event), init_key=f"streams/s/1-1/{event.rendition}/init-0.mp4")
        wire.listener.handle(packaged(renamed))
    rows = [message for message in await wire.settle() if isinstance(message, SegmentsRecorded)]
    assert len(rows) == len(segments)
    assert {row.inits[0].name for row in rows} == {event.name for event in events if isinstance(event, InitReady)}
    assert [row.segments[0].media_time_ms for row in rows] == [event.media_time_ms for event in segments]
    wire.listener.handle(Flushed(stream_id="s", publication=1))
    assert wire.listener._inits == {}


async def test_a_stored_segment_whose_initialisation_is_not_known_is_passed_over(wire: Wire, tmp_path: Path) -> None:
    event = next(event for event in published(tmp_path, 1) if isinstance(event, SegmentReady))
    wire.listener.handle(packaged(stored(event)))
    assert await wire.settle() == []


async def test_when_the_media_process_is_lost_each_publisher_is_and_the_next_goes_on_after_what_was_shown(
    wire: Wire, tmp_path: Path
) -> None:
    await wire.listener.authorize(ASK)
    for event in published(tmp_path, 1, ends=False):
        wire.listener.handle(packaged(event))
    following = wire.playback.next_segment("s")
    wire.listener.media_lost()
    wire.listener.media_lost()
    assert await wire.settle() == [
        PublisherLost(publication=1, reason="the media process has gone", next_segment=following)
    ]
    assert following > 2


async def test_leave_that_is_given_back_is_known_to_the_stream_when_the_caller_goes_on(wire: Wire) -> None:
    await wire.listener.authorize(ASK)
    await wire.listener.given_back(GRANT, "its offer was refused")
    lost = PublisherLost(publication=1, reason="its offer was refused", next_segment=wire.playback.next_segment("s"))
    assert wire.heard == [lost]


async def test_a_backup_that_does_not_come_ends_nothing_of_the_publisher_whom_it_was_to_join(wire: Wire) -> None:
    await wire.listener.authorize(ASK)
    await wire.listener.given_back(msgspec.structs.replace(GRANT, joins=True), "its offer was refused")
    wire.listener.media_lost()
    lost = [message for message in await wire.settle() if isinstance(message, PublisherLost)]
    assert [message.reason for message in lost] == ["the media process has gone"]


async def test_leave_whose_stream_cannot_be_reached_is_given_back_without_an_error(wire: Wire) -> None:
    await wire.listener.authorize(ASK)
    await wire.node.stop(budget_s=1.0)
    await wire.listener.given_back(GRANT, "its offer was refused")


@pytest.mark.parametrize("answer", [Refused(code="bad_name", message="m"), Unavailable("postgres", "away")])
async def test_a_publisher_that_is_refused_or_put_off_leaves_nothing_behind(wire: Wire, answer: Any) -> None:
    wire.ingest.answer = answer
    assert isinstance(await wire.listener.authorize(ASK), Refused)
    wire.listener.media_lost()
    assert await wire.settle() == []


async def test_a_grant_whose_past_cannot_be_read_is_given_back(wire: Wire) -> None:
    wire.ingest.answer = msgspec.structs.replace(GRANT, publication=2)
    wire.tables.is_away = True
    wire.playback._held.clear()
    wire.stream_directory.fresh = lambda stream_id: _view(publication=2)  # type: ignore[method-assign]
    answer = await wire.listener.authorize(ASK)
    assert isinstance(answer, Refused)
    assert answer.status == 503
    assert await wire.settle() == [PublisherLost(publication=2, reason="it could not be prepared")]


async def _view(**fields: Any) -> StreamView:
    return view(**fields)


async def test_counters_and_pictures_are_kept_for_whoever_asks(wire: Wire) -> None:
    wire.listener.handle(MediaCounters(values={"streams": 1.0}))
    wire.listener.handle(Pictured(stream_id="s", path="/p", at=1.0))
    assert wire.listener.counters == {"streams": 1.0}
    picture = wire.playback.picture("s")
    assert picture is not None
    assert picture.path == "/p"


# -------------------------------------------------------------------------------------------------------------- facts


class Forgotten:
    """``MediaProcess.forget``."""

    def __init__(self) -> None:
        self.streams: list[str] = []

    def forget(self, stream_id: str) -> None:
        self.streams.append(stream_id)


class Watchers:
    """``WatchingSockets`` and ``RightsCheck``: notes what it is told."""

    def __init__(self) -> None:
        self.counted_again: list[str] = []
        self.judged: list[str] = []

    def count_again(self, stream_id: str) -> None:
        self.counted_again.append(stream_id)

    def judge_now(self, view: StreamView) -> None:
        self.judged.append(view.id)


class NoPages:
    async def since(self, room_id: str, offset: int, *, limit: int) -> list[Any]:
        return []


async def test_facts_go_where_they_are_heard_and_nowhere_before_the_wiring(wire: Wire, tmp_path: Path) -> None:
    broadcaster, media = wire.broadcaster, Forgotten()
    broadcaster(ViewersCounted(stream_id="s", viewers=1, peak_viewers=1, unique_viewers=1, watched_ms=0))
    mirrors = RoomMirrors(node=wire.node, pages=NoPages(), fan=wire.fanout)
    cleanup = StreamCleanup(playback=wire.playback, media=media, objects=LocalObjects(root=tmp_path))  # type: ignore[arg-type]
    viewers = Watchers()
    live_event_handlers = handlers(
        stream_directory=wire.stream_directory,
        mirrors=mirrors,
        cleanup=cleanup,
        viewers=(viewers,),
        rights_check=viewers,
        traces=RoomTraces(traces=Traces(node="n1", clock=wire.node.clock), fan=wire.fanout, clock=wire.node.clock),
        hype=Hype(fan=wire.fanout, mirrors=mirrors, viewers_of=wire.stream_directory.viewers_of, clock=wire.node.clock),
        renew_screens=renewal(wire.node),
    )
    broadcaster.join(node=wire.node, handlers=live_event_handlers)
    broadcaster(ViewersCounted(stream_id="s", viewers=7, peak_viewers=9, unique_viewers=9, watched_ms=5))
    broadcaster(StreamChanged(stream=view(title="Now"), previous="scheduled", cause="published"))
    broadcaster(ChatPosted(room_id="r", epoch="e", messages=()))
    broadcaster(ChatChanged(room_id="r", event="chat:mode", body={}))
    broadcaster(RoomOpened(room_id="r", epoch="e", offset=3))
    broadcaster(Reacted(stream_id="s", counts={"x": 1}))
    broadcaster(CounterOpened(stream_id="s"))
    broadcaster(CounterOpened(stream_id="other"), to=("n2",))
    shown = await wire.stream_directory.view("s", viewer=NOBODY)
    assert (shown.title, shown.viewers, shown.peak_viewers) == ("Now", 7, 9)
    assert (viewers.counted_again, viewers.judged) == (["s"], [])
    broadcaster(StreamChanged(stream=view(visibility="private"), previous="live", cause="edited"))
    assert viewers.judged == ["s"]
    cleanup.close()


async def test_an_ended_stream_keeps_its_picture_and_its_live_files_go_after_a_while(
    wire: Wire, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.live.stream_cleanup.FORGET_S", 0.0)
    media, objects = Forgotten(), LocalObjects(root=tmp_path / "objects")
    (tmp_path / "t.webp").write_bytes(b"picture")
    wire.playback.pictured(Pictured(stream_id="s", path=str(tmp_path / "t.webp"), at=1.0))
    await wire.playback.prepare(view())
    cleanup = StreamCleanup(playback=wire.playback, media=media, objects=objects)  # type: ignore[arg-type]
    cleanup.changed(StreamChanged(stream=view(), previous="scheduled", cause="published"))
    assert not cleanup._tasks
    cleanup.changed(StreamChanged(stream=view(state="ended"), previous="live", cause="ended"))
    cleanup.changed(StreamChanged(stream=view(state="ended"), previous="ended", cause="edited"))
    assert len(cleanup._tasks) == 1
    await asyncio.wait_for(asyncio.gather(*cleanup._tasks), 30)
    assert media.streams == ["s"]
    assert wire.playback.picture("s") is None
    assert b"".join([chunk async for chunk in objects.open("streams/s/thumbnail.webp")]) == b"picture"


async def test_a_live_streams_picture_outlives_its_node_and_is_written_once_a_minute(
    wire: Wire, tmp_path: Path
) -> None:
    objects = LocalObjects(root=tmp_path / "objects")
    cleanup = StreamCleanup(playback=wire.playback, media=Forgotten(), objects=objects)  # type: ignore[arg-type]
    for at in (1_000.0, 1_004.0, 1_059.0, 1_061.0):
        (tmp_path / "t.webp").write_bytes(b"%d" % at)
        wire.playback.pictured(Pictured(stream_id="s", path=str(tmp_path / "t.webp"), at=at))
        await asyncio.gather(*cleanup._tasks)
        kept = b"".join([chunk async for chunk in objects.open("streams/s/thumbnail.webp")])
        assert kept == (b"1061" if at == 1_061.0 else b"1000")


async def test_a_picture_that_cannot_be_read_does_not_keep_the_live_files(
    wire: Wire, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.live.stream_cleanup.FORGET_S", 0.0)
    media = Forgotten()
    wire.playback.pictured(Pictured(stream_id="s", path=str(tmp_path / "gone"), at=1.0))
    cleanup = StreamCleanup(playback=wire.playback, media=media, objects=LocalObjects(root=tmp_path))  # type: ignore[arg-type]
    cleanup.changed(StreamChanged(stream=view(state="ended"), previous="live", cause="ended"))
    await asyncio.wait_for(asyncio.gather(*cleanup._tasks), 30)
    assert media.streams == ["s"]
