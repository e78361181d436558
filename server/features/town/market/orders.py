"""Orders: opened with a payment that is held, and moved by people, payments and clocks as ``rules.MOVES`` has it.

The lock of an order comes before that of its payment.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final

from server.features.money.payments import PaymentFailed, PaymentReversed, Payments, PaymentSucceeded, Purpose
from server.features.town.market import queries
from server.features.town.market.facts import OrderMoved
from server.features.town.market.refusals import no_listing, no_order
from server.features.town.market.rules import (
    DISPUTES,
    ENDS,
    MODERATOR,
    MOVES,
    Act,
    Clock,
    Party,
    State,
    parties_of,
)
from server.features.town.market.shapes import ORDER, OrderBody, OrderShape
from server.features.town.market.shelf import Shelf
from server.http.errors import Problem, invalid_field
from server.publish import Publish
from storage.audit import AuditLog
from storage.errors import StorageError
from storage.facts import Consumer, publish
from storage.ids import Ids
from storage.postgres import Database, Reads, Row, Transaction

KIND: Final = "order"
DUE_AT_ONCE: Final = 200

log = logging.getLogger("server.market")


class Orders:
    """``clocks``: how long an order may stay in a state. ``origin``: of the pages to which who has paid returns."""

    def __init__(
        self,
        *,
        db: Database,
        ids: Ids,
        now: Callable[[], datetime],
        payments: Payments,
        publish: Publish,
        shelf: Shelf,
        audit: AuditLog,
        clocks: Mapping[Clock, timedelta],
        origin: str,
    ) -> None:
        self._db = db
        self._ids = ids
        self._now = now
        self._payments = payments
        self._publish = publish
        self._shelf = shelf
        self._audit = audit
        self._clocks = clocks
        self._origin = origin

    async def open(self, me: str, body: OrderBody) -> dict[str, Any]:
        """The order, and with what to pay it; its goods are kept for it. Raises a 404, a 422, a 503 without payments,
        and a 409 where there are not as many, the price has changed, or it cannot be bought yet.
        """
        order_id = self._ids.uuid7(self._now().timestamp())
        async with self._db.transaction() as tx:
            seller_id = await self._seller(tx, me, body.listing_id)
            goods = await self._take(tx, body)
            amount = goods["price"] * body.quantity + goods["shipping"]
            purpose = Purpose(
                kind=KIND, subject=order_id, payer_id=me, payee_id=seller_id, label=goods["title"],
                back_to=f"{self._origin}/market/orders/{order_id}", is_held=True,
            )  # fmt: skip
            payment_id = await self._begin(tx, purpose, amount, goods["currency"])
            await tx.execute(
                queries.ADD_ORDER, order_id, body.listing_id, me, seller_id, payment_id, goods["title"], body.quantity,
                goods["price"], goods["shipping"], amount, goods["currency"], self._payments.is_test, body.deliver_to,
                self._now(), self._now() + self._clocks["pay"],
            )  # fmt: skip
            await self._shelf.tell(tx, body.listing_id)
            row = await tx.fetchrow(queries.ORDER, order_id)
        assert row is not None
        opened = await self._payments.open(payment_id, purpose, amount=amount, currency=goods["currency"])
        return {"order": shape_of(row), "client_secret": opened.client_secret, "checkout_url": opened.checkout_url}

    async def one(self, me: str, order_id: str, *, is_moderator: bool = False) -> OrderShape:
        """For its buyer and its seller, and of those in dispute for moderators. Raises a 404."""
        row = await self._db.fetchrow(queries.ORDER, order_id)
        if row is None or not (_parties(row, me) or (is_moderator and row["state"] in DISPUTES)):
            raise no_order()
        return shape_of(row)

    async def given(self, me: str, before: str | None, limit: int) -> Sequence[Row]:
        return await self._db.fetch(queries.GIVEN, me, before, limit)

    async def got(self, me: str, before: str | None, limit: int) -> Sequence[Row]:
        return await self._db.fetch(queries.GOT, me, before, limit)

    async def disputed(self, before: str | None, limit: int) -> Sequence[Row]:
        return await self._db.fetch(queries.DISPUTED, before, limit)

    async def act(self, me: str, order_id: str, act: Act, **texts: str) -> OrderShape:
        """``texts``: columns of the order that the act sets. Raises a 404 for who has no part in it, a 403 for an act
        of the other one's, and a 409 for one that is not possible in its state.
        """
        async with self._db.transaction() as tx:
            row = await tx.fetchrow(queries.HOLD_ORDER, order_id)
            parties = _parties(row, me) if row is not None else frozenset()
            if row is None or not parties:
                raise no_order()
            _require(row["state"], act, parties)
            await self._move(tx, row, act, by=me, **texts)
            after = await tx.fetchrow(queries.ORDER, order_id)
        assert after is not None
        return shape_of(after)

    async def decide(self, order_id: str, act: Act, *, by: str) -> OrderShape:
        """As a moderator, of a dispute between others. Raises a 403, a 404 and a 409."""
        async with self._db.transaction() as tx:
            row = await tx.fetchrow(queries.HOLD_ORDER, order_id)
            if row is None:
                raise no_order()
            if _parties(row, by):
                raise Problem(403, "Somebody else decides on an order of yours")
            _require(row["state"], act, MODERATOR)
            await self._move(tx, row, act, by=by)
            await self._audit.add(tx, f"order.{act}", actor_id=by, subject=order_id)
            after = await tx.fetchrow(queries.ORDER, order_id)
        assert after is not None
        return shape_of(after)

    async def lapse(self) -> None:
        """Have the clocks go on with all orders whose time in a state is over; one that cannot holds up no other."""
        now, last = self._now(), (None, None)
        while due := await self._db.fetch(queries.DUE, now, *last, DUE_AT_ONCE):
            for one in due:
                try:
                    await self._lapse_one(one["id"])
                except (Problem, StorageError) as error:
                    log.warning("order %s does not go on: %s", one["id"], error)
            last = due[-1]["due_at"], due[-1]["id"]

    async def _lapse_one(self, order_id: str) -> None:
        async with self._db.transaction() as tx:
            row = await tx.fetchrow(queries.HOLD_ORDER, order_id)
            if row is not None and row["due_at"] is not None and row["due_at"] <= self._now():
                await self._try(tx, row, "lapse")

    async def erase(self, tx: Transaction, person_id: str) -> None:
        """End the open orders of a person whose account ends: what was not shipped goes back, what was is received."""
        for found in await tx.fetch(queries.OPEN_OF, person_id):
            row = await tx.fetchrow(queries.HOLD_ORDER, found["id"])
            if row is not None:
                await self._end(tx, row, person_id)
        await tx.execute(queries.FORGET_TEXTS, person_id)
        await tx.execute(queries.FORGET_ANSWERS, person_id)

    def consumers(self) -> Sequence[Consumer[Any]]:
        return (
            Consumer(PaymentSucceeded, self._paid),
            Consumer(PaymentFailed, self._failed),
            Consumer(PaymentReversed, self._reversed),
        )

    async def _seller(self, tx: Transaction, me: str, listing_id: str) -> str:
        row = await tx.fetchrow(queries.FOR_SALE, me, listing_id)
        if row is None:
            raise no_listing()
        if row["seller_id"] == me:
            raise invalid_field("listing_id", "must not be your own")
        if row["opens_at"] is not None and row["opens_at"] > self._now():
            opens_at = row["opens_at"].astimezone(UTC).isoformat().replace("+00:00", "Z")
            raise Problem(409, "It cannot be bought yet", slug="not-open", extra={"opens_at": opens_at})
        seller_id: str = row["seller_id"]
        return seller_id

    async def _take(self, tx: Transaction, body: OrderBody) -> Row:
        goods = await tx.fetchrow(queries.TAKE, body.listing_id, body.quantity, self._now())
        if goods is None:
            raise Problem(409, "There are not as many left", slug="sold-out")
        if body.price is not None and body.price != goods["price"]:
            raise Problem(409, "The price has changed", slug="price-changed", extra={"price": goods["price"]})
        return goods

    async def _begin(self, tx: Transaction, purpose: Purpose, amount: int, currency: str) -> str:
        try:
            return await self._payments.begin(tx, purpose, amount=amount, currency=currency)
        except Problem as problem:
            if problem.status != 422:
                raise
            raise invalid_field("quantity", f"makes {amount} {currency}, which cannot be paid at once") from problem

    async def _end(self, tx: Transaction, row: Row, person_id: str) -> None:
        if row["state"] == "shipped":
            await self._try(tx, row, "lapse", by=person_id)
        elif row["state"] in ("disputed", "contested"):
            act: Act = "cancel" if row["seller_id"] == person_id else "receive"
            await self._move(tx, row, act, by=person_id)
        else:
            await self._move(tx, row, "cancel", by=person_id)

    async def _paid(self, tx: Transaction, fact: PaymentSucceeded) -> None:
        if fact.kind == KIND:
            await self._on_payment(tx, fact.subject, "pay")

    async def _failed(self, tx: Transaction, fact: PaymentFailed) -> None:
        if fact.kind == KIND:
            await self._on_payment(tx, fact.subject, "fail")

    async def _reversed(self, tx: Transaction, fact: PaymentReversed) -> None:
        """A part that goes back changes nothing: people agree on those among themselves."""
        if fact.kind == KIND and fact.net == 0:
            await self._on_payment(tx, fact.subject, "reverse")

    async def _on_payment(self, tx: Transaction, order_id: str, act: Act) -> None:
        row = await tx.fetchrow(queries.HOLD_ORDER, order_id)
        if row is not None:
            await self._try(tx, row, act)

    async def _try(self, tx: Transaction, row: Row, act: Act, by: str | None = None) -> None:
        """What the server does is done where it is possible: an order may be elsewhere already."""
        if (row["state"], act) in MOVES:
            await self._move(tx, row, act, by=by)

    async def _move(self, tx: Transaction, row: Row, act: Act, *, by: str | None, **texts: str) -> None:
        move, now = MOVES[row["state"], act], self._now()
        due_at = None if move.clock is None else now + self._clocks[move.clock]
        texts = {"tracking": row["tracking"], "reason": row["reason"], "answer": row["answer"], **texts}
        await tx.execute(
            queries.MOVE, row["id"], move.to, due_at, texts["tracking"], texts["reason"], texts["answer"], now,
            move.to in ENDS,
        )  # fmt: skip
        if move.restocks and row["listing_id"] is not None:
            await tx.execute(queries.PUT_BACK, row["listing_id"], row["quantity"])
            await self._shelf.tell(tx, row["listing_id"])
        if move.money == "refund":
            await self._give_back(tx, row["payment_id"])
        elif move.money == "release":
            await self._payments.let_go(tx, row["payment_id"])
        body = {"order_id": row["id"], "state": move.to}
        moved = OrderMoved(
            order_id=row["id"], buyer_id=row["buyer_id"], seller_id=row["seller_id"], before=row["state"], act=act,
            after=move.to, by_id=by, at=now,
        )  # fmt: skip
        await publish(tx, moved)
        people = [row["buyer_id"], row["seller_id"]]
        tx.after_commit(partial(self._publish.to_people, people, ORDER.name, body))

    async def _give_back(self, tx: Transaction, payment_id: str) -> None:
        try:
            await self._payments.refund(tx, payment_id, None)
        except Problem as problem:  # all of it has gone back already, through the provider
            if problem.status != 409:
                raise


def _require(state: State, act: Act, parties: frozenset[Party]) -> None:
    if not parties & parties_of(act):
        raise Problem(403, "This is for the other one to do")
    move = MOVES.get((state, act))
    if move is None or not parties & move.by:
        raise Problem(409, f"This is not possible with an order that is {state}", slug="order-state")


def _parties(row: Row, me: str) -> frozenset[Party]:
    mine: dict[Party, str] = {"buyer": row["buyer_id"], "seller": row["seller_id"]}
    return frozenset(party for party, person_id in mine.items() if person_id == me)


class OrderTitles:
    """Orders as notifications name them."""

    async def titles(self, reads: Reads, ids: Collection[str], viewer_id: str) -> Mapping[str, str]:
        """By id, of those that the viewer gave or got."""
        if not ids:
            return {}
        return {row["id"]: row["title"] for row in await reads.fetch(queries.TITLES, list(ids), viewer_id)}


def shape_of(row: Row) -> OrderShape:
    return OrderShape.model_validate(dict(row))
