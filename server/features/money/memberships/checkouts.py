"""Checkouts of subscriptions that are not paid yet: a second attempt leads to the same one, or closes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import msgspec

from server.features.money.memberships import queries
from server.features.money.memberships.billing import Billing
from server.features.money.payments import Payments, Purpose
from server.jobs import Attempt, Job, Jobs
from storage.postgres import Database, Row, Transaction

KIND: Final = "subscription"
OPEN_FOR: Final = timedelta(hours=23)
"""Stripe ends a session of Checkout after a day: https://docs.stripe.com/api/checkout/sessions"""


class CloseBody(msgspec.Struct, frozen=True, kw_only=True):
    """Either: a session of Checkout, or a subscription that is to bill nothing more from now on."""

    checkout_id: str | None = None
    stripe_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a subscription is to be."""

    owner_id: str
    person_id: str
    payer_id: str
    tier_id: str
    amount: int
    currency: str
    is_test: bool


_SAME: Final = ("tier_id", "amount", "currency", "is_test")


class Checkouts:
    """``billing`` None: with test money."""

    def __init__(
        self,
        *,
        db: Database,
        now: Callable[[], datetime],
        jobs: Jobs,
        payments: Payments,
        billing: Billing | None,
        origin: str,
    ) -> None:
        self._db = db
        self._now = now
        self._jobs = jobs
        self._payments = payments
        self._billing = billing
        self._origin = origin
        self.job = Job(name="memberships.close", body=CloseBody, run=self._close, timeout_s=60.0)

    async def again(self, tx: Transaction, wanted: Wanted) -> Row | None:
        """The earlier attempt of the same payer at the same, if it can still be paid. Any other of theirs is
        withdrawn.
        """
        found = None
        for held in await tx.fetch(queries.ATTEMPTS, wanted.owner_id, wanted.person_id, wanted.payer_id):
            if found is None and self._is_same(held, wanted):
                found = held
            else:
                await self.withdraw(tx, held)
        return found and await tx.fetchrow(queries.ONE, found["id"])

    async def begin(self, tx: Transaction, row: Row) -> None:
        """Note how a new one is paid. Raises as ``Payments.begin`` does."""
        if row["is_gift"] or self._billing is None:
            asked = {"amount": row["amount"], "currency": row["currency"]}
            payment_id = await self._payments.begin(tx, purpose_of(row, self._origin), **asked)
            await tx.execute(queries.PAID_BY, row["id"], payment_id)

    async def open(self, subscription_id: str) -> str | None:
        """The page on which it is paid: the same each time. Raises ``Unavailable`` and a ``Problem``."""
        row = await self._db.fetchrow(queries.ONE, subscription_id)
        assert row is not None
        if row["checkout_url"] is not None:
            return str(row["checkout_url"])
        checkout_id, url = await self._opened(row)
        async with self._db.transaction() as tx:
            noted = await tx.fetchrow(queries.OPENED, row["id"], checkout_id, url)
            if noted is not None and noted["is_withdrawn"]:  # meanwhile
                await self._close_ways(tx, noted)
        return url

    async def withdraw(self, tx: Transaction, row: Row) -> None:
        """It is not to be paid any more; what is paid all the same goes back."""
        if await tx.execute(queries.WITHDRAW, row["id"], self._now()):
            await self._close_ways(tx, row)

    async def end_billing(self, tx: Transaction, stripe_id: str | None) -> None:
        """Have nothing more billed, from now on."""
        if stripe_id is not None:
            await self._jobs.enqueue(tx, self.job, CloseBody(stripe_id=stripe_id), key=stripe_id)

    def _is_same(self, held: Row, wanted: Wanted) -> bool:
        is_open = bool(held["created_at"] > self._now() - OPEN_FOR)
        return is_open and all(held[name] == getattr(wanted, name) for name in _SAME)

    async def _opened(self, row: Row) -> tuple[str | None, str | None]:
        purpose, asked = purpose_of(row, self._origin), {"amount": row["amount"], "currency": row["currency"]}
        if row["payment_id"] is not None:
            return None, (await self._payments.open(row["payment_id"], purpose, **asked)).checkout_url
        assert self._billing is not None
        return await self._billing.open(row["id"], **asked, label=purpose.label, back_to=purpose.back_to)

    async def _close_ways(self, tx: Transaction, row: Row) -> None:
        if row["payment_id"] is not None:
            await self._payments.close(tx, row["payment_id"])
        if row["checkout_id"] is not None:
            body = CloseBody(checkout_id=row["checkout_id"])
            await self._jobs.enqueue(tx, self.job, body, key=row["checkout_id"])

    async def _close(self, attempt: Attempt[CloseBody]) -> None:
        body = attempt.body
        if self._billing is None:
            return
        if body.checkout_id is not None:
            await self._billing.close_checkout(body.checkout_id)
        if body.stripe_id is not None:
            await self._billing.end(body.stripe_id)


def purpose_of(row: Row, origin: str) -> Purpose:
    return Purpose(
        kind=KIND,
        subject=row["id"],
        payer_id=row["payer_id"],
        payee_id=row["owner_id"],
        label=f"{row['tier']}, {row['to_display_name']}",
        back_to=f"{origin}/@{row['to_username']}",
    )
