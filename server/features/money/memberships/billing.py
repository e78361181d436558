"""Stripe Billing: a Checkout session begins a subscription, whose invoices are paid by themselves.

https://docs.stripe.com/api/subscriptions, https://docs.stripe.com/api/invoices
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from server.features.money.currencies import from_stripe
from server.features.money.memberships import queries
from server.features.money.memberships.billing_shapes import Begun, Deleted, Invoice
from server.features.money.memberships.dunning import FAILED, Dunning
from server.features.money.payments import Payments, Purpose, StripeEvent, StripeMoney, Unknown
from server.features.money.payments.stripe_events import Moded, object_of
from storage.postgres import Row, Transaction

PRORATION: Final = "proration"
"""The kind of a payment for the rest of a month in a dearer tier."""
EARLY: Final = timedelta(days=1)
"""How long before our end of the month Stripe's may be: ours begins when the payment was told."""
SUBSCRIPTION: Final = "socialflow_subscription"
"""The key of metadata under which our id of a subscription stands."""


class Billing:
    def __init__(self, *, stripe: StripeMoney) -> None:
        self._stripe = stripe

    async def open(
        self, subscription_id: str, *, amount: int, currency: str, label: str, back_to: str
    ) -> tuple[str, str]:
        """The session of Checkout and the page on which it is begun; the same for the same once more. Raises
        ``Unavailable`` and a ``Problem``.
        """
        return await self._stripe.open_subscription(
            subscription_id, {SUBSCRIPTION: subscription_id}, amount=amount, currency=currency, label=label,
            back_to=back_to,
        )  # fmt: skip

    async def cancel(self, stripe_id: str) -> None:
        """At the end of what was paid."""
        await self._stripe.cancel_subscription(stripe_id)

    async def resume(self, stripe_id: str) -> None:
        """It goes on after what was paid. Raises a 409 for one that has ended."""
        await self._stripe.resume_subscription(stripe_id)

    async def end(self, stripe_id: str) -> None:
        """Now: nothing more is billed."""
        await self._stripe.end_subscription(stripe_id)

    async def close_checkout(self, checkout_id: str) -> None:
        """It can no longer be begun there."""
        await self._stripe.close_session(checkout_id)

    async def change(self, stripe_id: str, *, amount: int, currency: str, label: str) -> None:
        """Another price from now on; what the rest of the month costs more is asked for at once."""
        await self._stripe.change_subscription(stripe_id, amount=amount, currency=currency, label=label)

    async def portal(self, customer: str, *, back_to: str) -> str:
        return await self._stripe.portal(customer, back_to=back_to)


class BillingEvents:
    """What Stripe says of subscriptions. ``end`` ends one."""

    def __init__(
        self,
        *,
        payments: Payments,
        end: Callable[[Transaction, Row], Awaitable[None]],
        dunning: Dunning,
        now: Callable[[], datetime],
        origin: str,
    ) -> None:
        self._payments = payments
        self._dunning = dunning
        self._now = now
        self._end = end
        self._origin = origin

    async def handle(self, tx: Transaction, event: StripeEvent) -> bool:
        """Whether it is of a subscription. Raises ``ValueError`` and ``Unknown``."""
        read = {
            "invoice.paid": self._invoice_paid,
            "invoice.payment_failed": self._invoice_failed,
            "customer.subscription.deleted": self._deleted,
            "checkout.session.completed": self._begun,
        }.get(event.type)
        if read is None or event.account is not None:
            return False
        return await read(tx, event, datetime.fromtimestamp(event.created, UTC))

    async def _begun(self, tx: Transaction, event: StripeEvent, at: datetime) -> bool:
        if object_of(event, Moded).mode != "subscription":
            return False
        found = object_of(event, Begun)
        row = await self._row(tx, found.named(SUBSCRIPTION), None)
        await tx.execute(queries.NAME_STRIPE, row["id"], found.stripe_id, found.customer_id)
        return True

    async def _invoice_paid(self, tx: Transaction, event: StripeEvent, at: datetime) -> bool:
        """Booked by the invoice's id, so once. An invoice of 0 (a trial) is nothing, and one of a
        change of the tier no further month.
        """
        found = object_of(event, Invoice)
        if (of := found.subscribed) is None:
            return False
        row = await self._row(tx, of.named(SUBSCRIPTION), of.stripe_id)
        await tx.execute(queries.NAME_STRIPE, row["id"], of.stripe_id, found.customer_id)
        if found.code != row["currency"]:
            raise ValueError(f"it is in {found.code}, and the subscription in {row['currency']}")
        amount = from_stripe(found.amount_paid, found.code)
        if amount > 0:
            purpose = Purpose(
                kind=PRORATION if found.is_change else "subscription", subject=row["id"], payer_id=row["payer_id"],
                payee_id=row["owner_id"], label="", back_to=self._origin,
            )  # fmt: skip
            await self._payments.record(
                tx, purpose, amount=amount, currency=found.code, invoice_id=found.id, intent_id=found.intent_id
            )
        return True

    async def _invoice_failed(self, tx: Transaction, event: StripeEvent, at: datetime) -> bool:
        """Of the month that is over. One that was paid since, or of a change of the tier, says nothing."""
        found = object_of(event, Invoice)
        if (of := found.subscribed) is None:
            return False
        row = await self._row(tx, of.named(SUBSCRIPTION), of.stripe_id)
        if row["paid_until"] is not None and row["paid_until"] <= at + EARLY and not found.is_change:
            await tx.execute(queries.PAST_DUE, row["id"])
            await self._dunning.tell(tx, row, FAILED, self._now())
        return True

    async def _deleted(self, tx: Transaction, event: StripeEvent, at: datetime) -> bool:
        """Cancelled at the end of what was paid, or given up after the last try to be paid."""
        found = object_of(event, Deleted)
        row = await self._row(tx, found.named(SUBSCRIPTION), found.id)
        await tx.execute(queries.CANCEL, row["id"])
        if row["paid_until"] is None or row["paid_until"] <= at:
            await self._end(tx, row)
        return True

    async def _row(self, tx: Transaction, ours: str | None, subscription: str | None) -> Row:
        row = await tx.fetchrow(queries.BY_STRIPE, ours, subscription)
        if row is None:
            raise Unknown
        return row
