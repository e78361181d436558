"""How soon it is decided which advertisement is shown, and whether nodes together keep within a campaign's money.

A decision is made over an index of campaigns in memory, half of which ask who the viewer is; the slowest kind, for
which nothing fits, is told apart. Then processes show one campaign as fast as they can, each with leases of its own
over one embedded Postgres, and everything that was charged is added up.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import random
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import uvloop

from bench import report
from bench.report import Figure, figure
from server.features.commerce.ads import showing_queries
from server.features.commerce.ads.auction import AGES, Candidate, Context, Creative, Index, Person, decide
from server.features.commerce.ads.running import Leases
from storage.embedded.postgres import EmbeddedPostgres
from storage.ids import Ids
from storage.migrate import migrate
from storage.postgres import Database

BAR_DECISION_MS: Final = 10.0
COUNTRIES: Final = ("EG", "FR", "JP", "US", "BR", "IN", "DE", "SA", "GB", "KR")
CATEGORIES: Final = ("games", "music", "talk", "sports", "science", "art", "food", "travel")
LANGUAGES: Final = ("en", "ar", "fr", "ja")
CURRENCIES: Final = ("USD", "EUR", "JPY", "KWD")
PRICE: Final = 500
BUDGET: Final = 1_000
CAMPAIGN: Final = "00000000-0000-7000-8000-00000000ad00"
PERSON: Final = "00000000-0000-7000-8000-00000000ad01"
_PERSON: Final = """
insert into users (id, username, username_key, email, email_key, password_hash, display_name, stream_key)
values ($1, 'bench', 'bench', 'bench@example.org', 'bench@example.org', '', 'Bench', 'bench')
"""
_CAMPAIGN: Final = """
insert into ads_campaigns (id, owner_id, name, budget, paid, bid, currency, starts_at, ends_at, targeting, avoid, cap,
    click_url, created_at, changed_at)
values ($1, $2, 'bench', $3, $3, $4, 'USD', $5, $6, '{}', '{}', 1, 'https://a.example', $5, $5)
"""


def campaigns(count: int, chance: random.Random) -> Iterator[Candidate]:
    for number in range(count):
        personal = chance.random() < 0.5
        yield Candidate(
            id=f"c{number}",
            owner_id=f"o{number % 3_000}",
            bid=chance.randint(10, 5_000),
            currency=chance.choice(CURRENCIES),
            starts=0.0,
            ends=1e12,
            cap=chance.randint(1, 5),
            creatives=(Creative(id="v", video_id="v", duration_ms=7_000),),
            countries=_some(COUNTRIES, chance) if personal else frozenset(),
            ages=_some(tuple(AGES), chance) if personal and chance.random() < 0.5 else frozenset(),
            categories=_some(CATEGORIES, chance),
            languages=_some(LANGUAGES, chance),
            avoids=frozenset({"adult", "warned"}),
        )


def _some(words: tuple[str, ...], chance: random.Random) -> frozenset[str]:
    return frozenset(chance.sample(words, chance.randint(1, 3)))


def viewers(count: int, chance: random.Random) -> Iterator[Context]:
    for number in range(count):
        person = Person(country=chance.choice(COUNTRIES), age=chance.choice(tuple(AGES)))
        yield Context(
            now=1.0,
            creator_id="ada",
            viewer_id=f"p{number}",
            category=chance.choice(CATEGORIES),
            language=chance.choice(LANGUAGES),
            person=person if chance.random() < 0.5 else None,
            shown={f"c{chance.randrange(10_000)}": 5 for _ in range(20)},
        )


def decisions(index: Index, contexts: Iterator[Context]) -> list[float]:
    """Milliseconds of the processor each: nothing of it waits for anything else."""
    took = []
    for turn, context in enumerate(contexts):
        began = time.thread_time()
        decide(index, context, turn=turn)
        took.append(1_000 * (time.thread_time() - began))
    return sorted(took)


def nowhere(count: int) -> Iterator[Context]:
    """Where nothing fits, so that all have to be looked at."""
    person = Person(country="EG", age="25-34")
    for _ in range(count):
        yield Context(
            now=1.0, creator_id="ada", viewer_id="p", category="none", language="en", person=person,
            warnings=frozenset({"adult"}),
        )  # fmt: skip


def _deciding(options: argparse.Namespace) -> list[Figure]:
    chance = random.Random(18)
    index = Index(campaigns(options.campaigns, chance), floor=10)
    some = decisions(index, viewers(options.decisions, chance))
    none = decisions(index, nowhere(max(100, options.decisions // 20)))
    of = f"a decision among {options.campaigns:,} campaigns"
    return [
        figure("ads", f"{of}, p50", [some[len(some) // 2]], "ms", better="lower"),
        figure("ads", f"{of}, p99", [some[len(some) * 99 // 100]], "ms", better="lower", bar=BAR_DECISION_MS),
        figure("ads", f"{of} of which none fits, p99", [none[len(none) * 99 // 100]], "ms", better="lower",
               bar=BAR_DECISION_MS),
    ]  # fmt: skip


def spend(url: str, name: str) -> None:
    """Of a process: show the campaign until there is no more money for it."""
    uvloop.run(_spend(url, name))


async def _spend(url: str, name: str) -> None:
    db = await Database.connect(url, max_connections=4)
    leases = Leases(db=db, ids=Ids(), now=lambda: datetime.now(UTC), node_name=name)

    async def show() -> None:
        while True:
            lease_id = await leases.take(CAMPAIGN, PRICE)
            if lease_id is None:
                return
            await db.fetchval(showing_queries.CHARGE, lease_id, PRICE)

    await asyncio.gather(*(show() for _ in range(4)))
    await db.close()


async def _spent(url: str, options: argparse.Namespace) -> list[Figure]:
    """All of the budget is free: the campaign is about to end."""
    await migrate(url)
    db = await Database.connect(url, max_connections=2)
    now = datetime.now(UTC)
    await db.execute(_PERSON, PERSON)
    await db.execute(_CAMPAIGN, CAMPAIGN, PERSON, BUDGET, PRICE, now - timedelta(days=30), now + timedelta(seconds=60))
    context = multiprocessing.get_context("spawn")
    nodes = [context.Process(target=spend, args=(url, f"n{number}")) for number in range(options.nodes)]
    began = time.perf_counter()
    for node in nodes:
        node.start()
    for node in nodes:
        await asyncio.to_thread(node.join)
    took = time.perf_counter() - began
    spent = await db.fetchval("select coalesce(sum(spent), 0)::bigint from ads_leases")
    await db.close()
    print(f"{spent // PRICE:,} impressions by {options.nodes} processes in {took:.1f} s, with their start")
    over = max(0.0, (spent - BUDGET * 1_000) / PRICE)
    name = f"{options.nodes} processes"
    return [
        figure("ads", f"impressions over the budget, {name}", [over], "", better="lower", bar=1),
        figure("ads", f"of the budget spent, {name}", [spent / (BUDGET * 10)], "%", better="higher"),
    ]


def main(argv: list[str]) -> int:
    """Prints a row a question: median, spread, the bar."""
    parser = argparse.ArgumentParser(prog="bench ads", description=__doc__)
    parser.add_argument("--campaigns", type=int, default=10_000)
    parser.add_argument("--decisions", type=int, default=20_000)
    parser.add_argument("--nodes", type=int, default=4, help="processes that spend one campaign")
    report.options(parser)
    options = parser.parse_args(argv)
    figures = _deciding(options)
    with tempfile.TemporaryDirectory(prefix="sf-bench-") as folder:
        engine = EmbeddedPostgres(data_dir=Path(folder))
        try:
            figures += uvloop.run(_spent(engine.start(), options))
        finally:
            engine.stop()
    report.hand_over(figures, options.json)
    return 0


if __name__ == "__main__":
    import sys

    sys.exit(main(sys.argv[1:]))
