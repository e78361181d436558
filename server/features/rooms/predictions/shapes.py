"""The shapes of predictions: over Socket.IO, and the same over REST."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final, Literal

import msgspec
from pydantic import Field

from server.features.rooms.points import Amount
from server.features.rooms.predictions import rules
from server.features.rooms.shapes import Choice, ClientId, Line, Lines, instant
from server.http.shapes import Page, Shape
from server.live.bodies import EventShape, Id
from server.live.events import Body
from server.socket_events import ServerEvent
from storage.postgres import Row

Seconds = Annotated[int, msgspec.Meta(ge=1, le=rules.MAX_SECONDS)]


class CreatePrediction(EventShape, frozen=True, kw_only=True):
    """``client_id``: the same again answers the same prediction."""

    room_id: Id
    question: Line
    outcomes: Lines
    seconds: Seconds
    client_id: ClientId | None = None


class EnterPrediction(EventShape, frozen=True, kw_only=True):
    """``client_id``: the same again stakes nothing more."""

    prediction_id: Id
    outcome: Choice
    points: Amount
    client_id: ClientId


class OfPrediction(EventShape, frozen=True, kw_only=True):
    prediction_id: Id


class ResolvePrediction(OfPrediction, frozen=True, kw_only=True):
    outcome: Choice


class PredictionOutcome(Body, frozen=True, kw_only=True):
    text: str
    points: int
    people: int


class Prediction(Body, frozen=True, kw_only=True):
    """``winner``: of a resolved one. ``revision`` grows with every change."""

    id: str
    question: str
    outcomes: list[PredictionOutcome]
    state: rules.State
    opened_at: str
    closes_at: str
    media_time_ms: int | None
    winner: int | None
    revision: int


class PredictionMade(Body, frozen=True, kw_only=True):
    ok: bool
    prediction: Prediction


class Entered(Body, frozen=True, kw_only=True):
    """``points``: what the person has left. ``entry``: all that they have staked on their outcome."""

    ok: bool
    prediction_id: str
    points: int
    entry: dict[str, int]


class PredictionState(Body, frozen=True, kw_only=True):
    room_id: str
    prediction: Prediction


PREDICTION_STATE: Final = ServerEvent(
    name="prediction:state",
    summary="A prediction, whole, at most twice a second; what has not ended is sent to who joins",
    body=PredictionState,
    to="the sockets in the room",
)


class OutcomeShape(Shape):
    text: str
    points: int
    people: int


class EntryShape(Shape):
    outcome: int
    points: int
    paid: Annotated[int | None, Field(description="What it has paid; null until the prediction has ended")]


class PredictionShape(Shape):
    id: uuid.UUID
    question: str
    outcomes: list[OutcomeShape]
    state: Literal["open", "locked", "resolved", "cancelled"]
    opened_at: datetime
    closes_at: datetime
    media_time_ms: int | None
    winner: int | None
    revision: int
    entry: Annotated[EntryShape | None, Field(description="Yours")] = None


class PredictionsShape(Page[PredictionShape]):
    """A page of predictions, the newest first."""


def state_of(row: Row | Mapping[str, Any], now: datetime) -> rules.State:
    return rules.state_at(
        now,
        closes_at=row["closes_at"],
        locked_at=row["locked_at"],
        ended_at=row["ended_at"],
        winner=row["winner"],
    )


def shown(row: Row | Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """A prediction as it is sent, at this time."""
    totals = [row["totals"].get(str(n), (0, 0)) for n in range(len(row["outcomes"]))]
    state = state_of(row, now)
    return {
        "id": row["id"],
        "question": row["question"],
        "outcomes": [
            {"text": text, "points": int(points), "people": people}
            for text, (points, people) in zip(row["outcomes"], totals, strict=True)
        ],
        "state": state,
        "opened_at": instant(row["opened_at"]),
        "closes_at": instant(min(filter(None, (row["locked_at"], row["closes_at"])))),
        "media_time_ms": row["media_time_ms"],
        "winner": row["winner"],
        "revision": rules.revision(sum(int(points) for points, _ in totals), state),
    }


def entry_of(row: Row) -> dict[str, Any] | None:
    if row["my_outcome"] is None:
        return None
    return {"outcome": row["my_outcome"], "points": row["my_points"], "paid": row["my_paid"]}
