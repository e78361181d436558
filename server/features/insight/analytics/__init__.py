"""Analytics: what the owners of streams and videos learn of their audience, and operators of the server.

Views are recorded as events in daily partitions, which a job rolls up by day; sums over the views of a stream are added
up when they are asked for, those of a very large one by a job. Revenue is what the ledger has booked.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from actors.events import StreamView
from actors.session import Session
from server.feature import NO_UUID, CameFrom, ExportSection, Feature, PersonalData, Platform
from server.features.insight.analytics import queries
from server.features.insight.analytics.curve import MAX_STEPS
from server.features.insight.analytics.events import KEPT_DAYS, LATE_DAYS, Event, Events
from server.features.insight.analytics.periods import MAX_DAYS, Periods
from server.features.insight.analytics.recorder import Recorder
from server.features.insight.analytics.routes import AnalyticsRoutes
from server.features.insight.analytics.stream_sums import StreamSums
from server.features.insight.analytics.streams import Analytics, Mood, no_mood
from server.features.videos.library import VideoRow
from server.jobs import repeated
from server.live.viewings import Viewer
from storage.ids import Ids
from storage.postgres import Transaction

__all__ = ["Analytics", "Audience", "Event", "Events", "Mood", "Recording", "StreamSums", "build", "recording"]

ROLL_UP_S: Final = 10.0
REFRESH_S: Final = 30.0
PRUNE_S: Final = 3_600.0
SECTIONS: Final = (
    ExportSection(
        name="analytics",
        sql="select day, item_id, metric, dimension, key, value from analytics_daily where owner_id = $1"
        " and (day, item_id, metric, dimension, key) > ($2, $3::uuid, $4, $5, $6)"
        " order by day, item_id, metric, dimension, key limit $7",
        key=("day", "item_id", "metric", "dimension", "key"),
        start=(dt.date(1970, 1, 1), NO_UUID, "", "", ""),
    ),
)


class Audience:
    """Notes who begins to watch. Owners' own views are none."""

    def __init__(self, *, recorder: Recorder, ids: Ids, now: Callable[[], dt.datetime]) -> None:
        self._recorder = recorder
        self._ids = ids
        self._now = now

    def watches(self, session: Session, view: StreamView, body: CameFrom) -> None:
        """A socket begins to watch a stream."""
        if session.person is None or session.person.id != view.owner.id:
            self._recorder.note(
                Event(
                    id=session.view_ids[view.id],
                    at=self._now(),
                    kind="view",
                    creator_id=view.owner.id,
                    item_id=view.id,
                    viewer=session.viewer,
                    country=session.country or "",
                    device=body.device or "",
                    source=body.source or "",
                )
            )

    def plays(self, video: VideoRow, viewer: Viewer, address: str) -> None:
        """A view of a video was counted."""
        now = self._now()
        self._recorder.note(
            Event(
                id=self._ids.uuid7(now.timestamp()),
                at=now,
                kind="video_view",
                creator_id=video.owner_id,
                item_id=video.id,
                viewer=viewer.id or address,
                country=viewer.country or "",
            )
        )


@dataclass(frozen=True, kw_only=True)
class Recording:
    """What lower rooms tell of those who watch, and where it goes."""

    events: Events
    recorder: Recorder
    audience: Audience


def recording(platform: Platform) -> Recording:
    events = Events(db=platform.db, now=platform.now)
    recorder = Recorder(events=events)
    audience = Audience(recorder=recorder, ids=platform.ids, now=platform.now)
    return Recording(events=events, recorder=recorder, audience=audience)


def build(platform: Platform, *, told: Recording, mood: Mood = no_mood) -> Feature:
    events, recorder = told.events, told.recorder
    sums = StreamSums(db=platform.db, now=platform.now)
    analytics = Analytics(db=platform.db, now=platform.now, sums=sums, mood=mood)
    return Feature(
        name="analytics",
        operations=AnalyticsRoutes(analytics=analytics, periods=Periods(db=platform.db, now=platform.now)).operations(),
        watched=told.audience.watches,
        schedules=[
            repeated("analytics.roll_up", events.roll_up, every_s=ROLL_UP_S),
            repeated("analytics.streams", sums.refresh, every_s=REFRESH_S, timeout_s=600.0),
            repeated("analytics.prune", events.prune, every_s=PRUNE_S),
        ],
        personal_data=PersonalData(tables=frozenset({"analytics_daily"}), sections=SECTIONS, erase=_erase),
        limits={
            "analytics_steps": MAX_STEPS,
            "analytics_days": MAX_DAYS,
            "analytics_late_days": LATE_DAYS,
            "analytics_kept_days": KEPT_DAYS,
        },
        gauges=lambda: {
            "analytics_refused_total": ("Events of the future or too old that this node has refused", events.refused),
            "analytics_dropped_total": ("Events that this node had no room for", recorder.dropped),
        },
        close=recorder.close,
    )


async def _erase(tx: Transaction, person_id: str) -> None:
    for sql in queries.ERASE:
        await tx.execute(sql, person_id)
