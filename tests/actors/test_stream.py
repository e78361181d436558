"""A live stream's life: what moves it, who may publish it, and what a lost node, process or database leaves of it."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
from collections.abc import AsyncIterator, Iterable
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actors.chat import KeepMediaTime
from actors.events import Fact, StreamChanged, StreamState
from actors.runtime import (
    Actor,
    ActorId,
    DomainError,
    LocalDirectory,
    LocalTransport,
    ManualClock,
    Node,
    Unavailable,
    handles,
    shard_of,
)
from actors.stream import (
    MOVES,
    SILENT_S,
    ClaimPublish,
    DescribeStream,
    EditStream,
    EndStream,
    Grant,
    InitRow,
    KeepViewers,
    LiveStream,
    MediaProgressed,
    PublisherLost,
    PublisherStarted,
    ReadHealth,
    RecordingFlushed,
    RotateStreamKey,
    SegmentRow,
    SegmentsRecorded,
    StopPublisher,
    StreamDeleted,
)
from server.live.durable import DurableStreams
from storage.ids import Ids
from storage.leases import Fence
from storage.memory import MemoryRecordings, MemoryStreams, Person, Tables
from storage.stream import NewStream

CLAIM = ClaimPublish(protocol="rtmp", remote="127.0.0.1:5000")


class Stopped:
    """``Media``: notes what it is told to stop."""

    def __init__(self) -> None:
        self.told: list[tuple[int, str]] = []
        self.nodes: list[str] = []

    def stop(self, node: str, stream_id: str, *, publication: int, reason: str) -> None:
        self.told.append((publication, reason))
        self.nodes.append(node)


class MediaClock(Actor):
    """In the chat room's place: keeps what it hears of the media clock."""

    def __init__(self, heard: list[KeepMediaTime]) -> None:
        self._heard = heard

    @handles(KeepMediaTime)
    def keep(self, message: KeepMediaTime) -> None:
        self._heard.append(message)


class Station:
    """One stream on a node that can be lost and come again."""

    def __init__(self, **fields: Any) -> None:
        self.clock = ManualClock()
        self.tables = Tables()
        self.rows = MemoryStreams(tables=self.tables)
        self.recordings = MemoryRecordings(tables=self.tables)
        self.media = Stopped()
        self.facts: list[Fact] = []
        self.media_times: list[KeepMediaTime] = []
        ids = Ids()
        owner = Person(id=ids.uuid7(1.0), username="ann")
        self.tables.add_person(owner)
        self.stream_id = ids.uuid7(1.0)
        self.new = NewStream(
            id=self.stream_id,
            room_id=ids.uuid7(1.0),
            owner_id=owner.id,
            title="A stream",
            stream_key="key",
            log_epoch="e1",
            **fields,
        )
        self.shard = shard_of(ActorId("stream", self.stream_id))
        self.epoch = 0

    async def boot(self) -> None:
        """A new node takes everything over."""
        self.epoch += 1
        self.tables.epochs[self.shard] = self.epoch
        directory = LocalDirectory(node="n1", epoch=self.epoch)
        self.node = Node(name="n1", clock=self.clock, directory=directory, transport=LocalTransport())
        self.node.register("stream", self._actor, idle_after_s=120)
        self.node.register("chat", lambda actor_id: MediaClock(self.media_times))
        await self.node.start()
        self.ref = self.node.ref("stream", self.stream_id)

    def _actor(self, actor_id: ActorId) -> LiveStream:
        return LiveStream(
            stream_id=actor_id.key,
            shard=self.shard,
            store=DurableStreams(streams=self.rows, recordings=self.recordings),  # type: ignore[arg-type]
            media=self.media,
            announce=self._announced,
            now=lambda: dt.datetime.fromtimestamp(self.clock.time(), dt.UTC),
        )

    def _announced(self, fact: Fact, *, to: Iterable[str] | None = None) -> None:
        assert to is None
        self.facts.append(fact)

    async def stop(self) -> None:
        stopping = asyncio.ensure_future(self.node.stop(budget_s=1.0))
        await self.clock.advance(2.0)
        await stopping

    async def kill(self) -> None:
        """The node is gone, and nothing of it was written on the way."""
        self.tables.is_away = True
        await self.stop()
        self.tables.is_away = False
        await self.boot()

    async def ask(self, message: Any) -> Any:
        asked = asyncio.ensure_future(self.ref.ask(message, timeout_s=1e6))
        await self.clock.settle()
        return await asked

    async def tell(self, message: Any) -> None:
        self.ref.tell(message)
        await self.clock.settle()

    async def view(self) -> Any:
        return await self.ask(DescribeStream())

    async def state(self) -> str:
        return str((await self.view()).state)

    async def claim(self) -> Grant:
        grant: Grant = await self.ask(CLAIM)
        return grant

    async def refusal(self) -> str:
        with pytest.raises(DomainError) as caught:
            await self.claim()
        return caught.value.code

    async def go_live(self) -> Grant:
        grant = await self.claim()
        await self.tell(PublisherStarted(publication=grant.publication, tracks=()))
        return grant

    async def progress(self, publication: int, *, ms: int, segment: int = 0) -> None:
        at = self.clock.time()
        await self.tell(
            MediaProgressed(publication=publication, media_time_ms=ms, next_segment=segment, at=at, health={"fps": 30})
        )

    async def send_media(self, publication: int, seconds: int) -> None:
        """The publisher is there, and says so every second."""
        for _ in range(seconds):
            await self.progress(publication, ms=0)
            await self.clock.advance(1.0)

    async def lose(self, publication: int, *, next_segment: int = 0) -> None:
        await self.tell(PublisherLost(publication=publication, reason="gone", next_segment=next_segment))

    def moves(self) -> list[tuple[str, str]]:
        changed = [fact for fact in self.facts if isinstance(fact, StreamChanged)]
        return [(fact.previous, fact.stream.state) for fact in changed if fact.cause != "edited"]

    def stored(self) -> Any:
        return self.tables.streams[self.stream_id]


@pytest.fixture
async def station() -> AsyncIterator[Station]:
    made = Station()
    await made.rows.create(made.new)
    await made.boot()
    yield made
    made.tables.is_away = False
    await made.stop()


def recorded(segment: int, *, publication: int = 1) -> SegmentsRecorded:
    init = InitRow(rendition="video", name=f"video/{publication}/init-0.mp4", object_key=f"i{publication}", info={})
    row = SegmentRow(
        rendition="video",
        segment=segment,
        publication=publication,
        object_key=f"s{segment}",
        init_key=init.object_key,
        init_name=init.name,
        media_time_ms=segment * 2000,
        duration_ms=2000.0,
        bytes=10,
        started_at=dt.datetime(2026, 5, 1, tzinfo=dt.UTC),
        is_discontinuity=False,
    )
    return SegmentsRecorded(publication=publication, inits=(init,), segments=(row,))


# ------------------------------------------------------------------------------------------------------------ its life


def test_the_table_of_moves_leaves_the_end_by_no_way() -> None:
    states = set(get_args(StreamState))
    assert {state for state, _ in MOVES} == states - {"ended"}
    assert set(MOVES.values()) == states - {"scheduled"}


async def test_a_stream_goes_live_is_interrupted_and_ends_after_its_grace(station: Station) -> None:
    grant = await station.go_live()
    await station.progress(grant.publication, ms=5_000)
    await station.lose(grant.publication)
    assert await station.state() == "interrupted"
    await station.clock.advance(29.0)
    assert await station.state() == "interrupted"
    await station.clock.advance(2.0)
    view = await station.view()
    assert (view.state, view.media_time_ms, view.interrupted_at) == ("ended", 5_000, None)
    assert view.ended_at is not None
    assert station.moves() == [("scheduled", "live"), ("live", "interrupted"), ("interrupted", "ended")]


async def test_a_publisher_that_comes_back_goes_on_where_the_media_clock_stood(station: Station) -> None:
    first = await station.go_live()
    await station.progress(first.publication, ms=7_000, segment=4)
    await station.lose(first.publication, next_segment=6)
    second = await station.go_live()
    assert (second.publication, second.media_time_ms, second.first_segment) == (2, 7_000, 6)
    await station.send_media(2, 60)
    assert await station.state() == "live"


async def test_a_grant_is_durable_before_it_is_given_and_numbers_are_never_given_again(station: Station) -> None:
    for publication in (1, 2, 3):
        grant = await station.claim()
        assert grant.publication == publication == station.stored().publication
        await station.lose(publication)
    await station.kill()
    assert (await station.claim()).publication == 4


async def test_a_second_publisher_is_busy_until_the_first_has_gone(station: Station) -> None:
    grant = await station.claim()
    assert await station.refusal() == "busy"
    await station.lose(grant.publication)
    assert (await station.claim()).publication == 2


async def test_news_of_an_older_publication_change_nothing(station: Station) -> None:
    first = await station.go_live()
    await station.lose(first.publication)
    await station.go_live()
    await station.lose(first.publication)
    await station.progress(first.publication, ms=99_000)
    view = await station.view()
    assert (view.state, view.media_time_ms) == ("live", 0)
    assert await station.refusal() == "busy"


async def test_a_grant_that_nobody_takes_up_is_free_again(station: Station) -> None:
    await station.claim()
    await station.clock.advance(19.0)
    assert await station.refusal() == "busy"
    await station.clock.advance(2.0)
    assert [publication for publication, _ in station.media.told] == [1]
    assert (await station.claim()).publication == 2
    assert await station.state() == "scheduled"


async def test_a_publisher_that_sends_media_keeps_its_grant(station: Station) -> None:
    grant = await station.go_live()
    await station.send_media(grant.publication, 60)
    assert await station.refusal() == "busy"
    assert station.media.told == []


async def test_an_interrupted_stream_ends_though_a_publisher_came_back_and_sent_nothing(station: Station) -> None:
    first = await station.go_live()
    await station.lose(first.publication)
    await station.clock.advance(20.0)
    second = await station.claim()
    await station.clock.advance(5.0)
    await station.lose(second.publication)
    assert await station.state() == "interrupted"
    await station.clock.advance(6.0)
    assert await station.state() == "ended"


async def test_the_grace_does_not_end_a_stream_whose_publisher_is_just_coming(station: Station) -> None:
    first = await station.go_live()
    await station.lose(first.publication)
    await station.clock.advance(29.0)
    second = await station.claim()
    await station.clock.advance(4.0)
    assert await station.state() == "interrupted"
    await station.tell(PublisherStarted(publication=second.publication, tracks=()))
    assert await station.state() == "live"


# ---------------------------------------------------------------------------------------------------------- its silence


async def test_a_publisher_of_whom_nothing_is_heard_any_more_leaves_an_interrupted_stream(station: Station) -> None:
    grant = await station.go_live()
    await station.send_media(grant.publication, 20)
    await station.clock.advance(SILENT_S - 1.5)
    assert await station.state() == "live"
    await station.clock.advance(1.0)
    assert await station.state() == "interrupted"
    assert (await station.claim()).publication == 2


async def test_a_publisher_that_started_and_was_never_heard_again_is_given_up(station: Station) -> None:
    await station.go_live()
    await station.clock.advance(SILENT_S + 0.1)
    assert await station.state() == "interrupted"
    await station.clock.advance(30.0)
    assert await station.state() == "ended"


async def test_the_silence_of_an_older_publication_says_nothing_of_the_next(station: Station) -> None:
    first = await station.go_live()
    await station.clock.advance(4.0)
    await station.lose(first.publication)
    second = await station.go_live()
    await station.send_media(second.publication, 10)
    assert await station.state() == "live"


async def test_after_a_restart_the_silence_of_a_publisher_that_showed_itself_is_noticed_too(station: Station) -> None:
    grant = await station.go_live()
    await station.kill()
    await station.view()
    await station.progress(grant.publication, ms=1_000)
    await station.clock.advance(SILENT_S + 0.1)
    assert await station.state() == "interrupted"


async def test_a_publisher_that_was_silent_and_is_heard_again_has_its_stream_again(station: Station) -> None:
    grant = await station.go_live()
    await station.clock.advance(SILENT_S + 0.1)
    assert await station.state() == "interrupted"
    await station.send_media(grant.publication, 60)
    assert await station.state() == "live"
    assert await station.refusal() == "busy"
    await station.clock.advance(SILENT_S + 0.1)
    assert await station.state() == "interrupted"


async def test_a_publisher_that_was_silent_and_comes_back_too_late_changes_nothing(station: Station) -> None:
    first = await station.go_live()
    await station.clock.advance(SILENT_S + 0.1)
    second = await station.go_live()
    await station.progress(first.publication, ms=99_000)
    await station.send_media(second.publication, 20)
    view = await station.view()
    assert (view.state, view.publication, view.media_time_ms) == ("live", 2, 0)


# ------------------------------------------------------------------------------------------------------- where it comes


async def test_the_node_of_the_publisher_is_durable_and_is_told_to_stop(station: Station) -> None:
    await station.ask(msgspec.structs.replace(CLAIM, node="n7"))
    assert (await station.view()).media_node == station.stored().media_node == "n7"
    await station.ask(StopPublisher(reason="x"))
    assert station.media.nodes == ["n7"]


async def test_a_publisher_that_comes_again_over_another_node_is_stopped_where_it_was(station: Station) -> None:
    grant = await station.ask(msgspec.structs.replace(CLAIM, node="n7"))
    await station.tell(PublisherStarted(publication=grant.publication, tracks=()))
    await station.kill()
    await station.view()
    await station.ask(msgspec.structs.replace(CLAIM, node="n8"))
    assert (station.media.told, station.media.nodes) == ([(1, "its publisher has come again")], ["n7"])
    assert (await station.view()).media_node == "n8"


async def test_whether_the_lasting_key_published_is_kept_until_the_next_publisher(station: Station) -> None:
    grant = await station.ask(msgspec.structs.replace(CLAIM, is_lasting=True))
    assert station.stored().is_lasting
    await station.tell(PublisherStarted(publication=grant.publication, tracks=()))
    await station.lose(grant.publication)
    assert station.stored().is_lasting
    await station.claim()
    assert not station.stored().is_lasting


# -------------------------------------------------------------------------------------------------------------- its end


async def test_the_end_waits_for_the_recording_but_not_for_ever(station: Station) -> None:
    grant = await station.go_live()
    ending = asyncio.ensure_future(station.ref.ask(EndStream(), timeout_s=60.0))
    await station.clock.advance(1.0)
    assert station.media.told == [(grant.publication, "ended by its owner")]
    assert not ending.done()
    assert await station.refusal() == "ended"
    await station.tell(RecordingFlushed(publication=grant.publication))
    assert (await ending).state == "ended"


async def test_the_end_comes_though_nothing_is_heard_of_the_recording(station: Station) -> None:
    await station.go_live()
    ending = asyncio.ensure_future(station.ref.ask(EndStream(), timeout_s=60.0))
    await station.clock.advance(5.5)
    assert (await ending).state == "ended"


@pytest.mark.parametrize("is_claimed", [False, True])
async def test_a_stream_that_never_began_ends_too(station: Station, is_claimed: bool) -> None:
    if is_claimed:
        await station.claim()
    ending = asyncio.ensure_future(station.ref.ask(EndStream(), timeout_s=60.0))
    await station.clock.advance(6.0)
    view = await ending
    assert (view.state, view.started_at) == ("ended", None)
    assert await station.refusal() == "ended"


async def test_ending_twice_is_ending_once(station: Station) -> None:
    await station.go_live()
    endings = [asyncio.ensure_future(station.ref.ask(EndStream(), timeout_s=60.0)) for _ in range(3)]
    await station.clock.advance(6.0)
    assert {(await ending).state for ending in endings} == {"ended"}
    assert (await station.ask(EndStream())).state == "ended"
    assert station.moves().count(("live", "ended")) == 1
    assert len(station.media.told) == 1


async def test_an_end_while_the_database_is_away_comes_when_it_is_back(station: Station) -> None:
    await station.go_live()
    ending = asyncio.ensure_future(station.ref.ask(EndStream(), timeout_s=1e6))
    station.tables.is_away = True
    await station.clock.advance(40.0)
    assert not ending.done()
    station.tables.is_away = False
    await station.clock.advance(2.0)
    assert (await ending).state == "ended"
    assert station.moves() == [("scheduled", "live"), ("live", "ended")]


# ------------------------------------------------------------------------------------------------- what may be lost


async def test_after_a_lost_node_a_publisher_that_comes_at_once_is_let_in(station: Station) -> None:
    first = await station.go_live()
    await station.progress(first.publication, ms=9_000, segment=5)
    await station.clock.advance(6.0)
    await station.kill()
    assert await station.state() == "live"
    second = await station.claim()
    assert (second.publication, second.media_time_ms, second.first_segment) == (2, 9_000, 5)
    assert station.media.told == [(1, "its publisher has come again")]
    await station.tell(PublisherStarted(publication=2, tracks=()))
    await station.send_media(2, 60)
    assert await station.state() == "live"


async def test_after_a_lost_node_a_stream_whose_publisher_stays_away_is_interrupted_and_ends(station: Station) -> None:
    await station.go_live()
    await station.kill()
    assert await station.state() == "live"
    await station.clock.advance(5.5)
    assert await station.state() == "interrupted"
    await station.clock.advance(31.0)
    assert await station.state() == "ended"


async def test_after_a_restart_a_publisher_that_is_still_there_keeps_the_stream(station: Station) -> None:
    grant = await station.go_live()
    await station.kill()
    await station.view()
    await station.progress(grant.publication, ms=1_000)
    assert await station.refusal() == "busy"
    await station.send_media(grant.publication, 60)
    assert await station.state() == "live"
    assert station.media.told == []


async def test_one_that_is_let_in_after_a_restart_and_sends_nothing_leaves_an_interrupted_stream(
    station: Station,
) -> None:
    await station.go_live()
    await station.kill()
    await station.view()
    await station.claim()
    await station.clock.advance(21.0)
    assert await station.state() == "interrupted"
    await station.clock.advance(31.0)
    assert await station.state() == "ended"


async def test_an_interrupted_stream_has_its_grace_again_after_a_restart(station: Station) -> None:
    grant = await station.go_live()
    await station.lose(grant.publication)
    await station.kill()
    assert await station.state() == "interrupted"
    await station.clock.advance(31.0)
    assert await station.state() == "ended"


async def test_a_move_waits_for_the_database_and_is_announced_when_it_is_durable(station: Station) -> None:
    grant = await station.go_live()
    station.tables.is_away = True
    await station.lose(grant.publication)
    await station.clock.advance(10.0)
    assert station.moves() == [("scheduled", "live")]
    with pytest.raises(Unavailable):
        await station.claim()
    station.tables.is_away = False
    await station.clock.advance(2.0)
    assert station.moves()[1:] == [("live", "interrupted")]
    assert station.stored().state == "interrupted"


async def test_progress_is_written_every_few_seconds_also_when_nothing_is_recorded(station: Station) -> None:
    grant = await station.go_live()
    for second in range(1, 8):
        await station.progress(grant.publication, ms=second * 1000, segment=second // 2)
        await station.clock.advance(1.0)
    await station.kill()
    view = await station.view()
    assert view.media_time_ms >= 5_000


async def test_segments_wait_for_the_database_as_one_batch_with_one_timer(station: Station) -> None:
    grant = await station.go_live()
    station.tables.is_away = True
    for number in range(300):
        await station.tell(recorded(number))
        if number % 50 == 0:
            await station.send_media(grant.publication, 1)
    info = next(info for info in station.node.actors() if info.id.kind == "stream")
    assert info.timers <= 4
    station.tables.is_away = False
    await station.send_media(grant.publication, 2)
    assert [row.segment for row in await station.recordings.segments(station.stream_id)] == list(range(300))
    assert station.stored().next_segment == 300
    assert await station.state() == "live"


async def test_segments_that_waited_are_written_when_the_node_is_drained(station: Station) -> None:
    await station.go_live()
    station.tables.is_away = True
    await station.tell(recorded(0))
    station.tables.is_away = False
    await station.stop()
    assert [row.segment for row in await station.recordings.segments(station.stream_id)] == [0]
    await station.boot()


async def test_segments_of_a_deleted_stream_do_not_crash_anybody(station: Station) -> None:
    await station.go_live()
    await station.rows.delete(station.stream_id, fence=Fence(shard=station.shard, epoch=station.epoch))
    await station.tell(recorded(0))
    await station.tell(StreamDeleted())
    with pytest.raises(DomainError) as caught:
        await station.view()
    assert caught.value.code == "not_found"


async def test_a_taken_over_stream_writes_nothing_any_more(station: Station) -> None:
    grant = await station.go_live()
    station.tables.epochs[station.shard] += 1
    await station.lose(grant.publication)
    assert station.stored().state == "live"
    station.tables.epochs[station.shard] = station.epoch


# --------------------------------------------------------------------------------------------------- what is said of it


async def test_the_chat_hears_where_the_media_clock_stands_and_when_it_stops(station: Station) -> None:
    grant = await station.go_live()
    await station.progress(grant.publication, ms=3_000)
    await station.lose(grant.publication)
    heard = [(clock.media_time_ms, clock.is_running) for clock in station.media_times]
    assert heard == [(0, True), (3_000, True), (3_000, False)]


async def test_health_is_of_the_publisher_that_is_there(station: Station) -> None:
    grant = await station.go_live()
    await station.progress(grant.publication, ms=1)
    assert await station.ask(ReadHealth()) == {"fps": 30}
    await station.lose(grant.publication)
    assert await station.ask(ReadHealth()) == {}


async def test_an_edit_is_durable_and_announced(station: Station) -> None:
    view = await station.ask(EditStream(changes={"title": "Another"}))
    assert view.title == station.stored().title == "Another"
    assert [fact.cause for fact in station.facts if isinstance(fact, StreamChanged)] == ["edited"]


async def test_a_new_key_ends_the_publisher_and_not_the_stream(station: Station) -> None:
    grant = await station.go_live()
    assert await station.ask(RotateStreamKey(new_key="other")) == "other"
    assert station.media.told == [(grant.publication, "its key was rotated")]
    assert station.stored().stream_key == "other"
    assert await station.state() == "live"


async def test_stopping_nobody_stops_nobody(station: Station) -> None:
    await station.ask(StopPublisher(reason="x"))
    assert station.media.told == []


async def test_counts_only_grow_but_the_viewers_of_now(station: Station) -> None:
    await station.tell(KeepViewers(viewers=5, peak_viewers=5, unique_viewers=6, watched_ms=10))
    await station.tell(KeepViewers(viewers=2, peak_viewers=2, unique_viewers=2, watched_ms=2))
    view = await station.view()
    assert (view.viewers, view.peak_viewers, view.unique_viewers, view.watched_ms) == (2, 5, 6, 10)


# --------------------------------------------------------------------------------------------------------- random lives

DOINGS = st.lists(
    st.tuples(
        st.sampled_from(["claim", "start", "progress", "lose", "end", "kill", "away", "back", "wait"]),
        st.integers(0, 3),
    ),
    max_size=30,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(DOINGS)
def test_whatever_happens_only_moves_of_the_table_are_announced_and_nothing_is_held_for_ever(
    doings: list[tuple[str, int]],
) -> None:
    asyncio.run(_live(doings))


async def _live(doings: list[tuple[str, int]]) -> None:
    station = Station()
    await station.rows.create(station.new)
    await station.boot()
    granted: list[int] = []
    endings: list[asyncio.Task[Any]] = []
    for doing, which in doings:
        publication = granted[-1 - which] if which < len(granted) else 1
        if doing == "claim":
            with contextlib.suppress(DomainError, Unavailable):
                granted.append((await station.claim()).publication)
        elif doing == "start":
            await station.tell(PublisherStarted(publication=publication, tracks=()))
        elif doing == "progress":
            await station.progress(publication, ms=which * 1000)
        elif doing == "lose":
            await station.lose(publication)
        elif doing == "end":
            endings.append(asyncio.ensure_future(station.ref.ask(EndStream(), timeout_s=1e6)))
        elif doing == "kill":
            await station.kill()
        elif doing == "wait":
            await station.clock.advance(which * 7.0)
        else:
            station.tables.is_away = doing == "away"
    station.tables.is_away = False
    await station.clock.advance(2.0)
    await station.lose((await station.view()).publication)
    await station.clock.advance(90.0)
    allowed = {(state, after) for (state, _), after in MOVES.items()}
    assert set(station.moves()) <= allowed
    assert granted == sorted(set(granted))
    state = await station.state()
    assert state in ("scheduled", "ended")
    assert station.stored().state == state
    if state == "scheduled":
        assert (await station.claim()).publication > len(granted) - 1
    assert all(ending.done() for ending in endings)
    for ending in endings:
        ending.exception()
    await station.stop()
