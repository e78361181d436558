"""What clients send of videos and get of them."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Annotated, Final, Literal
from uuid import UUID

import msgspec
from pydantic import AfterValidator, Field

from server.features.people.relations import PersonShape
from server.features.videos.markers import MAX_MARKERS
from server.http.shapes import Body, Page, Shape, Text, one_line, several_lines
from server.socket_events import ServerEvent

MAX_TITLE: Final = 140
MAX_DESCRIPTION: Final = 5_000
Title = Annotated[
    Text, Field(min_length=1, max_length=MAX_TITLE), AfterValidator(partial(one_line, at_least=1, at_most=MAX_TITLE))
]
Description = Annotated[
    Text, Field(max_length=MAX_DESCRIPTION), AfterValidator(partial(several_lines, at_most=MAX_DESCRIPTION))
]
Visibility = Annotated[
    Literal["public", "unlisted", "followers", "private"],
    Field(description="unlisted: who has the address; followers: who follows the owner; private: the owner"),
]
State = Literal["processing", "ready", "failed"]


class NewVideoBody(Body):
    upload_id: Annotated[UUID, Field(strict=False, description="A ready upload of yours, of kind video")]
    title: Title
    description: Description = ""
    visibility: Visibility = "public"
    post: Annotated[
        bool, Field(description="Whether it becomes a post once it is ready, where it is public or for followers")
    ] = True


class PosterBody(Body):
    upload_id: Annotated[UUID, Field(strict=False, description="A ready upload of yours, of kind image")]


class WatchBody(Body):
    """Told when it begins to play, every 10 s meanwhile, and when it pauses or ends."""

    is_playing: bool = True


class TrimBody(Body):
    from_ms: Annotated[int, Field(ge=0, le=2**53, description="Of the video as it is now")]
    to_ms: Annotated[int, Field(ge=0, le=2**53)]


class ChapterBody(Body):
    at_ms: Annotated[int, Field(ge=0, le=2**48, description="Of the video as it is now")]
    label: Title


class ChapterShape(Shape):
    at_ms: int
    label: str


class VideoChange(Body):
    """Only what is given changes."""

    title: Title | None = None
    description: Description | None = None
    visibility: Visibility | None = None
    chapters: Annotated[list[ChapterBody], Field(max_length=MAX_MARKERS)] | None = None


class VideoRendition(Shape):
    name: str
    width: int
    height: int
    fps: float
    bitrate: Annotated[int, Field(description="bits/s of its pictures on average")]
    codecs: Annotated[str, Field(description="RFC 6381")]
    state: Literal["ready"]


class VideoPlayback(Shape):
    """Paths on this server, or addresses of the CDN before it, signed for what not everybody may see; null while there
    is nothing behind them. The first rendition can be played over HLS while all else is made."""

    hls: str | None
    dash: str | None
    mp4: Annotated[str | None, Field(description="Of a recording on request; of an upload for its owner")]
    storyboard: str | None
    thumbnail: str | None
    renditions: Annotated[list[VideoRendition], Field(description="The best first; empty for a recording")]


class VideoShape(Shape):
    id: UUID
    state: State
    progress: Annotated[float, Field(ge=0, le=1)]
    reason: Annotated[str, Field(description="Why it failed, or why it is tried again; for its owner")]
    owner: PersonShape
    title: str
    description: str
    visibility: Annotated[
        Literal["public", "unlisted", "followers", "subscribers", "password", "private"],
        Field(description="That of a recording is its stream's"),
    ]
    stream_id: Annotated[UUID | None, Field(description="That it is the recording of")]
    duration_ms: int
    width: Annotated[int | None, Field(description="Of the upload; null for a recording, and before it was looked at")]
    height: int | None
    views: Annotated[int, Field(description="Viewers; one who comes back after half an hour counts again")]
    watch_seconds: Annotated[int | None, Field(description="Of all viewers together; for its owner")]
    created_at: datetime
    ready_at: datetime | None
    chapters: Annotated[list[ChapterShape], Field(description="Of a recording: its stream's markers")]
    playback: VideoPlayback


class VideoAnswer(Shape):
    video: VideoShape


class VideosShape(Page[VideoShape]):
    """A page of videos."""


class VideoProgress(msgspec.Struct, frozen=True, kw_only=True):
    """``progress``: 0 to 1."""

    video_id: str
    state: State
    progress: float


VIDEO_PROGRESS: Final = ServerEvent(
    name="video:progress",
    summary="How far the encoding of a video of yours is; sent when its state changes, and at most twice a second",
    body=VideoProgress,
    to="the sockets of its owner",
)
