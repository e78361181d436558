"""Transfers between accounts, and what accounts hold. Nothing moves money except a transfer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from server.features.money.ledger import queries
from server.features.money.ledger.accounts import Account
from storage.ids import Ids
from storage.postgres import Database, Reads, Transaction


class OtherTransfer(Exception):
    """The key has made a transfer of other amounts, which is a defect of the caller."""


class Ledger:
    def __init__(self, *, db: Database, ids: Ids, now: Callable[[], datetime]) -> None:
        self._db = db
        self._ids = ids
        self._now = now

    async def post(
        self, tx: Transaction, amounts: Mapping[Account, int], *, key: str, kind: str, currency: str, subject: str
    ) -> str | None:
        """Write a transfer of minor units, which come to zero: its id; None if the key has made it before.

        ``subject``: the id of what it is for. The commit fails for amounts that do not come to zero. Raises
        ``OtherTransfer``.
        """
        moved = {account: amount for account, amount in amounts.items() if amount}
        now = self._now()
        transfer_id = self._ids.uuid7(now.timestamp())
        if await tx.fetchval(queries.ADD_TRANSFER, transfer_id, key, kind, currency, subject, now) is None:
            await self._require_same(tx, key, currency, moved)
            return None
        numbers = await self._numbers(tx, currency, moved)
        values = [numbers[account] for account in moved], list(moved.values())
        await tx.execute(queries.ADD_ENTRIES, transfer_id, currency, *values)
        return transfer_id

    async def locked_balance(self, tx: Transaction, account: Account, currency: str) -> int:
        """What the account holds; until the end of the transaction, nobody else takes from it who has asked here."""
        number = (await self._numbers(tx, currency, [account]))[account]
        await tx.fetchval(queries.LOCK_ACCOUNT, number)
        balance: int = await tx.fetchval(queries.BALANCE, number)
        return balance

    async def balances(self, where: Reads, person_id: str) -> list[dict[str, Any]]:
        """In each currency of the person's, ``available`` and ``pending``."""
        found: dict[str, dict[str, Any]] = {}
        for row in await where.fetch(queries.BALANCES_OF, person_id):
            of_currency = found.setdefault(row["currency"], {"currency": row["currency"], "available": 0, "pending": 0})
            of_currency[row["kind"]] = row["balance"]
        return list(found.values())

    async def _require_same(self, tx: Transaction, key: str, currency: str, moved: Mapping[Account, int]) -> None:
        rows = await tx.fetch(queries.POSTED, key)
        posted = {(row["currency"], Account(row["kind"], row["owner_id"])): row["amount"] for row in rows}
        if posted != {(currency, account): amount for account, amount in moved.items()}:
            raise OtherTransfer(f"the transfer {key} is there with other amounts")

    async def _numbers(self, tx: Transaction, currency: str, accounts: Iterable[Account]) -> dict[Account, int]:
        """The rows of accounts, which are made where they are missing."""
        wanted = list(accounts)
        kinds: list[str] = [account.kind for account in wanted]
        given = kinds, [account.owner_id or "" for account in wanted]
        found = await self._found(tx, currency, given)
        if len(found) < len(wanted):
            await tx.execute(queries.ADD_ACCOUNTS, currency, *given)
            found = await self._found(tx, currency, given)
        return found

    async def _found(self, tx: Transaction, currency: str, given: tuple[list[str], list[str]]) -> dict[Account, int]:
        rows = await tx.fetch(queries.ACCOUNT_IDS, currency, *given)
        return {Account(row["kind"], row["owner_id"]): row["id"] for row in rows}
