"""People in lists, and what the calls about them share."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from server.http.errors import Problem, not_found
from server.http.operation import USERNAME
from server.http.shapes import Shape
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


def nobody() -> Problem:
    return not_found("There is nobody of this name")
