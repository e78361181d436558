"""The shapes of what a Socket.IO client sends: one struct an event, checked once at the edge."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

from actors.chat_rules import RoomRole
from actors.presence import MAX_PEOPLE

STORABLE: Final = r"^[^\x00]*\Z"  # a text column takes every character but NUL
Id = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")]
Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]


Reason = Annotated[str, msgspec.Meta(max_length=300, pattern=STORABLE)]


class EventShape(msgspec.Struct, frozen=True, kw_only=True):
    """Unknown fields are passed over, so that newer clients work with older servers."""


class OfStream(EventShape, frozen=True, kw_only=True):
    stream_id: Id


class Watch(EventShape, frozen=True, kw_only=True):
    """``access``: of a guest without an account who has given the stream's password, as
    ``POST /api/v1/streams/{stream_id}/access`` answers it. ``source``: where the viewer came from, as ``search``;
    ``device``: as ``mobile``. Both are for the analytics of the stream's owner.
    """

    stream_id: Id
    access: Annotated[str, msgspec.Meta(max_length=128, pattern=STORABLE)] | None = None
    source: Annotated[str, msgspec.Meta(max_length=32, pattern="^[a-z0-9_]+$")] | None = None
    device: Annotated[str, msgspec.Meta(max_length=16, pattern="^[a-z0-9_]+$")] | None = None


class Heartbeat(EventShape, frozen=True, kw_only=True):
    stream_id: Id
    position_ms: Annotated[float, msgspec.Meta(ge=0, le=2**53)] | None = None
    rendition: Annotated[str, msgspec.Meta(max_length=64, pattern=STORABLE)] | None = None
    stalled_ms: Annotated[float, msgspec.Meta(ge=0, le=600_000)] | None = None
    latency_ms: Annotated[float, msgspec.Meta(ge=0, le=2**53)] | None = None


class React(EventShape, frozen=True, kw_only=True):
    stream_id: Id
    emoji: Annotated[str, msgspec.Meta(min_length=1, max_length=16)]


class RoomPosition(EventShape, frozen=True, kw_only=True):
    epoch: Annotated[str, msgspec.Meta(max_length=128)]
    offset: Count


class Join(EventShape, frozen=True, kw_only=True):
    room_id: Id
    since: RoomPosition | None = None


class OfRoom(EventShape, frozen=True, kw_only=True):
    room_id: Id


MAX_ATTACHMENTS: Final = 10
MAX_ALT: Final = 1_500


class Attached(EventShape, frozen=True, kw_only=True):
    """A ready, unused picture among one's uploads; `alt` says what it shows."""

    upload_id: Id
    alt: Annotated[str, msgspec.Meta(max_length=MAX_ALT, pattern=STORABLE)] = ""


class Send(EventShape, frozen=True, kw_only=True):
    """`attachments`: in conversations; with them, `text` may be empty."""

    room_id: Id
    text: Annotated[str, msgspec.Meta(max_length=8_000)]
    client_id: Annotated[str, msgspec.Meta(min_length=1, max_length=64, pattern=STORABLE)]
    reply_to: Id | None = None
    attachments: Annotated[tuple[Attached, ...], msgspec.Meta(max_length=MAX_ATTACHMENTS)] = ()


class History(EventShape, frozen=True, kw_only=True):
    room_id: Id
    before: Count | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 50


class OfMessage(EventShape, frozen=True, kw_only=True):
    room_id: Id
    message_id: Id


class DeleteMessage(OfMessage, frozen=True, kw_only=True):
    reason: Reason = ""


class Edit(OfMessage, frozen=True, kw_only=True):
    text: Annotated[str, msgspec.Meta(max_length=8_000)]


class ReactTo(OfMessage, frozen=True, kw_only=True):
    """`on` false takes the reaction away."""

    emoji: Annotated[str, msgspec.Meta(min_length=1, max_length=16)]
    on: bool = True


class Review(OfMessage, frozen=True, kw_only=True):
    """`message_id` of a message that was held."""

    allow: bool


class Announce(EventShape, frozen=True, kw_only=True):
    """`client_id` as in `chat:send`, for who may have to send it again."""

    room_id: Id
    text: Annotated[str, msgspec.Meta(max_length=8_000)]
    client_id: Annotated[str, msgspec.Meta(min_length=1, max_length=64, pattern=STORABLE)] | None = None


class Pin(EventShape, frozen=True, kw_only=True):
    room_id: Id
    message_id: Id | None = None


class OfPerson(EventShape, frozen=True, kw_only=True):
    room_id: Id
    user_id: Id
    reason: Reason = ""


class Role(EventShape, frozen=True, kw_only=True):
    """`role` null: a viewer like any other."""

    room_id: Id
    user_id: Id
    role: RoomRole | None


Seconds = Annotated[int, msgspec.Meta(ge=1, le=1_209_600)]


class TimeOut(OfPerson, frozen=True, kw_only=True):
    seconds: Seconds = 600


class Ban(OfPerson, frozen=True, kw_only=True):
    """Without `seconds` it lasts."""

    seconds: Seconds | None = None


class ModeChange(EventShape, frozen=True, kw_only=True):
    slow_seconds: Annotated[int, msgspec.Meta(ge=0, le=3600)] | msgspec.UnsetType | None = msgspec.UNSET
    followers_only_seconds: Annotated[int, msgspec.Meta(ge=0, le=7776000)] | msgspec.UnsetType | None = msgspec.UNSET
    subscribers_only: bool | msgspec.UnsetType = msgspec.UNSET
    emotes_only: bool | msgspec.UnsetType = msgspec.UNSET
    unique: bool | msgspec.UnsetType = msgspec.UNSET
    shield: bool | msgspec.UnsetType = msgspec.UNSET


class Mode(EventShape, frozen=True, kw_only=True):
    room_id: Id
    mode: ModeChange


class ListPresent(EventShape, frozen=True, kw_only=True):
    room_id: Id
    limit: Annotated[int, msgspec.Meta(ge=1, le=MAX_PEOPLE)] = 50
    cursor: Id | None = None
