"""A stream's life: scheduled → live → interrupted → ended, and what becomes of its record meanwhile. Pure.

The rules are the table ``MOVES``: what is not in it cannot happen.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

import msgspec

from actors.events import StreamState, StreamView
from actors.stream_messages import Grant, KeepViewers
from actors.stream_store import StreamRecord

LEAST_GRACE_S = 5.0
UNHEARD_S = 5.0
UNHEARD_SEGMENTS = 2
SENT = frozenset(("source", "audio"))
"""The renditions that a recording has; all others were made of them while the stream was live."""


class StreamPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """What holds for streams that leave it open. ``takeover``: ``refuse`` or ``newest``."""

    slate: bool
    takeover: str = "refuse"

    def has_slate(self, view: StreamView) -> bool:
        """Whether a slate is shown while the stream's publisher is away."""
        return self.slate and view.slate == "auto"

    def lets_take_over(self, view: StreamView) -> bool:
        """Whether the newest of two publishers wins."""
        return (self.takeover if view.takeover == "auto" else view.takeover) == "newest"


NO_SLATE = StreamPolicy(slate=False)

Cause = Literal["published", "publisher_lost", "grace_over", "ended"]

MOVES: Mapping[tuple[StreamState, Cause], StreamState] = {
    ("scheduled", "published"): "live",
    ("interrupted", "published"): "live",
    ("live", "published"): "live",
    ("live", "publisher_lost"): "interrupted",
    ("interrupted", "grace_over"): "ended",
    ("scheduled", "ended"): "ended",
    ("live", "ended"): "ended",
    ("interrupted", "ended"): "ended",
}


def moved(view: StreamView, cause: Cause, *, now: datetime) -> StreamView | None:
    """The stream after the move; None where the table has none."""
    state = MOVES.get((view.state, cause))
    if state is None:
        return None
    return msgspec.structs.replace(
        view,
        state=state,
        started_at=view.started_at or (now if state == "live" else None),
        interrupted_at=now if state == "interrupted" else None,
        ended_at=now if state == "ended" else None,
        renditions=tuple(each for each in view.renditions if state != "ended" or each["name"] in SENT),
    )


def with_view(record: StreamRecord, **changes: Any) -> StreamRecord:
    return msgspec.structs.replace(record, view=msgspec.structs.replace(record.view, **changes))


def progressed(record: StreamRecord, *, next_segment: int, media_time_ms: int = 0) -> StreamRecord:
    """The media clock and the segment numbers only go forward."""
    following = max(record.next_segment, next_segment)
    later = with_view(record, media_time_ms=max(record.view.media_time_ms, media_time_ms))
    return msgspec.structs.replace(later, next_segment=following)


def counted(record: StreamRecord, counts: KeepViewers) -> StreamRecord:
    """Peak, unique viewers and watch time only grow."""
    view = record.view
    return with_view(
        record,
        viewers=counts.viewers,
        peak_viewers=max(view.peak_viewers, counts.peak_viewers),
        unique_viewers=max(view.unique_viewers, counts.unique_viewers),
        watched_ms=max(view.watched_ms, counts.watched_ms),
    )


def owner_renamed(record: StreamRecord, display_name: str, avatar_url: str | None) -> StreamRecord:
    owner = msgspec.structs.replace(record.view.owner, display_name=display_name, avatar_url=avatar_url)
    return with_view(record, owner=owner)


def grant_of(record: StreamRecord, *, epoch: int, has_slate: bool = False) -> Grant:
    """Leave for the record's publication, which goes on where the one before it ended."""
    view = record.view
    return Grant(
        stream_id=view.id,
        epoch=epoch,
        publication=view.publication,
        first_segment=record.next_segment,
        media_time_ms=view.media_time_ms,
        latency=view.latency,
        is_recorded=view.is_recorded,
        owner_id=view.owner.id,
        label=view.label,
        transcode=view.transcode,
        has_slate=has_slate,
    )


def gone_on(grant: Grant, *, since_s: float) -> Grant:
    """A grant on another node than what was shown till now (a slate, a publisher whose place it takes). The last report
    of that came ``since_s`` ago, so more may have been shown."""
    since_s = min(max(since_s, 0.0), UNHEARD_S)
    return msgspec.structs.replace(
        grant,
        first_segment=grant.first_segment + UNHEARD_SEGMENTS,
        media_time_ms=grant.media_time_ms + round(since_s * 1000),
    )


def grace_left_s(view: StreamView, grace_s: float, *, now: datetime) -> float:
    """What an interrupted stream has left of its grace, but at least ``LEAST_GRACE_S``."""
    since = view.interrupted_at or now
    left_s = grace_s - (now - since).total_seconds()
    return max(left_s, min(LEAST_GRACE_S, grace_s))
