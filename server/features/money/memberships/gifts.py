"""Gifts: months of a tier for persons who are in the creator's room when they are paid, drawn at random.

Each has a subscription of one month that does not renew itself. What finds nobody goes back to the payer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec

from server.features.money.memberships import gift_queries, queries
from server.features.money.memberships.facts import SubscriptionPaid
from server.features.money.memberships.months import month_after
from server.features.money.payments import PaymentReversed, Payments, PaymentSucceeded, Purpose
from server.http.errors import Problem
from server.jobs import Attempt, Job, Jobs
from storage.facts import Consumer, publish
from storage.ids import Ids
from storage.postgres import Database, Row, Transaction
from storage.rights import note_change

KIND: Final = "gift"
PRESENCE_S: Final = 5.0

InRoom = Callable[[str], Awaitable[Sequence[str]]]
"""The ids of the persons who are in a room, on all nodes that answer."""


class GiftBody(msgspec.Struct, frozen=True):
    gift_id: str


class Gifts:
    """``end`` ends a subscription."""

    def __init__(
        self,
        *,
        db: Database,
        ids: Ids,
        now: Callable[[], datetime],
        jobs: Jobs,
        payments: Payments,
        in_room: InRoom,
        end: Callable[[Transaction, Row], Awaitable[None]],
        origin: str,
    ) -> None:
        self._db = db
        self._ids = ids
        self._now = now
        self._jobs = jobs
        self._payments = payments
        self._in_room = in_room
        self._end = end
        self._origin = origin
        self.job = Job(name="memberships.place_gift", body=GiftBody, run=self._place, timeout_s=30.0)

    async def begin(self, payer_id: str, owner: Row, tier: Row, count: int) -> dict[str, Any]:
        """The gift, and the page to pay it on. Raises as ``Payments.begin`` does."""
        amount, currency = tier["amount"] * count, tier["currency"]
        now = self._now()
        gift_id = self._ids.uuid7(now.timestamp())
        purpose = Purpose(
            kind=KIND, subject=gift_id, payer_id=payer_id, payee_id=owner["id"],
            label=f"{count} x {tier['name']}, {owner['display_name']}", back_to=f"{self._origin}/@{owner['username']}",
        )  # fmt: skip
        async with self._db.transaction() as tx:
            payment_id = await self._payments.begin(tx, purpose, amount=amount, currency=currency)
            await tx.execute(
                gift_queries.ADD, gift_id, owner["id"], payer_id, tier["id"], payment_id, tier["amount"], currency,
                count, self._payments.is_test, now,
            )  # fmt: skip
        opened = await self._payments.open(payment_id, purpose, amount=amount, currency=currency)
        gift = {"id": gift_id, "count": count, "amount": amount, "currency": currency, "state": "pending", "placed": 0}
        gift["is_test"] = self._payments.is_test
        return {"subscription": None, "gift": gift, "checkout_url": opened.checkout_url}

    def consumers(self) -> Sequence[Consumer[Any]]:
        return (Consumer(PaymentSucceeded, self._paid), Consumer(PaymentReversed, self._reversed))

    async def _paid(self, tx: Transaction, fact: PaymentSucceeded) -> None:
        if fact.kind == KIND:
            await self._jobs.enqueue(tx, self.job, GiftBody(fact.subject), key=fact.subject)

    async def _reversed(self, tx: Transaction, fact: PaymentReversed) -> None:
        """What was given back as a whole gives no rights."""
        if fact.kind == KIND and fact.net == 0:
            await tx.execute(gift_queries.TAKE_BACK, fact.subject)
            for row in await tx.fetch(gift_queries.OF_GIFT, fact.subject):
                await self._end(tx, row)

    async def _place(self, attempt: Attempt[GiftBody]) -> None:
        found = await self._db.fetchrow(gift_queries.ONE, attempt.body.gift_id)
        if found is None:
            return
        room_id = await self._db.fetchval(gift_queries.ROOM, found["owner_id"])
        present: Sequence[str] = []
        if room_id is not None:
            async with asyncio.timeout(PRESENCE_S):
                present = await self._in_room(room_id)
        async with attempt.finish() as tx:
            gift = await tx.fetchrow(gift_queries.LOCK, found["id"])
            if gift is None or gift["state"] != "pending":
                return
            drawn = await tx.fetch(gift_queries.DRAW, list(present), gift["owner_id"], gift["payer_id"], gift["count"])
            for row in drawn:
                await self._give(tx, gift, row["id"])
            await tx.execute(gift_queries.PLACED, gift["id"], len(drawn))
            await self._give_back(tx, gift, gift["count"] - len(drawn))

    async def _give(self, tx: Transaction, gift: Row, person_id: str) -> None:
        now = self._now()
        subscription_id = self._ids.uuid7(now.timestamp())
        await tx.execute(
            queries.ADD, subscription_id, gift["owner_id"], person_id, gift["payer_id"], gift["tier_id"],
            gift["amount"], gift["currency"], gift["is_test"], True, now,
        )  # fmt: skip
        await tx.execute(gift_queries.MARK, subscription_id, gift["id"])
        months = await tx.fetchval(queries.PAID, subscription_id, now, month_after(now))
        await note_change(tx, "subscription", gift["owner_id"], person_id)
        people = {"owner_id": gift["owner_id"], "person_id": person_id}
        await publish(tx, SubscriptionPaid(subscription_id=subscription_id, months=months, **people))

    async def _give_back(self, tx: Transaction, gift: Row, left: int) -> None:
        if left == 0:
            return
        try:
            await self._payments.refund(tx, gift["payment_id"], gift["amount"] * left)
        except Problem:  # it has gone back meanwhile
            return
