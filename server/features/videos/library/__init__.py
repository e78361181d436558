"""Videos: uploads that are encoded to be shown, and the recordings of streams.

An uploaded video is made by a durable job (``encoding``) into CMAF segments of a ladder of renditions, which HLS and
DASH share. A recording has the id of its stream and is played where that is; both have the same calls.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date
from typing import Final

from media.pictures.reencoder import Reencoder
from media.vod.messages import SourceBounds
from server.feature import NO_UUID, ExportSection, Feature, PersonalData, Platform, rows_by_id
from server.features.videos.library.again import Again, AgainRoutes
from server.features.videos.library.captions import (
    MAX_CUES,
    MAX_LANGUAGES,
    VideoCaptionRoutes,
    VideoCaptions,
)
from server.features.videos.library.cards import VideoCard, VideoCards
from server.features.videos.library.claims import BusyError, Claims
from server.features.videos.library.encoding import VideoEncoder
from server.features.videos.library.files import VideoFiles
from server.features.videos.library.library import Library, Originals, VideoRow
from server.features.videos.library.media import VideoMedia
from server.features.videos.library.moments import Moments
from server.features.videos.library.playlists import Playlists
from server.features.videos.library.posters import Posters
from server.features.videos.library.recorded_trimming import RecordingTrimmer
from server.features.videos.library.restricting import VideoRestrictions, set_restrictions
from server.features.videos.library.routes import VideoRoutes
from server.features.videos.library.shapes import VIDEO_PROGRESS
from server.features.videos.library.trimming import Trimmer
from server.features.videos.library.views import Views, Watched
from server.features.videos.recordings import RecordingTrims
from server.features.videos.settings import VideoSettings
from server.http.limits import hourly
from server.jobs import repeated
from server.live.addresses import MediaAddresses
from server.live.storyboards import Storyboards

__all__ = [
    "BusyError",
    "Library",
    "LibraryRoom",
    "VideoCard",
    "VideoCards",
    "VideoRow",
    "build",
    "set_restrictions",
]

HOUR_S: Final = 3_600


@dataclass(frozen=True, kw_only=True)
class LibraryRoom:
    feature: Feature
    library: Library
    claims: Claims


def build(
    platform: Platform,
    *,
    settings: VideoSettings,
    uploads: Originals,
    addresses: MediaAddresses,
    when_changed: Callable[[], Awaitable[None]],
    watched: Watched,
    trims: RecordingTrims,
) -> LibraryRoom:
    bounds = SourceBounds(
        streams=settings.max_video_streams, pixels=settings.max_video_pixels, seconds=settings.max_video_hours * HOUR_S
    )
    posters = Posters(db=platform.db, objects=platform.objects, jobs=platform.jobs)
    encoder = VideoEncoder(
        db=platform.db,
        objects=platform.objects,
        originals=uploads,
        publish=platform.publish,
        bounds=bounds,
        ask_poster=posters.ask,
        at_once=settings.video_encoders,
        now=platform.now,
    )
    trimmer = Trimmer(db=platform.db, objects=platform.objects, publish=platform.publish, now=platform.now)
    recording_trimmer = RecordingTrimmer(
        db=platform.db, publish=platform.publish, trims=trims, ask_picture=posters.ask_recorded
    )
    files = VideoFiles(db=platform.db, objects=platform.objects, jobs=platform.jobs)
    library = Library(
        db=platform.db,
        uploads=uploads,
        jobs=platform.jobs,
        job=encoder.job,
        trim_job=trimmer.job,
        recording_job=recording_trimmer.job,
        node=platform.node,
        ids=platform.ids,
        now=platform.now,
        when_changed=when_changed,
        files=files,
    )
    sheets = Reencoder(max_pixels=settings.max_video_pixels, at_once=1)
    storyboards = Storyboards(
        recordings=Moments(db=platform.db), objects=platform.objects, sheet=sheets.sheet, folder="videos"
    )
    captions = VideoCaptions(db=platform.db)
    views = Views(db=platform.db, watched=watched, now=platform.now)
    media = VideoMedia(
        library=library,
        playlists=Playlists(db=platform.db),
        captions=captions,
        views=views,
        storyboards=storyboards,
        objects=platform.objects,
        db=platform.db,
        addresses=addresses,
        files=files,
    )
    rate = hourly("videos", settings.max_videos_per_hour)
    routes = VideoRoutes(library=library, media=media, views=views, addresses=addresses, rate=rate)
    captioning = VideoCaptionRoutes(captions=captions, library=library, addresses=addresses)
    restricting = VideoRestrictions(
        db=platform.db,
        library=library,
        node=platform.node,
        audit=platform.audit,
        addresses=addresses,
        when_changed=when_changed,
    )
    again = Again(db=platform.db, jobs=platform.jobs, job=encoder.job, library=library)
    encoding_again = AgainRoutes(again=again, addresses=addresses, db=platform.db, audit=platform.audit)
    feature = Feature(
        name="library",
        operations=[
            *routes.operations(),
            *captioning.operations(),
            *restricting.operations(),
            *media.operations(),
            *encoding_again.operations(),
        ],
        sent=(VIDEO_PROGRESS,),
        consumers=library.consumers,
        jobs=(
            *(encoder.job, encoder.dead, posters.job, posters.recorded_job, files.job),
            *(trimmer.job, trimmer.dead, recording_trimmer.job, recording_trimmer.dead),
        ),
        personal_data=PersonalData(
            tables=frozenset({"videos", "video_watchers"}), sections=SECTIONS, erase=library.erase
        ),
        limits={
            "video_hours": settings.max_video_hours,
            "video_pixels": settings.max_video_pixels,
            "video_streams": settings.max_video_streams,
            "video_caption_cues": MAX_CUES,
            "video_caption_languages": MAX_LANGUAGES,
            "videos_per_hour": settings.max_videos_per_hour,
        },
        schedules=[repeated("library.sittings", views.forget, every_s=HOUR_S)],
        close=views.close,
        gauges=lambda: {"videos_encoded_total": ("Videos that this node has encoded", encoder.encoded)},
    )
    claims = Claims(db=platform.db, objects=platform.objects, files=files)
    return LibraryRoom(feature=feature, library=library, claims=claims)


SECTIONS: Final = (
    ExportSection(
        name="videos_watched",
        sql="select video_id, day, watched_ms from video_watchers"
        " where person_id = $1 and (video_id, day) > ($2::uuid, $3::date) order by video_id, day limit $4",
        key=("video_id", "day"),
        start=(NO_UUID, date.min),
    ),
    rows_by_id(
        "videos",
        "id, stream_id, upload_id, title, description, visibility, state, duration_ms, views, created_at",
        "videos where owner_id = $1",
    ),
)
