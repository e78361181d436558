"""Stripe Billing: a Checkout session begins a subscription, whose invoices are paid by themselves.

https://docs.stripe.com/api/subscriptions, https://docs.stripe.com/api/invoices
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from server.features.money.currencies import from_stripe
from server.features.money.memberships import queries
from server.features.money.memberships.dunning import FAILED, Dunning
from server.features.money.payments import Payments, Purpose, StripeEvent, StripeMoney, Unknown
from storage.ids import is_uuid
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

    async def open(self, subscription_id: str, *, amount: int, currency: str, label: str, back_to: str) -> str:
        """The page on which it is begun. Raises ``Unavailable`` and a ``Problem``."""
        return await self._stripe.open_subscription(
            subscription_id, {SUBSCRIPTION: subscription_id}, amount=amount, currency=currency, label=label,
            back_to=back_to,
        )  # fmt: skip

    async def cancel(self, stripe_id: str) -> None:
        """At the end of what was paid."""
        await self._stripe.cancel_subscription(stripe_id)

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
        try:
            return await read(tx, event.data.object, datetime.fromtimestamp(event.created, UTC))
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"a {event.type} has another shape: {error!r}") from error

    async def _begun(self, tx: Transaction, found: Mapping[str, Any], at: datetime) -> bool:
        if found.get("mode") != "subscription":
            return False
        row = await self._row(tx, _ours(found), None)
        await tx.execute(queries.NAME_STRIPE, row["id"], found["subscription"], found.get("customer"))
        return True

    async def _invoice_paid(self, tx: Transaction, found: Mapping[str, Any], at: datetime) -> bool:
        """Booked by the invoice's id, so once. An invoice of 0 (a trial) is nothing, and one of a
        change of the tier no further month.
        """
        subscription, ours = _subscription_of(found)
        if subscription is None:
            return False
        row = await self._row(tx, ours, subscription)
        await tx.execute(queries.NAME_STRIPE, row["id"], subscription, found.get("customer"))
        currency = str(found["currency"]).upper()
        amount = from_stripe(found["amount_paid"], currency)
        if amount > 0:
            is_change = found.get("billing_reason") == "subscription_update"
            purpose = Purpose(
                kind=PRORATION if is_change else "subscription", subject=row["id"], payer_id=row["payer_id"],
                payee_id=row["owner_id"], label="", back_to=self._origin,
            )  # fmt: skip
            await self._payments.record(
                tx, purpose, amount=amount, currency=currency, invoice_id=found["id"], intent_id=_intent_of(found)
            )
        return True

    async def _invoice_failed(self, tx: Transaction, found: Mapping[str, Any], at: datetime) -> bool:
        """Of the month that is over. One that was paid since, or of a change of the tier, says nothing."""
        subscription, ours = _subscription_of(found)
        if subscription is None:
            return False
        row = await self._row(tx, ours, subscription)
        is_change = found.get("billing_reason") == "subscription_update"
        if row["paid_until"] is not None and row["paid_until"] <= at + EARLY and not is_change:
            await tx.execute(queries.PAST_DUE, row["id"])
            await self._dunning.tell(tx, row, FAILED, self._now())
        return True

    async def _deleted(self, tx: Transaction, found: Mapping[str, Any], at: datetime) -> bool:
        """Cancelled at the end of what was paid, or given up after the last try to be paid."""
        row = await self._row(tx, _ours(found), found["id"])
        await tx.execute(queries.CANCEL, row["id"])
        if row["paid_until"] is None or row["paid_until"] <= at:
            await self._end(tx, row)
        return True

    async def _row(self, tx: Transaction, ours: str | None, subscription: str | None) -> Row:
        row = await tx.fetchrow(queries.BY_STRIPE, ours, subscription)
        if row is None:
            raise Unknown
        return row


def _ours(found: Mapping[str, Any]) -> str | None:
    given = (found.get("metadata") or {}).get(SUBSCRIPTION)
    return given if isinstance(given, str) and is_uuid(given) else None


def _subscription_of(invoice: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """Stripe's id and ours. They stand in ``parent`` since the API's version 2025-03-31, before at the top."""
    details = (invoice.get("parent") or {}).get("subscription_details") or invoice.get("subscription_details") or {}
    subscription = details.get("subscription") or invoice.get("subscription")
    if isinstance(subscription, dict):
        subscription = subscription["id"]
    return subscription, _ours(details)


def _intent_of(invoice: Mapping[str, Any]) -> str | None:
    """The Payment Intent that paid it, where the invoice names it."""
    if isinstance(invoice.get("payment_intent"), str):
        return str(invoice["payment_intent"])
    for one in (invoice.get("payments") or {}).get("data", ()):
        if isinstance(intent := (one.get("payment") or {}).get("payment_intent"), str):
            return intent
    return None
