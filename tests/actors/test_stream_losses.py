"""What a lost publisher, node or database leaves of a live stream."""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec
import pytest

from actors.events import StreamChanged
from actors.runtime import (
    DomainError,
    Fence,
    Unavailable,
)
from actors.stream import SILENT_S, STOOD_STILL_S
from actors.stream_messages import MediaProgressed, PublisherStarted, StopPublisher, StreamDeleted
from tests.actors.stream_fixture import CLAIM, StreamFixture, recorded


@pytest.fixture
async def fixture() -> AsyncIterator[StreamFixture]:
    made = StreamFixture()
    await made.rows.create(made.new)
    await made.boot()
    yield made
    made.tables.is_away = False
    await made.stop()


# ---------------------------------------------------------------------------------------------------------- its silence


async def test_a_publisher_of_whom_nothing_is_heard_any_more_leaves_an_interrupted_stream(
    fixture: StreamFixture,
) -> None:
    grant = await fixture.go_live()
    await fixture.send_media(grant.publication, 20)
    await fixture.clock.advance(SILENT_S - 1.5)
    assert await fixture.state() == "live"
    await fixture.clock.advance(1.0)
    assert await fixture.state() == "interrupted"
    assert (await fixture.claim()).publication == 2


async def test_a_publisher_that_started_and_was_never_heard_again_is_given_up(fixture: StreamFixture) -> None:
    await fixture.go_live()
    await fixture.clock.advance(SILENT_S + 0.1)
    assert await fixture.state() == "interrupted"
    await fixture.clock.advance(30.0)
    assert await fixture.state() == "ended"


async def test_an_actor_whose_timer_is_late_has_stood_still_itself_and_reads_what_has_waited(
    fixture: StreamFixture,
) -> None:
    grant = await fixture.go_live()
    await fixture.clock.jump(60)
    assert await fixture.state() == "live"
    await fixture.progress(grant.publication, ms=60_000)
    await fixture.clock.advance(SILENT_S - 0.5)
    assert await fixture.state() == "live"


async def test_a_publisher_of_whom_nothing_has_waited_either_is_given_up_a_moment_later(fixture: StreamFixture) -> None:
    await fixture.go_live()
    await fixture.clock.jump(60)
    await fixture.clock.advance(STOOD_STILL_S + 0.1)
    assert await fixture.state() == "interrupted"


async def test_the_silence_of_an_older_publication_says_nothing_of_the_next(fixture: StreamFixture) -> None:
    first = await fixture.go_live()
    await fixture.clock.advance(4.0)
    await fixture.lose(first.publication)
    second = await fixture.go_live()
    await fixture.send_media(second.publication, 10)
    assert await fixture.state() == "live"


async def test_after_a_restart_the_silence_of_a_publisher_that_showed_itself_is_noticed_too(
    fixture: StreamFixture,
) -> None:
    grant = await fixture.go_live()
    await fixture.kill()
    await fixture.view()
    await fixture.progress(grant.publication, ms=1_000)
    await fixture.clock.advance(SILENT_S + 0.1)
    assert await fixture.state() == "interrupted"


async def test_a_publisher_that_was_silent_and_is_heard_again_has_its_stream_again(fixture: StreamFixture) -> None:
    grant = await fixture.go_live()
    await fixture.clock.advance(SILENT_S + 0.1)
    assert await fixture.state() == "interrupted"
    await fixture.send_media(grant.publication, 60)
    assert await fixture.state() == "live"
    assert await fixture.refusal() == "busy"
    await fixture.clock.advance(SILENT_S + 0.1)
    assert await fixture.state() == "interrupted"


async def test_a_publisher_that_was_silent_and_comes_back_too_late_changes_nothing(fixture: StreamFixture) -> None:
    first = await fixture.go_live()
    await fixture.clock.advance(SILENT_S + 0.1)
    second = await fixture.go_live()
    await fixture.progress(first.publication, ms=99_000)
    await fixture.send_media(second.publication, 20)
    view = await fixture.view()
    assert (view.state, view.publication, view.media_time_ms) == ("live", 2, 0)


# ------------------------------------------------------------------------------------------------------- where it comes


async def test_the_node_of_the_publisher_is_durable_and_is_told_to_stop(fixture: StreamFixture) -> None:
    await fixture.ask(msgspec.structs.replace(CLAIM, node="n7"))
    assert (await fixture.view()).media_node == fixture.stored().media_node == "n7"
    await fixture.ask(StopPublisher(reason="x"))
    assert fixture.media.nodes == ["n7"]


async def test_a_publisher_that_comes_again_over_another_node_is_stopped_where_it_was(fixture: StreamFixture) -> None:
    grant = await fixture.ask(msgspec.structs.replace(CLAIM, node="n7"))
    await fixture.tell(PublisherStarted(publication=grant.publication, tracks=()))
    await fixture.kill()
    await fixture.view()
    await fixture.ask(msgspec.structs.replace(CLAIM, node="n8"))
    assert (fixture.media.told, fixture.media.nodes) == ([(1, "its publisher has come again")], ["n7"])
    assert (await fixture.view()).media_node == "n8"


async def test_what_the_server_fetches_gives_way_to_an_encoder_and_to_nothing_else(fixture: StreamFixture) -> None:
    pulled = msgspec.structs.replace(CLAIM, node="n7", protocol="pull")
    grant = await fixture.ask(pulled)
    await fixture.tell(PublisherStarted(publication=grant.publication, tracks=()))
    with pytest.raises(DomainError, match="already"):
        await fixture.ask(pulled)
    encoder = await fixture.ask(msgspec.structs.replace(CLAIM, node="n8"))
    assert encoder.publication == grant.publication + 1
    assert (fixture.media.told, fixture.media.nodes) == ([(1, "another publisher has come")], ["n7"])
    assert await fixture.state() == "live"
    with pytest.raises(DomainError, match="already"):
        await fixture.ask(pulled)


async def test_whether_the_lasting_key_published_is_kept_until_the_next_publisher(fixture: StreamFixture) -> None:
    grant = await fixture.ask(msgspec.structs.replace(CLAIM, is_lasting=True))
    assert fixture.stored().is_lasting
    await fixture.tell(PublisherStarted(publication=grant.publication, tracks=()))
    await fixture.lose(grant.publication)
    assert fixture.stored().is_lasting
    await fixture.claim()
    assert not fixture.stored().is_lasting


# ------------------------------------------------------------------------------------------------- what may be lost


async def test_after_a_lost_node_a_publisher_that_comes_at_once_is_let_in(fixture: StreamFixture) -> None:
    first = await fixture.go_live()
    await fixture.progress(first.publication, ms=9_000, segment=5)
    await fixture.clock.advance(6.0)
    await fixture.kill()
    assert await fixture.state() == "live"
    second = await fixture.claim()
    assert (second.publication, second.media_time_ms, second.first_segment) == (2, 9_000, 5)
    assert fixture.media.told == [(1, "its publisher has come again")]
    await fixture.tell(PublisherStarted(publication=2, tracks=()))
    await fixture.send_media(2, 60)
    assert await fixture.state() == "live"


async def test_after_a_lost_node_a_stream_whose_publisher_stays_away_is_interrupted_and_ends(
    fixture: StreamFixture,
) -> None:
    await fixture.go_live()
    await fixture.kill()
    assert await fixture.state() == "live"
    await fixture.clock.advance(5.5)
    assert await fixture.state() == "interrupted"
    await fixture.clock.advance(31.0)
    assert await fixture.state() == "ended"


async def test_after_a_restart_a_publisher_that_is_still_there_keeps_the_stream(fixture: StreamFixture) -> None:
    grant = await fixture.go_live()
    await fixture.kill()
    await fixture.view()
    await fixture.progress(grant.publication, ms=1_000)
    assert await fixture.refusal() == "busy"
    await fixture.send_media(grant.publication, 60)
    assert await fixture.state() == "live"
    assert fixture.media.told == []


async def test_one_that_is_let_in_after_a_restart_and_sends_nothing_leaves_an_interrupted_stream(
    fixture: StreamFixture,
) -> None:
    await fixture.go_live()
    await fixture.kill()
    await fixture.view()
    await fixture.claim()
    await fixture.clock.advance(21.0)
    assert await fixture.state() == "interrupted"
    await fixture.clock.advance(31.0)
    assert await fixture.state() == "ended"


async def test_an_interrupted_stream_has_its_grace_again_after_a_restart(fixture: StreamFixture) -> None:
    grant = await fixture.go_live()
    await fixture.lose(grant.publication)
    await fixture.kill()
    assert await fixture.state() == "interrupted"
    await fixture.clock.advance(31.0)
    assert await fixture.state() == "ended"


async def test_a_move_waits_for_the_database_and_is_announced_when_it_is_durable(fixture: StreamFixture) -> None:
    grant = await fixture.go_live()
    fixture.tables.is_away = True
    await fixture.lose(grant.publication)
    await fixture.clock.advance(10.0)
    assert fixture.moves() == [("scheduled", "live")]
    with pytest.raises(Unavailable):
        await fixture.claim()
    fixture.tables.is_away = False
    await fixture.clock.advance(2.0)
    assert fixture.moves()[1:] == [("live", "interrupted")]
    assert fixture.stored().state == "interrupted"


async def test_after_a_crash_the_media_clock_goes_on_behind_what_is_recorded(fixture: StreamFixture) -> None:
    grant = await fixture.go_live()
    await fixture.progress(grant.publication, ms=5_000)
    await fixture.clock.advance(10.0)
    for number in range(4):
        await fixture.tell(recorded(number))
    await fixture.kill()
    assert (await fixture.claim()).media_time_ms == 8_000


async def test_progress_is_written_every_few_seconds_also_when_nothing_is_recorded(fixture: StreamFixture) -> None:
    grant = await fixture.go_live()
    for second in range(1, 8):
        await fixture.progress(grant.publication, ms=second * 1000, segment=second // 2)
        await fixture.clock.advance(1.0)
    await fixture.kill()
    view = await fixture.view()
    assert view.media_time_ms >= 5_000


async def test_what_there_is_to_play_is_sent_to_nodes_when_it_changes_and_not_each_second(
    fixture: StreamFixture,
) -> None:
    grant = await fixture.go_live()
    renditions = ({"name": "source", "state": "live"}, {"name": "480p", "state": "ready"})
    for shown in (renditions, renditions, renditions[:1]):
        await fixture.tell(
            MediaProgressed(
                publication=grant.publication, media_time_ms=0, next_segment=0, at=fixture.clock.time(), health={},
                renditions=shown,
            )
        )  # fmt: skip
    sent = [event for event in fixture.events if isinstance(event, StreamChanged) and event.cause == "renditions"]
    assert [event.stream.renditions for event in sent] == [renditions, renditions[:1]]


async def test_segments_wait_for_the_database_as_one_batch_with_one_timer(fixture: StreamFixture) -> None:
    grant = await fixture.go_live()
    fixture.tables.is_away = True
    for number in range(300):
        await fixture.tell(recorded(number))
        if number % 50 == 0:
            await fixture.send_media(grant.publication, 1)
    info = next(info for info in fixture.node.actors() if info.id.kind == "stream")
    assert info.timers <= 4
    fixture.tables.is_away = False
    await fixture.send_media(grant.publication, 2)
    assert [row.segment for row in await fixture.recordings.segments(fixture.stream_id)] == list(range(300))
    assert fixture.stored().next_segment == 300
    assert await fixture.state() == "live"


async def test_segments_that_waited_are_written_when_the_node_is_drained(fixture: StreamFixture) -> None:
    await fixture.go_live()
    fixture.tables.is_away = True
    await fixture.tell(recorded(0))
    fixture.tables.is_away = False
    await fixture.stop()
    assert [row.segment for row in await fixture.recordings.segments(fixture.stream_id)] == [0]
    await fixture.boot()


async def test_segments_of_a_deleted_stream_do_not_crash_anybody(fixture: StreamFixture) -> None:
    await fixture.go_live()
    await fixture.rows.delete(fixture.stream_id, fence=Fence(shard=fixture.shard, epoch=fixture.epoch))
    await fixture.tell(recorded(0))
    await fixture.tell(StreamDeleted())
    with pytest.raises(DomainError) as caught:
        await fixture.view()
    assert caught.value.code == "not_found"


async def test_a_taken_over_stream_writes_nothing_any_more(fixture: StreamFixture) -> None:
    grant = await fixture.go_live()
    fixture.tables.epochs[fixture.shard] += 1
    await fixture.lose(grant.publication)
    assert fixture.stored().state == "live"
    fixture.tables.epochs[fixture.shard] = fixture.epoch
