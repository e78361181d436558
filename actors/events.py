"""The live events of the core, in the past tense. An actor broadcasts one after what it describes is durable."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final, Literal, Protocol

import msgspec

from actors.restrictions import UNRESTRICTED, Restrictions
from actors.runtime import Message

OPEN: Final = frozenset({"public", "unlisted"})
"""The visibilities of streams that everybody may see whom their owner does not block."""
StreamState = Literal["scheduled", "live", "interrupted", "ended"]


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """A person as others see them."""

    id: str
    username: str
    display_name: str
    avatar_url: str | None = None


class StreamView(msgspec.Struct, frozen=True, kw_only=True):
    """A live stream as everyone may see it; media addresses are added at the edge."""

    id: str
    owner: Person
    room_id: str
    title: str
    description: str
    category: str
    tags: tuple[str, ...]
    language: str
    visibility: str
    latency: str
    is_recorded: bool
    state: StreamState
    created_at: datetime
    scheduled_at: datetime | None = None
    started_at: datetime | None = None
    interrupted_at: datetime | None = None
    ended_at: datetime | None = None
    publication: int = 0
    media_node: str = ""
    media_time_ms: int = 0
    viewers: int = 0
    peak_viewers: int = 0
    unique_viewers: int = 0
    watched_ms: int = 0
    transcode: str = "auto"
    slate: str = "auto"
    takeover: str = "auto"
    restrictions: Restrictions = UNRESTRICTED
    renditions: tuple[dict[str, Any], ...] = ()
    """What there is to play, the best first, as ``playback.renditions`` shows it."""
    is_ending: bool = False
    """Its publisher was stopped, and what is left of it is being recorded: nobody begins to watch it live any more."""

    @property
    def is_open(self) -> bool:
        return is_open(self.visibility, self.restrictions)

    @property
    def label(self) -> str:
        """What the log calls it beside its id: the title in quotes and the owner's username."""
        return f"{self.title!r} of @{self.owner.username}"


def is_open(visibility: str, restrictions: Restrictions) -> bool:
    """Whether everybody may see such a stream whom its owner does not block."""
    return visibility in OPEN and not restrictions.refuses_any


Reactions = dict[str, tuple[str, ...]]
"""Emoji → the ids of the persons who have reacted with it."""


class Attachment(msgspec.Struct, frozen=True, kw_only=True):
    """A picture of a message. ``url`` and ``preview_url`` are paths of this server, good for as long as the message."""

    id: str
    kind: str
    url: str
    preview_url: str
    width: int
    height: int
    alt: str = ""


class ChatMessage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One message as the room shows it. ``badges`` are some of ``chat_recent.BADGES``."""

    id: str
    offset: int
    user: ChatUser
    text: str
    sent_at: datetime
    media_time_ms: int | None = None
    reply_to: str | None = None
    client_id: str | None = None
    announcement: bool = False
    edited_at: datetime | None = None
    reactions: Reactions = {}
    attachments: tuple[Attachment, ...] = ()


class ChatUser(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    username: str
    display_name: str
    badges: tuple[str, ...] = ()


class DeletedMessage(msgspec.Struct, frozen=True, kw_only=True):
    """What keeps the place of a deleted message."""

    id: str
    offset: int
    deleted: Literal[True] = True


LoggedMessage = ChatMessage | DeletedMessage
Shown = dict[str, Any]
"""A logged message as it goes to every client: turned into plain values once, by its room."""


class StreamChanged(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The stream's state or description changed; ``cause`` is for the log."""

    stream: StreamView
    previous: StreamState
    cause: str


class ViewersCounted(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    stream_id: str
    viewers: int
    peak_viewers: int
    unique_viewers: int
    watched_ms: int


class ChatPosted(msgspec.Struct, frozen=True, kw_only=True, tag=True, omit_defaults=True):
    """Messages of one room, committed, in the order of their offsets, without a gap.

    ``traces``: of those among them that are traced.
    """

    room_id: str
    epoch: str
    messages: tuple[Shown, ...]
    traces: tuple[str, ...] = ()


class ChatChanged(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Something about a room other than a new message; ``event`` and ``body`` are what its sockets are sent."""

    room_id: str
    event: Literal["chat:deleted", "chat:pinned", "chat:mode", "chat:user_timed_out", "poll:state"]
    body: dict[str, Any]


class RoomChanged(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """As ``ChatChanged``, for events that have come since: a node that does not know ``event`` sends it on as it is."""

    room_id: str
    event: str
    body: dict[str, Any]


ChatChange = ChatChanged | RoomChanged


class ChatForModerators(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Something about a room for its moderators alone, and for the person ``user_id``."""

    room_id: str
    event: str
    body: dict[str, Any]
    user_id: str | None = None


class FilterChanged(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """What may not be written in the rooms of this owner, or in all rooms, is another thing from here on."""

    owner_id: str | None


class RoomOpened(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The room has a new actor, which stands at ``offset`` and does not know which nodes are subscribed."""

    room_id: str
    epoch: str
    offset: int


class CounterOpened(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The stream's counter has a new actor, which does not know the viewers."""

    stream_id: str


class Reacted(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """What a node's viewers of a stream have reacted with in the last moment: emoji to number."""

    stream_id: str
    counts: dict[str, int]


RoomEvent = RoomChanged | ChatForModerators | FilterChanged
LiveEvent = (
    StreamChanged
    | ViewersCounted
    | ChatPosted
    | ChatChanged
    | RoomOpened
    | CounterOpened
    | Reacted
    | RoomChanged
    | ChatForModerators
    | FilterChanged
)


class Broadcast(Protocol):
    """Sends a live event to nodes, at most once and in order: to those named, or to all of the cluster."""

    def __call__(self, event: LiveEvent, *, to: Iterable[str] | None = None) -> None: ...


class DeliverLiveEvent(Message, frozen=True, kw_only=True):
    """To the actor of a node (kind ``NODE``, keyed by the node's name): a live event for its clients."""

    event: StreamChanged | ViewersCounted | ChatPosted | ChatChanged | RoomOpened | CounterOpened | Reacted


class DeliverRoomEvent(Message, frozen=True, kw_only=True):
    """As ``DeliverLiveEvent``, for the live events that an older node does not know: it passes the message over."""

    event: RoomEvent


def delivery(event: LiveEvent) -> Message:
    """What brings the event to the actor of another node. One sender's deliveries arrive in their order."""
    return DeliverRoomEvent(event=event) if isinstance(event, RoomEvent) else DeliverLiveEvent(event=event)


class DeliverPublished(Message, frozen=True, kw_only=True):
    """To the actor of a node: an event of a feature for the sockets that subscribe to ``topic``, and for those of
    ``person_id`` whether they do or not.

    Of one ``key`` only the latest value matters.
    """

    topic: str
    event: str
    body: dict[str, Any]
    key: str | None = None
    person_id: str | None = None


class DeliverToPeople(Message, frozen=True, kw_only=True):
    """To the actor of a node: an event of a feature for every socket of these persons, or for this one of them."""

    person_ids: tuple[str, ...]
    event: str
    body: dict[str, Any]
    socket: str | None = None


NODE = "node"
