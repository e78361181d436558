"""Payments: opened with a provider, and booked as what the provider says of them becomes known."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from server.features.money.currencies import fault_in
from server.features.money.ledger import Ledger
from server.features.money.payments import queries
from server.features.money.payments.facts import PaymentFailed, PaymentReversed, PaymentSucceeded
from server.features.money.payments.fees import Fees
from server.features.money.payments.provider import Asked, Observed, Opened, Provider
from server.features.money.payments.rules import Booking, Receiver, change, entries_of, net_of
from server.http.errors import Problem, invalid_field, not_found
from server.jobs import Job, Jobs
from storage.facts import publish
from storage.ids import Ids
from storage.postgres import Database, Row, Transaction

FORGOTTEN_AFTER: Final = timedelta(days=2)
log = logging.getLogger("server.payments")


class PayBody(msgspec.Struct, frozen=True):
    """Of the job that pays with test money."""

    payment_id: str


class RefundBody(msgspec.Struct, frozen=True, kw_only=True):
    """Of the job that asks the provider to give back. ``amount`` None: all of the intent."""

    payment_id: str
    intent_id: str
    amount: int | None
    currency: str
    key: str


class OtherWayBody(msgspec.Struct, frozen=True, kw_only=True):
    """Of the job that closes the way to pay which was not taken."""

    paid_intent: str
    intent_id: str
    session_id: str | None


@dataclass(frozen=True, kw_only=True)
class Purpose:
    """What a payment is for. ``kind`` and ``subject`` come again in its facts. ``is_held``: its receiver cannot have it
    paid out until ``let_go``. ``receiver``: what it is added to, of the payee's; the server has no share of what is for
    advertising, before it is spent.
    """

    kind: str
    subject: str
    payer_id: str
    payee_id: str
    label: str
    back_to: str
    is_held: bool = False
    receiver: Receiver = "person"


@dataclass(frozen=True, kw_only=True)
class PaymentJobs:
    pay: Job[PayBody]
    refund: Job[RefundBody]
    close_other: Job[OtherWayBody]


class Unknown(LookupError):
    """No payment is known to which an observation belongs."""


class Payments:
    """``work``: the kinds of jobs that payments enqueue."""

    def __init__(
        self,
        *,
        db: Database,
        ids: Ids,
        now: Callable[[], datetime],
        jobs: Jobs,
        ledger: Ledger,
        fees: Fees,
        provider: Provider | None,
        work: Callable[[], PaymentJobs],
        percent: int,
        hold: timedelta,
        most: int,
    ) -> None:
        self._db = db
        self._ids = ids
        self._now = now
        self._jobs = jobs
        self._ledger = ledger
        self._fees = fees
        self._provider = provider
        self._work = work
        self._percent = percent
        self._hold = hold
        self._most = most

    @property
    def is_test(self) -> bool:
        return self._provider is not None and self._provider.name == "test"

    def require(self, amount: int, currency: str) -> None:
        """Raise a 422 for what cannot be paid, and a 503 where there is nobody to pay through."""
        if (fault := fault_in(amount, currency, most=self._most)) is not None:
            raise invalid_field(*fault)
        self.require_provider()

    def require_provider(self) -> None:
        """Raise a 503 where there is nobody to pay through."""
        if self._provider is None:
            detail = "This server takes no payments: its operator has set neither stripe_secret_key nor test_money"
            raise Problem(503, detail, slug="payments-not-configured", retry_after_s=3600)

    async def begin(self, tx: Transaction, purpose: Purpose, *, amount: int, currency: str) -> str:
        """Note a payment that ``open`` is to follow: its id. Raises as ``require`` does."""
        self.require(amount, currency)
        assert self._provider is not None
        now = self._now()
        payment_id = self._ids.uuid7(now.timestamp())
        percent = self._percent if purpose.receiver == "person" else 0
        await tx.execute(
            queries.ADD, payment_id, purpose.kind, purpose.subject, purpose.payer_id, purpose.payee_id, amount,
            currency, percent, self._provider.name, now, purpose.is_held, purpose.receiver,
        )  # fmt: skip
        return payment_id

    async def open(self, payment_id: str, purpose: Purpose, *, amount: int, currency: str) -> Opened:
        """Have the provider take it. Raises ``Unavailable`` and a ``Problem``."""
        assert self._provider is not None
        asked = Asked(
            payment_id=payment_id, amount=amount, currency=currency, label=purpose.label, back_to=purpose.back_to
        )
        opened = await self._provider.open(asked)
        async with self._db.transaction() as tx:
            await tx.execute(queries.OPENED, payment_id, opened.intent_id, opened.session_id)
            if self._provider.name == "test":
                await self._jobs.enqueue(tx, self._work().pay, PayBody(payment_id), key=payment_id)
        return opened

    async def close(self, tx: Transaction, payment_id: str) -> None:
        """Have the ways to pay it closed. One that is made all the same counts."""
        row = await tx.fetchrow(queries.LOCK, payment_id, None)
        if row is None or row["provider"] == "test" or row["paid_at"] is not None or row["intent_id"] is None:
            return
        for kept, way in ((row["intent_id"], "session"), ("", "intent")):
            body = OtherWayBody(paid_intent=kept, intent_id=row["intent_id"], session_id=row["session_id"])
            await self._jobs.enqueue(tx, self._work().close_other, body, key=f"{payment_id}-{way}")

    async def pay_with_test_money(self, tx: Transaction, payment_id: str) -> None:
        row = await tx.fetchrow(queries.ONE, payment_id)
        if row is not None and row["provider"] == "test":
            paid = {"is_paid": True, "amount": row["amount"], "currency": row["currency"]}
            seen = Observed(at=self._now(), payment_id=payment_id, intent_id=row["intent_id"], **paid)
            await self.observe(tx, seen)

    async def record(
        self, tx: Transaction, purpose: Purpose, *, amount: int, currency: str, invoice_id: str, intent_id: str | None
    ) -> None:
        """Note a payment that the provider has taken by itself, once an invoice, and book it."""
        assert self._provider is not None
        now = self._now()
        intent_id = intent_id or invoice_id
        payment_id = await tx.fetchval(
            queries.RECORD, self._ids.uuid7(now.timestamp()), purpose.kind, purpose.subject, purpose.payer_id,
            purpose.payee_id, amount, currency, self._percent, self._provider.name, now, invoice_id, intent_id,
        )  # fmt: skip
        if payment_id is not None:
            seen = Observed(
                at=now, payment_id=payment_id, intent_id=intent_id, is_paid=True, amount=amount, currency=currency
            )
            await self.observe(tx, seen)

    async def observe(self, tx: Transaction, seen: Observed) -> None:
        """Take in what a provider says, and bring the ledger to it. The same again changes nothing.

        Raises ``Unknown``, and ``ValueError`` for what cannot be of the payment.
        """
        row = await tx.fetchrow(queries.LOCK, seen.payment_id, seen.intent_id)
        if row is None:
            raise Unknown
        if seen.is_paid and (seen.amount, seen.currency) != (row["amount"], row["currency"]):
            raise ValueError(f"{seen.amount} {seen.currency} were paid instead of {row['amount']} {row['currency']}")
        taken = row["paid_intent"]
        if seen.is_paid and taken not in (None, seen.intent_id):
            await self._refund_second(tx, row, seen)
        elif taken in (None, seen.intent_id) or seen.intent_id is None:
            await self._settle(tx, row, self._merged(dict(row), seen))
            if seen.dispute_fee is not None:
                await self._fees.book(tx, row["id"], "dispute", seen.dispute_fee, seen.at)

    async def release(self) -> None:
        """Make available what was held for long enough."""
        now = self._now()
        for due in await self._db.fetch(queries.DUE, now):
            async with self._db.transaction() as tx:
                row = await tx.fetchrow(queries.LOCK, due["id"], None)
                assert row is not None
                await self._settle(tx, row, dict(row))

    async def let_go(self, tx: Transaction, payment_id: str) -> None:
        """Make available what was held until now. Once more changes nothing."""
        await tx.execute(queries.UNHOLD, payment_id, self._now())
        row = await tx.fetchrow(queries.LOCK, payment_id, None)
        assert row is not None
        await self._settle(tx, row, dict(row))

    async def forget(self) -> None:
        """Take payments that were not made for two days as failed. One that is made afterwards counts all the same."""
        now = self._now()
        for old in await self._db.fetch(queries.FORGOTTEN, now - FORGOTTEN_AFTER):
            async with self._db.transaction() as tx:
                await self.observe(tx, Observed(at=now, payment_id=old["id"], is_failed=True))

    async def refund(self, tx: Transaction, payment_id: str, amount: int | None) -> int:
        """Have the provider give back ``amount`` (None: what is left): minor units. Raises a 404, 409 and 422."""
        row = await tx.fetchrow(queries.LOCK, payment_id, None)
        if row is None:
            raise not_found("There is no such payment")
        under_way = max(0, row["refund_asked"] - row["refunded"])
        left = max(0, row["booked_net"] - under_way)
        wanted: int = left if amount is None else amount
        if row["paid_intent"] is None or left == 0:
            raise Problem(409, "There is nothing of this payment that could go back")
        if wanted > left:
            raise invalid_field("amount", f"must be at most {left}, which is what is left of the payment")
        number = await tx.fetchval(queries.ASK_REFUND, payment_id, wanted)
        body = RefundBody(
            payment_id=payment_id,
            intent_id=row["paid_intent"],
            amount=wanted,
            currency=row["currency"],
            key=f"{payment_id}-refund-{number}",
        )
        await self._jobs.enqueue(tx, self._work().refund, body, key=body.key)
        if row["provider"] == "test":
            seen = Observed(
                at=self._now(), payment_id=payment_id, intent_id=row["paid_intent"], refunded=row["refunded"] + wanted
            )
            await self.observe(tx, seen)
        return wanted

    async def refund_refused(self, tx: Transaction, body: RefundBody, reason: str) -> None:
        """The provider does not give it back: it stays, and may be asked for again."""
        log.error("the provider does not give %s of the payment %s back: %s", body.amount, body.payment_id, reason)
        if body.amount is not None:
            await tx.execute(queries.REFUND_REFUSED, body.payment_id, body.amount, reason[:300])

    def _merged(self, row: dict[str, Any], seen: Observed) -> dict[str, Any]:
        """What is known of the payment now. Refunds only grow; of a dispute the latest word counts."""
        if seen.is_paid and row["paid_at"] is None:
            row |= {"paid_at": self._now(), "paid_intent": seen.intent_id, "release_at": self._now() + self._hold}
        if seen.is_failed and row["paid_at"] is None and row["failed_at"] is None:
            row["failed_at"] = self._now()
        if seen.refunded is not None:
            row["refunded"] = min(row["amount"], max(row["refunded"], seen.refunded))
        if seen.disputed is not None and (row["disputed_at"] is None or seen.at >= row["disputed_at"]):
            row |= {"disputed": min(row["amount"], seen.disputed), "disputed_at": seen.at}
        return row

    async def _settle(self, tx: Transaction, before: Row, row: dict[str, Any]) -> None:
        """Book the difference between what the ledger has of the payment and what is known of it."""
        is_paid = row["paid_at"] is not None
        is_due = is_paid and row["release_at"] <= self._now() and not (row["disputed"] or row["is_held"])
        booked = Booking(net=before["booked_net"], is_released=before["booked_released"])
        wanted = Booking(
            net=net_of(amount=row["amount"], is_paid=is_paid, refunded=row["refunded"], disputed=row["disputed"]),
            is_released=booked.is_released or is_due,
        )
        parts: dict[str, Any] = {"provider": row["provider"], "payee_id": row["payee_id"], "percent": row["percent"]}
        parts["receiver"] = row["receiver"]
        moved = change(entries_of(booked, **parts), entries_of(wanted, **parts))
        if moved:
            row["bookings"] += 1
            await self._ledger.post(
                tx, moved, key=f"payment:{row['id']}:{row['bookings']}", kind=_kind_of(booked, wanted, row["kind"]),
                currency=row["currency"], subject=row["subject"],
            )  # fmt: skip
        await tx.execute(
            queries.CHANGE, row["id"], row["paid_intent"], row["paid_at"], row["failed_at"], row["release_at"],
            row["refunded"], row["disputed"], row["disputed_at"], row["bookings"], wanted.net, wanted.is_released,
        )  # fmt: skip
        await self._tell(tx, before, row, wanted)

    async def _tell(self, tx: Transaction, before: Row, row: dict[str, Any], now: Booking) -> None:
        same = {"payment_id": row["id"], "kind": row["kind"], "subject": row["subject"]}
        if before["paid_at"] is None and row["paid_at"] is not None:
            people = {"payer_id": row["payer_id"], "payee_id": row["payee_id"]}
            sum_of = {"amount": row["amount"], "currency": row["currency"], "is_test": row["provider"] == "test"}
            await publish(tx, PaymentSucceeded(**same, **people, **sum_of, at=row["paid_at"]))
            await self._close_other(tx, row)
            if row["provider"] == "stripe" and row["paid_intent"] != row["invoice_id"]:
                await self._fees.ask(tx, row["id"], row["paid_intent"])
            if now.net == row["amount"]:
                return
        elif before["failed_at"] is None and row["failed_at"] is not None:
            await publish(tx, PaymentFailed(**same))
        if row["paid_at"] is not None and before["booked_net"] != now.net:
            await publish(tx, PaymentReversed(**same, net=now.net, currency=row["currency"]))

    async def _close_other(self, tx: Transaction, row: dict[str, Any]) -> None:
        if row["provider"] == "test" or row["invoice_id"] is not None or row["intent_id"] is None:
            return
        body = OtherWayBody(paid_intent=row["paid_intent"], intent_id=row["intent_id"], session_id=row["session_id"])
        await self._jobs.enqueue(tx, self._work().close_other, body, key=row["id"])

    async def _refund_second(self, tx: Transaction, row: Row, seen: Observed) -> None:
        """It was paid in both ways: what came second goes back as a whole, and never was in the ledger."""
        assert seen.intent_id is not None
        key = f"{row['id']}-second-{seen.intent_id}"
        body = RefundBody(
            payment_id=row["id"], intent_id=seen.intent_id, amount=None, currency=row["currency"], key=key
        )
        await self._jobs.enqueue(tx, self._work().refund, body, key=key)


def _kind_of(before: Booking, after: Booking, kind: str) -> str:
    if after.net < before.net:
        return "reversal"
    if after.net == before.net:
        return "release"
    return kind
