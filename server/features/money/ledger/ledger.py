"""Transfers between accounts, and what accounts hold. Nothing moves money except a transfer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from server.features.money.ledger import queries
from server.features.money.ledger.accounts import Account
from storage.ids import Ids
from storage.postgres import Database, Reads, Transaction


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
    def __init__(self, *, db: Database, ids: Ids, now: Callable[[], datetime]) -> None:
        self._db = db
        self._ids = ids
        self._now = now

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
        made = {row["id"] for row in await tx.fetch(queries.ADD_TRANSFERS, now, ids, *map(list, heads))}
        new = {number: one for number, one in zip(ids, transfers, strict=True) if number in made}
        for number, one in zip(ids, transfers, strict=True):
            if number not in made:
                await self._require_same(tx, one)
        for currency in sorted({one.currency for one in new.values()}):
            await self._add_entries(tx, currency, {n: one for n, one in new.items() if one.currency == currency})
        return [number if number in made else None for number in ids]

    async def _add_entries(self, tx: Transaction, currency: str, transfers: Mapping[str, Transfer]) -> None:
        """``transfers``: by their ids, all of this currency."""
        moved = [(n, account, amount) for n, one in transfers.items() for account, amount in _moved(one).items()]
        numbers = await self._numbers(tx, currency, {account for _, account, _ in moved})
        await tx.execute(
            queries.ADD_ENTRIES, currency, [n for n, _, _ in moved], [numbers[account] for _, account, _ in moved],
            [amount for _, _, amount in moved],
        )  # fmt: skip

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

    async def _require_same(self, tx: Transaction, given: Transfer) -> None:
        rows = await tx.fetch(queries.POSTED, given.key)
        posted = {(row["currency"], Account(row["kind"], row["owner_id"])): row["amount"] for row in rows}
        if posted != {(given.currency, account): amount for account, amount in _moved(given).items()}:
            raise OtherTransfer(f"the transfer {given.key} is there with other amounts")

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


def _moved(transfer: Transfer) -> dict[Account, int]:
    return {account: amount for account, amount in transfer.amounts.items() if amount}
