"""``/api/v1/me/tax-details``, ``/api/v1/me/tax-totals`` and the totals of all recipients for operators."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from aiohttp import web

from server.features.money.payouts.shapes import (
    RulesBody,
    SettleBody,
    SettledShape,
    TaxBody,
    TaxShape,
    WithholdingShape,
    YearQuery,
    YearTotalsShape,
)
from server.features.money.payouts.statements import TOTALS_HEAD, totals_as_csv
from server.features.money.payouts.tax import Taxes
from server.features.money.payouts.withholding import Withholding
from server.http.limits import CallRate
from server.http.operation import Answer, Call, MediaType, Operation

RATE: Final = CallRate("tax", per_s=0.2, burst=10)
WITHHOLDING: Final = CallRate("withholding", per_s=1.0, burst=30)
CSV: Final = MediaType(media_type="text/csv", description=f"`{','.join(TOTALS_HEAD)}`, amounts in minor units")


class TaxRoutes:
    def __init__(self, *, taxes: Taxes, withholding: Withholding) -> None:
        self._taxes = taxes
        self._withholding = withholding

    def operations(self) -> Sequence[Operation]:
        mine: dict[str, Any] = {"tag": "money", "auth": "required", "scope": "money", "account_rate": RATE}
        admins: dict[str, Any] = {
            "tag": "admin", "auth": "required", "roles": frozenset({"admin"}), "account_rate": WITHHOLDING,
        }  # fmt: skip
        return [
            Operation(
                method="PUT", path="/api/v1/me/tax-details", handler=self._put, name="putTaxDetails", body=TaxBody,
                answers={200: TaxShape}, summary="Give your tax details, which are encrypted at rest", **mine,
            ),
            Operation(
                method="GET", path="/api/v1/me/tax-details", handler=self._read, name="getTaxDetails",
                answers={200: TaxShape}, problems=frozenset({404, 503}), summary="The tax details that you gave",
                **mine,
            ),
            Operation(
                method="GET", path="/api/v1/me/tax-totals", handler=self._mine, name="getTaxTotals", query=YearQuery,
                answers={200: YearTotalsShape}, summary="What you were paid out in a year", **mine,
            ),
            Operation(
                method="GET", path="/api/v1/admin/tax-totals.csv", handler=self._totals, name="getAllTaxTotals",
                tag="admin", auth="required", roles=frozenset({"admin"}), query=YearQuery, answers={200: CSV},
                problems=frozenset({403, 503}), account_rate=RATE,
                summary="What each recipient was paid out in a year, with their tax details, as CSV",
            ),
            Operation(
                method="GET", path="/api/v1/admin/withholding", handler=self._rules, name="getWithholding",
                answers={200: WithholdingShape}, problems=frozenset({403}),
                summary="What is withheld of payouts for taxes, and from whom it is kept now", **admins,
            ),
            Operation(
                method="PUT", path="/api/v1/admin/withholding", handler=self._put_rules, name="putWithholding",
                body=RulesBody, answers={200: WithholdingShape}, problems=frozenset({403}),
                summary="Withhold of payouts from now on by these rules, and no others", **admins,
            ),
            Operation(
                method="POST", path="/api/v1/admin/withholding/settlements", handler=self._settle,
                name="settleWithholding", body=SettleBody, answers={201: SettledShape},
                problems=frozenset({403, 404, 409}), idempotent_key=True,
                summary="Release what was withheld to the person, or remit it to the tax office", **admins,
            ),
        ]  # fmt: skip

    async def _rules(self, _: Call[None, None]) -> Answer:
        return Answer(200, await self._withholding.shown())

    async def _put_rules(self, call: Call[RulesBody, None]) -> Answer:
        return Answer(200, await self._withholding.put(call.body, by=call.me.id, address=call.address))

    async def _settle(self, call: Call[SettleBody, None]) -> Answer:
        return Answer(201, await self._withholding.settle(call.body, by=call.me.id, address=call.address))

    async def _put(self, call: Call[TaxBody, None]) -> Answer:
        return Answer(200, await self._taxes.put(call.me.id, call.body, address=call.address))

    async def _read(self, call: Call[None, None]) -> Answer:
        return Answer(200, await self._taxes.of(call.me.id))

    async def _mine(self, call: Call[None, YearQuery]) -> Answer:
        return Answer(200, await self._taxes.mine(call.me.id, call.query.year))

    async def _totals(self, call: Call[None, YearQuery]) -> web.Response:
        totals = await self._taxes.totals(call.query.year, by=call.me.id, address=call.address)
        headers = {"Content-Disposition": 'attachment; filename="tax-totals.csv"', "Cache-Control": "no-store"}
        return web.Response(text=totals_as_csv(totals), content_type="text/csv", charset="utf-8", headers=headers)
