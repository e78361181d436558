"""The durable facts of payments. ``kind`` and ``subject``: what they are for."""

from __future__ import annotations

from datetime import datetime

from storage.facts import Fact


class PaymentSucceeded(Fact, frozen=True, kw_only=True, tag="payment.succeeded"):
    """For the first time there is money of this payment. ``amount``: what was asked for, in minor units."""

    payment_id: str
    kind: str
    subject: str
    payer_id: str
    payee_id: str
    amount: int
    currency: str
    is_test: bool
    at: datetime


class PaymentFailed(Fact, frozen=True, kw_only=True, tag="payment.failed"):
    """It can no longer be made."""

    payment_id: str
    kind: str
    subject: str


class PaymentReversed(Fact, frozen=True, kw_only=True, tag="payment.reversed"):
    """Some of it has gone back, or has come again. ``net``: what stays, in minor units."""

    payment_id: str
    kind: str
    subject: str
    net: int
    currency: str
