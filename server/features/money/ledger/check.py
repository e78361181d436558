"""Whether the ledger adds up, and the snapshots from which balances are told without adding up everything."""

from __future__ import annotations

import logging
from typing import Any, Final

from server.features.money.ledger import queries
from storage.postgres import Database, Transaction

CHECK_S: Final = 300.0
PART: Final = 50_000
"""Transfers or accounts in one statement, which has seconds."""
SNAPSHOT_ENTRIES: Final = 200_000
MAX_TOLD: Final = 100
log = logging.getLogger("server.ledger")


class Checks:
    """``differences``: how many the last check on this node has found, for the operator's metrics."""

    def __init__(self, *, db: Database) -> None:
        self._db = db
        self.differences = 0

    async def check(self) -> dict[str, Any]:
        """All entries added up anew, at one moment: ``sum`` is 0 and there are no ``differences``, unless the tables
        were written to past their triggers.
        """
        async with self._db.transaction(timeout_s=CHECK_S) as tx:
            await tx.execute("set transaction isolation level repeatable read, read only")
            told = await _add_up(tx)
            told["differences"] += await _compare_snapshots(tx)
        self.differences = len(told["differences"]) + (told["sum"] != 0)
        return {**told, "differences": told["differences"][:MAX_TOLD]}

    async def nightly(self) -> None:
        told = await self.check()
        if self.differences:
            log.error("the ledger does not add up: sum %d, differences %s", told["sum"], told["differences"])

    async def snapshot(self) -> None:
        """Add what was entered since the last time to the snapshots. It may run beside itself and be repeated."""
        async with self._db.transaction() as tx:
            for sql in queries.BARRIER:
                await tx.execute(sql)
            last = await tx.fetchval(queries.LAST)
        while await self._advance(last):
            pass

    async def _advance(self, last: int) -> bool:
        """Whether entries are left up to the id ``last``, which is no longer written below."""
        async with self._db.transaction() as tx:
            await tx.execute(queries.FIRST_HEAD)
            head: int = await tx.fetchval(queries.HEAD)
            upto = min(last, head + SNAPSHOT_ENTRIES)
            if head < upto:
                await tx.execute(queries.SNAPSHOT, head, upto)
                await tx.execute(queries.MOVE_HEAD, upto)
            return upto < last


async def _add_up(tx: Transaction) -> dict[str, Any]:
    told: dict[str, Any] = {"sum": 0, "transfers": 0, "entries": 0, "differences": []}
    last = None
    while True:
        row = await tx.fetchrow(queries.CHECK_TRANSFERS, last, PART)
        assert row is not None
        for name in told:
            told[name] += row[name]
        last = row["last"]
        if row["transfers"] < PART:
            return told


async def _compare_snapshots(tx: Transaction) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    last = 0
    while last is not None:
        row = await tx.fetchrow(queries.CHECK_BALANCES, last, PART)
        assert row is not None
        found += row["differences"]
        last = row["last"]
    return found
