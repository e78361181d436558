"""``/api/v1/me/tax-details``, ``/api/v1/me/tax-totals`` and the totals of all recipients for operators."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from aiohttp import web

from server.features.money.payouts.shapes import TaxBody, TaxShape, YearQuery, YearTotalsShape
from server.features.money.payouts.statements import TOTALS_HEAD, totals_as_csv
from server.features.money.payouts.tax import Taxes
from server.http.limits import CallRate
from server.http.operation import Answer, Call, MediaType, Operation

RATE: Final = CallRate("tax", per_s=0.2, burst=10)
CSV: Final = MediaType(media_type="text/csv", description=f"`{','.join(TOTALS_HEAD)}`, amounts in minor units")


class TaxRoutes:
    def __init__(self, *, taxes: Taxes) -> None:
        self._taxes = taxes

    def operations(self) -> Sequence[Operation]:
        mine: dict[str, Any] = {"tag": "money", "auth": "required", "scope": "money", "account_rate": RATE}
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
        ]  # fmt: skip

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
