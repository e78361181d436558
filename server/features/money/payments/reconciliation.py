"""Reconciliation: events of Stripe that never came are fetched and carried out, then its charges are compared with the
ledger.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec

from server.features.money.currencies import from_stripe
from server.features.money.payments import queries
from server.features.money.payments.inbox import Inbox
from server.features.money.payments.stripe_api import StripeMoney
from server.http.errors import Problem
from server.jobs import Attempt, Job, Jobs, Nothing
from storage.ids import Ids
from storage.postgres import Database, Row, Transaction

WINDOW: Final = timedelta(days=3)
SETTLING: Final = timedelta(minutes=10)
"""So long what has just happened may still be on its way here."""
EDGE: Final = timedelta(days=1)
"""Stripe may have charged a payment before the window whose event came within it."""
CARRIED_OUT_S: Final = timedelta(seconds=60)
"""From the events that were fetched to the comparison."""
RUN_S: Final = 900.0
MAX_TOLD: Final = 100
MAX_PAID: Final = 100_000


class ReconciliationBody(msgspec.Struct, frozen=True):
    reconciliation_id: str


class Reconciling:
    """``stripe`` None: there is nothing to compare with. ``differing``: what this node found unlike the last time."""

    def __init__(
        self,
        *,
        db: Database,
        jobs: Jobs,
        ids: Ids,
        now: Callable[[], datetime],
        inbox: Inbox,
        stripe: StripeMoney | None,
    ) -> None:
        self._db = db
        self._jobs = jobs
        self._ids = ids
        self._now = now
        self._inbox = inbox
        self._stripe = stripe
        self.differing = 0
        self.daily = Job(name="payments.reconcile", body=Nothing, run=self._daily, timeout_s=60.0, tries=3, at_once=1)
        self.compare = Job(
            name="payments.compare", body=ReconciliationBody, run=self._run, timeout_s=RUN_S, tries=3, at_once=1
        )

    async def begin(self, tx: Transaction) -> str:
        """Have a comparison made: its id. Raises a 503 without Stripe."""
        if self._stripe is None:
            detail = "There is nothing to compare with: the operator has not set stripe_secret_key"
            raise Problem(503, detail, slug="payments-not-configured", retry_after_s=3600)
        now = self._now()
        begun = self._ids.uuid7(now.timestamp())
        await tx.execute(queries.ADD_RECONCILIATION, begun, now - WINDOW, now)
        await self._jobs.enqueue(tx, self.compare, ReconciliationBody(begun), key=begun)
        return begun

    async def _daily(self, attempt: Attempt[Nothing]) -> None:
        if self._stripe is not None:
            async with attempt.finish() as tx:
                await self.begin(tx)

    async def _run(self, attempt: Attempt[ReconciliationBody]) -> None:
        """First the events, then, as another job when they have been carried out, the charges."""
        row = await self._db.fetchrow(queries.RECONCILIATION, attempt.body.reconciliation_id)
        if row is None or row["ended_at"] is not None or self._stripe is None:
            return
        if row["recovered"] is None:
            recovered = await self._recover(self._stripe, row["since"])
            async with attempt.finish() as tx:
                await tx.execute(queries.RECOVERED, row["id"], recovered)
                await self._jobs.enqueue(tx, self.compare, attempt.body, at=self._now() + CARRIED_OUT_S)
            return
        charges, found = await self._compared(self._stripe, row)
        self.differing = len(found)
        await self._db.execute(
            queries.END_RECONCILIATION, row["id"], self._now(), charges, len(found), found[:MAX_TOLD]
        )

    async def _recover(self, stripe: StripeMoney, since: datetime) -> int:
        recovered = 0
        async for page in stripe.listed("events", since=since):
            recovered += await self._inbox.recover(page)
        return recovered

    async def _compared(self, stripe: StripeMoney, row: Row) -> tuple[int, list[dict[str, Any]]]:
        """How many charges there are, and what differs."""
        before = row["began_at"] - SETTLING
        found: list[dict[str, Any]] = []
        seen: set[str] = set()
        count = 0
        async for page in stripe.listed("charges", since=row["since"] - EDGE):
            charges = [one for one in page if is_of_intent(one)]
            seen.update(str(one["payment_intent"]) for one in charges)
            old = [one for one in charges if datetime.fromtimestamp(one["created"], UTC) < before]
            nets = await self._db.fetch(queries.NETS_OF, [str(one["payment_intent"]) for one in old])
            found += differences(old, {net["intent_id"]: dict(net) for net in nets})
            count += len(old)
        for net in await self._db.fetch(queries.NETS_PAID, row["since"], before, MAX_PAID, timeout_s=60.0):
            if net["intent_id"] not in seen and net["net"] != 0:
                found.append(_differing(dict(net), net["intent_id"], net["currency"], 0))
        return count, found


def is_of_intent(charge: dict[str, Any]) -> bool:
    return charge.get("status", "succeeded") == "succeeded" and isinstance(charge.get("payment_intent"), str)


def differences(charges: list[dict[str, Any]], nets: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Charges of which Stripe has another amount than the ledger. ``nets``: payments by their intents. Pure."""
    found = []
    for charge in charges:
        intent_id, currency = str(charge["payment_intent"]), str(charge["currency"]).upper()
        net = nets.get(intent_id, {"id": None, "net": 0, "disputed": 0})
        kept = from_stripe(charge["amount"] - charge["amount_refunded"], currency)
        at_provider = max(0, kept - net["disputed"])
        if at_provider != net["net"]:
            found.append(_differing(net, intent_id, currency, at_provider))
    return found


def _differing(net: dict[str, Any], intent_id: str, currency: str, at_provider: int) -> dict[str, Any]:
    return {
        "payment_id": net["id"],
        "intent_id": intent_id,
        "currency": currency,
        "at_provider": at_provider,
        "in_ledger": net["net"],
    }
