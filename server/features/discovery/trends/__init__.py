"""Trends: which hashtags many people use now who have little to do with one another; operators hide or allow them."""

from __future__ import annotations

from typing import Final

from server.feature import ExportSection, Feature, PersonalData, Platform
from server.features.discovery.trend_settings import TrendSettings
from server.features.discovery.trends import queries
from server.features.discovery.trends.routes import TrendRoutes
from server.features.discovery.trends.rules import MAX_TAGS
from server.features.discovery.trends.trends import Trends
from server.jobs import repeated
from storage.postgres import Transaction

PRUNE_S: Final = 3_600.0
SECTIONS: Final = (
    ExportSection(
        name="hashtags_used",
        sql="select tag, times, last_at from trends_uses where person_id = $1 and tag > $2 order by tag limit $3",
        key=("tag",),
        start=("",),
    ),
)


def build(platform: Platform, *, settings: TrendSettings) -> Feature:
    trends = Trends(
        db=platform.db,
        now=platform.now,
        min_people=settings.trend_min_people,
        needs_review=settings.trends_need_review,
    )
    routes = TrendRoutes(trends=trends, db=platform.db, audit=platform.audit)
    return Feature(
        name="trends",
        operations=routes.operations(),
        consumers=(trends.consumer,),
        schedules=[repeated("trends.prune", trends.prune, every_s=PRUNE_S)],
        personal_data=PersonalData(tables=frozenset({"trends_uses"}), sections=SECTIONS, erase=_erase),
        limits={"trend_people": settings.trend_min_people, "trend_post_hashtags": MAX_TAGS},
    )


async def _erase(tx: Transaction, person_id: str) -> None:
    await tx.execute(queries.ERASE, person_id)
