"""`python -m bench local`: how fast are the offers near a point found, among half a million of them?

Half of them are in twenty cities. The engine is an embedded Postgres in a fresh folder; the questions are asked one
after another, as the room asks them, from points within and between the cities.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import uvloop

from bench import report
from bench.report import Figure, figure
from server.features.discovery.search.folding import folded
from server.features.town.local.offers import Offers
from server.features.town.local.shapes import OffersQuery
from storage.embedded.postgres import EmbeddedPostgres
from storage.ids import Ids
from storage.migrate import migrate
from storage.postgres import Database

CITIES: Final = 20
OWNERS: Final = 5_000
BATCH: Final = 20_000
FILLING_S: Final = 600.0
"""That one statement may take which fills the table, or makes its indexes."""
P99_BAR_MS: Final = 50.0

ADD_PEOPLE: Final = """
insert into users (id, username, username_key, email, email_key, password_hash, display_name, stream_key)
select id, id, id, id, id, '', id, id from (select gen_random_uuid() as id from generate_series(1, $1)) made
"""
ADD_OFFERS: Final = """
insert into local_offers (id, owner_id, kind, title, text, search, lat, lon, precision_km, place_name, expires_at,
    created_at)
select gen_random_uuid(), ($3::uuid[])[1 + n % cardinality($3)],
    (array['goods', 'jobs', 'help', 'events'])[1 + n % 4], 'Offer ' || n, 'A text', 'offer ' || n || ' a text',
    p.lat, p.lon, 0.1, '', now() + interval '30 days', now()
from unnest($1::float8[], $2::float8[]) with ordinality as p (lat, lon, n)
"""


def places(chance: random.Random, cities: Sequence[tuple[float, float]], count: int) -> tuple[list[float], list[float]]:
    """Latitudes and longitudes: every second one within some 10 km of the middle of a city, the others anywhere."""
    lats, lons = [], []
    for number in range(count):
        lat, lon = chance.choice(cities) if number % 2 else (chance.uniform(-60, 70), chance.uniform(-180, 180))
        near = 0.1 if number % 2 else 0.0
        lats.append(max(-90.0, min(90.0, chance.gauss(lat, near))))
        lons.append(max(-180.0, min(180.0, chance.gauss(lon, near))))
    return lats, lons


async def _fill(url: str, chance: random.Random, cities: Sequence[tuple[float, float]], offers: int) -> None:
    """The indexes are made when all rows are there."""
    db = await Database.connect(url, max_connections=1, deadline_s=FILLING_S)
    indexes = await db.fetch("select indexname, indexdef from pg_indexes where tablename = 'local_offers'")
    added = [row for row in indexes if not row["indexname"].endswith("_pkey")]
    for row in added:
        await db.execute(f"drop index {row['indexname']}")
    await db.execute(ADD_PEOPLE, OWNERS)
    owners = [row["id"] for row in await db.fetch("select id from users")]
    for at in range(0, offers, BATCH):
        lats, lons = places(chance, cities, min(BATCH, offers - at))
        await db.execute(ADD_OFFERS, lats, lons, owners)
    for row in added:
        await db.execute(row["indexdef"])
    await db.execute("analyze local_offers")
    await db.close()


async def _measure(url: str, *, offers: int, rounds: int) -> list[Figure]:
    await migrate(url)
    chance = random.Random(1)
    cities = [(chance.uniform(-50, 60), chance.uniform(-170, 170)) for _ in range(CITIES)]
    began = time.monotonic()
    await _fill(url, chance, cities, offers)
    print(f"  filled after {time.monotonic() - began:.0f} s", flush=True)
    db = await Database.connect(url, max_connections=2)
    room = Offers(db=db, ids=Ids(), now=lambda: datetime.now(UTC), fold=folded, most=100)
    figures = []
    for name, spread in (("in a city", 0.05), ("between cities", 5.0)):
        for radius_km in (25.0, 500.0):
            took = [await _asked(room, chance, cities, spread, radius_km) for _ in range(rounds)]
            p99 = sorted(took)[int(len(took) * 0.99)]
            question = f"{offers:,} offers, {name}, {radius_km:g} km"
            figures.append(figure(question, "the nearest 20, p99", [p99], "ms", better="lower", bar=P99_BAR_MS))
    await db.close()
    return figures


async def _asked(
    room: Offers, chance: random.Random, cities: Sequence[tuple[float, float]], spread: float, radius_km: float
) -> float:
    lat, lon = chance.choice(cities)
    near = f"{lat + chance.uniform(-spread, spread):.4f},{lon + chance.uniform(-spread, spread):.4f}"
    query = OffersQuery(near=near, radius_km=radius_km, limit=20)
    began = time.perf_counter()
    await room.page(None, query)
    return (time.perf_counter() - began) * 1000


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench local", description=__doc__)
    parser.add_argument("--offers", type=int, default=500_000)
    parser.add_argument("--rounds", type=int, default=300)
    report.options(parser)
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="sf-bench-") as folder:
        engine = EmbeddedPostgres(data_dir=Path(folder))
        try:
            figures = uvloop.run(_all(engine, options.offers, options.rounds))
        finally:
            engine.stop()
    report.hand_over(figures, options.json)
    return 0


async def _all(engine: EmbeddedPostgres, offers: int, rounds: int) -> list[Figure]:
    return await _measure(await asyncio.to_thread(engine.start), offers=offers, rounds=rounds)


if __name__ == "__main__":
    import sys

    sys.exit(main(sys.argv[1:]))
