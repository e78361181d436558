"""The durable facts of streams and their recordings."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import msgspec

from storage.facts import Fact


class StreamDescribed(Fact, frozen=True, kw_only=True, tag="stream.described"):
    """The stream is new, or has another title, description or visibility, or other details, than before."""

    stream_id: str
    owner_id: str


class StreamScheduled(Fact, frozen=True, kw_only=True, tag="stream.scheduled"):
    """The stream is announced for another time than before; ``scheduled_at`` None: for none any more."""

    stream_id: str
    owner_id: str
    scheduled_at: dt.datetime | None
    announced_at: dt.datetime


class StreamStarted(Fact, frozen=True, kw_only=True, tag="stream.started"):
    """The stream is live for the first time."""

    stream_id: str
    owner_id: str
    visibility: str
    started_at: dt.datetime


class StreamInterrupted(Fact, frozen=True, kw_only=True, tag="stream.interrupted"):
    """The publisher has gone; the stream ends after the grace period unless the publisher returns."""

    stream_id: str
    owner_id: str
    interrupted_at: dt.datetime


class StreamResumed(Fact, frozen=True, kw_only=True, tag="stream.resumed"):
    """The publisher of an interrupted stream has returned."""

    stream_id: str
    owner_id: str


class StreamEnded(Fact, frozen=True, kw_only=True, tag="stream.ended"):
    """``started_at`` None: it was never live. ``media_node`` is the node of its last publisher, else empty."""

    stream_id: str
    owner_id: str
    started_at: dt.datetime | None
    ended_at: dt.datetime
    media_node: str


class RecordingReady(Fact, frozen=True, kw_only=True, tag="recording.ready"):
    """The stream has ended and segments of it are listed: it can be played from the start. Published once."""

    stream_id: str
    owner_id: str
    duration_ms: int


class StreamHealthChanged(Fact, frozen=True, kw_only=True, tag="stream.health"):
    """Other things are wrong with what arrives from the publisher than before: ``faults`` are names of
    ``media.warnings`` that are errors or warnings, the gravest first; none: all is well again."""

    stream_id: str
    owner_id: str
    faults: tuple[str, ...]


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """A stream's row, from ``previous`` to ``state``."""

    stream_id: str
    owner_id: str
    visibility: str
    has_recording: bool
    previous: str
    state: str
    started_at: dt.datetime | None
    interrupted_at: dt.datetime | None
    ended_at: dt.datetime | None
    media_time_ms: int
    media_node: str


def facts_of(move: Move) -> Iterator[Fact]:
    """The facts of a saved row; none when the state is what it was."""
    ids = {"stream_id": move.stream_id, "owner_id": move.owner_id}
    if move.state == move.previous:
        return
    if move.state == "live" and move.previous == "interrupted":
        yield StreamResumed(**ids)
    elif move.state == "live" and move.started_at is not None:
        yield StreamStarted(**ids, visibility=move.visibility, started_at=move.started_at)
    elif move.state == "interrupted" and move.interrupted_at is not None:
        yield StreamInterrupted(**ids, interrupted_at=move.interrupted_at)
    elif move.state == "ended" and move.ended_at is not None:
        yield StreamEnded(**ids, started_at=move.started_at, ended_at=move.ended_at, media_node=move.media_node)
        if move.has_recording:
            yield RecordingReady(**ids, duration_ms=move.media_time_ms)
