"""Persons in what the town's rooms show."""

from __future__ import annotations

from server.features.people.relations import PersonShape
from storage.postgres import Row


def person_of(row: Row, column: str) -> PersonShape:
    """Whose id ``column`` has; the other columns are as ``PersonShape`` names them."""
    return PersonShape(
        id=row[column], username=row["username"], display_name=row["display_name"], avatar_url=row["avatar_url"]
    )
