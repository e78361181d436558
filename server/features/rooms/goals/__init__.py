"""Goals: what the owner of rooms wants to reach, shown over their picture with how far it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from server.feature import ExportSection, Feature, PersonalData, Platform
from server.features.rooms.goals import queries
from server.features.rooms.goals.goals import Goals, Tally
from server.features.rooms.goals.routes import GoalRoutes
from server.features.rooms.goals.shapes import GoalKind
from storage.postgres import Transaction

__all__ = ["GoalKind", "Tally", "build"]


def build(platform: Platform, *, tallies: Mapping[GoalKind, Tally]) -> Feature:
    """A goal may be of each kind that there is a tally of."""
    goals = Goals(db=platform.db, tallies=tallies, now=platform.now)
    return Feature(
        name="goals",
        operations=GoalRoutes(goals=goals, kinds=tuple(tallies)).operations(),
        personal_data=PersonalData(tables=frozenset({"goals"}), sections=SECTIONS, erase=_erase),
    )


SECTIONS: Final = (
    ExportSection(
        name="goals",
        sql="select kind, title, target, set_at, is_from_now from goals where owner_id = $1 and kind > $2"
        " order by kind limit $3",
        key=("kind",),
        start=("",),
    ),
)


async def _erase(tx: Transaction, person_id: str) -> None:
    await tx.execute(queries.ERASE, person_id)
