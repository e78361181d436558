"""Dunning: who pays for a subscription is told that the next month was not paid, again a day later, and a last time."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, Literal

from server.features.money.memberships import queries
from server.features.money.memberships.facts import SubscriptionUnpaid
from server.features.people.accounts import AccountMails
from storage.facts import publish
from storage.postgres import Row, Transaction
from storage.subscriptions import GRACE

Stage = Literal[1, 2, 3]
FAILED: Final[Stage] = 1
DAY: Final = timedelta(days=1)


def stage_after(unpaid_for: timedelta) -> Stage | None:
    """None in the first day, in which providers ask for the next month themselves."""
    if unpaid_for < DAY:
        return None
    return 2 if unpaid_for < GRACE - DAY else 3


class Dunning:
    """Each stage is told once a month that is not paid, and none after a later one."""

    def __init__(self, *, mails: AccountMails) -> None:
        self._mails = mails

    async def tell(self, tx: Transaction, row: Row, stage: Stage, at: datetime) -> None:
        """``row``: of the subscription, locked. ``at``: now."""
        if not await tx.execute(queries.DUN, row["id"], stage):
            return
        named = await tx.fetchrow(queries.ONE, row["id"])
        assert named is not None
        ends = row["paid_until"] + GRACE
        await self._mails.subscription_unpaid(
            tx, row["payer_id"], stage, creator=named["to_display_name"] or named["to_username"],
            tier=named["tier"], until=ends,
        )  # fmt: skip
        await publish(tx, SubscriptionUnpaid(subscription_id=row["id"], payer_id=row["payer_id"], at=at))
