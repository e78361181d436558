"""The durable facts of recordings that their retention writes."""

from __future__ import annotations

import datetime as dt

from storage.facts import Fact


class RecordingExpiring(Fact, frozen=True, kw_only=True, tag="recording.expiring"):
    """The age of a recording removes it ``at``, in a few days, unless it is pinned. Published once for a stream."""

    stream_id: str
    owner_id: str
    at: dt.datetime
