"""The events that webhooks are sent, and the shapes of their bodies."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final, Generic, Literal, TypeVar, get_args
from uuid import UUID

from pydantic import Field

from server.http.shapes import Shape

EventName = Literal[
    "stream.started",
    "stream.interrupted",
    "stream.ended",
    "recording.ready",
    "stream.health",
    "chat.message",
    "chat.held",
    "poll.closed",
    "prediction.resolved",
    "follow.created",
    "post.created",
    "video.ready",
    "tip.succeeded",
    "subscription.started",
    "subscription.ended",
    "raid",
]
EVENTS: Final[tuple[EventName, ...]] = get_args(EventName)

Data = TypeVar("Data")


class EventPerson(Shape):
    id: UUID
    username: str
    display_name: str


class StreamEvent(Shape):
    """The same for all events of a stream; ``at``: when it happened."""

    stream_id: UUID
    room_id: UUID
    title: str
    visibility: str
    at: datetime


class StreamEndedEvent(StreamEvent):
    started_at: Annotated[datetime | None, Field(description="null: it was never live")]


class RecordingEvent(Shape):
    stream_id: UUID
    title: str
    duration_ms: int


class HealthEvent(Shape):
    stream_id: UUID
    title: str
    faults: Annotated[list[str], Field(description="As `name` in `GET /streams/{id}/health`; none: all is well again")]


class ChatAuthor(EventPerson):
    badges: list[str]


class ChatMessageEvent(Shape):
    stream_id: UUID | None
    room_id: UUID
    id: UUID
    offset: int
    user: ChatAuthor
    text: str
    sent_at: datetime
    media_time_ms: int | None
    reply_to: UUID | None
    announcement: bool


class ChatHeldEvent(Shape):
    stream_id: UUID | None
    room_id: UUID
    id: UUID
    user: EventPerson
    text: str
    held_at: datetime
    reason: str


class PollEvent(Shape):
    stream_id: UUID | None
    room_id: UUID
    poll: Annotated[dict[str, Any], Field(description="As in the event `poll:state`")]


class PredictionEvent(Shape):
    stream_id: UUID | None
    room_id: UUID
    prediction: Annotated[dict[str, Any], Field(description="As in the event `prediction:state`")]


class FollowEvent(Shape):
    follower: EventPerson


class TipEvent(Shape):
    stream_id: UUID | None
    room_id: UUID | None
    tip: Annotated[dict[str, Any], Field(description="As in the event `tip`")]


class SubscriptionEvent(Shape):
    subscription: Annotated[dict[str, Any], Field(description="As in `GET /subscriptions`")]


class RaidStream(Shape):
    stream_id: UUID
    title: str
    owner: EventPerson


class RaidEvent(Shape):
    raid_id: UUID
    direction: Annotated[Literal["incoming", "outgoing"], Field(description="Of the webhook's owner")]
    source: RaidStream
    target: RaidStream
    viewers: int


class PingEvent(Shape):
    webhook_id: UUID


class EventShape(Shape, Generic[Data]):
    """``id`` is the event's, the same in each delivery of it, and `Socialflow-Event-Id`."""

    id: UUID
    event: str
    created_at: datetime
    data: Data


@dataclass(frozen=True, kw_only=True)
class EventKind:
    name: str
    summary: str
    body: type[EventShape[Any]]


PING: Final = EventKind(name="ping", summary="A test delivery that the owner asked for", body=EventShape[PingEvent])
SENT: Final = (
    EventKind(name="stream.started", summary="A stream of yours is live", body=EventShape[StreamEvent]),
    EventKind(name="stream.interrupted", summary="Its publisher has gone", body=EventShape[StreamEvent]),
    EventKind(name="stream.ended", summary="It has ended", body=EventShape[StreamEndedEvent]),
    EventKind(name="recording.ready", summary="Its recording can be played", body=EventShape[RecordingEvent]),
    EventKind(
        name="stream.health",
        summary="Other things are wrong with what it is sent than before",
        body=EventShape[HealthEvent],
    ),
    EventKind(name="chat.message", summary="A message in a room of yours", body=EventShape[ChatMessageEvent]),
    EventKind(name="chat.held", summary="A message waits for a moderator", body=EventShape[ChatHeldEvent]),
    EventKind(name="poll.closed", summary="A poll in a room of yours is closed", body=EventShape[PollEvent]),
    EventKind(
        name="prediction.resolved",
        summary="A prediction in a room of yours is resolved or cancelled",
        body=EventShape[PredictionEvent],
    ),
    EventKind(name="follow.created", summary="A person follows you", body=EventShape[FollowEvent]),
    EventKind(name="tip.succeeded", summary="A tip for you was paid", body=EventShape[TipEvent]),
    EventKind(
        name="subscription.started",
        summary="The first month of a subscription to you was paid",
        body=EventShape[SubscriptionEvent],
    ),
    EventKind(name="subscription.ended", summary="A subscription to you has ended", body=EventShape[SubscriptionEvent]),
    EventKind(name="raid", summary="A raid has come to you, or has left from you", body=EventShape[RaidEvent]),
    PING,
)
"""What is sent by this version; the other names are accepted, and come with the features that they are about."""
