"""What viewers are shown while a publisher is away, and who may take its place."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from actors.stream import MAX_SLATES_LOST
from actors.stream_life import StreamPolicy
from actors.stream_messages import ClaimPublish, EndStream, MediaProgressed
from tests.actors.stream_fixture import StreamFixture

SLATE = StreamPolicy(slate=True)


async def begun(made: StreamFixture) -> StreamFixture:
    await made.rows.create(made.new)
    await made.boot()
    return made


@pytest.fixture
async def fixture() -> AsyncIterator[StreamFixture]:
    made = await begun(StreamFixture(policy=SLATE))
    yield made
    made.tables.is_away = False
    await made.stop()


async def slated(fixture: StreamFixture, publication: int, *, ms: int, segment: int) -> None:
    at = fixture.clock.time()
    progressed = MediaProgressed(
        publication=publication, media_time_ms=ms, next_segment=segment, at=at, health={}, is_slate=True
    )
    await fixture.tell(progressed)


async def test_a_slate_follows_a_lost_publisher_under_a_number_of_its_own(fixture: StreamFixture) -> None:
    grant = await fixture.go_live()
    await fixture.progress(grant.publication, ms=9_000, segment=5)
    await fixture.lose(grant.publication, next_segment=6)
    (slate,) = fixture.media.slates
    assert (slate.publication, slate.first_segment, slate.media_time_ms) == (2, 6, 9_000)
    assert await fixture.state() == "interrupted"


async def test_the_clock_goes_on_with_the_slate_and_the_publisher_goes_on_after_it(fixture: StreamFixture) -> None:
    grant = await fixture.go_live()
    await fixture.lose(grant.publication, next_segment=6)
    await slated(fixture, 2, ms=12_000, segment=8)
    assert (await fixture.state(), fixture.media_times[-1].is_running) == ("interrupted", True)
    back = await fixture.go_live()
    assert (back.publication, back.first_segment, back.media_time_ms) == (3, 8, 12_000)
    assert await fixture.state() == "live"


async def test_what_is_heard_of_a_slate_does_not_bring_the_stream_back_on_the_air(fixture: StreamFixture) -> None:
    grant = await fixture.go_live()
    await fixture.lose(grant.publication)
    for _ in range(10):
        await slated(fixture, 2, ms=1_000, segment=1)
        await fixture.clock.advance(2.9)
    assert await fixture.state() == "interrupted"
    await fixture.clock.advance(2.0)
    assert await fixture.state() == "ended", "the grace is over whether or not there is a slate"
    assert fixture.media.told[-1][0] == 2


async def test_what_a_slate_at_the_end_took_is_no_part_of_the_stream(fixture: StreamFixture) -> None:
    grant = await fixture.go_live()
    await fixture.progress(grant.publication, ms=9_000, segment=5)
    await fixture.lose(grant.publication)
    await slated(fixture, 2, ms=38_000, segment=20)
    await fixture.clock.advance(30.0)
    assert ((await fixture.view()).state, (await fixture.view()).media_time_ms) == ("ended", 9_000)


async def test_the_end_of_a_stream_ends_its_slate(fixture: StreamFixture) -> None:
    grant = await fixture.go_live()
    await fixture.lose(grant.publication)
    await fixture.ask(EndStream())
    assert fixture.media.told[-1] == (2, "the stream has ended")


async def test_a_slate_that_is_lost_is_shown_again_some_times_and_the_grace_ends_as_before(
    fixture: StreamFixture,
) -> None:
    grant = await fixture.go_live()
    await fixture.lose(grant.publication)
    for _ in range(2 * MAX_SLATES_LOST):
        await fixture.lose((await fixture.view()).publication)
        await fixture.clock.advance(2.7)
    assert [slate.publication for slate in fixture.media.slates] == [2, 3, 4, 5, 6]
    await fixture.clock.advance(4.0)
    assert await fixture.state() == "ended"


async def test_a_slate_is_shown_again_after_a_publisher_that_came_and_sent_nothing(fixture: StreamFixture) -> None:
    grant = await fixture.go_live()
    await fixture.lose(grant.publication)
    second = await fixture.claim()
    await fixture.lose(second.publication)
    assert [slate.publication for slate in fixture.media.slates] == [2, 4]


async def test_a_publisher_on_another_node_ends_the_slate_and_leaves_room_for_what_it_has_shown(
    fixture: StreamFixture,
) -> None:
    grant = await fixture.go_live()
    await fixture.lose(grant.publication)
    await slated(fixture, 2, ms=12_000, segment=8)
    await fixture.clock.advance(1.0)
    back = await fixture.ask(ClaimPublish(protocol="rtmp", remote="r", node="n2"))
    assert fixture.media.told[-1][0] == 2
    assert (back.first_segment, back.media_time_ms) == (10, 13_000)


async def test_a_node_that_fell_silent_is_not_asked_for_a_slate(fixture: StreamFixture) -> None:
    await fixture.go_live()
    await fixture.clock.advance(9.0)
    assert (await fixture.state(), fixture.media.slates) == ("interrupted", [])


@pytest.mark.parametrize(("policy", "choice"), [(SLATE, "off"), (StreamPolicy(slate=False), "auto")])
async def test_there_is_no_slate_where_the_server_or_the_stream_has_none(policy: StreamPolicy, choice: str) -> None:
    made = await begun(StreamFixture(policy=policy, slate=choice))
    grant = await made.go_live()
    await made.lose(grant.publication)
    assert (made.media.slates, (await made.claim()).publication) == ([], 2)
    await made.stop()


# ------------------------------------------------------------------------------------------------------ a second one


@pytest.mark.parametrize(
    ("server", "stream", "wins"),
    [("refuse", "auto", False), ("newest", "auto", True), ("newest", "refuse", False), ("refuse", "newest", True)],
)
async def test_a_second_publisher_takes_over_where_the_stream_or_else_the_server_says_so(
    server: str, stream: str, wins: bool
) -> None:
    made = await begun(StreamFixture(policy=StreamPolicy(slate=True, takeover=server), takeover=stream))
    first = await made.go_live()
    await made.progress(first.publication, ms=5_000, segment=3)
    if wins:
        second = await made.claim()
        assert (second.publication, second.takes_over, second.first_segment) == (2, True, 3)
        await made.lose(first.publication)
        assert await made.state() == "live", "the end of the first one is not the stream's"
    else:
        assert await made.refusal() == "busy"
    await made.stop()


async def test_a_publisher_on_another_node_has_the_first_one_stopped_where_that_is() -> None:
    made = await begun(StreamFixture(policy=StreamPolicy(slate=False, takeover="newest")))
    await made.go_live()
    await made.ask(ClaimPublish(protocol="rtmp", remote="r", node="n2"))
    assert made.media.told == [(1, "another publisher has come")]
    await made.stop()
