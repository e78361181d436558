"""The durable facts of clips."""

from __future__ import annotations

from storage.facts import Fact


class ClipMade(Fact, frozen=True, kw_only=True, tag="clip.made"):
    """A clip is there, of a stream of ``owner_id``."""

    clip_id: str
    stream_id: str
    owner_id: str
