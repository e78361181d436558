"""Subscriptions: begun, paid month by month, cancelled, ended."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from actors.runtime import DomainError
from server.features.money.memberships import queries
from server.features.money.memberships.billing import Billing
from server.features.money.memberships.changes import Changes
from server.features.money.memberships.checkouts import KIND, Checkouts, Wanted, purpose_of
from server.features.money.memberships.dunning import Dunning, stage_after
from server.features.money.memberships.facts import SubscriptionEnded, SubscriptionPaid
from server.features.money.memberships.gifts import Gifts
from server.features.money.memberships.months import month_after
from server.features.money.memberships.shapes import SubscriptionBody, shown
from server.features.money.payments import PaymentReversed, Payments, PaymentSucceeded
from server.http.errors import Problem, invalid_field, not_found
from storage.facts import Consumer, publish
from storage.ids import Ids
from storage.postgres import Database, Reads, Row, Transaction
from storage.rights import note_change
from storage.subscriptions import GRACE

BATCH: Final = 200
_BEFORE_ALL: Final = datetime(1970, 1, 1, tzinfo=UTC), "00000000-0000-0000-0000-000000000000"


class Subscriptions:
    """``billing``: Stripe's, which asks for each month by itself; None: this does, with test money."""

    def __init__(
        self,
        *,
        db: Database,
        ids: Ids,
        now: Callable[[], datetime],
        payments: Payments,
        billing: Billing | None,
        checkouts: Checkouts,
        changes: Changes,
        gifts: Callable[[], Gifts],
        dunning: Dunning,
        origin: str,
    ) -> None:
        self._db = db
        self._ids = ids
        self._now = now
        self._payments = payments
        self._billing = billing
        self._checkouts = checkouts
        self._changes = changes
        self._gifts = gifts
        self._dunning = dunning
        self._origin = origin

    async def begin(self, payer_id: str, body: SubscriptionBody) -> dict[str, Any]:
        """The subscription, and the page to pay it on: of an attempt that is not paid yet the same again, none for one
        that was cancelled and goes on. Raises a 404 for persons and tiers that are not there, a 409 for
        who has one already, a 422 for oneself, a 503 without payments.
        """
        if body.gift_count is not None:
            return await self._gifts().begin(payer_id, *await self._given(payer_id, body), body.gift_count)
        if (kept := await self._cancelled(payer_id, body)) is not None:
            return {"subscription": await self._changes.change(payer_id, kept, body.tier), "checkout_url": None}
        async with self._db.transaction() as tx:
            row = await self._noted(tx, payer_id, body)
        return {"subscription": shown(row), "checkout_url": await self._checkouts.open(row["id"])}

    async def cancel(self, person_id: str, subscription_id: str) -> None:
        """It goes on until what was paid is over. Idempotent. Raises a 404."""
        row = await self._db.fetchrow(queries.ONE, subscription_id)
        if row is None or person_id not in (row["person_id"], row["payer_id"]):
            raise not_found("There is no such subscription")
        if row["stripe_id"] is not None and row["state"] != "ended" and self._billing is not None:
            await self._billing.cancel(row["stripe_id"])
        async with self._db.transaction() as tx:
            await tx.execute(queries.CANCEL, subscription_id)
            await self._checkouts.withdraw(tx, row)

    async def mine(self, person_id: str, *, before: str | None, limit: int) -> list[dict[str, Any]]:
        return [shown(row) for row in await self._db.fetch(queries.MINE, person_id, before, limit)]

    async def supporters(self, owner_id: str, *, before: str | None, limit: int) -> list[dict[str, Any]]:
        return [shown(row) for row in await self._db.fetch(queries.SUPPORTERS, owner_id, before, limit)]

    async def one(self, where: Reads, subscription_id: str) -> dict[str, Any] | None:
        row = await where.fetchrow(queries.ONE, subscription_id)
        return None if row is None else shown(row)

    def consumers(self) -> Sequence[Consumer[Any]]:
        return (Consumer(PaymentSucceeded, self._paid), Consumer(PaymentReversed, self._reversed))

    async def renew(self) -> None:
        """What was paid is over: end it, or ask for the next month and tell who pays."""
        after, now = _BEFORE_ALL, self._now()
        while rows := await self._db.fetch(queries.DUE, now, *after, BATCH):
            for due in rows:
                await self._renew(due["id"], now)
            after = rows[-1]["paid_until"], rows[-1]["id"]

    async def _renew(self, subscription_id: str, now: datetime) -> None:
        async with self._db.transaction() as tx:
            row = await tx.fetchrow(queries.LOCK, subscription_id)
            if row is None or row["state"] not in ("active", "past_due") or row["paid_until"] > now:
                return
            if row["is_cancelled"] or row["paid_until"] + GRACE <= now:
                await self.end(tx, row)
                return
            await tx.execute(queries.PAST_DUE, row["id"])
            if (stage := stage_after(now - row["paid_until"])) is not None:
                await self._dunning.tell(tx, row, stage, now)
        if row["is_test"] and row["state"] == "active":
            await self._ask_again(subscription_id)

    async def end(self, tx: Transaction, row: Row) -> None:
        """Its rights end now, on every node. Idempotent."""
        if await tx.execute(queries.END, row["id"], self._now()):
            await note_change(tx, "subscription", row["owner_id"], row["person_id"])
            people = {"owner_id": row["owner_id"], "person_id": row["person_id"]}
            if row["started_at"] is not None:
                await publish(tx, SubscriptionEnded(subscription_id=row["id"], **people))

    async def cancel_all_of(self, person_id: str) -> None:
        """No further month is asked for, of any subscription that the person is part of. Raises ``Unavailable``."""
        rows = await self._db.fetch(queries.RUNNING_AT_STRIPE, person_id) if self._billing is not None else []
        opened = await self._db.fetch(queries.OPEN_AT_STRIPE, person_id) if self._billing is not None else []
        for row in rows:
            assert self._billing is not None
            await self._billing.cancel(row["stripe_id"])
        for row in opened:
            assert self._billing is not None
            await self._billing.close_checkout(row["checkout_id"])

    async def _cancelled(self, payer_id: str, body: SubscriptionBody) -> str | None:
        """The payer's own subscription to the creator that would end with what was paid."""
        if body.gift_to is not None:
            return None
        owner = await self._person(self._db, body.user, payer_id, "user")
        found: str | None = await self._db.fetchval(queries.CANCELLED, owner["id"], payer_id, self._now())
        return found

    async def _given(self, payer_id: str, body: SubscriptionBody) -> tuple[Row, Row]:
        """Of a gift to the room: the creator and the tier."""
        owner, tier = await self._offered(self._db, payer_id, body)
        if owner["id"] == payer_id:
            raise invalid_field("user", "must not be yourself")
        return owner, tier

    async def _offered(self, where: Reads, payer_id: str, body: SubscriptionBody) -> tuple[Row, Row]:
        owner = await self._person(where, body.user, payer_id, "user")
        tier = await where.fetchrow(queries.TIER, owner["id"], body.tier)
        if tier is None:
            raise not_found("There is no such tier")
        return owner, tier

    async def _noted(self, tx: Transaction, payer_id: str, body: SubscriptionBody) -> Row:
        owner, tier = await self._offered(tx, payer_id, body)
        person_id = payer_id
        if body.gift_to is not None:
            person_id = (await self._person(tx, body.gift_to, payer_id, "gift_to"))["id"]
        if owner["id"] in (payer_id, person_id):
            raise invalid_field("user" if person_id == payer_id else "gift_to", "must not be the creator")
        self._payments.require(tier["amount"], tier["currency"])
        await tx.execute(queries.LOCK_PAIR, owner["id"], person_id)
        if await tx.fetchval(queries.HAS, owner["id"], person_id):
            raise Problem(409, "There is a subscription to this creator already")
        wanted = Wanted(
            owner_id=owner["id"], person_id=person_id, payer_id=payer_id, tier_id=tier["id"], amount=tier["amount"],
            currency=tier["currency"], is_test=self._payments.is_test,
        )  # fmt: skip
        return await self._checkouts.again(tx, wanted) or await self._new(tx, wanted)

    async def _new(self, tx: Transaction, wanted: Wanted) -> Row:
        now = self._now()
        subscription_id = self._ids.uuid7(now.timestamp())
        await tx.execute(
            queries.ADD, subscription_id, wanted.owner_id, wanted.person_id, wanted.payer_id, wanted.tier_id,
            wanted.amount, wanted.currency, wanted.is_test, wanted.person_id != wanted.payer_id, now,
        )  # fmt: skip
        row = await tx.fetchrow(queries.ONE, subscription_id)
        assert row is not None
        await self._checkouts.begin(tx, row)
        return row

    async def _person(self, tx: Reads, who: str, payer_id: str, field: str) -> Row:
        row = await tx.fetchrow(queries.PERSON, who, payer_id)
        if row is None:
            raise DomainError("not_found", "There is nobody of this name.", field=field)
        return row

    async def _ask_again(self, subscription_id: str) -> None:
        row = await self._db.fetchrow(queries.ONE, subscription_id)
        assert row is not None
        purpose, asked = purpose_of(row, self._origin), {"amount": row["amount"], "currency": row["currency"]}
        async with self._db.transaction() as tx:
            payment_id = await self._payments.begin(tx, purpose, **asked)
        await self._payments.open(payment_id, purpose, **asked)

    async def _paid(self, tx: Transaction, fact: PaymentSucceeded) -> None:
        """A month more, from the end of what was paid on. What is paid beside another one, or for an attempt that was
        withdrawn, goes back.
        """
        if fact.kind == KIND:
            await tx.execute(queries.LOCK_PAIR_OF, fact.subject)
        row = await tx.fetchrow(queries.LOCK, fact.subject) if fact.kind == KIND else None
        if row is None:
            return
        pair = row["owner_id"], row["person_id"], fact.at, row["id"]
        if row["is_withdrawn"] or await tx.fetchval(queries.OTHER, *pair):
            await self._give_back(tx, row, fact.payment_id)
            return
        for other in await tx.fetch(queries.END_OTHER, *pair):
            await self._checkouts.end_billing(tx, other["stripe_id"])
        begins = max(fact.at, row["paid_until"] or fact.at)
        months = await tx.fetchval(queries.PAID, row["id"], fact.at, month_after(begins))
        await note_change(tx, "subscription", row["owner_id"], row["person_id"])
        people = {"owner_id": row["owner_id"], "person_id": row["person_id"]}
        await publish(tx, SubscriptionPaid(subscription_id=row["id"], months=months, **people))

    async def _give_back(self, tx: Transaction, row: Row, payment_id: str) -> None:
        await self._checkouts.withdraw(tx, row)
        await self._checkouts.end_billing(tx, row["stripe_id"])
        with contextlib.suppress(Problem):  # it has gone back meanwhile
            await self._payments.refund(tx, payment_id, None)

    async def _reversed(self, tx: Transaction, fact: PaymentReversed) -> None:
        """What was given back as a whole gives no rights."""
        row = await tx.fetchrow(queries.LOCK, fact.subject) if fact.kind == KIND and fact.net == 0 else None
        if row is not None:
            await self.end(tx, row)
