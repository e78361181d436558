"""Experiments: people are assigned to arms by hash, the first meeting is noted, and operators see the difference."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

from server.feature import ExportSection, Feature, PersonalData, Platform
from server.features.insight.experiments import queries
from server.features.insight.experiments.experiments import MAX_EXPERIMENTS, Experiments
from server.features.insight.experiments.routes import MAX_ARMS, ExperimentRoutes
from storage.postgres import Transaction

__all__ = ["Experiments", "ExperimentsRoom", "build"]

SECTIONS: Final = (
    ExportSection(
        name="experiments",
        sql="select name, arm, exposed_at from experiment_exposures where person_id = $1 and name > $2"
        " order by name limit $3",
        key=("name",),
        start=("",),
    ),
)


@dataclass(frozen=True, kw_only=True)
class ExperimentsRoom:
    feature: Feature
    experiments: Experiments


def build(platform: Platform) -> ExperimentsRoom:
    experiments = Experiments(db=platform.db, now=platform.now, monotonic=time.monotonic)
    routes = ExperimentRoutes(experiments=experiments, db=platform.db, audit=platform.audit)
    feature = Feature(
        name="experiments",
        operations=routes.operations(),
        personal_data=PersonalData(tables=frozenset({"experiment_exposures"}), sections=SECTIONS, erase=_erase),
        limits={"experiments": MAX_EXPERIMENTS, "experiment_arms": MAX_ARMS},
    )
    return ExperimentsRoom(feature=feature, experiments=experiments)


async def _erase(tx: Transaction, person_id: str) -> None:
    await tx.execute(queries.ERASE, person_id)
