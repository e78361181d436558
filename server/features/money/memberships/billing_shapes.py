"""The shapes of what Stripe says of subscriptions, as far as they are read. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from server.features.money.payments.stripe_events import Described, Minor, Named, Priced, StripeId, id_of


class Begun(Described, frozen=True, kw_only=True):
    """A Checkout session of a subscription."""

    subscription: StripeId | Named
    customer: StripeId | Named | None = None

    @property
    def stripe_id(self) -> str:
        return id_of(self.subscription)

    @property
    def customer_id(self) -> str | None:
        return None if self.customer is None else id_of(self.customer)


class Deleted(Described, frozen=True, kw_only=True):
    id: StripeId


class Details(Described, frozen=True, kw_only=True):
    subscription: StripeId | Named | None = None


class Parent(msgspec.Struct, frozen=True, kw_only=True):
    subscription_details: Details | None = None


class PaidBy(msgspec.Struct, frozen=True, kw_only=True):
    payment_intent: StripeId | Named | None = None


class InvoicePayment(msgspec.Struct, frozen=True, kw_only=True):
    payment: PaidBy | None = None


class InvoicePayments(msgspec.Struct, frozen=True, kw_only=True):
    data: list[InvoicePayment]


@dataclass(frozen=True, kw_only=True)
class Subscribed:
    """What an invoice is for: Stripe's id of a subscription, and where ours may stand."""

    stripe_id: str
    described: Described

    def named(self, key: str) -> str | None:
        return self.described.named(key)


class Invoice(Priced, frozen=True, kw_only=True):
    """What it is for stands in ``parent`` since the API's version 2025-03-31, before at the top."""

    id: StripeId
    amount_paid: Minor
    billing_reason: str | None = None
    customer: StripeId | Named | None = None
    parent: Parent | None = None
    subscription: StripeId | Named | None = None
    subscription_details: Details | None = None
    payment_intent: StripeId | Named | None = None
    payments: InvoicePayments | None = None

    @property
    def subscribed(self) -> Subscribed | None:
        found = (self.parent and self.parent.subscription_details) or self.subscription_details or Details()
        subscription = found.subscription or self.subscription
        return None if subscription is None else Subscribed(stripe_id=id_of(subscription), described=found)

    @property
    def customer_id(self) -> str | None:
        return None if self.customer is None else id_of(self.customer)

    @property
    def is_change(self) -> bool:
        return self.billing_reason == "subscription_update"

    @property
    def intent_id(self) -> str | None:
        """The Payment Intent that paid it, where the invoice names it."""
        payments = () if self.payments is None else self.payments.data
        named = [self.payment_intent, *(one.payment.payment_intent for one in payments if one.payment)]
        return next((id_of(one) for one in named if one is not None), None)
