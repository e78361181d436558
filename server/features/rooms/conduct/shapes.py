"""The shapes of cards, notes and requests: over REST, and as people are sent them."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from server.features.rooms.shapes import NamedShape, named
from server.http.shapes import Body as RestBody
from server.http.shapes import Page, PageQuery, Shape, Text
from server.live.events import Body
from server.socket_events import ServerEvent
from storage.postgres import Row

MAX_NOTE: Final = 500
MAX_REQUEST: Final = 500
State = Literal["waiting", "granted", "refused"]


class NoteBody(RestBody):
    text: Annotated[Text, Field(min_length=1, max_length=MAX_NOTE)]


class RequestBody(RestBody):
    text: Annotated[Text, Field(min_length=1, max_length=MAX_REQUEST)]


class DecisionBody(RestBody):
    allow: bool


class NoteShape(Shape):
    id: uuid.UUID
    text: str
    author: NamedShape
    created_at: datetime


class CardMessageShape(Shape):
    id: uuid.UUID
    offset: int
    text: str
    sent_at: datetime


class SanctionShape(Shape):
    """``until``: null for a ban for good."""

    until: datetime | None
    reason: str
    created_at: datetime


class CardShape(Shape):
    """``messages``: the newest in this room, the newest first. ``sanction`` and ``notes`` are for moderators: null for
    others."""

    user: NamedShape
    role: Literal["owner", "moderator", "vip"] | None
    created_at: datetime
    following_since: datetime | None
    messages: list[CardMessageShape]
    sanction: SanctionShape | None
    notes: list[NoteShape] | None


class RequestShape(Shape):
    id: uuid.UUID
    room_id: uuid.UUID
    user: NamedShape
    text: str
    state: State
    created_at: datetime
    decided_at: datetime | None


class RequestsShape(Page[RequestShape]):
    """A page of requests, the newest first."""


class RequestsQuery(PageQuery):
    state: State | None = None


class UnbanRequested(Body, frozen=True, kw_only=True):
    room_id: str
    id: str


class UnbanDecided(Body, frozen=True, kw_only=True):
    room_id: str
    id: str
    allow: bool


REQUESTED: Final = ServerEvent(
    name="chat:unban_requested",
    summary="A banned person asks to write again: GET /api/v1/rooms/{room_id}/unban-requests has it",
    body=UnbanRequested,
    to="the sockets of the room's owner and moderators",
)
DECIDED: Final = ServerEvent(
    name="chat:unban_decided",
    summary="A moderator has answered a request to lift a ban",
    body=UnbanDecided,
    to="the sockets of who asked, of the room's owner and of its moderators",
)


def request_shown(row: Row) -> dict[str, Any]:
    fields = ("id", "room_id", "text", "state", "created_at", "decided_at")
    return {**{field: row[field] for field in fields}, "user": named(row)}


def note_shown(row: Row) -> dict[str, Any]:
    return {
        **{field: row[field] for field in ("id", "text", "created_at")},
        "author": named(row, person_id="author_id"),
    }
