"""Another tier for a subscription that there is: at once, with what the rest of the month costs more.

Stripe prorates by time and keeps what is left of a dearer tier as a credit for the next invoices
(https://docs.stripe.com/billing/subscriptions/prorations). Test money asks for the difference of a dearer tier and
gives nothing back for a cheaper one.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from server.features.money.currencies import fault_in
from server.features.money.memberships import queries
from server.features.money.memberships.billing import PRORATION, Billing
from server.features.money.memberships.months import prorated
from server.features.money.memberships.shapes import shown
from server.features.money.payments import Payments, Purpose
from server.http.errors import Problem, invalid_field, not_found
from storage.postgres import Database, Row

LARGEST: Final = 1_000_000


class Changes:
    """``billing`` None: with test money."""

    def __init__(
        self,
        *,
        db: Database,
        now: Callable[[], datetime],
        payments: Payments,
        billing: Billing | None,
        origin: str,
    ) -> None:
        self._db = db
        self._now = now
        self._payments = payments
        self._billing = billing
        self._origin = origin

    async def change(self, person_id: str, subscription_id: str, tier_name: str) -> dict[str, Any]:
        """The subscription in the other tier. Raises a 404 for what is not the person's own and for a tier that is not
        there, a 409 for one that is not paid, a 422 for a tier in another currency. One that was cancelled goes on.
        """
        row = await self._db.fetchrow(queries.ONE, subscription_id)
        if row is None or person_id != row["payer_id"] or row["is_gift"]:
            raise not_found("There is no such subscription")
        tier = await self._db.fetchrow(queries.TIER, row["owner_id"], tier_name)
        if tier is None:
            raise not_found("There is no such tier")
        if row["state"] != "active" or (self._billing is not None and row["stripe_id"] is None):
            raise Problem(409, "Only a subscription that is paid can be changed")
        if tier["currency"] != row["currency"]:
            raise invalid_field("tier", f"must be a tier in {row['currency']}")
        if row["is_cancelled"]:
            await self._resume(row)
        if tier["id"] != row["tier_id"] or tier["amount"] != row["amount"]:
            await self._carry_out(row, tier)
        changed = await self._db.fetchrow(queries.ONE, subscription_id)
        assert changed is not None
        return shown(changed)

    async def _resume(self, row: Row) -> None:
        if self._billing is not None:
            await self._billing.resume(row["stripe_id"])
        if not await self._db.execute(queries.RESUME, row["id"], self._now()):
            raise Problem(409, "What was paid of this subscription is over")

    async def _carry_out(self, row: Row, tier: Row) -> None:
        if self._billing is not None:
            label = f"{tier['name']}, {row['to_display_name']}"
            await self._billing.change(row["stripe_id"], amount=tier["amount"], currency=tier["currency"], label=label)
        else:
            await self._charge(row, tier)
        await self._db.execute(queries.CHANGE_TIER, row["id"], tier["id"], tier["amount"])

    async def _charge(self, row: Row, tier: Row) -> None:
        due = prorated(tier["amount"] - row["amount"], ends=row["paid_until"], now=self._now())
        if due <= 0 or fault_in(due, row["currency"], most=LARGEST) is not None:  # less than can be paid
            return
        purpose = Purpose(
            kind=PRORATION, subject=row["id"], payer_id=row["payer_id"], payee_id=row["owner_id"],
            label=f"{tier['name']}, {row['to_display_name']}", back_to=self._origin,
        )  # fmt: skip
        async with self._db.transaction() as tx:
            payment_id = await self._payments.begin(tx, purpose, amount=due, currency=row["currency"])
        await self._payments.open(payment_id, purpose, amount=due, currency=row["currency"])

    async def portal(self, person_id: str) -> str:
        """The page on which the person's cards, invoices and subscriptions are managed. Raises a 409 for who has none,
        and as ``Payments.require_provider`` does.
        """
        self._payments.require_provider()
        back_to = f"{self._origin}/settings/money"
        if self._billing is None:
            return back_to
        customer = await self._db.fetchval(queries.CUSTOMER, person_id)
        if customer is None:
            raise Problem(409, "You have never had a subscription", slug="no-customer")
        return await self._billing.portal(customer, back_to=back_to)
