"""What the live edge acknowledges and sends, event by event: the shapes of ``/asyncapi.json``.

Bodies are built where they are made, as plain dictionaries, since the same bytes go to thousands of sockets; the tests
hold what is sent against these shapes.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

import msgspec

from actors.chat_rules import ChatMode, RoomRole
from actors.events import Attachment, ChatUser
from actors.screening import Reason
from server.socket_events import ServerEvent

Stream = Annotated[dict[str, Any], msgspec.Meta(description="As `GET /api/v1/streams/{id}` answers it")]
Offset = Annotated[int, msgspec.Meta(ge=0, description="1 for the first message of a room, and 1 more for each")]
Emoji = Annotated[str, msgspec.Meta(description="One emoji by UTS 51")]
Role = Annotated[
    Literal["owner", "moderator", "vip", "admin"] | None, msgspec.Meta(description="Of the person who is answered")
]
Instant = Annotated[str, msgspec.Meta(description="RFC 3339, UTC, with Z")]


Reactions = Annotated[
    dict[str, list[str]], msgspec.Meta(description="Emoji to the ids of the persons who have reacted with it")
]


class Body(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is sent has every field of its shape and no other."""


class Done(Body, frozen=True, kw_only=True):
    """It was carried out, and there is nothing to say of it."""

    ok: bool


class Message(Body, frozen=True, kw_only=True):
    """A message of a room. One that was deleted keeps its place with ``id``, ``offset`` and ``deleted`` alone; one of a
    conversation whose author the reader blocks has ``hidden`` besides.
    """

    id: str
    offset: Offset
    user: ChatUser | msgspec.UnsetType = msgspec.UNSET
    text: str | msgspec.UnsetType = msgspec.UNSET
    sent_at: Instant | msgspec.UnsetType = msgspec.UNSET
    media_time_ms: int | msgspec.UnsetType = msgspec.UNSET
    reply_to: str | msgspec.UnsetType = msgspec.UNSET
    client_id: str | msgspec.UnsetType = msgspec.UNSET
    announcement: bool | msgspec.UnsetType = msgspec.UNSET
    edited_at: Instant | msgspec.UnsetType = msgspec.UNSET
    reactions: Reactions | msgspec.UnsetType = msgspec.UNSET
    attachments: list[Attachment] | msgspec.UnsetType = msgspec.UNSET
    deleted: bool | msgspec.UnsetType = msgspec.UNSET
    hidden: bool | msgspec.UnsetType = msgspec.UNSET


class RoomState(Body, frozen=True, kw_only=True):
    """A room up to ``offset``: events begin after it."""

    room_id: str
    epoch: str
    offset: Offset
    messages: list[Message]
    mode: ChatMode
    pinned: Message | None
    role: Role


class Watched(Body, frozen=True, kw_only=True):
    ok: bool
    stream: Stream
    room: RoomState


class Joined(Body, frozen=True, kw_only=True):
    """``recovered``: the messages are exactly those after ``since``; with ``more``, join again from ``offset``."""

    ok: bool
    room_id: str
    epoch: str
    offset: Offset
    messages: list[Message]
    recovered: bool
    more: bool | msgspec.UnsetType = msgspec.UNSET
    mode: ChatMode | msgspec.UnsetType = msgspec.UNSET
    pinned: Message | msgspec.UnsetType | None = msgspec.UNSET
    role: Role | msgspec.UnsetType = msgspec.UNSET


class Sent(Body, frozen=True, kw_only=True):
    """Durable. The same ``client_id`` again is answered alike. ``held``: it waits for a moderator, and has no place."""

    ok: bool
    id: str
    offset: Offset | msgspec.UnsetType = msgspec.UNSET
    epoch: str | msgspec.UnsetType = msgspec.UNSET
    held: bool | msgspec.UnsetType = msgspec.UNSET
    trace: str | msgspec.UnsetType = msgspec.UNSET


class HeldMessage(Body, frozen=True, kw_only=True):
    id: str
    user: ChatUser
    text: str
    sent_at: Instant
    reply_to: str | msgspec.UnsetType = msgspec.UNSET


class Held(Body, frozen=True, kw_only=True):
    """``reason``: the rule that held it."""

    message: HeldMessage
    reason: Reason


class HeldWaiting(Body, frozen=True, kw_only=True):
    """In the order in which they were held."""

    ok: bool
    held: list[Held]


class MessageHeld(Held, frozen=True, kw_only=True):
    room_id: str


class MessageReviewed(Body, frozen=True, kw_only=True):
    """A message that was held is posted, or refused."""

    room_id: str
    id: str
    user_id: str
    allow: bool


class PageOfMessages(Body, frozen=True, kw_only=True):
    """Ascending by ``offset``."""

    ok: bool
    messages: list[Message]


class ModeSet(Body, frozen=True, kw_only=True):
    ok: bool
    mode: ChatMode


class PresentPerson(Body, frozen=True, kw_only=True):
    id: str
    username: str
    display_name: str


class PresentPeople(Body, frozen=True, kw_only=True):
    """``count`` includes guests and those beyond the limit."""

    ok: bool
    count: int
    users: list[PresentPerson]
    next: Annotated[str | None, msgspec.Meta(description="`cursor` of the next page; null after the last one")] = None


class MessagesPosted(Body, frozen=True, kw_only=True):
    """In order of ``offset``; within an epoch none twice and no gap that ``chat:gap`` did not announce."""

    room_id: str
    epoch: str
    messages: list[Message]


class MessagesSkipped(Body, frozen=True, kw_only=True):
    room_id: str
    from_: Offset = msgspec.field(name="from")
    to: Offset


class MessageDeleted(Body, frozen=True, kw_only=True):
    room_id: str
    id: str
    offset: Offset
    by: Annotated[str, msgspec.Meta(description="The id of who deleted it")] | msgspec.UnsetType = msgspec.UNSET


class MessageRestored(Body, frozen=True, kw_only=True):
    """It stands in its place again, by its ``offset``. ``user_id``: its author."""

    room_id: str
    user_id: str
    message: Message


class MessageEdited(Body, frozen=True, kw_only=True):
    room_id: str
    id: str
    offset: Offset
    user_id: str
    text: str
    edited_at: Instant


class MessageReacted(Body, frozen=True, kw_only=True):
    """All reactions that the message has now."""

    room_id: str
    id: str
    offset: Offset
    user_id: str
    reactions: Reactions


class MessagePinned(Body, frozen=True, kw_only=True):
    """None: nothing is pinned any more."""

    room_id: str
    message: Message | None


class ModeChanged(Body, frozen=True, kw_only=True):
    room_id: str
    mode: ChatMode


class PersonSanctioned(Body, frozen=True, kw_only=True):
    """``until`` None and not ``banned``: the person may write again."""

    room_id: str
    user_id: str
    until: Instant | None
    banned: bool


class RoomCleared(Body, frozen=True, kw_only=True):
    """What was written up to `offset` is deleted: by the person `user_id`, or by anybody where that is null."""

    room_id: str
    offset: Offset
    user_id: str | None
    by: str


class RoleChanged(Body, frozen=True, kw_only=True):
    room_id: str
    user_id: str
    role: RoomRole | None
    by: str


class ViewersCounted(Body, frozen=True, kw_only=True):
    stream_id: str
    viewers: int


class ReactionsCounted(Body, frozen=True, kw_only=True):
    """What came within the tick."""

    stream_id: str
    counts: dict[Emoji, int]


class HypeLevel(Body, frozen=True, kw_only=True):
    """How lively the stream's room is: out of chat and reactions, fading by itself."""

    stream_id: str
    level: Annotated[int, msgspec.Meta(ge=0, le=100)]


class SessionRevoked(Body, frozen=True, kw_only=True):
    reason: str


class ServerDraining(Body, frozen=True, kw_only=True):
    reconnect_in_ms: int


class StreamChanged(msgspec.Struct, frozen=True, kw_only=True):
    """The whole stream, as `GET /api/v1/streams/{id}` answers it."""

    id: str
    state: str


_ROOM: Final = "the sockets in the room"
_STREAM: Final = "the sockets that watch the stream"

SERVER_EVENTS: Final = tuple(
    ServerEvent(name=name, summary=summary, body=body, to=to)
    for name, summary, body, to in (
        ("chat:messages", "Messages of a room", MessagesPosted, _ROOM),
        ("chat:gap", "Messages were skipped", MessagesSkipped, "a socket that reads too slowly"),
        ("chat:deleted", "A message was deleted", MessageDeleted, _ROOM),
        ("chat:restored", "A message that was deleted is there again", MessageRestored, _ROOM),
        ("chat:edited", "A message of a conversation has another text", MessageEdited, _ROOM),
        ("chat:reacted", "A message of a conversation has other reactions", MessageReacted, _ROOM),
        ("chat:pinned", "A message was pinned, or none is any more", MessagePinned, _ROOM),
        ("chat:mode", "The room's mode changed", ModeChanged, _ROOM),
        ("chat:user_timed_out", "Somebody may not write, or may again", PersonSanctioned, _ROOM),
        ("chat:held", "A message waits for a moderator", MessageHeld, "the moderators in the room"),
        ("chat:reviewed", "A message that was held is decided", MessageReviewed, "the moderators and its author"),
        ("chat:cleared", "All messages, or all of a person, were deleted", RoomCleared, _ROOM),
        ("chat:role", "A person has another role in the room", RoleChanged, _ROOM),
        ("stream:state", "The stream changed", StreamChanged, _STREAM),
        ("stream:viewers", "How many watch, at most once a second", ViewersCounted, _STREAM),
        ("stream:reactions", "Reactions, added up per tick", ReactionsCounted, _STREAM),
        ("stream:hype", "How lively the room is, at most once a second, when it has changed", HypeLevel, _STREAM),
        ("session:revoked", "Sign in again", SessionRevoked, "the sockets of the session"),
        ("server:draining", "Connect again after that time", ServerDraining, "all sockets of the node"),
    )
)
