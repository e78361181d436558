"""How many transfers a second the ledger takes, how soon it tells a balance, and what kills do.

The engine is an embedded Postgres in a fresh folder with synchronous commit. A transfer has three entries, two of them
of accounts that all transfers share. Millions of entries are filled in past the triggers, then snapshots are made as a
node makes them; balances are read while transfers go on.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import tempfile
import time
from pathlib import Path
from typing import Final

import uvloop

from bench import report
from bench.ledger_kills import LedgerToll, add_people, under_fire
from bench.ledger_worker import TEST, ledger_of, person
from bench.report import Figure, figure
from server.features.money.ledger import PLATFORM, Ledger, Transfer, pending
from server.features.money.ledger.check import Checks
from storage.embedded.postgres import EmbeddedPostgres
from storage.migrate import migrate
from storage.postgres import Database

AT_ONCE: Final = 32
BATCH: Final = 100
BAR_TRANSFERS_S: Final = 1_000
BAR_BALANCE_MS: Final = 5.0
FILL: Final = 200_000
"""Transfers of two entries in one statement."""
TAIL_S: Final = 0.02
"""Between two transfers while balances are read."""
_ACCOUNTS: Final = """
insert into ledger_accounts (kind, owner_id, currency) select 'test', null, 'USD'
union all select 'pending', id, 'USD' from users on conflict do nothing
"""
_TRANSFERS: Final = """
insert into ledger_transfers (id, key, kind, currency, subject, at)
select ('01900000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 'fill:' || n, 'bench', 'USD', '', now()
from generate_series($1::bigint, $2::bigint) n
"""
_ENTRIES: Final = """
insert into ledger_entries (transfer_id, account_id, currency, amount)
select ('01900000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, side.account_id, 'USD', side.amount
from generate_series($1::bigint, $2::bigint) n cross join lateral (
    values ((select id from ledger_accounts where kind = 'test' and currency = 'USD'), -500),
        (($3::bigint[])[1 + n * 7919 % cardinality($3::bigint[])], 500)) side (account_id, amount)
"""


class Books:
    def __init__(self, db: Database, people: int) -> None:
        self.db = db
        self.people = people
        self.ledger: Ledger = ledger_of(db)
        self._chance = random.Random(1)
        self._number = 0

    def next(self) -> Transfer:
        self._number += 1
        amounts = {TEST: -500, PLATFORM: 50, pending(self.anybody()): 450}
        return Transfer(key=f"bench:{self._number}", kind="bench", currency="USD", subject="", amounts=amounts)

    def anybody(self) -> str:
        return person(self._chance.randrange(self.people))

    async def post(self, count: int) -> None:
        """In one transaction."""
        async with self.db.transaction() as tx:
            await self.ledger.post_all(tx, [self.next() for _ in range(count)])

    async def rate(self, transfers: int, batch: int) -> float:
        """Transfers a second, ``AT_ONCE`` transactions of ``batch`` each at one time."""
        left = iter(range(transfers // batch))

        async def work() -> None:
            for _ in left:
                await self.post(batch)

        began = time.perf_counter()
        await asyncio.gather(*(work() for _ in range(AT_ONCE)))
        return transfers / (time.perf_counter() - began)

    async def fill(self, entries: int) -> None:
        async with self.db.transaction(timeout_s=600) as tx:
            await tx.execute(_ACCOUNTS)
            rows = await tx.fetch("select id from ledger_accounts where kind = 'pending' and currency = 'USD'")
        accounts = [row["id"] for row in rows]
        for first in range(1, entries // 2 + 1, FILL):
            last = min(first + FILL - 1, entries // 2)
            async with self.db.transaction(timeout_s=600) as tx:
                await tx.execute("set local session_replication_role = replica")
                await tx.execute(_TRANSFERS, first, last)
                await tx.execute(_ENTRIES, first, last, accounts)
        await self.db.execute("analyze ledger_entries", timeout_s=120)

    async def balances(self, count: int) -> list[float]:
        """Milliseconds each, while one transfer after the other is posted."""
        took = []
        writing = asyncio.create_task(self._write())
        for _ in range(count):
            who = self.anybody()
            began = time.perf_counter()
            await self.ledger.balances(self.db, who)
            took.append(1000 * (time.perf_counter() - began))
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
        return sorted(took)

    async def _write(self) -> None:
        while True:
            await self.post(1)
            await asyncio.sleep(TAIL_S)


async def _measure(url: str, options: argparse.Namespace) -> list[Figure]:
    db = await Database.connect(url, max_connections=AT_ONCE, deadline_s=600.0)
    books = Books(db, options.people)
    try:
        for at in range(0, options.people, 5_000):
            await add_people(db, min(5_000, options.people - at), first=at)
        await books.rate(200, 1)
        single = [await books.rate(options.transfers, 1) for _ in range(options.rounds)]
        batched = [await books.rate(options.transfers * 4, BATCH) for _ in range(options.rounds)]
        began = time.perf_counter()
        await books.fill(options.entries)
        filled = time.perf_counter()
        await Checks(db=db).snapshot()
        print(f"filled in {filled - began:.0f} s, snapshots made in {time.perf_counter() - filled:.0f} s")
        took = await books.balances(options.balances)
    finally:
        await db.close()
    of = f"a balance among {options.entries:,} entries"
    return [
        figure("ledger", f"transfers, each committed alone, {AT_ONCE} at once", single, "transfers/s",
               better="higher", bar=BAR_TRANSFERS_S),
        figure("ledger", f"transfers, {BATCH} in a transaction", batched, "transfers/s", better="higher",
               bar=BAR_TRANSFERS_S),
        figure("ledger", f"{of}, p50", [took[len(took) // 2]], "ms", better="lower"),
        figure("ledger", f"{of}, p99", [took[len(took) * 99 // 100]], "ms", better="lower", bar=BAR_BALANCE_MS),
    ]  # fmt: skip


def _toll(toll: LedgerToll) -> list[Figure]:
    name = f"{toll.operations:,} operations over {toll.kills} kills"
    said = {
        "sum": toll.sum, "operations missing": toll.missing, "transfers twice": toll.twice,
        "balances unlike the replay": toll.wrong, "differences of the check": toll.differences,
    }  # fmt: skip
    return [figure("ledger", f"{name}: {what}", [value], "", better="lower", bar=0) for what, value in said.items()]


async def _all(options: argparse.Namespace, engine: EmbeddedPostgres) -> list[Figure]:
    url = await asyncio.to_thread(engine.start)
    await migrate(url)
    figures = await _measure(url, options) if options.transfers else []
    if options.operations:
        other = url.replace("/postgres?", "/kills?", 1)
        admin = await Database.connect(url, max_connections=1)
        await admin.execute("create database kills")
        await admin.close()
        await migrate(other)
        toll = await under_fire(
            engine, other, operations=options.operations, kills=options.kills, pause_s=options.pause, within_s=1_200
        )
        print(f"{toll.operations / toll.took_s:,.0f} operations/s under fire")
        figures += _toll(toll)
    return figures


def main(argv: list[str]) -> int:
    """Prints a row a question: median, spread, the bar."""
    parser = argparse.ArgumentParser(prog="bench ledger", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="rounds of the first question")
    parser.add_argument("--transfers", type=int, default=5_000, help="transfers a round; 0: only kills")
    parser.add_argument("--people", type=int, default=20_000)
    parser.add_argument("--entries", type=int, default=10_000_000, help="entries among which balances are told")
    parser.add_argument("--balances", type=int, default=5_000, help="how many are asked for")
    parser.add_argument("--operations", type=int, default=100_000, help="operations under fire; 0: none")
    parser.add_argument("--kills", type=int, default=40, help="kills of the processes and of Postgres meanwhile")
    parser.add_argument("--pause", type=float, default=2.0, help="seconds between two kills")
    report.options(parser)
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="sf-bench-") as folder:
        engine = EmbeddedPostgres(data_dir=Path(folder))
        try:
            figures = uvloop.run(_all(options, engine))
        finally:
            engine.stop()
    report.hand_over(figures, options.json)
    return 0


if __name__ == "__main__":
    import sys

    sys.exit(main(sys.argv[1:]))
