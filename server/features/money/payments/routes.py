"""``/api/v1/webhooks/stripe``, and payments and Stripe's events as operators see them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from server.features.money.payments import queries
from server.features.money.payments.inbox import Inbox
from server.features.money.payments.payments import Payments
from server.features.money.payments.reconciliation import Reconciling
from server.features.money.payments.shapes import (
    BegunShape,
    PaymentsShape,
    ReceivedShape,
    ReconciliationsShape,
    RefundBody,
    RefundShape,
    StoredEventsQuery,
    StoredEventsShape,
)
from server.http.cursors import after_id, page_of
from server.http.errors import not_found
from server.http.limits import CallRate
from server.http.operation import UUID, Answer, Call, Operation, PathFormat
from server.http.shapes import PageQuery
from storage.audit import AuditLog
from storage.postgres import Database

MAX_EVENT: Final = 512 * 1024
EVENTS: Final = CallRate("stripe_events", per_s=100.0, burst=1_000)
EVENT_ID: Final = PathFormat(pattern="^[A-Za-z0-9_-]{1,255}$", description="An event of Stripe", example="evt_1")
ACTS: Final = CallRate("payment_acts", per_s=1.0, burst=30)


class PaymentRoutes:
    def __init__(
        self, *, db: Database, payments: Payments, inbox: Inbox, audit: AuditLog, reconciling: Reconciling
    ) -> None:
        self._db = db
        self._reconciling = reconciling
        self._payments = payments
        self._inbox = inbox
        self._audit = audit

    def operations(self) -> Sequence[Operation]:
        admins: dict[str, Any] = {"tag": "admin", "auth": "required", "roles": frozenset({"admin"})}
        acting: dict[str, Any] = {"account_rate": ACTS, **admins}
        return [
            Operation(
                method="POST", path="/api/v1/webhooks/stripe", handler=self._event, name="takeStripeEvent",
                tag="money", body=bytes, max_body=MAX_EVENT, rate=EVENTS, answers={200: ReceivedShape},
                problems=frozenset({503}), summary="For Stripe: an event, signed",
                request_headers={"Stripe-Signature": "As Stripe signs: `t=<unix>,v1=<hex HMAC-SHA256 of \"t.body\">`"},
            ),
            Operation(
                method="GET", path="/api/v1/admin/payments", handler=self._list, name="listPayments",
                summary="All payments, the newest first", query=PageQuery, answers={200: PaymentsShape},
                problems=frozenset({403}), **admins,
            ),
            Operation(
                method="POST", path="/api/v1/admin/payments/{payment_id}/refund", handler=self._refund,
                name="refundPayment", summary="Give a payment back, or a part of it", paths={"payment_id": UUID},
                body=RefundBody, answers={202: RefundShape}, problems=frozenset({403, 404, 409}),
                idempotent_key=True, **acting,
            ),
            Operation(
                method="GET", path="/api/v1/admin/webhooks/stripe", handler=self._events, name="listStripeEvents",
                summary="What Stripe has posted, the newest first", query=StoredEventsQuery,
                answers={200: StoredEventsShape}, problems=frozenset({403}), **admins,
            ),
            Operation(
                method="POST", path="/api/v1/admin/webhooks/stripe/{event_id}/replay", handler=self._replay,
                name="replayStripeEvent", summary="Carry an event of Stripe out again", paths={"event_id": EVENT_ID},
                answers={202: ReceivedShape}, problems=frozenset({403, 404}), **acting,
            ),
            Operation(
                method="GET", path="/api/v1/admin/payments/reconciliations", handler=self._reconciliations,
                name="listReconciliations", summary="Comparisons of Stripe with the ledger, the newest first",
                query=PageQuery, answers={200: ReconciliationsShape}, problems=frozenset({403}), **admins,
            ),
            Operation(
                method="POST", path="/api/v1/admin/payments/reconciliations", handler=self._reconcile,
                name="reconcile", summary="Compare Stripe with the ledger now", answers={202: BegunShape},
                problems=frozenset({403, 503}), **acting,
            ),
        ]  # fmt: skip

    async def _event(self, call: Call[bytes, None]) -> Answer:
        await self._inbox.take(call.body, call.request.headers.get("Stripe-Signature", ""))
        return Answer(200, {"received": True})

    async def _list(self, call: Call[None, PageQuery]) -> Answer:
        query = call.query
        rows = await self._db.fetch(queries.LIST, after_id(query.cursor), query.limit + 1)
        shown, following = page_of(rows, query.limit, lambda row: (0, row["id"]))
        return Answer(200, {"items": [dict(row) for row in shown], "next": following})

    async def _refund(self, call: Call[RefundBody, None]) -> Answer:
        payment_id = call.path["payment_id"]
        async with self._db.transaction() as tx:
            amount = await self._payments.refund(tx, payment_id, call.body.amount)
            row = await tx.fetchrow(queries.ONE, payment_id)
            if row is None:
                raise not_found("There is no such payment")
            told = {"refunded": amount, "currency": row["currency"]}
            await self._audit.add(
                tx, "payment.refund", actor_id=call.me.id, subject=payment_id, ip=call.address, why=call.body.reason,
                detail=told,
            )  # fmt: skip
        return Answer(202, told)

    async def _events(self, call: Call[None, StoredEventsQuery]) -> Answer:
        query = call.query
        rows = await self._inbox.listed(state=query.state, before=after_id(query.cursor), limit=query.limit + 1)
        shown, following = page_of(rows, query.limit, lambda row: (0, row["row_id"]))
        return Answer(200, {"items": [dict(row) for row in shown], "next": following})

    async def _replay(self, call: Call[None, None]) -> Answer:
        async with self._db.transaction() as tx:
            await self._inbox.replay(tx, call.path["event_id"])
            await self._audit.add(
                tx, "payment.event_replay", actor_id=call.me.id, subject=call.path["event_id"], ip=call.address
            )
        return Answer(202, {"received": True})

    async def _reconciliations(self, call: Call[None, PageQuery]) -> Answer:
        query = call.query
        rows = await self._db.fetch(queries.RECONCILIATIONS, after_id(query.cursor), query.limit + 1)
        shown, following = page_of(rows, query.limit, lambda row: (0, row["id"]))
        return Answer(200, {"items": [dict(row) for row in shown], "next": following})

    async def _reconcile(self, call: Call[None, None]) -> Answer:
        async with self._db.transaction() as tx:
            begun = await self._reconciling.begin(tx)
            await self._audit.add(tx, "payment.reconcile", actor_id=call.me.id, subject=begun, ip=call.address)
        return Answer(202, {"reconciliation_id": begun})
