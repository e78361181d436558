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
from actors.stream import (
    MOVES,
    EditStream,
    EndStream,
    KeepViewers,
    PublisherStarted,
    ReadHealth,
    RecordingFlushed,
    RotateStreamKey,
    StopPublisher,
)
from tests.actors.station import Station


@pytest.fixture
async def station() -> AsyncIterator[Station]:
    made = Station()
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


async def test_the_log_says_why_a_stream_moved(station: Station, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    grant = await station.go_live()
    await station.lose(grant.publication)
    assert "live -> interrupted: gone" in caplog.text
    assert "publisher_lost" not in caplog.text


async def test_the_log_names_title_and_owner_of_a_stream(station: Station, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    grant = await station.go_live()
    view = await station.view()
    assert grant.label == f"{view.title!r} of @{view.owner.username}"
    assert f"{grant.label}: publication 1 granted" in caplog.text
    assert f"{grant.label}: scheduled -> live" in caplog.text


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
