"""Campaigns: made, changed and ended by advertisers, and paid in advance.

What is paid lies in the advertiser's account ``advertising``. No more is spent than was paid, and no more than the
budget; what an ended campaign has left goes back the way it came.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from server.features.commerce.ads import queries, shapes
from server.features.commerce.ads.shapes import CampaignChange, NewCampaign
from server.features.money.currencies import CURRENCIES
from server.features.money.payments import PaymentReversed, Payments, PaymentSucceeded, Purpose
from server.http.errors import FieldError, Problem, invalid, not_found
from storage.facts import Consumer
from storage.ids import Ids
from storage.postgres import Database, Row, Transaction

KIND: Final = "ads"
LONGEST: Final = timedelta(days=366)


class Campaigns:
    """``floor``: the lowest bid, in hundredths of a dollar. ``most``: campaigns of an account."""

    def __init__(
        self,
        *,
        db: Database,
        ids: Ids,
        now: Callable[[], datetime],
        payments: Payments,
        origin: str,
        floor: int,
        most: int,
    ) -> None:
        self._db = db
        self._ids = ids
        self._now = now
        self._payments = payments
        self._origin = origin
        self._floor = floor
        self._most = most

    async def make(self, me: str, body: NewCampaign) -> dict[str, Any]:
        """Raises a 422 with all that is wrong, and a 409 for one too many."""
        now = self._now()
        self._require_fit(body.model_dump(), now)
        campaign_id = self._ids.uuid7(now.timestamp())
        async with self._db.transaction() as tx:
            if await tx.fetchval(queries.COUNT, me) >= self._most:
                raise Problem(409, f"An account has at most {self._most} campaigns", slug="too-many-campaigns")
            await tx.execute(
                queries.ADD, campaign_id, me, body.name, body.budget, body.bid, body.currency, body.starts_at,
                body.ends_at, body.targeting.model_dump(), body.avoid, body.cap, body.click_url, now,
            )  # fmt: skip
            row = await tx.fetchrow(queries.ONE, campaign_id, me)
        assert row is not None
        return shapes.campaign(row, now)

    async def one(self, me: str, campaign_id: str) -> dict[str, Any]:
        """Raises a 404 for one that is not theirs."""
        row = await self._db.fetchrow(queries.ONE, campaign_id, me)
        if row is None:
            raise no_campaign()
        return shapes.campaign(row, self._now())

    async def listed(self, me: str, *, before: str | None, limit: int) -> list[dict[str, Any]]:
        now = self._now()
        return [shapes.campaign(row, now) for row in await self._db.fetch(queries.LIST, me, before, limit)]

    async def change(self, me: str, campaign_id: str, body: CampaignChange) -> dict[str, Any]:
        """Raises a 404, a 409 for one that has ended, and a 422."""
        now, given = self._now(), body.model_dump(exclude_unset=True)
        async with self._db.transaction() as tx:
            before = await held(tx, campaign_id, me)
            if before["state"] == "ended":
                raise Problem(409, "The campaign has ended", slug="campaign-ended")
            wanted = {**dict(before), **given}
            self._require_fit(wanted, now, before=before)
            await tx.execute(
                queries.CHANGE, campaign_id, wanted["name"], wanted["state"], wanted["budget"], wanted["bid"],
                wanted["starts_at"], wanted["ends_at"], wanted["targeting"], wanted["avoid"], wanted["cap"],
                wanted["click_url"], now,
            )  # fmt: skip
            row = await tx.fetchrow(queries.ONE, campaign_id, me)
        assert row is not None
        return shapes.campaign(row, now)

    async def end(self, me: str, campaign_id: str) -> None:
        """What it has left goes back when the nodes have told what they spent. Raises a 404."""
        async with self._db.transaction() as tx:
            await held(tx, campaign_id, me)
            await tx.execute(queries.END, campaign_id, self._now())

    async def pay(self, me: str, campaign_id: str, amount: int) -> dict[str, Any]:
        """Begin a payment in advance. Raises a 404, 409, 422, and a 503 without payments."""
        async with self._db.transaction() as tx:
            row = await held(tx, campaign_id, me)
            if row["state"] == "ended" or row["ends_at"] <= self._now():
                raise Problem(409, "The campaign has ended", slug="campaign-ended")
            self._payments.require(amount, row["currency"])
            purpose = Purpose(
                kind=KIND, subject=campaign_id, payer_id=me, payee_id=me, label=f"Advertising: {row['name']}",
                back_to=f"{self._origin}/ads", receiver="advertising",
            )  # fmt: skip
            payment_id = await self._payments.begin(tx, purpose, amount=amount, currency=row["currency"])
            await tx.execute(queries.ADD_PAYMENT, payment_id, campaign_id, amount, self._now())
        opened = await self._payments.open(payment_id, purpose, amount=amount, currency=row["currency"])
        return {
            "payment_id": payment_id, "client_secret": opened.client_secret, "checkout_url": opened.checkout_url,
        }  # fmt: skip

    def consumers(self) -> Sequence[Consumer[Any]]:
        return (Consumer(PaymentSucceeded, self._succeeded), Consumer(PaymentReversed, self._reversed))

    async def _succeeded(self, tx: Transaction, fact: PaymentSucceeded) -> None:
        if fact.kind == KIND:
            await self._set_net(tx, fact.payment_id, fact.amount)

    async def _reversed(self, tx: Transaction, fact: PaymentReversed) -> None:
        if fact.kind == KIND:
            await self._set_net(tx, fact.payment_id, fact.net)

    async def _set_net(self, tx: Transaction, payment_id: str, net: int) -> None:
        campaign_id = await tx.fetchval(queries.SET_NET, payment_id, net)
        if campaign_id is not None:
            await tx.execute(queries.SUM_PAID, campaign_id, self._now())

    def _require_fit(self, wanted: dict[str, Any], now: datetime, *, before: Row | None = None) -> None:
        """Raises a 422 with all that is wrong."""
        faults: list[FieldError] = []
        known = CURRENCIES.get(wanted["currency"])
        if known is None:
            faults.append(FieldError("currency", f"must be one of {', '.join(CURRENCIES)}"))
        else:
            least = max(1, -(-self._floor * known.dollar // 100))
            if wanted["bid"] < least:
                faults.append(FieldError("bid", f"must be at least {least}"))
        if wanted["budget"] * 1_000 < wanted["bid"]:
            faults.append(FieldError("budget", "must be enough for an impression"))
        if before is not None and wanted["budget"] * 1_000 < before["spent"] + before["leased"]:
            faults.append(FieldError("budget", "must not be below what is spent, or about to be"))
        faults += _faults_in_dates(wanted, now, is_new=before is None)
        if faults:
            raise invalid(*faults)


def _faults_in_dates(wanted: dict[str, Any], now: datetime, *, is_new: bool) -> list[FieldError]:
    starts, ends = wanted["starts_at"], wanted["ends_at"]
    if ends <= starts:
        return [FieldError("ends_at", "must be after starts_at")]
    if ends <= now and is_new:
        return [FieldError("ends_at", "must be in the future")]
    if ends - starts > LONGEST or starts > now + LONGEST:
        return [FieldError("ends_at", f"must be within {LONGEST.days} days")]
    return []


async def held(tx: Transaction, campaign_id: str, me: str) -> Row:
    """The campaign, which nobody else changes until the end of the transaction. Raises a 404."""
    row = await tx.fetchrow(queries.LOCK, campaign_id, me)
    if row is None:
        raise no_campaign()
    return row


def no_campaign() -> Problem:
    return not_found("There is no such campaign of yours")
