"""Polls of posts, as their viewers see them. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from storage.postgres import Row


def poll_of(row: Row, viewer_id: str | None, now: datetime) -> dict[str, Any] | None:
    """The fields of a ``PostPollShape``. The counts are for those who have voted, for the author, and for all when the
    poll has ended.
    """
    if row["poll_options"] is None:
        return None
    state = state_of(row["ends_at"], now)
    sees = state == "closed" or row["my_votes"] is not None or row["author_id"] == viewer_id
    votes = row["poll_counts"] if sees else [None] * len(row["poll_options"])
    return {
        "options": [{"text": text, "votes": count} for text, count in zip(row["poll_options"], votes, strict=True)],
        "multiple": row["is_multiple"],
        "voters": row["voters"],
        "state": state,
        "ends_at": row["ends_at"],
    }


def state_of(ends_at: datetime | None, now: datetime) -> Literal["waiting", "open", "closed"]:
    """``waiting``: its post is not published yet."""
    if ends_at is None:
        return "waiting"
    return "open" if now < ends_at else "closed"
