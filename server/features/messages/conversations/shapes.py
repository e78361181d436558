"""Conversations as clients see them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final, Literal
from uuid import UUID

import msgspec
from pydantic import AfterValidator, Field, StringConstraints

from server.features.messages.conversations import rules
from server.features.people.relations import PersonShape
from server.http.operation import USERNAME
from server.http.shapes import Body, Page, PageQuery, Shape, Text, one_line
from server.live.bodies import Count, EventShape, Id
from server.live.events import Body as EventBody
from server.live.events import Instant, Offset
from server.socket_events import ServerEvent

Username = Annotated[str, StringConstraints(pattern=USERNAME.pattern)]


def _title(value: str) -> str:
    return one_line(value, at_least=1 if value else 0, at_most=rules.MAX_TITLE)


Title = Annotated[Text, AfterValidator(_title), Field(max_length=rules.MAX_TITLE)]


class NewConversation(Body):
    """One person and no title: the direct conversation with them, of which there is one."""

    people: Annotated[
        list[Username], Field(min_length=1, max_length=rules.MAX_PEOPLE, description="Usernames; you are in it anyway")
    ]
    title: Title | None = None


class ConversationChange(Body):
    title: Title


class MemberShape(PersonShape):
    """``read_offset``: up to which message they have read; 0 for who has yet to accept."""

    state: Annotated[Literal["open", "request", "left"], Field(description="`request`: has yet to accept")]
    read_offset: Annotated[int, Field(ge=0)]
    is_blocked: Annotated[bool, Field(description="You have blocked them: you are not shown what they write")]


class AuthorShape(Shape):
    id: UUID
    username: str
    display_name: str


class AttachmentShape(Shape):
    id: UUID
    kind: Annotated[str, Field(examples=["image"])]
    url: str
    preview_url: str
    width: int
    height: int
    alt: str


class LastMessageShape(Shape):
    """One that was deleted has neither text, attachments nor user."""

    id: UUID
    offset: int
    sent_at: datetime
    user: AuthorShape | None
    text: str
    attachments: list[AttachmentShape]
    deleted: bool


class ConversationShape(Shape):
    """Its messages are the events ``chat:*`` in ``room_id``."""

    id: UUID
    room_id: UUID
    kind: Literal["direct", "group"]
    people: list[MemberShape]
    owner_id: Annotated[UUID | None, Field(description="Of a group: who adds and removes people")]
    title: str
    unread: Annotated[int, Field(ge=0, le=rules.MAX_COUNTED, description="Messages of others behind `read_offset`")]
    read_offset: Annotated[int, Field(ge=0, description="Up to which message you have read, on any device")]
    last_message: LastMessageShape | None
    state: rules.State
    is_muted: bool
    created_at: datetime
    active_at: Annotated[datetime, Field(description="The order of the list")]


class ConversationAnswer(Shape):
    conversation: ConversationShape


class ConversationsQuery(PageQuery):
    state: Annotated[rules.State | None, Field(description="Only those that are open, or that ask you")] = None


class ConversationsShape(Page[ConversationShape]):
    unread: Annotated[int, Field(ge=0, description="Open conversations, not muted, with something unread")]
    requests: Annotated[int, Field(ge=0, description="Conversations that ask you")]


class SettingsShape(Body):
    requests_from: Annotated[
        rules.RequestsFrom,
        Field(description="Who may ask you into a conversation: everyone, or only people whom you follow"),
    ]


class OfConversation(EventShape, frozen=True, kw_only=True):
    room_id: Id


class ReadUpTo(EventShape, frozen=True, kw_only=True):
    """``offset``: of the newest message that was read."""

    room_id: Id
    offset: Count


class Typing(EventBody, frozen=True, kw_only=True):
    """It is over after ``expires_in_ms``, and with the next message of the person."""

    room_id: str
    user_id: str
    expires_in_ms: int


class HasRead(EventBody, frozen=True, kw_only=True):
    room_id: str
    user_id: str
    offset: Offset


class OwnRead(EventBody, frozen=True, kw_only=True):
    room_id: str
    offset: Offset
    unread: int


class ReadAcknowledged(EventBody, frozen=True, kw_only=True):
    """``offset``: up to which the person has read now, which never falls."""

    ok: bool
    offset: Offset
    unread: int


class Changed(EventBody, frozen=True, kw_only=True):
    """``GET /api/v1/conversations/{id}`` has it as it is now, unless ``cause`` is ``left``."""

    conversation_id: str
    room_id: str
    cause: Literal["message", "people", "title", "joined", "left"]
    at: Instant


TYPING: Final = ServerEvent(
    name="chat:typing", summary="A person writes in a conversation", body=Typing, to="the sockets in the room"
)
READ: Final = ServerEvent(
    name="chat:read", summary="A person has read a conversation", body=HasRead, to="the sockets in the room"
)
OWN_READ: Final = ServerEvent(
    name="conversation:read", summary="You have read a conversation, on any device", body=OwnRead,
    to="the sockets of the person",
)  # fmt: skip
CHANGED: Final = ServerEvent(
    name="conversation:changed",
    summary="Something about a conversation is another way now",
    body=Changed,
    to="the sockets of its members",
)


def changed(room_id: str, cause: str, at: datetime) -> dict[str, Any]:
    """The body of ``CHANGED``."""
    told = at.isoformat().replace("+00:00", "Z")
    return {"conversation_id": room_id, "room_id": room_id, "cause": cause, "at": told}


def own_read(room_id: str, offset: int, unread: int) -> dict[str, Any]:
    """The body of ``OWN_READ``."""
    return msgspec.to_builtins(OwnRead(room_id=room_id, offset=offset, unread=unread))  # type: ignore[no-any-return]
