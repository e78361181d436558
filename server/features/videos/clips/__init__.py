"""Clips: the last seconds of a stream as a file of their own, with what was written meanwhile.

A clip is cut out of the stream's segments as they are, on the node that is asked. It is kept apart from the recording
and outlives it. Those see it who may watch the stream; of a stream that has gone, those who could.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from server.feature import NO_UUID, ExportSection, Feature, PersonalData, Platform, rows_by_id
from server.features.videos.clips import queries, rules
from server.features.videos.clips.archive import ArchivedClips
from server.features.videos.clips.clips import Clips, erase
from server.features.videos.clips.keys import FILE, file_key
from server.features.videos.clips.media import ClipMedia
from server.features.videos.clips.pictures import ClipPictures
from server.features.videos.clips.routes import ClipRoutes
from server.features.videos.clips.shapes import ClipFile, ClipShape
from server.features.videos.settings import ClipSettings
from server.http.limits import hourly
from server.http.previews import PreviewOf
from server.live.addresses import MediaAddresses
from server.live.footage import FootageFinder
from server.live.viewings import Viewer, Viewings

__all__ = ["FILE", "ClipFile", "ClipShape", "ClipsRoom", "build", "file_key"]


@dataclass(frozen=True, kw_only=True)
class ClipsRoom:
    """``preview``: what a link to a clip shows. ``listed``: id → clip, of those that lists show a viewer."""

    feature: Feature
    preview: PreviewOf
    listed: Callable[[Sequence[str], Viewer], Awaitable[dict[str, dict[str, Any]]]]


def build(
    platform: Platform,
    *,
    settings: ClipSettings,
    footage: FootageFinder,
    addresses: MediaAddresses,
    viewings: Viewings,
) -> ClipsRoom:
    pictures = ClipPictures(db=platform.db, objects=platform.objects)
    clips = Clips(
        db=platform.db,
        objects=platform.objects,
        footage=footage,
        ids=platform.ids,
        jobs=platform.jobs,
        pictures=pictures,
        now=platform.now,
    )
    routes = ClipRoutes(
        clips=clips,
        addresses=addresses,
        db=platform.db,
        audit=platform.audit,
        now=platform.now,
        rate=hourly("clips", settings.max_clips_per_hour),
    )
    media = ClipMedia(clips=clips, objects=platform.objects, addresses=addresses, viewings=viewings)
    feature = Feature(
        name="clips",
        operations=[*routes.operations(), *media.operations()],
        jobs=[pictures.job],
        personal_data=PersonalData(
            tables=frozenset({"clips", "clip_messages", "clip_settings"}),
            sections=SECTIONS,
            erase=erase,
            media=ArchivedClips(db=platform.db, objects=platform.objects).of,
        ),
        limits={
            "clip_seconds": rules.MAX_SECONDS,
            "clip_bytes": rules.MAX_BYTES,
            "clip_messages": queries.MAX_MESSAGES,
            "clips_per_hour": settings.max_clips_per_hour,
        },
        gauges=lambda: {"clips_total": ("Clips made on this node", clips.made)},
    )
    return ClipsRoom(feature=feature, preview=clips.preview, listed=routes.listed)


SECTIONS: Final = (
    rows_by_id("clips", "id, stream_id, title, from_ms, to_ms, created_at", "clips where creator_id = $1"),
    rows_by_id(
        "clips_of_streams",
        "id, stream_id, title, from_ms, to_ms, created_at",
        "clips where owner_id = $1 and creator_id <> $1",
    ),
    ExportSection(
        name="clip_messages",
        sql='select clip_id, "offset", id, text, sent_at, media_time_ms from clip_messages '
        'where user_id = $1 and (clip_id, "offset") > ($2::uuid, $3::bigint) order by clip_id, "offset" limit $4',
        key=("clip_id", "offset"),
        start=(NO_UUID, 0),
    ),
    rows_by_id("clip_settings", "user_id, others_may_clip", "clip_settings where user_id = $1", "user_id"),
)
