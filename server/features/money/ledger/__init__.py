"""The ledger: double entry in Postgres, to which transfers are only ever added.

What a person holds is what the entries of their accounts come to. Each transfer comes to zero, so all of them do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from server.feature import ExportSection, Feature, PersonalData, Platform
from server.features.money.ledger.accounts import PLATFORM, Account, AccountKind, advertising, available, pending
from server.features.money.ledger.check import CHECK_S, Checks
from server.features.money.ledger.ledger import Ledger, Transfer
from server.features.money.ledger.routes import LedgerRoutes
from server.jobs import Attempt, Job, Nothing, Schedule, repeated
from storage.postgres import Transaction

__all__ = [
    "PLATFORM",
    "Account",
    "AccountKind",
    "Ledger",
    "LedgerRoom",
    "Transfer",
    "advertising",
    "available",
    "build",
    "pending",
]

EVERY_NIGHT: Final = "20 3 * * *"
SNAPSHOT_S: Final = 60.0


@dataclass(frozen=True, kw_only=True)
class LedgerRoom:
    feature: Feature
    ledger: Ledger


def build(platform: Platform) -> LedgerRoom:
    checks = Checks(db=platform.db)
    snapshot = repeated("ledger.snapshot", checks.snapshot, every_s=SNAPSHOT_S)

    async def ask_snapshot(tx: Transaction) -> None:
        await platform.jobs.enqueue(tx, snapshot.job, Nothing())

    ledger = Ledger(db=platform.db, ids=platform.ids, now=platform.now, ask_snapshot=ask_snapshot)

    async def nightly(_: Attempt[Nothing]) -> None:
        await checks.nightly()

    check = Job(name="ledger.check", body=Nothing, run=nightly, timeout_s=CHECK_S, tries=3, at_once=1)
    feature = Feature(
        name="ledger",
        operations=LedgerRoutes(db=platform.db, ledger=ledger, checks=checks).operations(),
        schedules=[
            Schedule(name="ledger.check", job=check, cron=EVERY_NIGHT),
            snapshot,
        ],
        personal_data=PersonalData(
            tables=frozenset({"ledger_accounts"}),
            sections=SECTIONS,
            erase=_erase,
            kept={"ledger_accounts": "books are kept; they name the account by its id alone"},
        ),
        gauges=lambda: {"ledger_differences": ("What the last check by this node found wrong", checks.differences)},
    )
    return LedgerRoom(feature=feature, ledger=ledger)


SECTIONS: Final = (
    ExportSection(
        name="ledger",
        sql="select e.id as entry_id, t.kind, t.subject, t.at, a.kind as account, a.currency, e.amount"
        " from ledger_accounts a join ledger_entries e on e.account_id = a.id"
        " join ledger_transfers t on t.id = e.transfer_id"
        " where a.owner_id = $1 and e.id > $2 order by e.id limit $3",
        key=("entry_id",),
        start=(0,),
    ),
)


async def _erase(tx: Transaction, person_id: str) -> None:
    """Nothing goes: the entries of the person are half of others'."""
