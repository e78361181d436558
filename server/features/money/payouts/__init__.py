"""Payouts: what a person has earned, where it goes, and what was paid."""

from __future__ import annotations

from typing import Final

from server.feature import NO_UUID, ExportSection, Feature, PersonalData, Platform, rows_by_id
from server.features.money.ledger import Ledger
from server.features.money.payments import PaymentsRoom
from server.features.money.payouts.payouts import Payouts
from server.features.money.payouts.routes import PayoutRoutes
from server.features.money.payouts.shapes import MAX_STATEMENT
from server.features.money.payouts.statements import cell
from server.features.money.payouts.tax import Taxes
from server.features.money.payouts.tax_routes import TaxRoutes
from server.features.money.payouts.withholding import Withholding
from server.features.money.settings import MoneySettings
from server.http.encryption import Encryption
from server.outbound.settings import Site
from storage.postgres import Transaction

__all__ = ["build", "cell"]


def build(
    platform: Platform,
    *,
    settings: MoneySettings,
    ledger: Ledger,
    paying: PaymentsRoom,
    encryption: Encryption,
    site: Site,
) -> Feature:
    taxes = Taxes(db=platform.db, now=platform.now, encryption=encryption, audit=platform.audit)
    withholding = Withholding(
        db=platform.db, ids=platform.ids, now=platform.now, ledger=ledger, taxes=taxes, audit=platform.audit
    )
    payouts = Payouts(
        db=platform.db,
        ids=platform.ids,
        now=platform.now,
        jobs=platform.jobs,
        ledger=ledger,
        stripe=paying.stripe,
        withholding=withholding,
        is_test=paying.payments.is_test,
        least=settings.payout_minimum,
        origin=site.origin,
    )
    paying.inbox.add(payouts.account_changed)
    return Feature(
        name="payouts",
        operations=[
            *PayoutRoutes(payouts=payouts).operations(),
            *TaxRoutes(taxes=taxes, withholding=withholding).operations(),
        ],
        jobs=[payouts.job],
        personal_data=PersonalData(
            tables=frozenset({"payouts", "payout_accounts", "tax_details"}),
            sections=SECTIONS,
            erase=_erase,
            kept={"payouts": "books are kept; they name the account by its id alone"},
        ),
        limits={"payout_dollars": settings.payout_minimum, "statement_lines": MAX_STATEMENT},
    )


SECTIONS: Final = (
    rows_by_id("payouts", "id, amount, currency, state, created_at, paid_at", "payouts where person_id = $1"),
    ExportSection(
        name="tax_details",
        sql="select person_id as given_by, changed_at from tax_details"
        " where person_id = $1 and person_id > $2::uuid order by person_id limit $3",
        key=("given_by",),
        start=(NO_UUID,),
    ),
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
    await tx.execute("delete from tax_details where person_id = $1", person_id)
