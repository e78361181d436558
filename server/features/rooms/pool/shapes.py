"""The shapes of splits and of the watch-time pool over REST."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from typing import Annotated, Final, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from server.http.operation import UUID_PATTERN
from server.http.shapes import Body, Page, Shape, Text

MAX_PARTS: Final = 10
State = Literal["proposed", "agreed", "declined", "replaced"]


class PartBody(Body):
    user: Annotated[Text, Field(min_length=1, max_length=64, description="A username, or a user's id")]
    percent: Annotated[int, Field(ge=1, le=100)]


class SplitBody(Body):
    """Either ``stream_id`` or ``video_id``. The parts come to 100 per cent, one of them is yours."""

    stream_id: Annotated[str, StringConstraints(pattern=UUID_PATTERN)] | None = None
    video_id: Annotated[str, StringConstraints(pattern=UUID_PATTERN)] | None = None
    parts: Annotated[list[PartBody], Field(min_length=1, max_length=MAX_PARTS)]

    @model_validator(mode="after")
    def _is_of_one(self) -> Self:
        if (self.stream_id is None) == (self.video_id is None):
            raise ValueError("needs either stream_id or video_id")
        return self


class PartShape(Shape):
    user_id: uuid.UUID
    username: str
    percent: int
    has_agreed: bool


class SplitShape(Shape):
    """It holds when all have agreed. ``match_id``: of the match that has opened it. A recording is of its stream."""

    id: uuid.UUID
    stream_id: uuid.UUID | None
    video_id: uuid.UUID | None
    title: str
    owner_id: uuid.UUID
    match_id: uuid.UUID | None
    state: State
    created_at: datetime
    parts: list[PartShape]


class OfferedSplitShape(Shape):
    split: SplitShape


class SplitsShape(Page[SplitShape]):
    """The newest first."""


class StatementShape(Shape):
    """What a stream or video brought one person in a month, with its arithmetic: the server shared ``pool_percent`` of
    ``income``, which is ``pool``; ``seconds`` of ``all_seconds`` are ``amount``, of which ``percent`` are ``part``.
    Each is rounded by largest remainder, so that all parts come to the pool.
    """

    id: uuid.UUID
    month: Annotated[date, Field(description="Its first day")]
    currency: str
    stream_id: uuid.UUID | None
    video_id: uuid.UUID | None
    title: str
    income: Annotated[int, Field(description="Of the server in that month, in minor units")]
    pool_percent: int
    pool: int
    all_seconds: int
    seconds: int
    amount: int
    percent: int
    part: int


class StatementsShape(Page[StatementShape]):
    """The newest first."""


class MonthShape(Shape):
    month: date
    currency: str
    income: int
    percent: int
    amount: int
    seconds: int
    settled_at: datetime


class MonthsShape(Shape):
    """The newest first, at most 100."""

    items: list[MonthShape]
