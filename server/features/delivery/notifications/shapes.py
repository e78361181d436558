"""Notifications as clients see them, over REST and as events."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from pydantic import AfterValidator, ConfigDict, Field, JsonValue, model_validator

from server.features.delivery.notifications.kinds import BETWEEN, KINDS
from server.features.people.relations import PersonShape
from server.http.shapes import Body, Page, PageQuery, Shape
from server.socket_events import ServerEvent
from storage.postgres import Row

SHOWN_PEOPLE: Final = 3


class SubjectShape(Shape):
    """``path`` is a page of this server."""

    type: Annotated[str, Field(examples=["stream"])]
    id: UUID
    title: str
    path: str


class NotificationShape(Shape):
    """``id`` is another one when something of the same kind and subject has joined: it is at the top again."""

    id: UUID
    kind: Annotated[str, Field(description=", ".join(f"`{one.name}`: {one.summary}" for one in KINDS))]
    people: Annotated[list[PersonShape], Field(description="Who caused it: the newest three who are there")]
    count: Annotated[int, Field(ge=1, description="How many persons caused it")]
    subject: Annotated[SubjectShape | None, Field(description="null: none, or one that may not be seen any more")]
    created_at: Annotated[datetime, Field(description="When the newest of it happened")]
    read_at: datetime | None


_NAMES: Final[list[JsonValue]] = [kind.name for kind in KINDS]


def _known(kind: str | None) -> str | None:
    if kind is not None and kind not in _NAMES:
        raise ValueError("is no kind of notifications")
    return kind


def shape_of(
    row: Mapping[str, Any] | Row, people: Mapping[str, PersonShape], subject: SubjectShape | None
) -> NotificationShape:
    """``people``: those who are there, of all that rows name."""
    return NotificationShape(
        id=UUID(row["id"]),
        kind=row["kind"],
        people=[people[one] for one in row["people"] if one in people][:SHOWN_PEOPLE],
        count=row["count"],
        subject=subject,
        created_at=row["created_at"],
        read_at=row["read_at"],
    )


def is_told(shape: NotificationShape) -> bool:
    """Whether it is shown although people have left: with none of them, what two sides have with each other."""
    return bool(shape.people) or shape.kind in BETWEEN


class NotificationsShape(Page[NotificationShape]):
    unread: Annotated[int, Field(ge=0, description="Unread notifications, on all pages")]


class NotificationsQuery(PageQuery):
    unread: Annotated[bool, Field(description="Only those that are unread")] = False
    requests: Annotated[
        bool, Field(description="Those that strangers caused and that are kept apart, instead of the list")
    ] = False
    kind: Annotated[
        str | None,
        Field(max_length=40, description="Only those of a kind", json_schema_extra={"enum": [*_NAMES, None]}),
        AfterValidator(_known),
    ] = None


def _none() -> UUID:
    return UUID(int=0)


class ReadBody(Body):
    """One of both."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": ["until"]}, {"required": ["ids"]}]})

    until: Annotated[UUID, Field(strict=False, default_factory=_none, description="The newest that was read")]
    ids: Annotated[
        list[Annotated[UUID, Field(strict=False)]],
        Field(default_factory=list, min_length=1, max_length=100, description="Those that were read"),
    ]

    @model_validator(mode="after")
    def _one_of_both(self) -> ReadBody:
        if len(self.model_fields_set) != 1:
            raise ValueError("give either until or ids")
        return self


class SentPerson(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    username: str
    display_name: str
    avatar_url: str | None


class SentSubject(msgspec.Struct, frozen=True, kw_only=True):
    type: str
    id: str
    title: str
    path: str


class NotificationSent(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """As in ``GET /api/v1/notifications``. ``replaces``: the id that it had before another person joined it."""

    id: str
    kind: str
    people: list[SentPerson]
    count: int
    subject: SentSubject | None
    created_at: str
    read_at: None
    replaces: str | None


class NotificationsRead(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``until`` or ``ids`` as the client gave them; ``unread``: how many are left."""

    until: str | None
    ids: list[str] | None
    unread: int


NOTIFICATION = ServerEvent(
    name="notification",
    summary="Something happened that concerns the person",
    body=NotificationSent,
    to="the sockets of the person",
)
READ = ServerEvent(
    name="notification:read",
    summary="The person has read notifications, on any device",
    body=NotificationsRead,
    to="the sockets of the person",
)


def sent(shape: NotificationShape, replaces: str | None) -> dict[str, Any]:
    """The body of ``NOTIFICATION``."""
    return {**shape.model_dump(mode="json"), "replaces": replaces}
