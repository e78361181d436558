"""What the shapes of rooms' features share."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec

from server.features.rooms.texts import MAX_CHOICES
from server.http.shapes import Shape
from server.live.bodies import STORABLE
from server.live.events import Body
from storage.postgres import Row

Choice = Annotated[int, msgspec.Meta(ge=0, lt=MAX_CHOICES, description="The index of an option or outcome")]
ClientId = Annotated[str, msgspec.Meta(min_length=1, max_length=64, pattern=STORABLE)]
Line = Annotated[str, msgspec.Meta(max_length=1_000, pattern=STORABLE)]
Lines = Annotated[list[Line], msgspec.Meta(max_length=100)]


class NamedShape(Shape):
    """A person, over REST."""

    id: uuid.UUID
    username: str
    display_name: str


class NamedPerson(Body, frozen=True, kw_only=True):
    """A person, in an event."""

    id: str
    username: str
    display_name: str


def named(row: Row, *, person_id: str = "person_id", of: str = "") -> dict[str, Any]:
    """The person of a row: the column ``person_id``, and the names, whose columns begin with ``of``."""
    return {"id": row[person_id], "username": row[f"{of}username"], "display_name": row[f"{of}display_name"]}


def instant(at: datetime) -> str:
    """RFC 3339, UTC, with Z."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
