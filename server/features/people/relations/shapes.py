"""People in lists, and what the calls about them share."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Final
from uuid import UUID

from pydantic import Field

from server.http.errors import Problem, invalid_field, not_found
from server.http.operation import USERNAME
from server.http.shapes import Body, Moment, Shape
from storage.postgres import Row

TAG: Final = "people"
NAMED: Final = {"username": USERNAME}


class PersonShape(Shape):
    """A person in a list."""

    id: UUID
    username: str
    display_name: str
    avatar_url: str | None


def person(row: Row) -> PersonShape:
    return PersonShape(
        id=row["id"], username=row["username"], display_name=row["display_name"], avatar_url=row["avatar_url"]
    )


LONGEST: Final = timedelta(days=3_660)


class MuteBody(Body):
    expires_at: Annotated[Moment | None, Field(description="When it ends by itself; null: never")] = None


class MutedShape(PersonShape):
    """A person whom one mutes."""

    expires_at: Annotated[datetime | None, Field(description="When it ends by itself; null: never")]


def muted(row: Row) -> MutedShape:
    return MutedShape(**person(row).model_dump(), expires_at=row["expires_at"])


def require_expiry(at: datetime | None, *, now: datetime, field: str) -> None:
    """Raises a 422 for a time in the past, and for one more than ten years away."""
    if at is not None and not now < at <= now + LONGEST:
        raise invalid_field(field, "must be in the next ten years")


def nobody() -> Problem:
    return not_found("There is nobody of this name")
