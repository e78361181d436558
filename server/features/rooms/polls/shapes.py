"""The shapes of polls: over Socket.IO, and the same over REST."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Final, Literal

import msgspec
from pydantic import Field

from server.features.rooms.polls import rules
from server.features.rooms.shapes import Choice, ClientId, Line, Lines, instant
from server.http.shapes import Page, Shape
from server.live.bodies import EventShape, Id
from server.live.events import Body
from server.socket_events import ServerEvent
from storage.postgres import Row

Seconds = Annotated[int, msgspec.Meta(ge=1, le=rules.MAX_SECONDS)]


class CreatePoll(EventShape, frozen=True, kw_only=True):
    """``client_id``: the same again answers the same poll."""

    room_id: Id
    question: Line
    options: Lines
    seconds: Seconds
    client_id: ClientId | None = None


class VoteInPoll(EventShape, frozen=True, kw_only=True):
    poll_id: Id
    option: Choice


class OfPoll(EventShape, frozen=True, kw_only=True):
    poll_id: Id


class PollOption(Body, frozen=True, kw_only=True):
    """One vote a person, so both numbers are the same."""

    text: str
    votes: int
    people: int


class Poll(Body, frozen=True, kw_only=True):
    """``media_time_ms``: the moment of the video at which it was opened; None before the stream is live.

    ``revision`` grows with every change: a client passes over a state with a lower one than it knows.
    """

    id: str
    question: str
    options: list[PollOption]
    state: Literal["open", "closed"]
    opened_at: str
    closes_at: str
    media_time_ms: int | None
    revision: int


class PollMade(Body, frozen=True, kw_only=True):
    ok: bool
    poll: Poll


class Voted(Body, frozen=True, kw_only=True):
    """``option``: what the person's one vote is for."""

    ok: bool
    poll_id: str
    option: int


class PollState(Body, frozen=True, kw_only=True):
    room_id: str
    poll: Poll


POLL_STATE: Final = ServerEvent(
    name="poll:state",
    summary="A poll, whole, at most twice a second; what is open is sent to who joins",
    body=PollState,
    to="the sockets in the room",
)


class PollOptionShape(Shape):
    text: str
    votes: int
    people: int


class PollShape(Shape):
    id: uuid.UUID
    question: str
    options: list[PollOptionShape]
    state: Literal["open", "closed"]
    opened_at: datetime
    closes_at: datetime
    media_time_ms: int | None
    revision: int
    voted: Annotated[int | None, Field(description="The option that you have voted for")] = None


class PollsShape(Page[PollShape]):
    """A page of polls, the newest first."""


def shown(row: Row | Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """A poll as it is sent, at this time."""
    votes = _votes(row["counts"], row["former_votes"])
    ends_at = min(filter(None, (row["closed_at"], row["closes_at"])))
    state = rules.state_at(now, closes_at=row["closes_at"], closed_at=row["closed_at"])
    return {
        "id": row["id"],
        "question": row["question"],
        "options": [{"text": text, "votes": n, "people": n} for text, n in zip(row["options"], votes, strict=True)],
        "state": state,
        "opened_at": instant(row["opened_at"]),
        "closes_at": instant(ends_at),
        "media_time_ms": row["media_time_ms"],
        "revision": rules.revision(votes, state),
    }


def _votes(counts: dict[str, int], former: Sequence[int]) -> list[int]:
    return [counts.get(str(n), 0) + gone for n, gone in enumerate(former)]
