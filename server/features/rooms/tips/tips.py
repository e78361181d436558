"""Tips: given with a payment, shown in the room when the payment has succeeded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Any, Final

from actors.chat_permissions import REFUSALS
from actors.screening import ALLOW
from server.features.money.payments import (
    PaymentFailed,
    PaymentReversed,
    Payments,
    PaymentSucceeded,
    Purpose,
)
from server.features.rooms.seats import require_unsilenced, seat_of
from server.features.rooms.tips import queries
from server.features.rooms.tips.facts import TipSucceeded
from server.features.rooms.tips.shapes import TIP, TipBody, sent, shown
from server.http.errors import invalid_field, not_found
from server.live.room_mirror import topic_of
from server.publish import Publish
from storage.chat_filters import ChatFilters
from storage.facts import Consumer, publish
from storage.ids import Ids
from storage.postgres import Database, Transaction
from storage.seen_streams import seen_stream

KIND: Final = "tip"


class Tips:
    """``origin``: of the pages to which who has paid returns."""

    def __init__(
        self,
        *,
        db: Database,
        ids: Ids,
        now: Callable[[], datetime],
        payments: Payments,
        filters: ChatFilters,
        publish: Publish,
        origin: str,
    ) -> None:
        self._db = db
        self._ids = ids
        self._now = now
        self._payments = payments
        self._filters = filters
        self._publish = publish
        self._origin = origin

    async def give(self, person_id: str, body: TipBody) -> dict[str, Any]:
        """The tip, and with what to pay it. Raises a 404 for a receiver that the person may not know of, a 422, a 503
        without payments, and ``silenced``. A message that may not be written in the receiver's room is a 422.
        """
        self._payments.require(body.amount, body.currency)
        tip_id = self._ids.uuid7(self._now().timestamp())
        async with self._db.transaction() as tx:
            place = await self._place(tx, person_id, body)
            if place["owner_id"] == person_id:
                raise invalid_field("user" if body.stream_id is None else "stream_id", "must not be your own")
            await self._require_fit(body.message, place["owner_id"])
            purpose = Purpose(
                kind=KIND, subject=tip_id, payer_id=person_id, payee_id=place["owner_id"],
                label=f"Tip for {place['name']}", back_to=self._origin + place["page"],
            )  # fmt: skip
            payment_id = await self._payments.begin(tx, purpose, amount=body.amount, currency=body.currency)
            await tx.execute(
                queries.ADD, tip_id, payment_id, place["stream_id"], place["room_id"], person_id, place["owner_id"],
                body.amount, body.currency, body.message, self._payments.is_test, self._now(),
            )  # fmt: skip
            row = await tx.fetchrow(queries.ONE, tip_id)
        assert row is not None
        opened = await self._payments.open(payment_id, purpose, amount=body.amount, currency=body.currency)
        return {"tip": shown(row), "client_secret": opened.client_secret, "checkout_url": opened.checkout_url}

    async def one(self, tip_id: str, person_id: str) -> dict[str, Any]:
        """For who gave it and who receives it. Raises a 404."""
        row = await self._db.fetchrow(queries.ONE, tip_id)
        if row is None or person_id not in (row["person_id"], row["owner_id"]):
            raise not_found("There is no such tip")
        return shown(row)

    async def event(self, tip_id: str) -> dict[str, Any] | None:
        """As the room is sent it; None for one that has gone, or that is not paid."""
        row = await self._db.fetchrow(queries.ONE, tip_id)
        return None if row is None or row["paid_at"] is None else sent(row)

    async def of_stream(
        self, stream_id: str, viewer_id: str | None, *, before: str | None, limit: int
    ) -> list[dict[str, Any]]:
        """Those that have succeeded, but for persons with whom the viewer is blocked."""
        return [shown(row) for row in await self._db.fetch(queries.OF_STREAM, stream_id, before, limit, viewer_id)]

    async def received(self, owner_id: str, *, before: str | None, limit: int) -> list[dict[str, Any]]:
        return [shown(row) for row in await self._db.fetch(queries.RECEIVED, owner_id, before, limit)]

    def consumers(self) -> Sequence[Consumer[Any]]:
        return (
            Consumer(PaymentSucceeded, self._succeeded),
            Consumer(PaymentFailed, self._failed),
            Consumer(PaymentReversed, self._reversed),
        )

    async def _require_fit(self, message: str, owner_id: str) -> None:
        """A message that a moderator would have to look at is refused: what is paid is shown, or is not paid."""
        verdict = (await self._filters.screen(owner_id)).judge(message) if message else ALLOW
        if verdict.action != "allow":
            raise invalid_field("message", REFUSALS[verdict.reason])

    async def _place(self, tx: Transaction, person_id: str, body: TipBody) -> dict[str, Any]:
        """Whose it is, where it is shown, and the page to return to."""
        if body.stream_id is None:
            return await self._place_of_user(tx, person_id, body.user or "")
        stream = await seen_stream(tx, body.stream_id, person_id)
        if stream is None:
            raise not_found("There is no such stream")
        require_unsilenced(await seat_of(tx, stream.room_id, person_id))
        return {
            "owner_id": stream.owner_id,
            "stream_id": stream.id,
            "room_id": stream.room_id,
            "name": stream.title,
            "page": f"/watch/{stream.id}",
        }

    async def _place_of_user(self, tx: Transaction, person_id: str, user: str) -> dict[str, Any]:
        """The public stream of theirs that is live, if there is one."""
        row = await tx.fetchrow(queries.RECEIVER, user, person_id)
        if row is None:
            raise not_found("There is nobody of this name")
        return {
            "owner_id": row["id"],
            "stream_id": row["stream_id"],
            "room_id": row["room_id"],
            "name": row["display_name"],
            "page": f"/@{row['username']}",
        }

    async def _succeeded(self, tx: Transaction, fact: PaymentSucceeded) -> None:
        if fact.kind != KIND or await tx.fetchval(queries.SUCCEED, fact.subject, fact.at) is None:
            return
        row = await tx.fetchrow(queries.ONE, fact.subject)
        assert row is not None
        await publish(tx, TipSucceeded(tip_id=row["id"], owner_id=row["owner_id"]))
        if row["room_id"] is None:
            people = (row["owner_id"], row["person_id"])
            tx.after_commit(partial(self._publish.to_people, people, TIP.name, sent(row)))
        else:
            room, payer = topic_of(row["room_id"]), row["person_id"]
            tx.after_commit(partial(self._publish.to_topic, room, TIP.name, sent(row), person_id=payer))

    async def _failed(self, tx: Transaction, fact: PaymentFailed) -> None:
        if fact.kind == KIND:
            await tx.execute(queries.FAIL, fact.subject)

    async def _reversed(self, tx: Transaction, fact: PaymentReversed) -> None:
        if fact.kind == KIND:
            await tx.execute(queries.REFUND, fact.subject, fact.net)
