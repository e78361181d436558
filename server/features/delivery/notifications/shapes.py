"""Notifications as clients see them, over REST and as events."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from pydantic import AfterValidator, ConfigDict, Field, model_validator
from pydantic.config import JsonDict

from server.features.delivery.notifications.kinds import KINDS
from server.features.people.relations import PersonShape
from server.http.shapes import Body, Page, PageQuery, Shape
from server.socket_events import ServerEvent


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
    people: Annotated[list[PersonShape], Field(description="Who caused it: the newest three")]
    count: Annotated[int, Field(ge=1, description="How many persons caused it")]
    subject: Annotated[SubjectShape | None, Field(description="null: none, or one that may not be seen any more")]
    created_at: Annotated[datetime, Field(description="When the newest of it happened")]
    read_at: datetime | None


class NotificationsShape(Page[NotificationShape]):
    unread: Annotated[int, Field(ge=0, description="Unread notifications, on all pages")]


class NotificationsQuery(PageQuery):
    unread: Annotated[bool, Field(description="Only those that are unread")] = False


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


class ChannelsShape(Body):
    """Ways in which a person is notified of a kind."""

    in_app: Annotated[bool, Field(description="Listed, and sent to the person's sockets")] = True


_NAMES: Final[JsonDict] = {"propertyNames": {"enum": [kind.name for kind in KINDS]}}


def _known(kinds: dict[str, ChannelsShape]) -> dict[str, ChannelsShape]:
    unknown = sorted(set(kinds) - {kind.name for kind in KINDS})
    if unknown:
        raise ValueError(f"has no kind {unknown[0][:64]!r}")
    return kinds


class SettingsShape(Body):
    """A kind that is left out is as it was made: on."""

    kinds: Annotated[
        dict[str, ChannelsShape],
        AfterValidator(_known),
        Field(max_length=len(KINDS), json_schema_extra=_NAMES),
    ]


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
