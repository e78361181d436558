"""The shapes of tips: over REST, and as rooms are sent them."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, Field, StringConstraints, ValidationInfo, field_validator

from server.features.money.currencies import CurrencyCode
from server.features.rooms.shapes import NamedPerson, NamedShape, instant, named
from server.http.operation import UUID_PATTERN
from server.http.shapes import Body, Page, Shape, Text, one_line
from server.live import events
from server.socket_events import ServerEvent
from storage.postgres import Row

MAX_MESSAGE: Final = 300
MAX_AMOUNT: Final = 2**53
TipState = Literal["pending", "succeeded", "failed", "refunded"]


class TipBody(Body):
    """Either ``stream_id`` or ``user``."""

    stream_id: Annotated[str, StringConstraints(pattern=UUID_PATTERN)] | None = None
    user: Annotated[
        Annotated[Text, Field(min_length=1, max_length=64, description="A username, or a user's id")] | None,
        Field(validate_default=True),
    ] = None
    amount: Annotated[int, Field(ge=1, le=MAX_AMOUNT, description="In minor units of the currency")]
    currency: CurrencyCode
    message: Annotated[
        Text,
        Field(max_length=MAX_MESSAGE),
        AfterValidator(lambda text: one_line(text, at_most=MAX_MESSAGE)),
    ] = ""

    @field_validator("user")
    @classmethod
    def _is_one_receiver(cls, user: str | None, info: ValidationInfo) -> str | None:
        """Of the field, so that it is told with all others that are wrong; a wrong ``stream_id`` is told already."""
        if "stream_id" in info.data and (info.data["stream_id"] is None) == (user is None):
            raise ValueError("needs either stream_id or user")
        return user


class TipShape(Shape):
    """``user`` gives, ``to`` receives."""

    id: uuid.UUID
    stream_id: uuid.UUID | None
    room_id: uuid.UUID | None
    user: NamedShape
    to: NamedShape
    amount: Annotated[int, Field(description="In minor units of the currency")]
    currency: str
    message: str
    state: TipState
    is_test: Annotated[bool, Field(description="Test money: nobody has paid anything")]
    created_at: datetime
    paid_at: datetime | None


class OpenedTipShape(Shape):
    tip: TipShape
    client_secret: Annotated[str, Field(description="Of the provider of payments, for a client that confirms it")]
    checkout_url: Annotated[str | None, Field(description="The page to pay on instead, where there is one")]


class TipsShape(Page[TipShape]):
    """A page of tips that have succeeded, the newest first."""


class TipGiven(events.Body, frozen=True, kw_only=True):
    """``amount``: in minor units of ``currency``. ``room_id`` null: outside of a stream, for the receiver alone."""

    room_id: str | None
    stream_id: str | None
    id: str
    user: NamedPerson
    to: NamedPerson
    amount: int
    currency: str
    message: str
    is_test: bool
    paid_at: str


TIP: Final = ServerEvent(
    name="tip",
    summary="A tip was paid",
    body=TipGiven,
    to="the sockets in the room, or those of who received it outside of one, and those of who gave it",
)


def shown(row: Row) -> dict[str, Any]:
    fields = (
        "id",
        "stream_id",
        "room_id",
        "amount",
        "currency",
        "message",
        "state",
        "is_test",
        "created_at",
        "paid_at",
    )
    return {**{field: row[field] for field in fields}, "user": named(row), "to": _receiver(row)}


def sent(row: Row) -> dict[str, Any]:
    fields = ("room_id", "stream_id", "id", "amount", "currency", "message", "is_test")
    people = {"user": named(row), "to": _receiver(row)}
    return {**{field: row[field] for field in fields}, **people, "paid_at": instant(row["paid_at"])}


def _receiver(row: Row) -> dict[str, Any]:
    return named(row, person_id="owner_id", of="to_")
