"""The inbox of Stripe's events: each is stored before it is answered, and carried out once by a job."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from server.features.money.payments import queries
from server.features.money.payments.payments import Payments, Unknown
from server.features.money.payments.stripe_events import StripeEvent, observed
from server.http.errors import Problem, not_found
from server.jobs import Attempt, Job, Jobs, RetryLater
from storage.ids import Ids
from storage.postgres import Database, Transaction

TOLERANCE_S: Final = 300
"""Age of a signature, https://docs.stripe.com/webhooks#replay-attacks"""
KEPT: Final = timedelta(days=90)
TRIES_UNKNOWN: Final = 6
UNKNOWN_AGAIN_S: Final = 20.0
log = logging.getLogger("server.payments")

OnEvent = Callable[[Transaction, StripeEvent], Awaitable[bool]]
"""Whether the event is of its kind. Raises ``ValueError`` for what cannot be, ``Unknown`` for what may become known."""


class EventBody(msgspec.Struct, frozen=True):
    event_id: str


class Inbox:
    """``secret``: of the signatures; None: nothing is taken. ``is_live``: the key's mode; None: it does not tell."""

    def __init__(
        self,
        *,
        db: Database,
        jobs: Jobs,
        ids: Ids,
        now: Callable[[], datetime],
        payments: Payments,
        secret: str | None,
        is_live: bool | None,
    ) -> None:
        self._db = db
        self._jobs = jobs
        self._ids = ids
        self._now = now
        self._payments = payments
        self._secret = secret
        self._is_live = is_live
        self._handlers: list[OnEvent] = [self._of_payment]
        self.job = Job(name="payments.event", body=EventBody, run=self._run, timeout_s=30.0, tries=20)

    def add(self, handler: OnEvent) -> None:
        """Have ``handler`` called with the events that are of no payment."""
        self._handlers.append(handler)

    async def take(self, body: bytes, signature: str) -> None:
        """Store an event. Raises a 400 for one that Stripe has not signed lately, and a 503 without a secret."""
        event = self._verified(body, signature)
        async with self._db.transaction() as tx:
            await self._store(tx, event, body)

    async def recover(self, events: Sequence[dict[str, Any]]) -> int:
        """Store those that Stripe lists and that have never come: how many."""
        known = {row["id"] for row in await self._db.fetch(queries.KNOWN_EVENTS, [str(one["id"]) for one in events])}
        lost = [one for one in events if one["id"] not in known]
        for one in lost:
            async with self._db.transaction() as tx:
                await self._store(tx, msgspec.convert(one, StripeEvent), msgspec.json.encode(one))
        return len(lost)

    async def _store(self, tx: Transaction, event: StripeEvent, body: bytes) -> None:
        row_id = self._ids.uuid7(self._now().timestamp())
        times = await tx.fetchval(queries.STORE_EVENT, event.id, row_id, event.type, body.decode(), self._now())
        if times == 1:
            await self._jobs.enqueue(tx, self.job, EventBody(event.id), key=event.id)

    async def replay(self, tx: Transaction, event_id: str) -> None:
        """Carry an event out again, which changes nothing where it has been. Raises a 404."""
        if await tx.fetchval(queries.REPLAY, event_id) is None:
            raise not_found("There is no such event")
        await self._jobs.enqueue(tx, self.job, EventBody(event_id))

    async def listed(self, *, state: str | None, before: str | None, limit: int) -> Sequence[Any]:
        return await self._db.fetch(queries.EVENTS, state, before, limit)

    async def prune(self) -> None:
        await self._db.execute(queries.PRUNE_EVENTS, self._now() - KEPT)

    def _verified(self, body: bytes, signature: str) -> StripeEvent:
        if self._secret is None:
            detail = "This server takes no events of Stripe: its operator has not set stripe_webhook_secret"
            raise Problem(503, detail, slug="payments-not-configured", retry_after_s=3600)
        from stripe import SignatureVerificationError, WebhookSignature

        try:
            WebhookSignature.verify_header(body, signature, self._secret, tolerance=TOLERANCE_S)
            self._require_past(signature)
            return msgspec.json.decode(body, type=StripeEvent)
        except SignatureVerificationError as error:
            raise Problem(400, f"Stripe has not signed this: {error}", slug="bad-signature") from error
        except (UnicodeDecodeError, msgspec.MsgspecError) as error:
            raise Problem(400, "This is not an event of Stripe") from error

    def _require_past(self, signature: str) -> None:
        """Stripe's library bounds the age alone, and one from the future could be sent again for as long."""
        at = next(int(part[2:]) for part in signature.split(",") if part.startswith("t="))
        if at > self._now().timestamp() + TOLERANCE_S:
            raise Problem(400, "Stripe has not signed this: it is dated in the future", slug="bad-signature")

    async def _run(self, attempt: Attempt[EventBody]) -> None:
        async with attempt.finish() as tx:
            row = await tx.fetchrow(queries.EVENT, attempt.body.event_id)
            if row is None or row["state"] != "waiting":
                return
            event = msgspec.json.decode(row["body"], type=StripeEvent)
            state, reason = await self._carry_out(tx, event, attempt.number)
            await tx.execute(queries.SETTLE_EVENT, event.id, state, reason[:500], self._now())
        if state == "failed":
            log.error("Stripe's event %s (%s) was not carried out: %s", event.id, event.type, reason)

    async def _carry_out(self, tx: Transaction, event: StripeEvent, number: int) -> tuple[str, str]:
        if self._is_live is not None and event.livemode != self._is_live:
            return "ignored", "it is of the other mode than stripe_secret_key"
        try:
            for handler in self._handlers:
                if await handler(tx, event):
                    return "done", ""
        except ValueError as error:
            return "failed", str(error)
        except Unknown as error:
            if number < TRIES_UNKNOWN:  # it may have come before what makes it known
                raise RetryLater("nothing is known of its payment yet", after_s=UNKNOWN_AGAIN_S * number) from error
            return "ignored", "it is of nothing that this server knows"
        return "ignored", "its type says nothing here"

    async def _of_payment(self, tx: Transaction, event: StripeEvent) -> bool:
        seen = observed(event) if event.account is None else None
        if seen is not None:
            await self._payments.observe(tx, seen)
        return seen is not None
