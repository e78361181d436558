"""`python -m bench recommend`: how long a person waits for recommendations, how long a model is trained, and whether it
foretells what people do next better than popularity and age.

The product's own classes over an embedded Postgres: 100,000 people, 50,000 videos and 5,000,000 acts by default. People
have tastes: most acts are within a few of 200 topics, where few things are much liked (Zipf's law), and a share is by
chance. Training and measures are those of the job. What is timed is a request but for HTTP and for showing the items,
which are as their rows have them.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import numpy as np
import uvloop

from bench import report
from bench.clients import percentile
from bench.report import Figure, figure
from server.features.discovery.recommendations.pools import Pools
from server.features.discovery.recommendations.recommending import Recommending
from server.features.discovery.recommendations.taste import CurrentTaste
from server.features.discovery.recommendations.training import VIDEOS, Training
from server.features.discovery.recommendations.trending import Trending
from server.live.viewings import Viewer
from storage.embedded.postgres import EmbeddedPostgres
from storage.migrate import migrate
from storage.postgres import Database

QUESTION: Final = "recommend"
BAR_P99_MS: Final = 50.0
BAR_TRAIN_S: Final = 300.0
TOPICS: Final = 200
OF_PERSON: Final = 3
"""Topics that a person likes."""
BY_CHANCE: Final = 0.2
BATCH: Final = 2_000

_PEOPLE: Final = """
insert into users (id, username, username_key, display_name, email, email_key, password_hash, stream_key, created_at)
select id, 'p' || n, 'p' || n, 'P', 'p' || n || '@example.org', 'p' || n || '@example.org', '', 'k' || n,
    now() - interval '90 days'
from (select id, place + $2::int as n from unnest($1::uuid[]) with ordinality as t (id, place)) t
"""
_VIDEOS: Final = """
insert into videos (id, owner_id, title, state, visibility, edition, created_at, ready_at)
select v, o, 'v', 'ready', 'public', 1, now() - interval '30 days', now() - interval '30 days'
from unnest($1::uuid[], $2::uuid[]) as t (v, o)
"""
_ACTS: Final = """
insert into recommendation_acts (person_id, kind, item_id, owner_id, weight, at)
select p, 'videos', v, o, 1, now() - make_interval(secs => s)
from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::float8[]) as t (p, v, o, s) where p <> o on conflict do nothing
"""


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def _ids(first: int, count: int) -> list[str]:
    return [str(UUID(int=first + number)) for number in range(count)]


class Tastes:
    """Who likes what, from a seed."""

    def __init__(self, *, people: int, videos: int, seed: int) -> None:
        self._random = np.random.default_rng(seed)
        self.people, self.videos = _ids(1_000_000, people), _ids(10_000_000, videos)
        self._liked = self._random.integers(0, TOPICS, (people, OF_PERSON))

    def owners(self) -> list[str]:
        return [self.people[number % len(self.people)] for number in range(len(self.videos))]

    def acts(self, count: int) -> tuple[list[str], list[str], list[str], list[float]]:
        """Of people at random: person, video, its owner, seconds ago."""
        person = self._random.integers(0, len(self.people), count)
        topic = self._liked[person, self._random.integers(0, OF_PERSON, count)]
        topic = np.where(self._random.random(count) < BY_CHANCE, self._random.integers(0, TOPICS, count), topic)
        of_topic = max(1, len(self.videos) // TOPICS)
        rank = np.minimum(self._random.zipf(1.3, count) - 1, of_topic - 1)
        video = (topic * of_topic + rank) % len(self.videos)
        ago = self._random.random(count) * 80 * 86_400
        owners = self.owners()
        return (
            [self.people[one] for one in person],
            [self.videos[one] for one in video],
            [owners[one] for one in video],
            ago.tolist(),
        )


async def _fill(db: Database, tastes: Tastes, acts: int) -> None:
    owners = tastes.owners()
    for first in range(0, len(tastes.people), BATCH):
        await db.execute(_PEOPLE, tastes.people[first : first + BATCH], first)
    for first in range(0, len(owners), BATCH):
        await db.execute(_VIDEOS, tastes.videos[first : first + BATCH], owners[first : first + BATCH])
    for first in range(0, acts, BATCH):
        await db.execute(_ACTS, *tastes.acts(min(BATCH, acts - first)))
    await db.execute("analyze")


class Registry:
    """One model, without its versions: what was added last is in use."""

    def __init__(self) -> None:
        self._held: bytes | None = None

    async def active(self) -> str | None:
        return None if self._held is None else "1"

    async def content(self, version: str) -> bytes | None:
        return self._held

    def unusable(self, why: str) -> None:
        raise RuntimeError(why)

    async def add(self, version: str, content: bytes, measures: Mapping[str, float], *, activate: bool) -> bool:
        self._held = content
        return True


async def _as_rows_have(db: Database, ids: Sequence[str], viewer: Viewer) -> Mapping[str, dict[str, Any]]:
    rows = await db.fetch("select id, owner_id from videos where id = any($1::uuid[])", list(ids))
    return {row["id"]: {"id": row["id"], "owner": {"id": row["owner_id"]}} for row in rows}


class NoExperiment:
    async def arm(self, name: str, person_id: str) -> str | None:
        return None


async def _trained(db: Database, model: Registry) -> list[Figure]:
    started = time.process_time()
    told = await Training(db=db, now=_now).run(VIDEOS, model)
    took = time.process_time() - started
    if told is None:
        raise RuntimeError("there were too few acts")
    found = [figure(QUESTION, "CPU of a training", [took], "s", better="lower", bar=BAR_TRAIN_S)]
    for name, unit in (("recall_at_50", ""), ("ndcg_at_50", ""), ("coverage", "")):
        for peer in ("popularity", "chronological"):
            found.append(
                figure(QUESTION, f"{name} beside {peer}", [told[name]], unit, better="higher", peer=peer,
                       against=[told[f"{peer}_{name}"]])
            )  # fmt: skip
    return found


async def _asked(db: Database, model: Registry, tastes: Tastes, requests: int) -> list[Figure]:
    async def shown(ids: Sequence[str], viewer: Viewer) -> Mapping[str, dict[str, Any]]:
        return await _as_rows_have(db, ids, viewer)

    recommending = Recommending(
        db=db,
        pools=Pools(db=db, trending=Trending(db=db, now=_now), monotonic=time.monotonic),
        shows={"videos": shown},
        creators=CurrentTaste(model=model, monotonic=time.monotonic),
        videos=CurrentTaste(model=model, monotonic=time.monotonic),
        experiments=NoExperiment(),
        now=_now,
    )
    await recommending.recommended("videos", Viewer(id=tastes.people[0]), 20)
    took = []
    for number in range(requests):
        person = tastes.people[number * 7919 % len(tastes.people)]
        started = time.perf_counter()
        await recommending.recommended("videos", Viewer(id=person), 20)
        took.append((time.perf_counter() - started) * 1e3)
    return [
        figure(QUESTION, "recommendations of 20 videos, p50", [percentile(took, 0.5)], "ms", better="lower"),
        figure(QUESTION, "recommendations of 20 videos, p99", [percentile(took, 0.99)], "ms", better="lower",
               bar=BAR_P99_MS),
    ]  # fmt: skip


async def ask(options: argparse.Namespace, url: str) -> list[Figure]:
    await migrate(url)
    db = await Database.connect(url, max_connections=8)
    try:
        tastes = Tastes(people=options.people, videos=options.videos, seed=options.seed)
        await _fill(db, tastes, options.acts)
        model = Registry()
        return [*await _trained(db, model), *await _asked(db, model, tastes, options.requests)]
    finally:
        await db.close()


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench recommend", description=(__doc__ or "").partition("\n")[0])
    for name, default in (("people", 100_000), ("videos", 50_000), ("acts", 5_000_000), ("requests", 500), ("seed", 1)):
        parser.add_argument(f"--{name}", type=int, default=default)
    report.options(parser)
    options = parser.parse_args(argv)
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="socialflow-bench-")))
        engine = EmbeddedPostgres(data_dir=folder)
        url = engine.start()
        stack.callback(engine.stop)
        figures = uvloop.run(ask(options, url))
    report.hand_over(figures, options.json)
    return 0
