"""What the server answers, as frozen structs. Fields that a newer server adds are passed over."""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypeVar

import msgspec

from socialflow_client.errors import MisshapenAnswer

Shape = TypeVar("Shape")


class User(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    username: str
    display_name: str
    badges: tuple[str, ...] = ()


class Attached(msgspec.Struct, frozen=True):
    """A picture for a message of a conversation: a ready upload of yours that nothing else holds, and what it shows."""

    upload_id: str
    alt: str = ""


class Attachment(msgspec.Struct, frozen=True, kw_only=True):
    """A picture of a message; the addresses are paths of the server, for members of the conversation."""

    id: str
    kind: str
    url: str
    preview_url: str
    width: int
    height: int
    alt: str = ""


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """A chat message. ``offset`` is its place in the room, from 1; ``media_time_ms`` the moment of the video.

    ``is_mine``: this client sent it, under a ``client_id`` that it chose.
    """

    id: str
    offset: int
    user: User
    text: str
    sent_at: datetime
    media_time_ms: int | None = None
    reply_to: str | None = None
    client_id: str | None = None
    announcement: bool = False
    attachments: tuple[Attachment, ...] = ()
    is_mine: bool = False


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """An acknowledged message: it outlives the loss of any node. ``held``: it waits for a moderator."""

    id: str
    offset: int | None = None
    epoch: str | None = None
    held: bool = False


class Event(msgspec.Struct, frozen=True):
    """What the server sent, by the name and with the body of the server's ``/asyncapi.json``."""

    name: str
    body: dict[str, Any]


class PollOption(msgspec.Struct, frozen=True, kw_only=True):
    text: str
    votes: int


class Poll(msgspec.Struct, frozen=True, kw_only=True):
    """``state`` is ``open`` or ``closed``. A higher ``revision`` is a later state of the same poll."""

    id: str
    question: str
    options: tuple[PollOption, ...]
    state: str
    closes_at: datetime
    media_time_ms: int | None = None
    revision: int = 0


class ChatOf(msgspec.Struct, frozen=True, kw_only=True):
    room_id: str


class Stream(msgspec.Struct, frozen=True, kw_only=True):
    """``state`` is ``scheduled``, ``live``, ``interrupted`` or ``ended``; ``playback`` holds addresses by format."""

    id: str
    title: str
    owner: User
    state: str
    viewers: int
    chat: ChatOf
    description: str = ""
    category: str = ""
    tags: tuple[str, ...] = ()
    peak_viewers: int = 0
    started_at: datetime | None = None
    ended_at: datetime | None = None
    playback: dict[str, Any] = {}


class Ingest(msgspec.Struct, frozen=True, kw_only=True):
    """Where an encoder publishes."""

    rtmp_url: str
    stream_key: str
    whip_url: str


class CreatedStream(msgspec.Struct, frozen=True, kw_only=True):
    stream: Stream
    ingest: Ingest


class Clip(msgspec.Struct, frozen=True, kw_only=True):
    """``from_ms`` and ``to_ms`` are of the stream's media time."""

    id: str
    stream_id: str
    title: str
    from_ms: int
    to_ms: int
    playback: dict[str, Any]


def shaped(shape: type[Shape], body: Any) -> Shape:
    """Raises ``MisshapenAnswer``."""
    try:
        return msgspec.convert(body, shape)
    except msgspec.ValidationError as error:
        raise MisshapenAnswer(f"{shape.__name__}: {error}") from error
