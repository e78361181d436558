"""``/api/v1/me/balance``, ``/api/v1/me/ledger`` and the operator's view of the whole."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from server.features.money.ledger import queries
from server.features.money.ledger.check import Checks
from server.features.money.ledger.ledger import Ledger
from server.features.money.ledger.shapes import (
    AdminLedgerShape,
    BalancesShape,
    CheckShape,
    LedgerQuery,
    TransfersShape,
)
from server.http.cursors import after_id, page_of
from server.http.limits import CallRate
from server.http.operation import Answer, Call, Operation
from server.http.shapes import PageQuery
from storage.postgres import Database, Row

CHECKS: Final = CallRate("ledger_checks", per_s=1 / 10, burst=20)


class LedgerRoutes:
    def __init__(self, *, db: Database, ledger: Ledger, checks: Checks) -> None:
        self._db = db
        self._ledger = ledger
        self._checks = checks

    def operations(self) -> Sequence[Operation]:
        mine: dict[str, Any] = {"tag": "money", "auth": "required", "scope": "money"}
        admins: dict[str, Any] = {
            "tag": "admin", "auth": "required", "roles": frozenset({"admin"}), "problems": frozenset({403}),
        }  # fmt: skip
        return [
            Operation(
                method="GET", path="/api/v1/me/balance", handler=self._balance, name="getBalance",
                summary="What you have earned and not yet been paid", answers={200: BalancesShape}, **mine,
            ),
            Operation(
                method="GET", path="/api/v1/me/ledger", handler=self._mine, name="listMyTransfers",
                summary="Each transfer that has moved your money, the newest first", query=LedgerQuery,
                answers={200: TransfersShape}, **mine,
            ),
            Operation(
                method="GET", path="/api/v1/admin/ledger", handler=self._all, name="listTransfers",
                summary="What the accounts hold, and all transfers, the newest first", query=PageQuery,
                answers={200: AdminLedgerShape}, **admins,
            ),
            Operation(
                method="GET", path="/api/v1/admin/ledger/check", handler=self._check, name="checkLedger",
                summary="Add up the whole ledger now", answers={200: CheckShape}, account_rate=CHECKS, **admins,
            ),
        ]  # fmt: skip

    async def _balance(self, call: Call[None, None]) -> Answer:
        return Answer(200, {"balances": await self._ledger.balances(self._db, call.me.id)})

    async def _mine(self, call: Call[None, LedgerQuery]) -> Answer:
        query = call.query
        rows = await self._db.fetch(
            queries.LIST_OF, call.me.id, after_id(query.cursor), query.limit + 1, query.currency
        )
        return Answer(200, _page(rows, query.limit, is_owner_shown=False))

    async def _all(self, call: Call[None, PageQuery]) -> Answer:
        query = call.query
        rows = await self._db.fetch(queries.LIST, after_id(query.cursor), query.limit + 1)
        totals = [dict(row) for row in await self._db.fetch(queries.TOTALS)]
        return Answer(200, {**_page(rows, query.limit, is_owner_shown=True), "totals": totals})

    async def _check(self, call: Call[None, None]) -> Answer:
        return Answer(200, await self._checks.check())


def _page(rows: Sequence[Row], limit: int, *, is_owner_shown: bool) -> dict[str, Any]:
    shown, following = page_of(rows, limit, lambda row: (0, row["id"]))
    return {"items": [_transfer(row, is_owner_shown) for row in shown], "next": following}


def _transfer(row: Row, is_owner_shown: bool) -> dict[str, Any]:
    fields = ("account", "amount", "owner_id") if is_owner_shown else ("account", "amount")
    return {**dict(row), "entries": [{field: entry[field] for field in fields} for entry in row["entries"]]}
