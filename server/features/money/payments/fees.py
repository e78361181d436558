"""What providers keep: told by them a while after a payment, and booked beside it, from the server's share.

A provider gives its fee back with neither a refund nor a dispute; a dispute costs one more.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, Literal

import msgspec

from server.features.money.ledger import PLATFORM, Account, Ledger
from server.features.money.payments import queries
from server.features.money.payments.provider import Fee, Provider
from server.jobs import Attempt, Job, Jobs, RetryLater
from storage.postgres import Transaction

PROVIDER_FEES: Final = Account("provider_fees")
ASK_AGAIN_S: Final = 60.0
FeeOf = Literal["charge", "dispute"]


class FeeBody(msgspec.Struct, frozen=True):
    payment_id: str
    intent_id: str


class Fees:
    """``provider`` None: there are none to ask for."""

    def __init__(self, *, jobs: Jobs, ledger: Ledger, provider: Provider | None) -> None:
        self._jobs = jobs
        self._ledger = ledger
        self._provider = provider
        self.job = Job(name="payments.fee", body=FeeBody, run=self._run, timeout_s=60.0, tries=12)

    async def ask(self, tx: Transaction, payment_id: str, intent_id: str) -> None:
        """Have the fee of a payment booked once the provider tells it."""
        await self._jobs.enqueue(tx, self.job, FeeBody(payment_id, intent_id), key=payment_id)

    async def book(self, tx: Transaction, payment_id: str, of: FeeOf, fee: Fee, at: datetime) -> None:
        """Bring the ledger to a fee that was so much in all at ``at``. An earlier word than the last changes nothing.

        For one caller at a time of a payment and ``of``.
        """
        row = await tx.fetchrow(queries.PUT_FEE, payment_id, of, fee.amount, fee.currency, at)
        if row is None or row["change"] == 0:
            return
        await self._ledger.post(
            tx, {PROVIDER_FEES: row["change"], PLATFORM: -row["change"]},
            key=f"payment:{payment_id}:{of}-fee:{row['bookings']}", kind="fee", currency=fee.currency,
            subject=payment_id,
        )  # fmt: skip

    async def _run(self, attempt: Attempt[FeeBody]) -> None:
        body = attempt.body
        fee = None if self._provider is None else await self._provider.fee(body.intent_id)
        if fee is None:
            raise RetryLater("the provider does not tell its fee yet", after_s=ASK_AGAIN_S * attempt.number)
        async with attempt.finish() as tx:
            row: Any = await tx.fetchrow(queries.ONE, body.payment_id)
            await self.book(tx, body.payment_id, "charge", fee, row["paid_at"])
