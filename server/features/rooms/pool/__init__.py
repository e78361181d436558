"""Watched time: a pool that is shared each month by seconds watched, and splits of what a stream earns."""

from __future__ import annotations

from typing import Final

from server.feature import Feature, PersonalData, Platform, rows_by_id
from server.features.money.ledger import Ledger
from server.features.money.settings import MoneySettings
from server.features.rooms.pool import queries
from server.features.rooms.pool.pool import SETTLE_S, Pool
from server.features.rooms.pool.routes import PoolRoutes
from server.features.rooms.pool.shapes import MAX_PARTS
from server.features.rooms.pool.splits import Splits
from server.jobs import Attempt, Job, Nothing, Schedule
from storage.postgres import Transaction

__all__ = ["build"]

EACH_MONTH: Final = "20 4 2 * *"


def build(platform: Platform, *, settings: MoneySettings, ledger: Ledger) -> Feature:
    pool = Pool(
        db=platform.db,
        ids=platform.ids,
        now=platform.now,
        ledger=ledger,
        percent=settings.pool_percent,
        most_a_day=settings.pool_daily_hours * 3_600,
    )
    splits = Splits(db=platform.db, ids=platform.ids, now=platform.now)

    async def settle(_: Attempt[Nothing]) -> None:
        await pool.settle()

    job = Job(name="pool.settle", body=Nothing, run=settle, timeout_s=SETTLE_S, tries=10, at_once=1)
    return Feature(
        name="pool",
        operations=PoolRoutes(pool=pool, splits=splits).operations(),
        consumers=splits.consumers(),
        schedules=[Schedule(name="pool.settle", job=job, cron=EACH_MONTH)],
        personal_data=PersonalData(
            tables=frozenset({"splits", "split_parts", "pool_statements"}), sections=SECTIONS, erase=_erase
        ),
        limits={"split_parts": MAX_PARTS},
    )


SECTIONS: Final = (
    rows_by_id(
        "pool_statements", "id, month, currency, title, seconds, amount, part",
        "pool_statements where person_id = $1",
    ),
    rows_by_id(
        "splits", "id, stream_id, video_id, state, created_at",
        "splits where id in (select split_id from split_parts where person_id = $1)",
    ),
)  # fmt: skip


async def _erase(tx: Transaction, person_id: str) -> None:
    for sql in queries.ERASE:
        await tx.execute(sql, person_id)
