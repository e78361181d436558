"""Transfers between accounts, and what accounts hold. Nothing moves money except a transfer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from server.features.money.ledger import queries
from server.features.money.ledger.accounts import Account
from storage.ids import Ids
from storage.postgres import Database, Reads, Transaction

SNAPSHOT_AFTER: Final = 5_000
"""Entries of this node since it has last asked for snapshots: what a balance adds up stays short at any rate."""


@dataclass(frozen=True, kw_only=True)
class Transfer:
    """Minor units that move between accounts and come to zero. ``key``: one transfer of it is made, ever. ``subject``:
    the id of what it is for.
    """

    amounts: Mapping[Account, int]
    key: str
    kind: str
    currency: str
    subject: str


class OtherTransfer(Exception):
    """The key has made a transfer of other amounts, which is a defect of the caller."""


class Ledger:
    def __init__(
        self,
        *,
        db: Database,
        ids: Ids,
        now: Callable[[], datetime],
        ask_snapshot: Callable[[Transaction], Awaitable[object]],
    ) -> None:
        """``ask_snapshot``: have snapshots made after the commit."""
        self._db = db
        self._ids = ids
        self._now = now
        self._ask_snapshot = ask_snapshot
        self._entries = 0

    async def post(
        self, tx: Transaction, amounts: Mapping[Account, int], *, key: str, kind: str, currency: str, subject: str
    ) -> str | None:
        """Write one transfer: its id; None if the key has made it before. As ``post_all``."""
        transfer = Transfer(amounts=amounts, key=key, kind=kind, currency=currency, subject=subject)
        return (await self.post_all(tx, [transfer]))[0]

    async def post_all(self, tx: Transaction, transfers: Sequence[Transfer]) -> list[str | None]:
        """Write transfers of different keys: their ids, in this order; None where the key has made it before.

        The commit fails for amounts that do not come to zero. Raises ``OtherTransfer``.
        """
        if not transfers:
            return []
        now = self._now()
        ids = [self._ids.uuid7(now.timestamp()) for _ in transfers]
        heads = zip(*((one.key, one.kind, one.currency, one.subject) for one in transfers), strict=True)
        entries = _entries(ids, transfers)
        rows = await tx.fetch(queries.POST, now, ids, *map(list, heads), *entries)
        made = {row["id"] for row in rows}
        for number, one in zip(ids, transfers, strict=True):
            if number not in made:
                await self._require_same(tx, one)
        await self._count(tx, len(entries[0]))
        return [number if number in made else None for number in ids]

    async def _count(self, tx: Transaction, entries: int) -> None:
        self._entries += entries
        if self._entries >= SNAPSHOT_AFTER:
            self._entries = 0
            await self._ask_snapshot(tx)

    async def locked_balance(self, tx: Transaction, account: Account, currency: str) -> int:
        """What the account holds; until the end of the transaction, nobody else takes from it who has asked here."""
        named = account.kind, account.owner_id, currency
        await tx.execute(queries.OPEN, *named)
        number = await tx.fetchval(queries.LOCK_ACCOUNT, *named)
        balance: int = await tx.fetchval(queries.BALANCE, number)
        return balance

    async def balances(self, where: Reads, person_id: str) -> list[dict[str, Any]]:
        """In each currency of the person's, ``available`` and ``pending``."""
        found: dict[str, dict[str, Any]] = {}
        for row in await where.fetch(queries.BALANCES_OF, person_id):
            of_currency = found.setdefault(row["currency"], {"currency": row["currency"], "available": 0, "pending": 0})
            of_currency[row["kind"]] = row["balance"]
        return list(found.values())

    async def _require_same(self, tx: Transaction, given: Transfer) -> None:
        rows = await tx.fetch(queries.POSTED, given.key)
        posted = {(row["currency"], Account(row["kind"], row["owner_id"])): row["amount"] for row in rows}
        if posted != {(given.currency, account): amount for account, amount in _moved(given).items()}:
            raise OtherTransfer(f"the transfer {given.key} is there with other amounts")


def _entries(ids: Sequence[str], transfers: Sequence[Transfer]) -> list[list[Any]]:
    """A list for each column."""
    rows = [
        (number, account.kind, account.owner_id, one.currency, amount)
        for number, one in zip(ids, transfers, strict=True)
        for account, amount in _moved(one).items()
    ]
    return [[row[column] for row in rows] for column in range(5)]


def _moved(transfer: Transfer) -> dict[Account, int]:
    return {account: amount for account, amount in transfer.amounts.items() if amount}
