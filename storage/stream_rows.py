"""What the tables of streams hold, as values."""

from __future__ import annotations

import datetime as dt
from typing import Any, Final, Literal

import msgspec

from storage.pictures import AVATAR_URL
from storage.postgres import Row

Visibility = Literal["public", "unlisted", "followers", "subscribers", "password", "private"]
State = Literal["scheduled", "live", "interrupted", "ended"]


class NewStream(msgspec.Struct, frozen=True, kw_only=True):
    """What a stream begins with. ``log_epoch`` names the log of its room; ``password_of``: the stream whose password it
    takes over.
    """

    id: str
    room_id: str
    owner_id: str
    title: str
    stream_key: str
    log_epoch: str
    description: str = ""
    category: str = ""
    tags: tuple[str, ...] = ()
    language: str = ""
    visibility: Visibility = "public"
    latency: Literal["realtime", "low", "normal"] = "low"
    is_recorded: bool = True
    transcode: Literal["auto", "off", "ladder"] = "auto"
    slate: Literal["auto", "off"] = "auto"
    takeover: Literal["auto", "refuse", "newest"] = "auto"
    restrictions: dict[str, Any] | None = None
    scheduled_at: dt.datetime | None = None
    password_of: str | None = None


class Owner(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    username: str
    display_name: str
    avatar_url: str | None


class StreamRow(msgspec.Struct, frozen=True, kw_only=True):
    """A stream as it is stored, with its owner. ``publication`` counts publishers so far, the running one included."""

    id: str
    owner: Owner
    room_id: str
    title: str
    description: str
    category: str
    tags: tuple[str, ...]
    language: str
    visibility: Visibility
    latency: Literal["realtime", "low", "normal"]
    is_recorded: bool
    transcode: Literal["auto", "off", "ladder"]
    slate: Literal["auto", "off"]
    takeover: Literal["auto", "refuse", "newest"]
    restrictions: dict[str, Any] | None
    state: State
    stream_key: str
    created_at: dt.datetime
    scheduled_at: dt.datetime | None
    started_at: dt.datetime | None
    interrupted_at: dt.datetime | None
    ended_at: dt.datetime | None
    publication: int
    media_time_ms: int
    next_segment: int
    tracks: tuple[Any, ...]
    media_node: str
    is_lasting: bool
    peak_viewers: int
    unique_viewers: int
    watched_ms: int


class StreamState(msgspec.Struct, frozen=True, kw_only=True):
    """The part of the row that the stream's actor owns; saved whole."""

    state: State
    started_at: dt.datetime | None = None
    interrupted_at: dt.datetime | None = None
    ended_at: dt.datetime | None = None
    publication: int = 0
    media_time_ms: int = 0
    next_segment: int = 0
    tracks: tuple[Any, ...] = ()
    media_node: str = ""
    is_lasting: bool = False


class Keyholder(msgspec.Struct, frozen=True, kw_only=True):
    """Whom a lasting key belongs to, with the settings that their next stream begins with."""

    user_id: str
    username: str
    stream_defaults: dict[str, Any]


def stream_of(row: Row) -> StreamRow:
    values = dict(row)
    owner = Owner(
        id=values.pop("owner_id"),
        username=values.pop("username"),
        display_name=values.pop("display_name"),
        avatar_url=values.pop("avatar_url"),
    )
    tags, tracks = tuple(values.pop("tags")), tuple(values.pop("tracks"))
    return StreamRow(owner=owner, tags=tags, tracks=tracks, **values)


SELECT: Final = f"""
select s.id, s.owner_id, s.room_id, s.title, s.description, s.category, s.tags, s.language, s.visibility, s.latency,
    s.is_recorded, s.transcode, s.slate, s.takeover, s.restrictions, s.state, s.stream_key, s.created_at,
    s.scheduled_at, s.started_at, s.interrupted_at, s.ended_at,
    s.publication, s.media_time_ms, s.next_segment, s.tracks, s.media_node, s.is_lasting, s.peak_viewers,
    s.unique_viewers,
    s.watched_ms,
    u.username, u.display_name, {AVATAR_URL}
from streams s join users u on u.id = s.owner_id
"""
IN_GOOD_STANDING: Final = " and (u.suspended_until is null or u.suspended_until <= now()) and u.deleted_at is null"
