"""Well-being: screen time, limits and breaks by one's own choice, quiet hours, a weekly report for oneself alone."""

from __future__ import annotations

from datetime import date
from typing import Final

from server.feature import ExportSection, Feature, PersonalData, Platform, rows_by_id
from server.features.people.facts import BirthDateChanged
from server.features.town.wellbeing import guardian_queries, queries
from server.features.town.wellbeing.guardian_routes import GuardianRoutes
from server.features.town.wellbeing.guardian_shapes import GUARDIAN, MAX_MINORS
from server.features.town.wellbeing.guardians import GuardianHours, Guardians
from server.features.town.wellbeing.routes import WellbeingRoutes
from server.features.town.wellbeing.wellbeing import QuietHours, Wellbeing
from server.jobs import repeated
from storage.facts import Consumer
from storage.postgres import Transaction

__all__ = ["GuardianHours", "build"]

PRUNE_S: Final = 86_400.0


def build(platform: Platform, *, quiet: QuietHours) -> Feature:
    """``quiet``: the hours in which notifications wait, which are also these."""
    wellbeing = Wellbeing(db=platform.db, now=platform.now, quiet=quiet)
    guardians = Guardians(db=platform.db, now=platform.now, publish=platform.publish, audit=platform.audit)
    return Feature(
        name="wellbeing",
        operations=[
            *WellbeingRoutes(wellbeing=wellbeing).operations(),
            *GuardianRoutes(guardians=guardians, wellbeing=wellbeing).operations(),
        ],
        sent=(GUARDIAN,),
        consumers=(Consumer(BirthDateChanged, guardians.reckon),),
        schedules=[
            repeated("wellbeing.prune", wellbeing.prune, every_s=PRUNE_S),
            repeated("wellbeing.guardians", guardians.prune, every_s=PRUNE_S),
        ],
        personal_data=PersonalData(
            tables=frozenset({"wellbeing_settings", "wellbeing_days", "wellbeing_guardians"}),
            sections=SECTIONS,
            erase=_erase,
        ),
        limits={"minors_per_guardian": MAX_MINORS},
    )


SECTIONS: Final = (
    rows_by_id(
        "wellbeing", "person_id, daily_seconds, break_seconds", "wellbeing_settings where person_id = $1", "person_id"
    ),
    ExportSection(
        name="screen_time",
        sql="select day, seconds from wellbeing_days where person_id = $1 and day > $2::date order by day limit $3",
        key=("day",),
        start=(date.min,),
    ),
    rows_by_id(
        "guardians", "guardian_id, daily_seconds, break_seconds, quiet_start, quiet_end, accepted_at, adult_on",
        "wellbeing_guardians where minor_id = $1", "guardian_id",
    ),
    rows_by_id(
        "minors", "minor_id, daily_seconds, break_seconds, quiet_start, quiet_end, accepted_at",
        "wellbeing_guardians where guardian_id = $1", "minor_id",
    ),
)  # fmt: skip


async def _erase(tx: Transaction, person_id: str) -> None:
    for sql in (*queries.ERASE, guardian_queries.ERASE):
        await tx.execute(sql, person_id)
