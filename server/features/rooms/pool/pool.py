"""The pool: once a month a part of what the server has earned is shared by the seconds that were watched."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any, Final

from server.features.money.ledger import PLATFORM, Ledger, Transfer, available
from server.features.rooms.pool import queries
from server.features.rooms.pool.rules import WHOLE, Watched, counted, parts_of, pool_of, shared
from storage.ids import Ids
from storage.postgres import Database, Row, Transaction

SETTLE_S: Final = 600.0
KIND: Final = "pool"
BATCH: Final = 500


@dataclass(frozen=True, kw_only=True)
class Month:
    """``seconds`` of each of the ``media``, streams and videos; ``agreed``: the percents of those that are split."""

    first: date
    media: Sequence[Row]
    seconds: Mapping[str, int]
    agreed: Mapping[str, Mapping[str, int]]


class Pool:
    """``percent``: of the server's income, that is shared. ``most_a_day``: seconds of a person."""

    def __init__(
        self,
        *,
        db: Database,
        ids: Ids,
        now: Callable[[], datetime],
        ledger: Ledger,
        percent: int,
        most_a_day: int,
    ) -> None:
        self._db = db
        self._ids = ids
        self._now = now
        self._ledger = ledger
        self._percent = percent
        self._most_a_day = most_a_day

    async def settle(self) -> None:
        """Share the pools of the month before this one, one of each currency, once."""
        if self._percent == 0:
            return
        first, after = month_before(self._now())
        async with self._db.transaction(timeout_s=SETTLE_S) as tx:
            await tx.execute("set local statement_timeout = 0")
            rows = await tx.fetch(queries.WATCHED, first, after)
            watched = [Watched(**dict(row)) for row in rows]
            seconds = await asyncio.to_thread(counted, watched, most_a_day=self._most_a_day)
            media = await tx.fetch(queries.MEDIA, list(seconds))
            agreed = {row["media_id"]: row["percents"] for row in await tx.fetch(queries.AGREED, list(seconds))}
            month = Month(first=first.date(), media=media, seconds=seconds, agreed=agreed)
            for income in await tx.fetch(queries.INCOME, first, after):
                await self._share(tx, month, income["currency"], income["income"])

    async def statements(self, person_id: str, *, before: str | None, limit: int) -> Sequence[Any]:
        return await self._db.fetch(queries.STATEMENTS, person_id, before, limit)

    async def months(self, *, before: date | None, limit: int) -> Sequence[Any]:
        return await self._db.fetch(queries.MONTHS, before or date.max, limit)

    async def _share(self, tx: Transaction, month: Month, currency: str, income: int) -> None:
        amount, seconds = pool_of(income, self._percent), sum(month.seconds.values())
        if amount == 0 or seconds == 0:
            return
        told = (month.first, currency, income, self._percent, amount, seconds, self._now())
        if await tx.fetchval(queries.ADD_MONTH, *told) is None:
            return
        amounts = shared(amount, dict(month.seconds))
        transfers: list[Transfer] = []
        for medium in month.media:
            transfers += await self._state(tx, month, currency, medium, amounts[medium["id"]])
        for start in range(0, len(transfers), BATCH):
            await self._ledger.post_all(tx, transfers[start : start + BATCH])

    async def _state(self, tx: Transaction, month: Month, currency: str, medium: Row, amount: int) -> list[Transfer]:
        """Write the statements of a stream or video: the transfers that pay them."""
        percents = month.agreed.get(medium["id"], {medium["owner_id"]: WHOLE})
        transfers = []
        for person_id, part in parts_of(amount, medium["owner_id"], percents).items():
            statement_id = self._ids.uuid7(self._now().timestamp())
            await tx.execute(
                queries.ADD_STATEMENT, statement_id, month.first, currency, medium["stream_id"], medium["title"],
                medium["owner_id"], person_id, month.seconds[medium["id"]], amount, percents[person_id], part,
                medium["video_id"],
            )  # fmt: skip
            moved = {PLATFORM: -part, available(person_id): part}
            key = f"pool:{month.first}:{currency}:{medium['id']}:{person_id}"
            transfers += [Transfer(amounts=moved, key=key, kind=KIND, currency=currency, subject=statement_id)] * (
                part > 0
            )
        return transfers


def month_before(now: datetime) -> tuple[datetime, datetime]:
    """The first moment of the month before the one of ``now``, and of the month after that, in UTC."""
    after = now.astimezone(UTC).date().replace(day=1)
    first = date(after.year - 1, 12, 1) if after.month == 1 else date(after.year, after.month - 1, 1)
    return datetime.combine(first, time(), UTC), datetime.combine(after, time(), UTC)
