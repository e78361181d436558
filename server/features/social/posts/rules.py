"""Who may quote what, for whom a post is, when it may be published. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import cast

from server.features.social.posts.ports import Place
from server.features.social.posts.shapes import Visibility
from server.http.errors import invalid_field
from storage.postgres import Row


def visibility_of(wanted: Visibility | None, parent: Row | None, place: Place | None) -> Visibility:
    """What the author says; else that of what it answers, ``community`` in one that is not open, ``public`` elsewhere.

    Raises a 422 for a post of a community that is for others than it or all.
    """
    if wanted is not None:
        if place is not None and wanted not in ("public", "community"):
            raise invalid_field("visibility", "in a community, must be public or community")
        return wanted
    if parent is not None:
        return cast(Visibility, parent["visibility"])
    return "public" if place is None or place.is_open else "community"


def quotable(row: Row, person_id: str) -> bool:
    """What is public may be shown on, and what is one's own."""
    return row["author_id"] == person_id or (row["visibility"] == "public" and not row["is_private"])


def when_to_publish(at: datetime | None, now: datetime, ahead: timedelta) -> datetime | None:
    """None: now. Raises a 422 for what is past or too far ahead."""
    if at is None:
        return None
    if at <= now:
        raise invalid_field("publish_at", "must be in the future")
    if at - now > ahead:
        raise invalid_field("publish_at", f"must be within {ahead.days} days")
    return at
