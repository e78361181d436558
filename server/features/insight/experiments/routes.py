"""``/api/v1/admin/experiments``."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Final

from pydantic import AfterValidator, Field

from server.features.insight.experiments.experiments import (
    MAX_EXPERIMENTS,
    OUTCOME_DAYS,
    Experiment,
    Experiments,
    Result,
    TooMany,
)
from server.features.insight.experiments.rules import is_whole
from server.http.errors import Problem, not_found
from server.http.operation import NAME, Answer, Call, Operation
from server.http.shapes import Body, Shape, Text
from storage.audit import AuditLog
from storage.postgres import Database

TAG: Final = "insight"
ADMINS: Final = frozenset({"admin"})
MAX_ARMS: Final = 10
Arm = Annotated[str, Field(pattern="^[A-Za-z0-9_-]{1,64}$")]
Share = Annotated[float, Field(ge=0, le=100, strict=False)]


def _whole(shares: dict[str, float]) -> dict[str, float]:
    if not is_whole(list(shares.values())):
        raise ValueError("must come to 100 in all")
    return shares


class ExperimentBody(Body):
    shares: Annotated[
        dict[Arm, Share],
        Field(min_length=2, max_length=MAX_ARMS, description="Percent of people by arm, the first to compare with"),
        AfterValidator(_whole),
    ]
    description: Annotated[Text, Field(max_length=1_000)] = ""
    on: Annotated[bool, Field(description="Off, everybody has what the product does without the experiment")] = True


class ArmShape(Shape):
    """``mean``: seconds that a person watched within 14 days of meeting the arm; the difference is from the first."""

    arm: str
    people: int
    mean: float
    difference: float | None
    low: Annotated[float | None, Field(description="With 95% confidence the difference is no less")]
    high: Annotated[float | None, Field(description="With 95% confidence the difference is no more")]
    significant: bool


class ExperimentShape(Shape):
    name: str
    description: str
    on: bool
    shares: dict[str, float]
    created_at: datetime
    changed_at: datetime


class ExperimentResultsShape(ExperimentShape):
    measure: str = "watch_seconds"
    days: int = OUTCOME_DAYS
    results: list[ArmShape]


class ExperimentsShape(Shape):
    items: list[ExperimentShape]
    next: Annotated[None, Field(description="There are no more pages")] = None


class ExperimentRoutes:
    def __init__(self, *, experiments: Experiments, db: Database, audit: AuditLog) -> None:
        self._experiments = experiments
        self._db = db
        self._audit = audit

    def operations(self) -> Sequence[Operation]:
        admins: dict[str, Any] = {"tag": TAG, "auth": "required", "roles": ADMINS}
        one: dict[str, Any] = {"path": "/api/v1/admin/experiments/{name}", "paths": {"name": NAME}, **admins}
        return [
            Operation(
                method="GET", path="/api/v1/admin/experiments", handler=self._list, name="listExperiments",
                summary="Experiments and their shares", answers={200: ExperimentsShape}, **admins,
            ),
            Operation(
                method="GET", handler=self._get, name="readExperiment", answers={200: ExperimentResultsShape},
                summary="An experiment and what people of its arms did, with the interval of each difference",
                problems=frozenset({404}), **one,
            ),
            Operation(
                method="PUT", handler=self._put, name="setExperiment", body=ExperimentBody,
                answers={200: ExperimentShape}, problems=frozenset({409}),
                summary="Set the shares of an experiment's arms, which come to 100", **one,
            ),
        ]  # fmt: skip

    async def _list(self, call: Call[None, None]) -> Answer:
        items = [ExperimentShape(**_shown(one)) for one in await self._experiments.all()]
        return Answer(body=ExperimentsShape(items=items))

    async def _get(self, call: Call[None, None]) -> Answer:
        experiment = await self._experiments.one(call.path["name"])
        if experiment is None:
            raise not_found("There is no such experiment")
        results = [_arm(one) for one in await self._experiments.results(experiment)]
        return Answer(body=ExperimentResultsShape(**_shown(experiment), results=results))

    async def _put(self, call: Call[ExperimentBody, None]) -> Answer:
        name, body = call.path["name"], call.body
        try:
            async with self._db.transaction() as tx:
                experiment = await self._experiments.put(
                    tx,
                    name,
                    arms=list(body.shares),
                    shares=list(body.shares.values()),
                    description=body.description,
                    is_on=body.on,
                )
                detail = {"shares": body.shares, "on": body.on}
                await self._audit.add(
                    tx, "experiment.set", actor_id=call.me.id, subject=name, ip=call.address, detail=detail
                )
        except TooMany:
            raise Problem(409, f"There are {MAX_EXPERIMENTS} experiments already") from None
        return Answer(body=ExperimentShape(**_shown(experiment)))


def _shown(one: Experiment) -> dict[str, Any]:
    return {
        "name": one.name,
        "description": one.description,
        "on": one.is_on,
        "shares": dict(zip(one.arms, one.shares, strict=True)),
        "created_at": one.created_at,
        "changed_at": one.changed_at,
    }


def _arm(one: Result) -> ArmShape:
    against = one.against
    return ArmShape(
        arm=one.arm,
        people=one.sample.people,
        mean=round(one.sample.mean, 3),
        difference=None if against is None else round(against.value, 3),
        low=None if against is None else round(against.low, 3),
        high=None if against is None else round(against.high, 3),
        significant=against is not None and against.is_significant,
    )
