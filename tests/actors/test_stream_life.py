"""A stream's states, and what becomes of its record."""

from __future__ import annotations

import datetime as dt

import msgspec
import pytest

from actors.events import Person, StreamState, StreamView
from actors.stream_life import LEAST_GRACE_S, Cause, counted, grace_left_s, grant_of, moved, owner_renamed, progressed
from actors.stream_messages import KeepViewers
from actors.stream_store import StreamRecord

AT = dt.datetime(2026, 5, 1, 12, tzinfo=dt.UTC)
LATER = AT + dt.timedelta(seconds=10)


def view(state: StreamState = "scheduled", **fields: object) -> StreamView:
    made = StreamView(
        id="s", owner=Person(id="o", username="ann", display_name="Ann"), room_id="r", title="T", description="",
        category="", tags=(), language="", visibility="public", latency="low", is_recorded=True, state=state,
        created_at=AT,
    )  # fmt: skip
    return msgspec.structs.replace(made, **fields)


def record(**fields: object) -> StreamRecord:
    return StreamRecord(view=view("live", **fields), stream_key="k", next_segment=4)


def test_the_first_start_is_kept_and_an_interruption_is_forgotten_when_the_publisher_returns() -> None:
    started = moved(view(), "published", now=AT)
    assert started is not None
    broken = moved(started, "publisher_lost", now=LATER)
    assert broken is not None
    assert (broken.state, broken.started_at, broken.interrupted_at) == ("interrupted", AT, LATER)
    back = moved(broken, "published", now=LATER)
    assert back is not None
    assert (back.state, back.started_at, back.interrupted_at, back.ended_at) == ("live", AT, None, None)


@pytest.mark.parametrize(
    ("state", "cause"),
    [("ended", "published"), ("ended", "ended"), ("scheduled", "publisher_lost"), ("live", "grace_over")],
)
def test_a_move_that_the_table_does_not_have_is_none(state: StreamState, cause: Cause) -> None:
    assert moved(view(state), cause, now=AT) is None


def test_progress_only_goes_forward() -> None:
    ahead = progressed(record(media_time_ms=9_000), next_segment=7, media_time_ms=12_000)
    behind = progressed(ahead, next_segment=2, media_time_ms=3)
    assert (behind.next_segment, behind.view.media_time_ms) == (7, 12_000)


def test_counts_take_the_viewers_of_now_and_the_most_of_all_else() -> None:
    counts = KeepViewers(viewers=1, peak_viewers=3, unique_viewers=9, watched_ms=50)
    kept = counted(record(viewers=5, peak_viewers=8, unique_viewers=2, watched_ms=70), counts).view
    assert (kept.viewers, kept.peak_viewers, kept.unique_viewers, kept.watched_ms) == (1, 8, 9, 70)


def test_a_renamed_owner_keeps_the_username() -> None:
    assert owner_renamed(record(), "Annie", "/a.webp").view.owner == Person(
        id="o", username="ann", display_name="Annie", avatar_url="/a.webp"
    )


def test_a_grant_goes_on_where_the_publication_before_it_ended() -> None:
    grant = grant_of(record(publication=3, media_time_ms=9_000), epoch=7)
    assert (grant.publication, grant.epoch, grant.first_segment, grant.media_time_ms) == (3, 7, 4, 9_000)


@pytest.mark.parametrize(
    ("grace_s", "left_s"), [(30.0, 20.0), (12.0, LEAST_GRACE_S), (2.0, 2.0)], ids=["left", "nearly over", "short"]
)
def test_who_broke_off_again_has_the_rest_of_the_grace_but_a_little_at_least(grace_s: float, left_s: float) -> None:
    assert grace_left_s(view("interrupted", interrupted_at=AT), grace_s, now=LATER) == left_s
