"""What impressions have brought is moved in the ledger: to creators by their share, to the server, and back.

Impressions cost thousandths of minor units. Of each campaign and creator, what has become whole units is moved; what is
left of a campaign that has ended goes back the way it was paid.
"""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Callable
from typing import Final

from server.features.commerce.ads import showing_queries as queries
from server.features.money.ledger import PLATFORM, Ledger, advertising, available
from server.features.money.payments import Payments
from server.http.errors import Problem
from storage.postgres import Database

KIND: Final = "ads"
THOUSAND: Final = 1_000


class Settlement:
    def __init__(self, *, db: Database, now: Callable[[], dt.datetime], ledger: Ledger, payments: Payments) -> None:
        self._db = db
        self._now = now
        self._ledger = ledger
        self._payments = payments

    async def settle(self) -> None:
        """It may run beside itself, and be repeated at any time."""
        for due in await self._db.fetch(queries.DUE):
            await self._settle(due["campaign_id"], due["owner_id"])

    async def _settle(self, campaign_id: str, creator_id: str) -> None:
        async with self._db.transaction() as tx:
            row = await tx.fetchrow(queries.LOCK_EARNINGS, campaign_id, creator_id)
            assert row is not None
            settled, parted = whole(row["milli"], row["percent"])
            brought, part = settled - row["settled"], parted - row["parted"]
            if brought == 0:
                return
            moved = {
                advertising(row["advertiser_id"]): -brought,
                available(creator_id): part,
                PLATFORM: brought - part,
            }
            await self._ledger.post(
                tx, moved, key=f"ads:{campaign_id}:{creator_id}:{row['bookings']}", kind=KIND,
                currency=row["currency"], subject=campaign_id,
            )  # fmt: skip
            await tx.execute(queries.SETTLE, campaign_id, creator_id, settled, parted)

    async def give_back(self) -> None:
        """What ended campaigns have left, once all leases are closed and all is settled."""
        for due in await self._db.fetch(queries.TO_RETURN, self._now()):
            with contextlib.suppress(Problem):  # some of it is on its way back already: the next time
                await self._give_back(due["id"])

    async def _give_back(self, campaign_id: str) -> None:
        async with self._db.transaction() as tx:
            row = await tx.fetchrow(queries.LOCK_TO_RETURN, campaign_id)
            if row is None:
                return
            rest = row["rest"]
            for payment in await tx.fetch(queries.PAID, campaign_id):
                amount = min(rest, payment["net"])
                if amount > 0:
                    await self._payments.refund(tx, payment["payment_id"], amount)
                    rest -= amount
            await tx.execute(queries.RETURNED, campaign_id, self._now())


def whole(milli: int, percent: int) -> tuple[int, int]:
    """Minor units that thousandths come to, and the creator's part of them; both are rounded down."""
    settled = milli // THOUSAND
    return settled, settled * percent // 100
