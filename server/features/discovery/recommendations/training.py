"""Training of the models: from the acts that there are, by a schedule, each version with what it reached."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable, Sequence
from typing import Final

import msgspec
import numpy as np

from server.feature import NO_UUID
from server.features.discovery.recommendations import queries
from server.features.discovery.recommendations.als import Floats, Ints, factorise, rows_of
from server.features.discovery.recommendations.measures import measure
from server.features.discovery.recommendations.ports import KnownModel
from server.features.discovery.recommendations.taste import Taste
from storage.postgres import Database

PEOPLE_AT_ONCE: Final = 1_000
MOST_ENTRIES: Final = 10_000_000
LEAST_ENTRIES: Final = 5
"""Fewer acts teach nothing."""
SAMPLE: Final = 2_000
"""People whose last act is held out, to be foretold."""
LEAST_ACTS: Final = 3
"""Of a person of the sample."""


class Entries(msgspec.Struct, frozen=True):
    """Acts in order of people, of a person in order of time: parallel arrays. ``at``: seconds since 1970."""

    person: Ints
    item: Ints
    weight: Floats
    at: Ints
    ids: Sequence[str]

    @property
    def people(self) -> int:
        return int(self.person[-1]) + 1 if len(self.person) else 0


class Trained(msgspec.Struct, frozen=True):
    taste: Taste
    measures: dict[str, float]


def train(entries: Entries) -> Trained:
    """A model of all but what is held out, with what it, popularity and age foretell of that. Pure, seeded."""
    held_at = _held_out(entries)
    is_kept = np.ones(len(entries.person), dtype=bool)
    is_kept[held_at] = False
    person, item, weight = entries.person[is_kept], entries.item[is_kept], entries.weight[is_kept]
    count = len(entries.ids)
    people = rows_of(person, item, weight, entries.people)
    factors = factorise(people, rows_of(item, person, weight, count))
    popularity = np.bincount(item, minlength=count).astype(np.float32)
    first = np.full(count, np.iinfo(np.int64).max)
    np.minimum.at(first, entries.item, entries.at)
    newest = np.argsort(np.argsort(first, kind="stable")).astype(np.float32)
    measures: dict[str, float] = {"items": float(count), "acts": float(len(entries.person))}
    if len(held_at):
        sampled = np.isin(person, entries.person[held_at])
        row = np.searchsorted(entries.person[held_at], person[sampled])
        seen = rows_of(row, item[sampled], weight[sampled], len(held_at))
        measures |= measure(seen, entries.item[held_at], factors, popularity, newest)
    return Trained(Taste(entries.ids, factors), measures)


def _held_out(entries: Entries) -> Ints:
    """Where the last acts are of the people of the sample, ascending."""
    counts = np.bincount(entries.person, minlength=entries.people)
    last = np.cumsum(counts) - 1
    busy = last[counts >= LEAST_ACTS]
    if len(busy) > SAMPLE:
        busy = np.sort(np.random.default_rng(1).choice(busy, SAMPLE, replace=False))
    return busy.astype(np.int64)


class Training:
    def __init__(self, *, db: Database, now: Callable[[], dt.datetime]) -> None:
        self._db = db
        self._now = now

    async def run(self, sql: str, model: KnownModel) -> dict[str, float] | None:
        """A new version in the registry, in use at once if it foretells no worse than popularity; None: too few acts.
        It may be repeated. Cancelled, it leaves nothing.
        """
        entries = await self._entries(sql)
        if len(entries.person) < LEAST_ENTRIES:
            return None
        trained = await asyncio.to_thread(train, entries)
        version = self._now().strftime("%Y%m%dT%H%M%S")
        is_better = _is_better(trained.measures)
        await model.add(version, trained.taste.encode(), trained.measures, activate=is_better)
        return trained.measures

    async def _entries(self, sql: str) -> Entries:
        places: dict[str, int] = {}
        person: list[int] = []
        item: list[int] = []
        weight: list[float] = []
        at: list[int] = []
        after, people = NO_UUID, -1
        while len(person) < MOST_ENTRIES:
            rows = await self._db.fetch(sql, after, PEOPLE_AT_ONCE)
            if not rows:
                break
            for row in rows:
                people += row["person_id"] != after
                after = row["person_id"]
                person.append(people)
                item.append(places.setdefault(row["item_id"], len(places)))
                weight.append(row["weight"])
                at.append(int(row["at"].timestamp()))
        return Entries(
            np.array(person, dtype=np.int64),
            np.array(item, dtype=np.int64),
            np.array(weight, dtype=np.float32),
            np.array(at, dtype=np.int64),
            list(places),
        )


def _is_better(measures: dict[str, float]) -> bool:
    name = "ndcg_at_50"
    return name in measures and measures[name] >= measures[f"popularity_{name}"]


CREATORS: Final = queries.OF_CREATORS
VIDEOS: Final = queries.OF_VIDEOS
