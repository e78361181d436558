"""What clients send of works and matches, and get of them."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from pydantic import AfterValidator, Field

from server.features.people.relations import PersonShape
from server.features.videos.works.rules import Policy, State
from server.http.shapes import Body, Page, Shape, Text, one_line, several_lines
from storage.postgres import Row

MAX_TITLE: Final = 140
MAX_REASON: Final = 1_000
Title = Annotated[
    Text, Field(min_length=1, max_length=MAX_TITLE), AfterValidator(partial(one_line, at_least=1, at_most=MAX_TITLE))
]
Reason = Annotated[Text, Field(max_length=MAX_REASON), AfterValidator(partial(several_lines, at_most=MAX_REASON))]


class WorkBody(Body):
    video_id: Annotated[UUID, Field(strict=False, description="A video or recording of yours")]
    title: Title
    policy: Annotated[
        Policy,
        Field(
            description="of more than 7 s: credit shares the revenue, mute silences the part, block withholds the video"
        ),
    ] = "credit"


class WorkShape(Shape):
    """``indexing``: matches are sought when its fingerprints are there."""

    id: UUID
    video_id: UUID
    title: str
    policy: Policy
    state: Literal["indexing", "ready", "failed"]
    reason: Annotated[str, Field(description="Why it failed; else empty")]
    matches: int
    created_at: datetime


class RegisteredWork(Shape):
    work: WorkShape


class WorksShape(Page[WorkShape]):
    """A page of works."""


class MatchedWork(Shape):
    id: UUID
    title: str
    video_id: UUID
    owner: PersonShape


class MatchedMedia(Shape):
    id: UUID
    title: Annotated[str, Field(description="Empty to the other side while it is private, and when it is gone")]
    owner: PersonShape


class MatchShape(Shape):
    """Either ``video`` or ``stream`` is there; a recording has the id of its stream."""

    id: UUID
    work: MatchedWork
    video: MatchedMedia | None
    stream: MatchedMedia | None
    role: Annotated[Literal["holder", "publisher"], Field(description="Your side: the work's owner, or the publisher")]
    from_ms: Annotated[int, Field(description="Where in the video or stream it begins")]
    to_ms: int
    work_from_ms: Annotated[int, Field(description="Where in the work it begins")]
    score: Annotated[float, Field(ge=0, le=1)]
    policy: Policy
    credited: Annotated[bool, Field(description="Whether the revenue is shared because of it, unless it is withdrawn")]
    state: State
    reason: Annotated[str, Field(description="What the publisher says against it")]
    created_at: datetime
    disputed_at: datetime | None
    expires_at: Annotated[datetime | None, Field(description="When a dispute without an answer withdraws it")]
    decided_at: datetime | None


class MatchesShape(Page[MatchShape]):
    """A page of matches."""


class OneMatch(Shape):
    match: MatchShape


class DisputeBody(Body):
    reason: Reason = ""


def work_shown(row: Row) -> dict[str, Any]:
    fields = ("id", "title", "policy", "state", "reason", "matches", "created_at")
    return {"video_id": row["media_id"], **{name: row[name] for name in fields}}


def match_shown(row: Row, viewer_id: str) -> dict[str, Any]:
    publisher = _person(row, "publisher")
    medium = {"id": row["media_id"], "title": row["media_title"] or "", "owner": publisher}
    fields = ("id", "from_ms", "to_ms", "work_from_ms", "score", "policy", "state", "reason", "created_at")
    times = ("disputed_at", "expires_at", "decided_at")
    return {
        **{name: row[name] for name in (*fields, *times)},
        "work": {
            "id": row["work_id"],
            "title": row["work_title"],
            "video_id": row["work_media_id"],
            "owner": _person(row, "holder"),
        },
        "video": medium if row["media_kind"] == "video" else None,
        "stream": medium if row["media_kind"] == "stream" else None,
        "role": "holder" if row["holder_id"] == viewer_id else "publisher",
        "credited": row["is_credited"],
    }


def _person(row: Row, side: str) -> dict[str, Any]:
    return {name: row[f"{side}_{name}"] for name in ("id", "username", "display_name", "avatar_url")}
