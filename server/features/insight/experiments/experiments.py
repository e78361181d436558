"""Experiments: shares of arms, who is in which, and what people of each arm did."""

from __future__ import annotations

import datetime as dt
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from server.features.insight.experiments import queries
from server.features.insight.experiments.rules import Difference, Sample, arm_of, difference
from storage.postgres import Database, Row, Transaction

FRESH_S: Final = 5.0
"""How old may be what a node knows of the shares."""
MAX_EXPERIMENTS: Final = 200
MAX_REMEMBERED: Final = 100_000
OUTCOME_DAYS: Final = 14
MOST_PEOPLE: Final = 200_000
"""Whose outcomes are added up, the latest exposed first."""


class TooMany(Exception):
    """There are ``MAX_EXPERIMENTS``."""


class Experiment(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    arms: list[str]
    shares: list[float]
    description: str
    is_on: bool
    created_at: dt.datetime
    changed_at: dt.datetime


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """Of one arm. ``against``: the difference from the first arm; None for that, and while too few have met it."""

    arm: str
    sample: Sample
    against: Difference | None


class Experiments:
    def __init__(self, *, db: Database, now: Callable[[], dt.datetime], monotonic: Callable[[], float]) -> None:
        self._db = db
        self._now = now
        self._monotonic = monotonic
        self._known: tuple[float, dict[str, Experiment]] = (float("-inf"), {})
        self._exposed: OrderedDict[tuple[str, str], None] = OrderedDict()

    async def arm(self, name: str, person_id: str) -> str | None:
        """The arm in which the person is, who meets it now: the first time is noted. None: no such experiment is on.

        Shares that were changed hold on each node after ``FRESH_S``. Raises ``Unavailable``.
        """
        experiment = (await self._fresh()).get(name)
        if experiment is None or not experiment.is_on:
            return None
        arm = arm_of(name, person_id, experiment.arms, experiment.shares)
        await self._expose(name, person_id, arm)
        return arm

    async def put(
        self, tx: Transaction, name: str, *, arms: Sequence[str], shares: Sequence[float], description: str, is_on: bool
    ) -> Experiment:
        """Raises ``TooMany``."""
        if await tx.fetchval(queries.COUNT_OTHERS, name, MAX_EXPERIMENTS) >= MAX_EXPERIMENTS:
            raise TooMany
        row = await tx.fetchrow(queries.PUT, name, list(arms), list(shares), description, is_on, self._now())
        assert row is not None
        tx.after_commit(self._forget)
        return _experiment(row)

    async def one(self, name: str) -> Experiment | None:
        row = await self._db.fetchrow(queries.ONE, name)
        return None if row is None else _experiment(row)

    async def all(self) -> list[Experiment]:
        return [_experiment(row) for row in await self._db.fetch(queries.ALL, MAX_EXPERIMENTS)]

    async def results(self, experiment: Experiment) -> list[Result]:
        """Of the arms there are, in their order: seconds watched by each person within ``OUTCOME_DAYS`` of exposure."""
        rows = await self._db.fetch(queries.OUTCOMES, experiment.name, OUTCOME_DAYS, MOST_PEOPLE)
        samples = {row["arm"]: Sample(people=row["people"], mean=row["mean"], variance=row["variance"]) for row in rows}
        none = Sample(people=0, mean=0.0, variance=0.0)
        control = samples.get(experiment.arms[0], none)
        return [
            Result(
                arm=arm,
                sample=samples.get(arm, none),
                against=difference(samples.get(arm, none), control) if at else None,
            )
            for at, arm in enumerate(experiment.arms)
        ]

    async def _expose(self, name: str, person_id: str, arm: str) -> None:
        key = name, person_id
        if key in self._exposed:
            return
        await self._db.execute(queries.EXPOSED, name, person_id, arm, self._now())
        self._exposed[key] = None
        if len(self._exposed) > MAX_REMEMBERED:
            self._exposed.popitem(last=False)

    async def _fresh(self) -> dict[str, Experiment]:
        if self._monotonic() - self._known[0] > FRESH_S:
            self._known = self._monotonic(), {one.name: one for one in await self.all()}
        return self._known[1]

    def _forget(self) -> None:
        self._known = float("-inf"), self._known[1]


def _experiment(row: Row) -> Experiment:
    return Experiment(**{name: row[name] for name in Experiment.__struct_fields__})
