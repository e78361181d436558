"""What trends: computed by a schedule from what distinct accounts of standing did lately, and read in order."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from server.features.discovery.recommendations import queries
from server.features.discovery.recommendations.ports import KINDS, Kind
from storage.postgres import Database, Row, Transaction

HOUR_S: Final = 3_600.0
HALF_LIVES_S: Final[Mapping[Kind, float]] = {
    "streams": HOUR_S, "videos": 24 * HOUR_S, "people": 48 * HOUR_S, "posts": 6 * HOUR_S,
}  # fmt: skip
WINDOW: Final = 6
"""Half-lives after which an act counts no more."""
MOST_ACTS: Final = 20_000
MOST_ITEMS: Final = 300
OF_AGE_S: Final = 3 * 86_400.0
"""An account that is younger counts in proportion, but at least ``LEAST_STANDING``."""
LEAST_STANDING: Final = 0.1


class Trending:
    def __init__(self, *, db: Database, now: Callable[[], dt.datetime]) -> None:
        self._db = db
        self._now = now

    async def compute(self) -> None:
        """Of each kind anew, in a transaction of its own. It may be repeated."""
        for kind in KINDS:
            await self._compute(kind)

    async def page(self, kind: Kind, *, language: str | None, category: str | None, limit: int) -> Sequence[Row]:
        """``id``, ``score`` and ``people``, best first, without what operators have removed."""
        return await self._db.fetch(queries.TRENDING, kind, language, category, limit)

    async def hidden(self, kind: Kind) -> set[str]:
        return {row["id"] for row in await self._db.fetch(queries.HIDDEN, kind)}

    async def for_review(self, kind: Kind, limit: int) -> Sequence[Row]:
        return await self._db.fetch(queries.FOR_REVIEW, kind, limit)

    async def review(self, tx: Transaction, kind: Kind, item_id: str, *, is_hidden: bool) -> None:
        """Remove a thing from what trends, or let it be there again. Idempotent."""
        if is_hidden:
            await tx.execute(queries.HIDE, kind, item_id, self._now())
        else:
            await tx.execute(queries.UNHIDE, kind, item_id)

    async def _compute(self, kind: Kind) -> None:
        now, half_life = self._now(), HALF_LIVES_S[kind]
        since = now - dt.timedelta(seconds=WINDOW * half_life)
        given = kind, since, now, MOST_ACTS, MOST_ITEMS, half_life, LEAST_STANDING, OF_AGE_S
        rows = {row["item_id"]: row for row in await self._db.fetch(queries.TREND, *given)}
        about = {row["id"]: row for row in await self._db.fetch(queries.ABOUT[kind], list(rows))}
        kept = [one for one in rows if one in about]
        columns = [
            [rows[one]["score"] for one in kept],
            [rows[one]["people"] for one in kept],
            [about[one]["language"] for one in kept],
            [about[one]["category"] for one in kept],
        ]
        async with self._db.transaction() as tx:
            await tx.execute(queries.CLEAR, kind)
            await tx.execute(queries.FILL, kind, kept, *columns, now)
