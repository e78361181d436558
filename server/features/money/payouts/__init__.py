"""Payouts: what a person has earned, where it goes, and what was paid."""

from __future__ import annotations

from typing import Final

from server.feature import ExportSection, Feature, PersonalData, Platform, rows_by_id
from server.features.money.ledger import Ledger
from server.features.money.payments import PaymentsRoom
from server.features.money.payouts.payouts import Payouts
from server.features.money.payouts.routes import PayoutRoutes
from server.features.money.payouts.shapes import MAX_STATEMENT
from server.features.money.settings import MoneySettings
from server.outbound.settings import Site
from storage.postgres import Transaction

__all__ = ["build"]


def build(platform: Platform, *, settings: MoneySettings, ledger: Ledger, paying: PaymentsRoom, site: Site) -> Feature:
    payouts = Payouts(
        db=platform.db,
        ids=platform.ids,
        now=platform.now,
        jobs=platform.jobs,
        ledger=ledger,
        stripe=paying.stripe,
        is_test=paying.payments.is_test,
        least=settings.payout_minimum,
        origin=site.origin,
    )
    paying.inbox.add(payouts.account_changed)
    return Feature(
        name="payouts",
        operations=PayoutRoutes(payouts=payouts).operations(),
        jobs=[payouts.job],
        personal_data=PersonalData(
            tables=frozenset({"payouts", "payout_accounts"}),
            sections=SECTIONS,
            erase=_erase,
            kept={"payouts": "books are kept; they name the account by its id alone"},
        ),
        limits={"payout_dollars": settings.payout_minimum, "statement_lines": MAX_STATEMENT},
    )


SECTIONS: Final = (
    rows_by_id("payouts", "id, amount, currency, state, created_at, paid_at", "payouts where person_id = $1"),
    ExportSection(
        name="payout_accounts",
        sql="select provider, stripe_account, is_ready, created_at from payout_accounts"
        " where person_id = $1 and provider > $2 order by provider limit $3",
        key=("provider",),
        start=("",),
    ),
)


async def _erase(tx: Transaction, person_id: str) -> None:
    await tx.execute("delete from payout_accounts where person_id = $1", person_id)
