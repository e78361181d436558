"""Works: videos and recordings that their owners registered, found again in the media of others.

A video or recording that is ready, and the last minutes of a stream on the air, are fingerprinted by a child
process and looked up in the index of works; what is found is a match, which both sides see. ``facts`` tells rooms above
of what is credited, disputed and decided.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Awaitable, Callable
from typing import Final

from media.fingerprints.fingerprinter import Fingerprinter
from server.feature import Feature, PersonalData, Platform, rows_by_id
from server.features.videos.library.claims import Claims
from server.features.videos.library.facts import VideoDeleted, VideoReady
from server.features.videos.recordings import RecordingMutes
from server.features.videos.work_settings import WorkSettings
from server.features.videos.works import queries
from server.features.videos.works.enforcing import Enforcer
from server.features.videos.works.matches import EXPIRE_S, Matches, MatchTitles
from server.features.videos.works.media import KeptMedia
from server.features.videos.works.routes import WorkRoutes
from server.features.videos.works.seeking import LIVE_EVERY_S, Seeker
from server.features.videos.works.works import ANEW_S, MakeFingerprint, Works
from server.http.limits import hourly
from server.jobs import repeated
from server.live.mutes import LiveMutes
from storage.facts import Consumer
from storage.postgres import Transaction
from storage.stream_facts import RecordingReady

__all__ = ["MatchTitles", "build"]


def build(
    platform: Platform,
    *,
    settings: WorkSettings,
    videos: Claims,
    recordings: RecordingMutes,
    when_changed: Callable[[], Awaitable[None]],
    make: MakeFingerprint | None = None,
) -> Feature:
    """``make``: has a fingerprint made; by default in a child process."""
    enforcer = Enforcer(
        db=platform.db,
        jobs=platform.jobs,
        videos=videos,
        recordings=recordings,
        live=LiveMutes(db=platform.db, node=platform.node),
        node=platform.node,
        audit=platform.audit,
        when_changed=when_changed,
    )
    making = make or Fingerprinter().make
    media = KeptMedia(db=platform.db, objects=platform.objects)
    matches = Matches(
        db=platform.db,
        audit=platform.audit,
        ids=platform.ids,
        now=platform.now,
        answer_within=dt.timedelta(days=settings.match_dispute_days),
        enforce=enforcer.enforce,
    )
    seeker = Seeker(db=platform.db, jobs=platform.jobs, media=media, make=making, matches=matches)
    works = Works(
        db=platform.db,
        jobs=platform.jobs,
        media=media,
        make=making,
        seek_in=seeker.seek_in,
        enforce=enforcer.enforce,
        audit=platform.audit,
        ids=platform.ids,
        now=platform.now,
        most=settings.max_works_per_person,
        older=settings.match_older_videos,
    )

    async def recorded(tx: Transaction, fact: RecordingReady) -> None:
        await seeker.seek_in(tx, [fact.stream_id])
        await enforcer.enforce(tx, [fact.stream_id])

    async def encoded(tx: Transaction, fact: VideoReady) -> None:
        await seeker.seek_in(tx, [fact.video_id])
        await enforcer.enforce(tx, [fact.video_id])

    async def deleted(tx: Transaction, fact: VideoDeleted) -> None:
        claimed = await tx.fetch(queries.CLAIMED_BY_WORK, fact.video_id)
        await tx.execute(queries.FORGET, fact.video_id)
        await enforcer.enforce(tx, [row["media_id"] for row in claimed])

    async def erase(tx: Transaction, person_id: str) -> None:
        claimed = await tx.fetch(queries.CLAIMED_BY_PERSON, person_id)
        for statement in queries.ERASE:
            await tx.execute(statement, person_id)
        await enforcer.enforce(tx, [row["media_id"] for row in claimed])

    routes = WorkRoutes(works=works, matches=matches, rate=hourly("works", settings.max_works_per_hour))
    return Feature(
        name="works",
        operations=routes.operations(),
        consumers=(Consumer(RecordingReady, recorded), Consumer(VideoReady, encoded), Consumer(VideoDeleted, deleted)),
        jobs=(works.job, seeker.job, seeker.live_job, enforcer.job),
        schedules=(
            repeated("works.expire", matches.expire, every_s=EXPIRE_S),
            repeated("works.anew", works.index_anew, every_s=ANEW_S),
            repeated("works.live", seeker.seek_in_live, every_s=LIVE_EVERY_S),
        ),
        personal_data=PersonalData(tables=frozenset({"works", "work_matches"}), sections=SECTIONS, erase=erase),
        limits={
            "works": settings.max_works_per_person,
            "works_per_hour": settings.max_works_per_hour,
            "match_dispute_days": settings.match_dispute_days,
        },
    )


SECTIONS: Final = (
    rows_by_id("works", "id, media_id, title, policy, state, created_at", "works where owner_id = $1"),
    rows_by_id(
        "work_matches",
        "id, work_id, media_id, from_ms, to_ms, work_from_ms, score, state, reason, created_at",
        "work_matches where (holder_id = $1 or publisher_id = $1)",
    ),
)
