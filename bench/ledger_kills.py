"""Transfers under fire: the processes that post and Postgres are killed, then the ledger is held against a replay."""

from __future__ import annotations

import asyncio
import contextlib
import random
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Final

import msgspec

from bench.job_kills import POSTGRES_EACH, crew_of
from bench.ledger_worker import PEOPLE, operation, person
from server.features.money.ledger.accounts import Account
from server.features.money.ledger.check import Checks
from storage.embedded.postgres import EmbeddedPostgres
from storage.errors import StorageError
from storage.postgres import Database

WORKERS: Final = 4
PEOPLE_SQL: Final = """
insert into users (id, username, username_key, email, email_key, display_name, password_hash, stream_key)
select id, name, name, name, name, name, '', name from unnest($1::uuid[], $2::text[]) as given (id, name)
"""
_HELD: Final = """
select a.kind, a.owner_id, a.currency, sum(e.amount)::bigint as held
from ledger_entries e join ledger_accounts a on a.id = e.account_id group by a.id
"""


class LedgerToll(msgspec.Struct, frozen=True, kw_only=True):
    """``missing``: operations without a transfer. ``twice``: transfers beyond the first of an operation. ``wrong``:
    balances that are not what the operations come to, ``differences``: what the ledger's own check finds.
    """

    operations: int
    kills: int
    sum: int
    missing: int
    twice: int
    wrong: int
    differences: int
    took_s: float


async def under_fire(
    engine: EmbeddedPostgres, url: str, *, operations: int, kills: int, pause_s: float, within_s: float, seed: int = 1
) -> LedgerToll:
    """Four processes carry the operations out; one or Postgres is killed every ``pause_s`` or so."""
    chance, began = random.Random(seed), time.monotonic()
    db = await Database.connect(url, max_connections=4)
    checks = Checks(db=db)
    try:
        await add_people(db, PEOPLE)
        with tempfile.TemporaryDirectory(prefix="sf-ledger-") as folder:
            commands = [
                ("bench.ledger_worker", url, str(Path(folder) / str(n)), str(n), str(WORKERS), str(operations))
                for n in range(WORKERS)
            ]
            with crew_of(engine, commands) as crew:
                for number in range(1, kills + 1):
                    await asyncio.sleep(pause_s * (0.5 + chance.random()))
                    kill = crew.kill_postgres if number % POSTGRES_EACH == 0 else lambda: crew.kill_worker(chance)
                    await asyncio.to_thread(kill)
                    with contextlib.suppress(StorageError):
                        await checks.snapshot()
                while not crew.are_done() and time.monotonic() - began < within_s:  # noqa: ASYNC110 - they are processes
                    await asyncio.sleep(0.1)
        return await _count(db, checks, operations, kills, time.monotonic() - began)
    finally:
        await db.close()


async def add_people(db: Database, count: int, *, first: int = 0) -> None:
    numbers = range(first, first + count)
    await db.execute(PEOPLE_SQL, [person(n) for n in numbers], [f"bench{n}" for n in numbers])


async def _count(db: Database, checks: Checks, operations: int, kills: int, took_s: float) -> LedgerToll:
    told = await checks.check()
    subjects = [row[0] for row in await db.fetch("select subject from ledger_transfers", timeout_s=60.0)]
    held = await db.fetch(_HELD, timeout_s=60.0)
    found = {(row["currency"], Account(row["kind"], row["owner_id"])): row["held"] for row in held if row["held"]}
    wanted = _replayed(operations)
    return LedgerToll(
        operations=operations,
        kills=kills,
        sum=told["sum"],
        missing=operations - len(set(subjects)),
        twice=len(subjects) - len(set(subjects)),
        wrong=len(set(found.items()) ^ set(wanted.items())),
        differences=len(told["differences"]),
        took_s=took_s,
    )


def _replayed(operations: int) -> dict[tuple[str, Account], int]:
    """What the accounts hold after each operation was carried out once."""
    held: Counter[tuple[str, Account]] = Counter()
    for number in range(operations):
        currency, amounts = operation(number)
        for account, amount in amounts.items():
            held[currency, account] += amount
    return {account: amount for account, amount in held.items() if amount}
