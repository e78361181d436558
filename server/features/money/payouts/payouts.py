"""Payouts: what is available leaves the ledger when it is asked for, and comes again when it cannot be paid."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

import msgspec

from server.features.money.currencies import CURRENCIES
from server.features.money.ledger import Account, Ledger, available
from server.features.money.payments import StripeEvent, StripeMoney
from server.features.money.payments.stripe_events import StripeId, object_of
from server.features.money.payouts import queries
from server.features.money.payouts.shapes import MAX_STATEMENT, PayoutBody
from server.features.money.payouts.withholding import BANK, Withholding, part_of, withheld
from server.http.errors import Problem, invalid_field, not_found
from server.jobs import Attempt, Job, Jobs
from storage.ids import Ids
from storage.postgres import Database, Row, Transaction

DEFAULT_DAYS: Final = timedelta(days=30)


class PayeeAccount(msgspec.Struct, frozen=True):
    """An account of Connect, as Stripe says it is."""

    id: StripeId
    payouts_enabled: bool


class PayoutJob(msgspec.Struct, frozen=True):
    payout_id: str


class Payouts:
    """``stripe`` None and not ``is_test``: there are no payouts. ``least``: of a payout, in dollars."""

    def __init__(
        self,
        *,
        db: Database,
        ids: Ids,
        now: Callable[[], datetime],
        jobs: Jobs,
        ledger: Ledger,
        stripe: StripeMoney | None,
        withholding: Withholding,
        is_test: bool,
        least: int,
        origin: str,
    ) -> None:
        self._db = db
        self._ids = ids
        self._now = now
        self._jobs = jobs
        self._ledger = ledger
        self._stripe = stripe
        self._withholding = withholding
        self._is_test = is_test
        self._least = least
        self._origin = origin
        self.job = Job(name="payouts.send", body=PayoutJob, run=self._send, timeout_s=60.0)

    async def onboard(self, person_id: str) -> dict[str, Any]:
        """Where the person tells whom to pay. Raises a 503 without a provider, and ``Unavailable``."""
        self._require_provider()
        row = await self._db.fetchrow(queries.ACCOUNT, person_id)
        if self._stripe is None:
            await self._db.execute(queries.PUT_ACCOUNT, person_id, "test", None, True, self._now())
            return {"onboarding_url": f"{self._origin}/settings/money", "is_ready": True}
        account = row["stripe_account"] if row is not None and row["provider"] == "stripe" else None
        if account is None:
            account = await self._stripe.open_account(person_id)
            await self._db.execute(queries.PUT_ACCOUNT, person_id, "stripe", account, False, self._now())
        url = await self._stripe.onboarding_url(account, back_to=f"{self._origin}/settings/money")
        return {"onboarding_url": url, "is_ready": row is not None and bool(row["is_ready"])}

    async def ask(self, person_id: str, body: PayoutBody) -> dict[str, Any]:
        """Raises a 409 without an account to pay to, a 422 for more than is available and less than ``least``."""
        self._require_provider()
        if body.currency not in CURRENCIES:
            raise invalid_field("currency", f"must be one of {', '.join(CURRENCIES)}")
        provider = "test" if self._stripe is None else "stripe"
        percent = await self._withholding.percent_of(person_id)
        async with self._db.transaction() as tx:
            account = await tx.fetchrow(queries.ACCOUNT, person_id)
            if account is None or account["provider"] != provider or not account["is_ready"]:
                raise Problem(409, "Say first whom to pay: POST /me/payout-account", slug="no-payout-account")
            amount = await self._wanted(tx, person_id, body)
            kept = part_of(amount, percent)
            now = self._now()
            payout_id = self._ids.uuid7(now.timestamp())
            await tx.execute(queries.ADD, payout_id, person_id, amount, kept, body.currency, provider, now)
            moved = _moved(person_id, amount, kept)
            await self._ledger.post(
                tx, moved, key=f"payout:{payout_id}", kind="payout", currency=body.currency, subject=payout_id
            )
            await self._jobs.enqueue(tx, self.job, PayoutJob(payout_id), key=payout_id)
            row = await tx.fetchrow(queries.ONE, payout_id, person_id)
        assert row is not None
        return dict(row)

    async def listed(self, person_id: str, *, before: str | None, limit: int) -> list[dict[str, Any]]:
        return [dict(row) for row in await self._db.fetch(queries.LIST, person_id, before, limit)]

    async def earnings(self, person_id: str, since: date | None, to: date | None) -> dict[str, Any]:
        first, last = self._period(since, to)
        rows = [dict(row) for row in await self._db.fetch(queries.EARNED, person_id, _start(first), _end(last))]
        totals: dict[str, dict[str, Any]] = {}
        for row in rows:
            nothing = {"currency": row["currency"], "paid": 0, "share": 0, "earned": 0}
            total = totals.setdefault(row["currency"], nothing)
            for name in ("paid", "share", "earned"):
                total[name] += row[name]
        return {"from": first, "to": last, "earnings": rows, "totals": list(totals.values())}

    async def statement(self, person_id: str, since: date | None, to: date | None, currency: str | None) -> list[Row]:
        first, last = self._period(since, to)
        return await self._db.fetch(queries.STATEMENT, person_id, _start(first), _end(last), currency, MAX_STATEMENT)

    async def statement_of(self, person_id: str, payout_id: str) -> list[Row]:
        """What came to the payout: all since the one before it. Raises a 404."""
        row = await self._db.fetchrow(queries.ONE, payout_id, person_id)
        if row is None:
            raise not_found("There is no such payout")
        since = await self._db.fetchval(queries.BEFORE, person_id, row["currency"], payout_id)
        left = await self._db.fetchval(queries.LEFT_AT, payout_id)
        first = datetime(1970, 1, 1, tzinfo=UTC) if since is None else since + timedelta(microseconds=1)
        until = left + timedelta(microseconds=1)
        return await self._db.fetch(queries.STATEMENT, person_id, first, until, row["currency"], MAX_STATEMENT)

    async def account_changed(self, tx: Transaction, event: StripeEvent) -> bool:
        """Whether the event says whether an account may be paid. Raises ``ValueError`` for another shape."""
        if event.type != "account.updated":
            return False
        found = object_of(event, PayeeAccount)
        return await tx.fetchval(queries.READY, found.id, found.payouts_enabled) is not None

    def _require_provider(self) -> None:
        if self._stripe is None and not self._is_test:
            detail = "This server pays nobody: its operator has set neither stripe_secret_key nor test_money"
            raise Problem(503, detail, slug="payments-not-configured", retry_after_s=3600)

    async def _wanted(self, tx: Transaction, person_id: str, body: PayoutBody) -> int:
        known = CURRENCIES[body.currency]
        held = await self._ledger.locked_balance(tx, available(person_id), body.currency)
        amount = held if body.amount is None else body.amount
        if amount > held:
            raise invalid_field("amount", f"must be at most {held}, which is what is available")
        if amount < known.dollar * self._least:
            raise invalid_field("amount", f"must be at least {known.dollar * self._least}; {held} is available")
        return amount

    def _period(self, since: date | None, to: date | None) -> tuple[date, date]:
        last = to or self._now().astimezone(UTC).date()
        first = since or last - DEFAULT_DAYS
        if first > last:
            raise invalid_field("from", "must not be after `to`")
        return first, last

    async def _send(self, attempt: Attempt[PayoutJob]) -> None:
        row = await self._db.fetchrow(queries.BY_ID, attempt.body.payout_id)
        if row is None or row["state"] != "pending":
            return
        reason = await self._sent(row)
        async with attempt.finish() as tx:
            state, paid_at = ("failed", None) if reason else ("paid", self._now())
            if await tx.execute(queries.SETTLE, row["id"], state, reason, paid_at) and reason:
                moved = {account: -part for account, part in _moved_of(row).items()}
                key = f"payout:{row['id']}:failed"
                await self._ledger.post(tx, moved, key=key, kind="payout", currency=row["currency"], subject=row["id"])

    async def _sent(self, row: Row) -> str:
        """Why the provider refuses; empty when it has taken it. Raises ``Unavailable``: it may have."""
        net = row["amount"] - row["withheld"]
        if row["provider"] == "test" or net == 0:
            return ""
        account = await self._db.fetchrow(queries.ACCOUNT, row["person_id"])
        if self._stripe is None or account is None or account["stripe_account"] is None:
            return "there is no account to pay to any more"
        return await self._stripe.send(
            account["stripe_account"], amount=net, currency=row["currency"], key=f"{row['id']}-payout"
        )


def _moved(person_id: str, amount: int, kept: int) -> dict[Account, int]:
    return {available(person_id): -amount, BANK: amount - kept, withheld(person_id): kept}


def _moved_of(row: Row) -> dict[Account, int]:
    return _moved(row["person_id"], row["amount"], row["withheld"])


def _start(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _end(day: date) -> datetime:
    return _start(min(day, date.max - timedelta(days=1))) + timedelta(days=1)
