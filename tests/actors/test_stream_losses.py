"""What a lost publisher, node or database leaves of a live stream."""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec
import pytest

from actors.runtime import (
    DomainError,
    Unavailable,
)
from actors.stream import (
    SILENT_S,
    PublisherStarted,
    StopPublisher,
    StreamDeleted,
)
from storage.leases import Fence
from tests.actors.station import CLAIM, Station, recorded


@pytest.fixture
async def station() -> AsyncIterator[Station]:
    made = Station()
    await made.rows.create(made.new)
    await made.boot()
    yield made
    made.tables.is_away = False
    await made.stop()


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
