"""What an upload looks like to its owner, and to rooms that show it."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Final, Literal

import msgspec
from pydantic import Field

from server.http.shapes import Shape
from server.socket_events import ServerEvent

State = Literal["receiving", "checking", "ready", "refused"]
MediaKind = Literal["image", "video", "audio", "text"]


class UploadShape(Shape):
    id: str
    state: Annotated[State, Field(description="It may be used once it is ready")]
    kind: Annotated[MediaKind | None, Field(description="What was found in it")]
    reason: Annotated[str | None, Field(description="Why it was refused")]
    filename: str | None
    size: Annotated[int | None, Field(description="Bytes; null while its length is not known")]
    offset: Annotated[int, Field(description="Bytes that have come")]
    url: Annotated[str | None, Field(description="A ready picture")]
    preview_url: str | None
    width: Annotated[int | None, Field(description="Of the picture, or of the video as it is shown")]
    height: int | None
    duration_ms: Annotated[int | None, Field(description="Of a video or sound, where the file says it")]
    container: Annotated[str | None, Field(description="Of a video or sound, by FFmpeg's name")]
    tracks: int | None
    video_codec: str | None
    audio_codec: str | None
    blurhash: Annotated[str | None, Field(description="What a picture looks like while it is fetched")]
    created_at: dt.datetime
    expires_at: Annotated[dt.datetime | None, Field(description="When it goes, unless it is used before")]


class PartShape(Shape):
    number: Annotated[int, Field(description="From 1 on")]
    offset: Annotated[int, Field(description="Where in the file the part begins")]
    size: Annotated[int, Field(description="Bytes, as many as are put")]
    url: Annotated[str, Field(description="Where the part is put (PUT), without a token of this server")]


class PartsShape(Shape):
    part_bytes: Annotated[int, Field(description="Of every part but the last")]
    count: Annotated[int, Field(description="Parts of the whole")]
    missing: Annotated[int, Field(description="Parts that have not come; ask again for more than are named here")]
    expires_in_s: Annotated[int, Field(description="How long the addresses hold")]
    parts: list[PartShape]


class Contents(msgspec.Struct, frozen=True, kw_only=True):
    """What was found in a file, in the columns of ``uploads``."""

    kind: MediaKind
    width: int | None = None
    height: int | None = None
    preview_width: int | None = None
    preview_height: int | None = None
    duration_ms: int | None = None
    container: str | None = None
    tracks: int | None = None
    video_codec: str | None = None
    audio_codec: str | None = None
    blurhash: str | None = None


class Media(msgspec.Struct, frozen=True, kw_only=True):
    """A ready upload, as rooms that show it have it. ``url`` and ``preview_url`` are there for pictures."""

    id: str
    kind: MediaKind
    url: str | None
    preview_url: str | None
    width: int | None
    height: int | None
    duration_ms: int | None
    video_codec: str | None
    audio_codec: str | None
    blurhash: str | None


class UploadChanged(msgspec.Struct, frozen=True, kw_only=True):
    upload_id: str
    state: State
    kind: MediaKind | None = None
    reason: str | None = None


UPLOAD_CHANGED: Final = ServerEvent(
    name="upload:changed",
    summary="An upload of yours is ready, or was refused.",
    body=UploadChanged,
    to="the sockets of its owner",
)


def picture_url(upload_id: str, size: Literal["full", "preview"]) -> str:
    return f"/media/{upload_id}/{size}.webp"


def media_of(row: Any) -> Media:
    is_picture = row["kind"] == "image"
    return Media(
        id=row["id"],
        kind=row["kind"],
        url=picture_url(row["id"], "full") if is_picture else None,
        preview_url=picture_url(row["id"], "preview") if is_picture else None,
        width=row["width"],
        height=row["height"],
        duration_ms=row["duration_ms"],
        video_codec=row["video_codec"],
        audio_codec=row["audio_codec"],
        blurhash=row["blurhash"],
    )


def shown(row: Any) -> UploadShape:
    is_picture = row["state"] == "ready" and row["kind"] == "image"
    return UploadShape(
        id=row["id"],
        state=row["state"],
        kind=row["kind"],
        reason=row["reason"],
        filename=row["filename"],
        size=row["size"],
        offset=row["received"],
        url=picture_url(row["id"], "full") if is_picture else None,
        preview_url=picture_url(row["id"], "preview") if is_picture else None,
        width=row["width"],
        height=row["height"],
        duration_ms=row["duration_ms"],
        container=row["container"],
        tracks=row["tracks"],
        video_codec=row["video_codec"],
        audio_codec=row["audio_codec"],
        blurhash=row["blurhash"],
        created_at=row["created_at"],
        expires_at=None if row["claimed_by"] else row["expires_at"],
    )
