"""A live stream's life: what moves it, who may publish it, and what a lost node, process or database leaves of it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actors.events import StreamChanged, StreamState
from actors.runtime import (
    DomainError,
    Unavailable,
)
from actors.stream_life import MOVES
from actors.stream_messages import (
    EditStream,
    EndStream,
    KeepViewers,
    PublisherStarted,
    ReadHealth,
    RecordingFlushed,
    RotateStreamKey,
    StopPublisher,
)
from server.live.addresses import MediaAddresses
from server.live.stream_directory import shown
from server.live.viewings import NOBODY
from tests.actors.stream_fixture import StreamFixture
from tests.server.live.test_rights import Seals


@pytest.fixture
async def fixture() -> AsyncIterator[StreamFixture]:
    made = StreamFixture()
    await made.rows.create(made.new)
    await made.boot()
    yield made
    made.tables.is_away = False
    await made.stop()


# ------------------------------------------------------------------------------------------------------------ its life


def test_the_table_of_moves_leaves_the_end_by_no_way() -> None:
    states = set(get_args(StreamState))
    assert {state for state, _ in MOVES} == states - {"ended"}
    assert set(MOVES.values()) == states - {"scheduled"}


async def test_a_stream_goes_live_is_interrupted_and_ends_after_its_grace(fixture: StreamFixture) -> None:
    grant = await fixture.go_live()
    await fixture.progress(grant.publication, ms=5_000)
    await fixture.lose(grant.publication)
    assert await fixture.state() == "interrupted"
    await fixture.clock.advance(29.0)
    assert await fixture.state() == "interrupted"
    await fixture.clock.advance(2.0)
    view = await fixture.view()
    assert (view.state, view.media_time_ms, view.interrupted_at) == ("ended", 5_000, None)
    assert view.ended_at is not None
    assert fixture.moves() == [("scheduled", "live"), ("live", "interrupted"), ("interrupted", "ended")]


async def test_the_log_says_why_a_stream_moved(fixture: StreamFixture, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    grant = await fixture.go_live()
    await fixture.lose(grant.publication)
    assert "live -> interrupted: gone" in caplog.text
    assert "publisher_lost" not in caplog.text


async def test_the_log_names_title_and_owner_of_a_stream(
    fixture: StreamFixture, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    grant = await fixture.go_live()
    view = await fixture.view()
    assert grant.label == f"{view.title!r} of @{view.owner.username}"
    assert f"{grant.label}: publication 1 granted" in caplog.text
    assert f"{grant.label}: scheduled -> live" in caplog.text


async def test_a_publisher_that_comes_back_goes_on_where_the_media_clock_stood(fixture: StreamFixture) -> None:
    first = await fixture.go_live()
    await fixture.progress(first.publication, ms=7_000, segment=4)
    await fixture.lose(first.publication, next_segment=6)
    second = await fixture.go_live()
    assert (second.publication, second.media_time_ms, second.first_segment) == (2, 7_000, 6)
    await fixture.send_media(2, 60)
    assert await fixture.state() == "live"


async def test_a_grant_is_durable_before_it_is_given_and_numbers_are_never_given_again(fixture: StreamFixture) -> None:
    for publication in (1, 2, 3):
        grant = await fixture.claim()
        assert grant.publication == publication == fixture.stored().publication
        await fixture.lose(publication)
    await fixture.kill()
    assert (await fixture.claim()).publication == 4


async def test_a_second_publisher_is_busy_until_the_first_has_gone(fixture: StreamFixture) -> None:
    grant = await fixture.claim()
    assert await fixture.refusal() == "busy"
    await fixture.lose(grant.publication)
    assert (await fixture.claim()).publication == 2


async def test_news_of_an_older_publication_change_nothing(fixture: StreamFixture) -> None:
    first = await fixture.go_live()
    await fixture.lose(first.publication)
    await fixture.go_live()
    await fixture.lose(first.publication)
    await fixture.progress(first.publication, ms=99_000)
    view = await fixture.view()
    assert (view.state, view.media_time_ms) == ("live", 0)
    assert await fixture.refusal() == "busy"


async def test_a_grant_that_nobody_takes_up_is_free_again(fixture: StreamFixture) -> None:
    await fixture.claim()
    await fixture.clock.advance(19.0)
    assert await fixture.refusal() == "busy"
    await fixture.clock.advance(2.0)
    assert [publication for publication, _ in fixture.media.told] == [1]
    assert (await fixture.claim()).publication == 2
    assert await fixture.state() == "scheduled"


async def test_a_publisher_that_sends_media_keeps_its_grant(fixture: StreamFixture) -> None:
    grant = await fixture.go_live()
    await fixture.send_media(grant.publication, 60)
    assert await fixture.refusal() == "busy"
    assert fixture.media.told == []


async def test_an_interrupted_stream_ends_though_a_publisher_came_back_and_sent_nothing(fixture: StreamFixture) -> None:
    first = await fixture.go_live()
    await fixture.lose(first.publication)
    await fixture.clock.advance(20.0)
    second = await fixture.claim()
    await fixture.clock.advance(5.0)
    await fixture.lose(second.publication)
    assert await fixture.state() == "interrupted"
    await fixture.clock.advance(6.0)
    assert await fixture.state() == "ended"


async def test_the_grace_does_not_end_a_stream_whose_publisher_is_just_coming(fixture: StreamFixture) -> None:
    first = await fixture.go_live()
    await fixture.lose(first.publication)
    await fixture.clock.advance(29.0)
    second = await fixture.claim()
    await fixture.clock.advance(4.0)
    assert await fixture.state() == "interrupted"
    await fixture.tell(PublisherStarted(publication=second.publication, tracks=()))
    assert await fixture.state() == "live"


# -------------------------------------------------------------------------------------------------------------- its end


async def test_the_end_waits_for_the_recording_but_not_for_ever(fixture: StreamFixture) -> None:
    grant = await fixture.go_live()
    ending = asyncio.ensure_future(fixture.ref.ask(EndStream(), timeout_s=60.0))
    await fixture.clock.advance(1.0)
    assert fixture.media.told == [(grant.publication, "ended by its owner")]
    assert not ending.done()
    assert await fixture.refusal() == "ended"
    await fixture.tell(RecordingFlushed(publication=grant.publication))
    assert (await ending).state == "ended"


async def test_the_end_comes_though_nothing_is_heard_of_the_recording(fixture: StreamFixture) -> None:
    await fixture.go_live()
    ending = asyncio.ensure_future(fixture.ref.ask(EndStream(), timeout_s=60.0))
    await fixture.clock.advance(5.5)
    assert (await ending).state == "ended"


@pytest.mark.parametrize("is_claimed", [False, True])
async def test_a_stream_that_never_began_ends_too(fixture: StreamFixture, is_claimed: bool) -> None:
    if is_claimed:
        await fixture.claim()
    ending = asyncio.ensure_future(fixture.ref.ask(EndStream(), timeout_s=60.0))
    await fixture.clock.advance(6.0)
    view = await ending
    assert (view.state, view.started_at) == ("ended", None)
    assert await fixture.refusal() == "ended"


async def test_ending_twice_is_ending_once(fixture: StreamFixture) -> None:
    await fixture.go_live()
    endings = [asyncio.ensure_future(fixture.ref.ask(EndStream(), timeout_s=60.0)) for _ in range(3)]
    await fixture.clock.advance(6.0)
    assert {(await ending).state for ending in endings} == {"ended"}
    assert (await fixture.ask(EndStream())).state == "ended"
    assert fixture.moves().count(("live", "ended")) == 1
    assert len(fixture.media.told) == 1


async def test_viewers_are_told_that_a_stream_is_ending_before_its_publisher_is_stopped(fixture: StreamFixture) -> None:
    await fixture.go_live()
    ending = asyncio.ensure_future(fixture.ref.ask(EndStream(), timeout_s=60.0))
    await fixture.clock.settle()
    last = [event for event in fixture.events if isinstance(event, StreamChanged)][-1]
    assert (last.stream.state, last.stream.is_ending, last.cause) == ("live", True, "ending")
    addresses = MediaAddresses(seals=Seals())
    assert shown(last.stream, addresses=addresses, viewer=NOBODY)["playback"]["whep"] is None
    await fixture.clock.advance(6.0)
    assert (await ending).state == "ended"


async def test_an_end_while_the_database_is_away_comes_when_it_is_back(fixture: StreamFixture) -> None:
    await fixture.go_live()
    ending = asyncio.ensure_future(fixture.ref.ask(EndStream(), timeout_s=1e6))
    fixture.tables.is_away = True
    await fixture.clock.advance(40.0)
    assert not ending.done()
    fixture.tables.is_away = False
    await fixture.clock.advance(2.0)
    assert (await ending).state == "ended"
    assert fixture.moves() == [("scheduled", "live"), ("live", "ended")]


# --------------------------------------------------------------------------------------------------- what is said of it


async def test_the_chat_hears_where_the_media_clock_stands_and_when_it_stops(fixture: StreamFixture) -> None:
    grant = await fixture.go_live()
    await fixture.progress(grant.publication, ms=3_000)
    await fixture.lose(grant.publication)
    heard = [(clock.media_time_ms, clock.is_running) for clock in fixture.media_times]
    assert heard == [(0, True), (3_000, True), (3_000, False)]


async def test_health_is_of_the_publisher_that_is_there(fixture: StreamFixture) -> None:
    grant = await fixture.go_live()
    await fixture.progress(grant.publication, ms=1)
    assert await fixture.ask(ReadHealth()) == {"fps": 30}
    await fixture.lose(grant.publication)
    assert await fixture.ask(ReadHealth()) == {}


async def test_an_edit_is_durable_and_announced(fixture: StreamFixture) -> None:
    view = await fixture.ask(EditStream(changes={"title": "Another"}))
    assert view.title == fixture.stored().title == "Another"
    assert [event.cause for event in fixture.events if isinstance(event, StreamChanged)] == ["edited"]


async def test_a_new_key_ends_the_publisher_and_not_the_stream(fixture: StreamFixture) -> None:
    grant = await fixture.go_live()
    assert await fixture.ask(RotateStreamKey(new_key="other")) == "other"
    assert fixture.media.told == [(grant.publication, "its key was rotated")]
    assert fixture.stored().stream_key == "other"
    assert await fixture.state() == "live"


async def test_stopping_nobody_stops_nobody(fixture: StreamFixture) -> None:
    await fixture.ask(StopPublisher(reason="x"))
    assert fixture.media.told == []


async def test_counts_only_grow_but_the_viewers_of_now(fixture: StreamFixture) -> None:
    await fixture.tell(KeepViewers(viewers=5, peak_viewers=5, unique_viewers=6, watched_ms=10))
    await fixture.tell(KeepViewers(viewers=2, peak_viewers=2, unique_viewers=2, watched_ms=2))
    view = await fixture.view()
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
    fixture = StreamFixture()
    await fixture.rows.create(fixture.new)
    await fixture.boot()
    granted: list[int] = []
    endings: list[asyncio.Task[Any]] = []
    for doing, which in doings:
        publication = granted[-1 - which] if which < len(granted) else 1
        if doing == "claim":
            with contextlib.suppress(DomainError, Unavailable):
                granted.append((await fixture.claim()).publication)
        elif doing == "start":
            await fixture.tell(PublisherStarted(publication=publication, tracks=()))
        elif doing == "progress":
            await fixture.progress(publication, ms=which * 1000)
        elif doing == "lose":
            await fixture.lose(publication)
        elif doing == "end":
            endings.append(asyncio.ensure_future(fixture.ref.ask(EndStream(), timeout_s=1e6)))
        elif doing == "kill":
            await fixture.kill()
        elif doing == "wait":
            await fixture.clock.advance(which * 7.0)
        else:
            fixture.tables.is_away = doing == "away"
    fixture.tables.is_away = False
    await fixture.clock.advance(2.0)
    await fixture.lose((await fixture.view()).publication)
    await fixture.clock.advance(90.0)
    allowed = {(state, after) for (state, _), after in MOVES.items()}
    assert set(fixture.moves()) <= allowed
    assert granted == sorted(set(granted))
    state = await fixture.state()
    assert state in ("scheduled", "ended")
    assert fixture.stored().state == state
    if state == "scheduled":
        assert (await fixture.claim()).publication > len(granted) - 1
    assert all(ending.done() for ending in endings)
    for ending in endings:
        ending.exception()
    await fixture.stop()
