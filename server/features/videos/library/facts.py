"""The durable facts of videos."""

from __future__ import annotations

from storage.facts import Fact


class VideoReady(Fact, frozen=True, kw_only=True, tag="video.ready"):
    """All renditions of an uploaded video are there, for the first time or anew. A recording has ``RecordingReady``."""

    video_id: str
    owner_id: str
    duration_ms: int


class VideoDeleted(Fact, frozen=True, kw_only=True, tag="video.deleted"):
    """A video was deleted; of a recording, what was recorded."""

    video_id: str
    owner_id: str
