"""Uploads by tus 1.0.0: files that arrive in pieces, survive what dies meanwhile, and are looked at before use.

Higher rooms ``claim`` ready uploads in the transaction of what they show, and ``release`` them with it.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Final

from media.probe.messages import ProbeBounds
from server.feature import Feature, PersonalData, Platform, rows_by_id
from server.features.people.pictures import reencoder
from server.features.videos.settings import UploadSettings
from server.features.videos.uploads.checking import Checker
from server.features.videos.uploads.clamd import Clamd
from server.features.videos.uploads.direct import DirectUploads
from server.features.videos.uploads.receiving import Receiver
from server.features.videos.uploads.routes import UploadRoutes
from server.features.videos.uploads.rules import Bounds, quotas
from server.features.videos.uploads.shapes import UPLOAD_CHANGED, Media, MediaKind
from server.features.videos.uploads.uploads import Uploads, media_prefix
from server.http.limits import hourly
from server.jobs import repeated

__all__ = ["Media", "MediaKind", "Uploads", "UploadsRoom", "build", "media_prefix"]

MAX_FRAMES: Final = 120
SWEEP_S: Final = 600.0
PARTS_CALLS: Final = 12
"""Of an upload: ten name all of its addresses."""
MB: Final = 1_000_000


@dataclass(frozen=True, kw_only=True)
class UploadsRoom:
    feature: Feature
    uploads: Uploads


def build(platform: Platform, *, settings: UploadSettings) -> UploadsRoom:
    bounds = _bounds(settings)
    checker = Checker(
        db=platform.db,
        objects=platform.objects,
        publish=platform.publish,
        moving=reencoder(max_pixels=settings.max_upload_picture_pixels, max_frames=MAX_FRAMES),
        still=reencoder(max_pixels=settings.max_upload_picture_pixels, max_frames=1),
        scan=Clamd(settings.clamd_address).scan if settings.clamd_address else None,
        now=platform.now,
        bounds=bounds,
    )
    uploads = Uploads(
        db=platform.db,
        objects=platform.objects,
        jobs=platform.jobs,
        check=checker.job,
        ids=platform.ids,
        now=platform.now,
        bounds=bounds,
    )
    receiver = Receiver(db=platform.db, objects=platform.objects, uploads=uploads, bounds=bounds)
    direct = DirectUploads(db=platform.db, objects=platform.objects, uploads=uploads, is_on=settings.direct_uploads)
    routes = UploadRoutes(
        uploads=uploads,
        receiver=receiver,
        direct=direct,
        objects=platform.objects,
        bounds=bounds,
        rate=hourly("uploads", settings.max_uploads_per_hour),
        parts_rate=hourly("upload_parts", PARTS_CALLS * settings.max_uploads_per_hour),
    )
    feature = Feature(
        name="uploads",
        operations=routes.operations(),
        sent=(UPLOAD_CHANGED,),
        jobs=(checker.job, checker.dead),
        schedules=(repeated("uploads.sweep", uploads.sweep, every_s=SWEEP_S),),
        personal_data=PersonalData(
            tables=frozenset({"uploads"}), sections=SECTIONS, erase=uploads.erase, media=uploads.files
        ),
        limits={
            "upload_bytes": bounds.max_bytes,
            "unused_upload_bytes": bounds.max_held_bytes,
            "unused_uploads": bounds.max_held,
            "stored_upload_bytes": bounds.quotas.usual or 0,
            "uploaded_picture_bytes": bounds.max_picture_bytes,
            "uploaded_picture_pixels": settings.max_upload_picture_pixels,
            "uploaded_video_pixels": bounds.probe.pixels,
            "uploaded_video_seconds": bounds.probe.seconds,
            "uploaded_tracks": bounds.probe.tracks,
            "uploads_per_hour": settings.max_uploads_per_hour,
        },
    )
    return UploadsRoom(feature=feature, uploads=uploads)


SECTIONS: Final = (
    rows_by_id("uploads", "id, state, kind, filename, size, created_at, claimed_by", "uploads where owner_id = $1"),
)


def _bounds(settings: UploadSettings) -> Bounds:
    return Bounds(
        max_bytes=settings.max_upload_mb * MB,
        max_held_bytes=settings.max_unused_upload_mb * MB,
        max_held=settings.max_unused_uploads,
        quotas=quotas(settings.upload_quota_gb, settings.upload_quota_gb_by_role),
        max_picture_bytes=settings.max_upload_picture_mb * MB,
        max_scanned_bytes=settings.clamd_mb * MB,
        probe=ProbeBounds(
            tracks=settings.max_upload_tracks,
            pixels=settings.max_upload_video_pixels,
            seconds=settings.max_upload_minutes * 60,
        ),
        kept=dt.timedelta(hours=settings.upload_hours),
    )
