"""What clients send of clips and get of them, and what a row holds of a clip's file."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Annotated, Final
from uuid import UUID

import msgspec
from pydantic import AfterValidator, Field

from media.hls.cutting import Extent
from server.features.people.relations import PersonShape
from server.features.videos.clips.rules import MAX_SECONDS
from server.http.shapes import Body, Page, Shape, Text, one_line

MAX_TITLE: Final = 140
Title = Annotated[
    Text, Field(min_length=1, max_length=MAX_TITLE), AfterValidator(partial(one_line, at_least=1, at_most=MAX_TITLE))
]


class Rendition(msgspec.Struct, frozen=True, kw_only=True):
    """One of the file's tracks as playlists announce it; ``extents`` are its segments."""

    name: str
    kind: str
    codec: str
    extents: list[Extent]
    width: int = 0
    height: int = 0
    frame_rate: float = 0.0
    channels: int = 0


class ClipFile(msgspec.Struct, frozen=True, kw_only=True):
    """``clips.file``."""

    size: int
    renditions: list[Rendition]
    picture: str = ""
    """The object of its own picture, once there is one."""


class ClipBody(Body):
    seconds: Annotated[float, Field(ge=1, le=MAX_SECONDS, allow_inf_nan=False)]
    end_ms: (
        Annotated[int, Field(ge=0, le=2**53, description="Media time of its end; without it, the newest there is")]
        | None
    ) = None
    title: Annotated[Title | None, Field(description="Without one it has the stream's")] = None


class ClipSettingsShape(Body):
    """Of a person, for all their streams."""

    others_may_clip: Annotated[bool, Field(description="Whether others who may watch your streams may clip them")]


class ClipPlayback(Shape):
    """Paths on this server, or addresses of the CDN before it; signed for a clip of a private stream."""

    hls: str
    mp4: str


class ClipMessageUser(Shape):
    id: UUID
    username: str
    display_name: str
    badges: list[str]


class ClipMessage(Shape):
    id: UUID
    offset: int
    user: ClipMessageUser
    text: str
    sent_at: datetime
    media_time_ms: int
    reply_to: UUID | None


class ClipChat(Shape):
    room_id: UUID
    messages: Annotated[
        list[ClipMessage] | None, Field(description="What was written in this time; null in lists of clips")
    ]


class ClipShape(Shape):
    id: UUID
    stream_id: UUID
    owner: PersonShape
    creator: PersonShape
    title: str
    from_ms: Annotated[int, Field(description="Of the stream's media time")]
    to_ms: int
    created_at: datetime
    playback: ClipPlayback
    thumbnail: str | None
    chat: ClipChat


class MadeClip(Shape):
    clip: ClipShape


class ClipsShape(Page[ClipShape]):
    """A page of clips."""
