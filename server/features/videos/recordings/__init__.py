"""Recordings as files: an MP4 of an ended stream, made on request without re-encoding.

The file is its beginning (``moov``) and the segments as they lie in the store, one after the other: making it reads
them once and stores a few MB, whatever the length.
"""

from __future__ import annotations

from server.feature import Feature, Platform
from server.features.videos.recordings.files import RecordingFiles
from server.features.videos.recordings.making import FileMaker
from server.features.videos.recordings.routes import RecordingRoutes
from server.live.addresses import MediaAddresses
from server.live.viewings import Viewings
from storage.recording import Recordings

__all__ = ["build"]


def build(platform: Platform, *, addresses: MediaAddresses, viewings: Viewings) -> Feature:
    recordings = Recordings(db=platform.db)
    maker = FileMaker(recordings=recordings, objects=platform.objects, db=platform.db)
    files = RecordingFiles(db=platform.db, objects=platform.objects, jobs=platform.jobs, job=maker.job)
    routes = RecordingRoutes(files=files, addresses=addresses, viewings=viewings)
    return Feature(name="recordings", operations=routes.operations(), jobs=[maker.job])
