"""The durable facts of subscriptions."""

from __future__ import annotations

from datetime import datetime

from storage.facts import Fact


class SubscriptionPaid(Fact, frozen=True, kw_only=True, tag="subscription.paid"):
    """A month of it was paid; ``months``: how many were so far."""

    subscription_id: str
    owner_id: str
    person_id: str
    months: int


class SubscriptionEnded(Fact, frozen=True, kw_only=True, tag="subscription.ended"):
    """It gives no rights any longer."""

    subscription_id: str
    owner_id: str
    person_id: str


class SubscriptionUnpaid(Fact, frozen=True, kw_only=True, tag="subscription.unpaid"):
    """Its next month was not paid ``at``, and who pays for it is told so."""

    subscription_id: str
    payer_id: str
    at: datetime
