"""``/api/v1/me/earnings``, ``/api/v1/me/payout-account`` and ``/api/v1/me/payouts``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from aiohttp import web

from server.features.money.payouts.payouts import Payouts
from server.features.money.payouts.pdf import as_pdf
from server.features.money.payouts.shapes import (
    AskedPayoutShape,
    EarningsShape,
    OnboardingShape,
    PayoutBody,
    PayoutsShape,
    PeriodQuery,
    StatementQuery,
)
from server.features.money.payouts.statements import HEAD, as_csv
from server.http.cursors import after_id, page_of
from server.http.limits import CallRate
from server.http.operation import UUID, Answer, Call, MediaType, Operation
from server.http.shapes import PageQuery
from storage.postgres import Row

RATE: Final = CallRate("payouts", per_s=0.2, burst=10)
READS: Final = CallRate("statements", per_s=1.0, burst=30)
PDF: Final = MediaType(media_type="application/pdf", description="The same lines as the CSV, page by page")
CSV: Final = MediaType(media_type="text/csv", description=f"`{','.join(HEAD)}`, amounts in minor units")


class PayoutRoutes:
    def __init__(self, *, payouts: Payouts) -> None:
        self._payouts = payouts

    def operations(self) -> Sequence[Operation]:
        mine: dict[str, Any] = {"tag": "money", "auth": "required", "scope": "money"}
        reading: dict[str, Any] = {"account_rate": READS, **mine}
        return [
            Operation(
                method="GET", path="/api/v1/me/earnings", handler=self._earnings, name="getEarnings",
                query=PeriodQuery, answers={200: EarningsShape}, summary="What you have earned with what", **reading,
            ),
            Operation(
                method="POST", path="/api/v1/me/payout-account", handler=self._onboard, name="openPayoutAccount",
                answers={200: OnboardingShape}, problems=frozenset({503}), account_rate=RATE,
                summary="Say where payouts go", **mine,
            ),
            Operation(
                method="GET", path="/api/v1/me/payouts", handler=self._list, name="listPayouts", query=PageQuery,
                answers={200: PayoutsShape}, summary="Your payouts, the newest first", **reading,
            ),
            Operation(
                method="POST", path="/api/v1/me/payouts", handler=self._ask, name="askPayout", body=PayoutBody,
                answers={201: AskedPayoutShape}, problems=frozenset({409, 503}), idempotent_key=True,
                account_rate=RATE, summary="Have what is available paid out", **mine,
            ),
            Operation(
                method="GET", path="/api/v1/me/payouts/statement.csv", handler=self._statement, name="getStatement",
                query=StatementQuery, answers={200: CSV}, summary="Each movement of your money, as CSV", **reading,
            ),
            Operation(
                method="GET", path="/api/v1/me/payouts/{payout_id}/statement.csv", handler=self._statement_of,
                name="getPayoutStatement", paths={"payout_id": UUID}, answers={200: CSV},
                problems=frozenset({404}), summary="What came to a payout, as CSV", **reading,
            ),
            Operation(
                method="GET", path="/api/v1/me/payouts/statement.pdf", handler=self._printed,
                name="getPrintedStatement", query=StatementQuery, answers={200: PDF},
                summary="Each movement of your money, as PDF", **reading,
            ),
            Operation(
                method="GET", path="/api/v1/me/payouts/{payout_id}/statement.pdf", handler=self._printed_of,
                name="getPrintedPayoutStatement", paths={"payout_id": UUID}, answers={200: PDF},
                problems=frozenset({404}), summary="What came to a payout, as PDF", **reading,
            ),
        ]  # fmt: skip

    async def _earnings(self, call: Call[None, PeriodQuery]) -> Answer:
        return Answer(200, await self._payouts.earnings(call.me.id, call.query.since, call.query.to))

    async def _onboard(self, call: Call[None, None]) -> Answer:
        return Answer(200, await self._payouts.onboard(call.me.id))

    async def _list(self, call: Call[None, PageQuery]) -> Answer:
        query = call.query
        rows = await self._payouts.listed(call.me.id, before=after_id(query.cursor), limit=query.limit + 1)
        shown, following = page_of(rows, query.limit, lambda row: (0, row["id"]))
        return Answer(200, {"items": list(shown), "next": following})

    async def _ask(self, call: Call[PayoutBody, None]) -> Answer:
        return Answer(201, {"payout": await self._payouts.ask(call.me.id, call.body)})

    async def _statement(self, call: Call[None, StatementQuery]) -> web.Response:
        query = call.query
        rows = await self._payouts.statement(call.me.id, query.since, query.to, query.currency)
        return _csv(as_csv(rows))

    async def _statement_of(self, call: Call[None, None]) -> web.Response:
        return _csv(as_csv(await self._payouts.statement_of(call.me.id, call.path["payout_id"])))

    async def _printed(self, call: Call[None, StatementQuery]) -> web.Response:
        query = call.query
        rows = await self._payouts.statement(call.me.id, query.since, query.to, query.currency)
        return _pdf(f"Statement of {call.me.username}", rows)

    async def _printed_of(self, call: Call[None, None]) -> web.Response:
        payout_id = call.path["payout_id"]
        rows = await self._payouts.statement_of(call.me.id, payout_id)
        return _pdf(f"Statement of {call.me.username} for the payout {payout_id}", rows)


def _pdf(title: str, rows: Sequence[Row]) -> web.Response:
    headers = {"Content-Disposition": 'attachment; filename="statement.pdf"', "Cache-Control": "no-store"}
    return web.Response(body=as_pdf(title, rows), content_type="application/pdf", headers=headers)


def _csv(text: str) -> web.Response:
    headers = {"Content-Disposition": 'attachment; filename="statement.csv"', "Cache-Control": "no-store"}
    return web.Response(text=text, content_type="text/csv", charset="utf-8", headers=headers)
