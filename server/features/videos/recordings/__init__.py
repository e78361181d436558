"""Recordings: how long they are kept, and an MP4 of an ended stream, made on request without re-encoding.

The file is its beginning (``moov``) and the segments as they lie in the store, one after the other: making it reads
them once and stores a few MB, whatever the length.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from server.feature import ExportSection, Feature, PersonalData, Platform, rows_by_id
from server.features.videos.recordings.composed import ComposedFiles, Composition
from server.features.videos.recordings.files import RecordingFiles
from server.features.videos.recordings.making import FileMaker
from server.features.videos.recordings.muting import RecordingMutes
from server.features.videos.recordings.retention import Retention, Rule, remove_recording
from server.features.videos.recordings.routes import RecordingRoutes
from server.features.videos.recordings.rules import RuleRoutes
from server.features.videos.recordings.trimming import RecordingTrims
from server.features.videos.settings import RecordingSettings
from server.live.addresses import MediaAddresses
from server.live.viewings import Viewings
from storage.postgres import Transaction
from storage.recording import Recordings

__all__ = [
    "ComposedFiles",
    "Composition",
    "RecordingMutes",
    "RecordingTrims",
    "RecordingsRoom",
    "build",
    "remove_recording",
]


@dataclass(frozen=True, kw_only=True)
class RecordingsRoom:
    feature: Feature
    mutes: RecordingMutes
    trims: RecordingTrims


def build(
    platform: Platform, *, settings: RecordingSettings, addresses: MediaAddresses, viewings: Viewings
) -> RecordingsRoom:
    recordings = Recordings(db=platform.db)
    maker = FileMaker(recordings=recordings, objects=platform.objects, db=platform.db)
    files = RecordingFiles(db=platform.db, objects=platform.objects, jobs=platform.jobs, job=maker.job)
    routes = RecordingRoutes(files=files, addresses=addresses, viewings=viewings)
    whole = Rule(settings.recordings_keep_days or None, settings.recordings_keep_gb or None)
    retention = Retention(db=platform.db, jobs=platform.jobs, rule=whole)
    feature = Feature(
        name="recordings",
        operations=[*routes.operations(), *RuleRoutes(retention=retention).operations()],
        jobs=[maker.job, retention.announcing],
        schedules=[retention.schedule],
        personal_data=PersonalData(tables=frozenset({"recording_rules"}), sections=SECTIONS, erase=_erase),
    )
    mutes = RecordingMutes(db=platform.db, objects=platform.objects, jobs=platform.jobs, file=maker.job)
    trims = RecordingTrims(db=platform.db, objects=platform.objects, jobs=platform.jobs, file=maker.job)
    return RecordingsRoom(feature=feature, mutes=mutes, trims=trims)


SECTIONS: Final[tuple[ExportSection, ...]] = (
    rows_by_id("recording_rules", "owner_id, keep_days, keep_gb", "recording_rules where owner_id = $1", "owner_id"),
)


async def _erase(tx: Transaction, person_id: str) -> None:
    await tx.execute("delete from recording_rules where owner_id = $1", person_id)
