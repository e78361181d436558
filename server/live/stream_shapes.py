"""The bodies, queries and answers of streams over REST."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, Field, field_validator

from server.http.shapes import Body, Cursor, Limit, Query, Shape, Text, one_line, several_lines
from storage.stream_rows import Visibility

TAG: Final = "streams"
PASSED: Final = "must not have passed"
CLOCKS_DIFFER: Final = timedelta(minutes=5)
"""By so much the clock of who schedules a stream for now may be behind."""


def _tag(text: str) -> str:
    """A tag is for finding: what can't be seen in it is refused instead of taken out."""
    tag = one_line(text, at_least=1, at_most=30)
    if tag != " ".join(unicodedata.normalize("NFC", text).split()):
        raise ValueError("must not have characters that cannot be seen")
    return tag


Title = Annotated[Text, Field(min_length=1, max_length=140), AfterValidator(partial(one_line, at_least=1, at_most=140))]
Description = Annotated[Text, Field(max_length=5_000), AfterValidator(partial(several_lines, at_most=5_000))]
Category = Annotated[Text, Field(max_length=50), AfterValidator(partial(one_line, at_most=50))]
Tag = Annotated[Text, Field(min_length=1, max_length=30), AfterValidator(_tag)]
Password = Annotated[
    Text,
    Field(min_length=1, max_length=128, description="Of a stream with visibility password; it is never answered"),
    AfterValidator(lambda text: unicodedata.normalize("NFC", text)),
]
VISIBILITY: Final = Field(
    description="unlisted: who has the address; followers: who follows the owner; subscribers: who subscribes to the "
    "owner; password: who has given the password; private: the owner. Guests may see all of them"
)
Latency = Literal["realtime", "low", "normal"]
Transcode = Literal["auto", "off", "ladder"]
Slate = Literal["auto", "off"]
Takeover = Literal["auto", "refuse", "newest"]
State = Literal["scheduled", "live", "interrupted", "ended"]


class _Details(Body):
    description: Description = ""
    category: Category = ""
    tags: Annotated[list[Tag], Field(max_length=10, default_factory=list)]
    language: Annotated[str, Field(max_length=35, pattern=r"^[A-Za-z0-9-]*$", description="BCP 47, as en or pt-BR")] = (
        ""
    )
    visibility: Annotated[Visibility, VISIBILITY] = "public"
    password: Annotated[Password, Field(default_factory=str)]
    latency: Latency = "low"
    record: bool = True
    transcode: Annotated[
        Transcode,
        Field(
            description="Smaller renditions: auto makes them while somebody plays one, ladder all the time, off none"
        ),
    ] = "auto"
    slate: Annotated[
        Slate, Field(description="While its publisher is away: auto shows a still picture where the server does")
    ] = "auto"
    takeover: Annotated[
        Takeover,
        Field(
            description="A second publisher: refuse keeps the first one, newest ends it, auto is as the server has it"
        ),
    ] = "auto"
    scheduled_at: Annotated[AwareDatetime | None, Field(strict=False)] = None

    @field_validator("scheduled_at", mode="before")
    @classmethod
    def _as_text(cls, value: object) -> object:
        if value is not None and not isinstance(value, str):
            raise ValueError("must be a date and time as RFC 3339 writes it")
        return value

    @field_validator("tags")
    @classmethod
    def _each_once(cls, tags: list[str]) -> list[str]:
        return list(dict.fromkeys(tags))


def has_passed(at: datetime) -> bool:
    return at < datetime.now(UTC) - CLOCKS_DIFFER


class NewStreamBody(_Details):
    title: Title

    @field_validator("scheduled_at")
    @classmethod
    def _to_come(cls, value: datetime | None) -> datetime | None:
        if value is not None and has_passed(value):
            raise ValueError(PASSED)
        return value


class StreamChange(_Details):
    """Only what is given changes; ``scheduled_at`` null takes the date away."""

    title: Title | None = None


class PasswordBody(Body):
    password: Password


class CountriesShape(Shape):
    allow: Annotated[list[str] | None, Field(description="The only countries that it is for")] = None
    deny: Annotated[list[str] | None, Field(description="Those that it is not for")] = None


class RestrictionsShape(Shape):
    """Whom a stream is for, and of what its viewers are warned before they play it."""

    countries: CountriesShape | None = None
    min_age: int | None = None
    content_warning: str | None = None


class OwnerShape(Shape):
    id: UUID
    username: str
    display_name: str
    avatar_url: str | None


class RenditionShape(Shape):
    """``source`` is what the publisher sends, ``audio`` the sound alone; numbers are 0 where there are no pictures."""

    name: str
    width: int
    height: int
    fps: float
    bitrate: Annotated[
        int, Field(description="bits/s, pictures and sound of source, else the pictures alone; 0: unknown")
    ]
    codecs: Annotated[str, Field(description="RFC 6381")]
    state: Annotated[
        Literal["live", "ready", "off"],
        Field(description="live: there is media; ready: made as soon as it is asked for; off: not at the moment"),
    ]


class PlaybackShape(Shape):
    """Paths on this server; null while there is nothing behind them."""

    hls: str | None
    whep: str | None
    dash: str | None
    thumbnail: str | None
    storyboard: str | None
    renditions: Annotated[list[RenditionShape], Field(description="The best first")]
    mp4: Annotated[
        str | None, Field(description="Of a recording that was made into one file; only where one stream is asked for")
    ] = None


class ChatOf(Shape):
    room_id: UUID


class IngestShape(Shape):
    """What an encoder is set up with. The key is a secret."""

    rtmp_url: str
    stream_key: str
    whip_url: str


class StreamShape(Shape):
    id: UUID
    title: str
    description: str
    category: str
    tags: list[str]
    language: str
    visibility: Annotated[Visibility, VISIBILITY]
    latency: Latency
    record: bool
    transcode: Transcode
    slate: Slate
    takeover: Takeover
    restrictions: Annotated[RestrictionsShape | None, Field(description="null: for everybody")]
    owner: OwnerShape
    state: State
    viewers: int
    peak_viewers: int
    unique_viewers: int
    watch_seconds: int
    created_at: datetime
    scheduled_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    duration_s: float | None
    media_time_ms: int
    playback: PlaybackShape
    video_id: Annotated[UUID | None, Field(description="The video that its recording is, once it has ended")]
    chat: ChatOf
    ingest: Annotated[
        IngestShape | None, Field(description="For the owner of a stream that has not ended; else null")
    ] = None


class Created(Shape):
    stream: StreamShape
    ingest: IngestShape


class FaultShape(Shape):
    """One thing that is odd about what arrives."""

    name: Annotated[str, Field(description="As in docs/clients.md")]
    severity: Annotated[
        Literal["error", "warning", "info"],
        Field(description="error: viewers miss something; warning: it is worse than need be; info: as it was chosen"),
    ]
    text: str
    advice: Annotated[str, Field(description="What the owner can do; empty if nothing")]


class SampleShape(Shape):
    """What arrived at a moment of the last minutes."""

    at: Annotated[float, Field(description="Unix seconds")]
    bitrate: int | None
    fps: float | None
    loudness: float | None
    jitter_ms: float | None


class HealthQuery(Query):
    history: Annotated[bool, Field(description="With samples of the last five minutes, one in two seconds")] = False


class SourceShape(Shape):
    role: Literal["main", "backup"]
    state: Literal["on_air", "standby", "silent"]
    protocol: str


class HealthShape(Shape):
    """What arrives from the publisher; empty values while nobody publishes."""

    state: State
    codec: str | None
    width: int
    height: int
    fps: float
    bitrate: Annotated[int, Field(description="bits/s, video and audio")]
    keyframe_interval: Annotated[float, Field(description="seconds")]
    audio: dict[str, Any] | None
    dropped_frames: int
    jitter_ms: float
    warnings: Annotated[list[str], Field(description="What is odd about it, in sentences for the owner")]
    warning_names: Annotated[list[str], Field(description="The same, by the names in docs/clients.md")]
    faults: Annotated[list[FaultShape], Field(description="The same, the gravest first")]
    loudness: Annotated[float | None, Field(description="RMS of the sound in dB below full scale; null: unknown")]
    sources: Annotated[list[SourceShape], Field(description="Who publishes: the main encoder, and a backup")]
    history: Annotated[list[SampleShape], Field(description="The oldest first; none unless asked for")]


class StreamQuery(Query):
    state: Literal["live", "scheduled", "ended"] | None = None
    category: Category | None = None
    q: Annotated[Text, Field(max_length=200)] | None = None
    owner: Annotated[str, Field(max_length=30, pattern=r"^[A-Za-z0-9_]*$", description="A username")] | None = None
    limit: Limit = 20
    cursor: Cursor | None = None
