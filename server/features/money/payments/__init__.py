"""Payments: made through Stripe or with test money, and booked in the ledger as they succeed and go back.

What a payment comes to in the ledger follows from what is known of it, whatever the order in which it became known.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from server.feature import Feature, PersonalData, Platform, rows_by_id
from server.features.money.ledger import Ledger
from server.features.money.payments.facts import PaymentFailed, PaymentReversed, PaymentSucceeded
from server.features.money.payments.fees import Fees
from server.features.money.payments.imaginary import ImaginaryMoney
from server.features.money.payments.inbox import Inbox, OnEvent
from server.features.money.payments.payments import (
    OtherWayBody,
    PayBody,
    PaymentJobs,
    Payments,
    Purpose,
    RefundBody,
    Unknown,
)
from server.features.money.payments.provider import Opened, Provider
from server.features.money.payments.reconciliation import Reconciling
from server.features.money.payments.routes import MAX_EVENT, PaymentRoutes
from server.features.money.payments.stripe_api import StripeMoney
from server.features.money.payments.stripe_events import StripeEvent
from server.features.money.settings import MoneySettings
from server.jobs import Attempt, Job, Schedule, repeated
from storage.postgres import Transaction

__all__ = [
    "OnEvent",
    "Opened",
    "PaymentFailed",
    "PaymentReversed",
    "PaymentSucceeded",
    "Payments",
    "PaymentsRoom",
    "Purpose",
    "StripeEvent",
    "StripeMoney",
    "Unknown",
    "build",
]

RELEASE_S: Final = 60.0
FORGET_S: Final = 3_600.0
EVERY_NIGHT: Final = "40 3 * * *"


@dataclass(frozen=True, kw_only=True)
class PaymentsRoom:
    """``stripe``: the account that payments go to, where there is one."""

    feature: Feature
    payments: Payments
    inbox: Inbox
    stripe: StripeMoney | None


def build(platform: Platform, *, settings: MoneySettings, ledger: Ledger) -> PaymentsRoom:
    provider = _provider(settings)
    stripe = provider if isinstance(provider, StripeMoney) else None
    fees = Fees(jobs=platform.jobs, ledger=ledger, provider=provider)
    payments = Payments(
        db=platform.db,
        ids=platform.ids,
        now=platform.now,
        jobs=platform.jobs,
        ledger=ledger,
        fees=fees,
        provider=provider,
        work=lambda: work,
        percent=settings.platform_percent,
        hold=timedelta(days=settings.payout_hold_days),
        most=settings.max_payment,
    )
    work = _jobs(platform, payments=payments, provider=provider)
    inbox = Inbox(
        db=platform.db,
        jobs=platform.jobs,
        ids=platform.ids,
        now=platform.now,
        payments=payments,
        secret=settings.stripe_webhook_secret,
        is_live=_mode(settings.stripe_secret_key),
    )
    reconciling = Reconciling(
        db=platform.db, jobs=platform.jobs, ids=platform.ids, now=platform.now, inbox=inbox, stripe=stripe
    )
    routes = PaymentRoutes(
        db=platform.db, payments=payments, inbox=inbox, audit=platform.audit, reconciling=reconciling
    )
    feature = Feature(
        name="payments",
        operations=routes.operations(),
        jobs=[inbox.job, work.pay, work.refund, work.close_other, fees.job, reconciling.compare],
        schedules=[
            Schedule(name="payments.reconcile", job=reconciling.daily, cron=EVERY_NIGHT),
            repeated("payments.release", payments.release, every_s=RELEASE_S),
            repeated("payments.forget", payments.forget, every_s=FORGET_S),
            repeated("payments.prune", inbox.prune, every_s=FORGET_S),
        ],
        personal_data=PersonalData(
            tables=frozenset({"payments"}),
            sections=SECTIONS,
            erase=_erase,
            kept={"payments": "books are kept; they name the accounts by their ids alone"},
        ),
        limits={"payment_dollars": settings.max_payment, "stripe_event_bytes": MAX_EVENT},
        gauges=lambda: {
            "payments_differences": ("Payments that this node's last comparison found unlike", reconciling.differing)
        },
        close=None if provider is None else provider.aclose,
    )
    return PaymentsRoom(feature=feature, payments=payments, inbox=inbox, stripe=stripe)


def _provider(settings: MoneySettings) -> Provider | None:
    if settings.stripe_secret_key is not None:
        return StripeMoney(secret_key=settings.stripe_secret_key, api_base=settings.stripe_api_base)
    return ImaginaryMoney() if settings.test_money else None


def _mode(key: str | None) -> bool | None:
    """Whether a key moves real money, as its prefix says."""
    words = (key or "").split("_")
    return {"live": True, "test": False}.get(words[1]) if len(words) > 2 else None


def _jobs(platform: Platform, *, payments: Payments, provider: Provider | None) -> PaymentJobs:
    async def pay(attempt: Attempt[PayBody]) -> None:
        async with attempt.finish() as tx:
            await payments.pay_with_test_money(tx, attempt.body.payment_id)

    async def refund(attempt: Attempt[RefundBody]) -> None:
        body = attempt.body
        if provider is None:
            return
        reason = await provider.refund(
            intent_id=body.intent_id, amount=body.amount, currency=body.currency, key=body.key
        )
        if reason:
            async with attempt.finish() as tx:
                await payments.refund_refused(tx, body, reason)

    async def close_other(attempt: Attempt[OtherWayBody]) -> None:
        body = attempt.body
        if provider is not None:
            await provider.close_other(
                paid_intent=body.paid_intent, intent_id=body.intent_id, session_id=body.session_id
            )

    return PaymentJobs(
        pay=Job(name="payments.pay", body=PayBody, run=pay, timeout_s=15.0),
        refund=Job(name="payments.refund", body=RefundBody, run=refund, timeout_s=60.0),
        close_other=Job(name="payments.close_other", body=OtherWayBody, run=close_other, timeout_s=60.0, tries=5),
    )


SECTIONS: Final = (
    rows_by_id(
        "payments_made", "id, kind, amount, currency, created_at, paid_at, refunded", "payments where payer_id = $1"
    ),
    rows_by_id("payments_received", "id, kind, amount, currency, paid_at, refunded", "payments where payee_id = $1"),
)


async def _erase(tx: Transaction, person_id: str) -> None:
    """Nothing goes: a payment may still be disputed or given back."""
