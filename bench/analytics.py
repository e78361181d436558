"""`python -m bench analytics`: how soon the owner of a very large stream learns of its audience, and how many events of
views a second are recorded and rolled up.

The product's own classes over an embedded Postgres: a stream with 1,000,000 views by default, whose sums the job has
added up before, as on a server; beside it the same sums added up anew. Then events of other streams, recorded in
batches as a node sends them and rolled up.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final
from uuid import UUID

import uvloop

from bench import report
from bench.clients import percentile
from bench.report import Figure, figure
from server.features.insight.analytics import Analytics, Event, Events, StreamSums
from storage.embedded.postgres import EmbeddedPostgres
from storage.migrate import migrate
from storage.postgres import Database

QUESTION: Final = "analytics"
BAR_MS: Final = 200.0
BAR_EVENTS_S: Final = 2_000.0
OWNER: Final = str(UUID(int=1))
STREAM: Final = str(UUID(int=2))
BATCH: Final = 5_000
FILLED: Final = 5_000

_OWNER: Final = """
insert into users (id, username, username_key, display_name, email, email_key, password_hash, stream_key)
values ($1, 'ada', 'ada', 'Ada', 'ada@example.org', 'ada@example.org', '', 'k')
"""
_STREAM: Final = """
insert into streams (id, owner_id, room_id, title, stream_key, state, started_at, ended_at, unique_viewers, watched_ms)
values ($1, $2, gen_random_uuid(), 'large', 'k', 'ended', now() - interval '4 hours', now(), $3::int,
    $3::int * 600000::bigint)
"""
_VIEWS: Final = """
insert into view_sessions (id, stream_id, viewer, started_at, last_at, watched_ms, transport, watched_by, latency_ms)
select gen_random_uuid(), $1, n::text, now() - interval '4 hours' + make_interval(secs => n % 14000),
    now() - interval '4 hours' + make_interval(secs => n % 14000 + 600), 600000, 'hls:720p',
    '{"hls:720p": 400000, "webrtc:source": 200000}', 500
from generate_series($2::int, $3::int - 1) n
"""
_COUNTRIES: Final = ("DE", "FR", "EG", "US", "JP", "")


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


async def _fill(db: Database, views: int) -> None:
    await db.execute(_OWNER, OWNER)
    await db.execute(_STREAM, STREAM, OWNER, views)
    for first in range(0, views, FILLED):
        await db.execute(_VIEWS, STREAM, first, min(first + FILLED, views))
    await db.execute("analyze view_sessions")


async def _told(db: Database, options: argparse.Namespace) -> list[Figure]:
    sums = StreamSums(db=db, now=_now)
    analytics = Analytics(db=db, now=_now, sums=sums)
    started = time.perf_counter()
    await sums.refresh()
    added_up = time.perf_counter() - started
    took = []
    for _ in range(options.reads):
        started = time.perf_counter()
        await analytics.of_stream(STREAM, OWNER)
        took.append((time.perf_counter() - started) * 1e3)
    views = f"{options.views:,} views"
    return [
        figure(QUESTION, f"a stream of {views}, p50", [percentile(took, 0.5)], "ms", better="lower"),
        figure(QUESTION, f"a stream of {views}, p99", [percentile(took, 0.99)], "ms", better="lower", bar=BAR_MS),
        figure(QUESTION, f"the job adds up {views}", [added_up], "s", better="lower"),
    ]


async def _rolled_up(db: Database, options: argparse.Namespace) -> list[Figure]:
    events = Events(db=db, now=_now)
    rates = []
    for number in range(options.rounds):
        made = [_event(number * options.events + one) for one in range(options.events)]
        started = time.perf_counter()
        for first in range(0, len(made), BATCH):
            await events.record(made[first : first + BATCH])
        await events.roll_up()
        rates.append(options.events / (time.perf_counter() - started))
    return [
        figure(QUESTION, "events recorded and rolled up", rates, "1/s", better="higher", bar=BAR_EVENTS_S)
    ]  # fmt: skip


def _event(number: int) -> Event:
    return Event(
        id=str(UUID(int=number + 1_000)),
        at=_now() - dt.timedelta(seconds=number % 7_200),
        kind="view",
        creator_id=OWNER,
        item_id=str(UUID(int=number % 500 + 10)),
        viewer=str(number % 20_000),
        country=_COUNTRIES[number % len(_COUNTRIES)],
        device="mobile" if number % 3 else "desktop",
        source="search" if number % 5 else "home",
    )


async def ask(options: argparse.Namespace, url: str) -> list[Figure]:
    await migrate(url)
    db = await Database.connect(url, max_connections=4)
    try:
        await _fill(db, options.views)
        return [*await _told(db, options), *await _rolled_up(db, options)]
    finally:
        await db.close()


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench analytics", description=(__doc__ or "").partition("\n")[0])
    for name, default in (("views", 1_000_000), ("reads", 200), ("events", 50_000), ("rounds", 3)):
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
