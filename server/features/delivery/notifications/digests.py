"""Digests: once a day or a week, in the morning of the person's time zone, a mail of what they have not read."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Final, Protocol

from server.features.delivery.notifications import delivery_queries as queries
from server.features.delivery.notifications.mails import Mails
from server.features.delivery.notifications.preferences import quiet_hours
from server.features.delivery.notifications.schedule import next_digest, period
from server.features.delivery.notifications.sending import People
from server.features.delivery.notifications.shapes import NotificationShape
from storage.postgres import Database, Reads, Row, Transaction

EVERY_S: Final = 60.0
BATCH: Final = 50
MAX_LINES: Final = 10


class News(Protocol):
    async def news(
        self, where: Reads, person_id: str, *, since: dt.datetime, limit: int
    ) -> list[NotificationShape]: ...


class Digests:
    """``run`` may be repeated at any time: a person's next digest is set in the transaction that mails this one."""

    def __init__(
        self, *, db: Database, people: People, news: News, mails: Mails, now: Callable[[], dt.datetime]
    ) -> None:
        self._db = db
        self._people = people
        self._news = news
        self._mails = mails
        self._now = now

    async def run(self) -> None:
        """Mail all digests that are due."""
        while await self._batch():
            pass

    async def _batch(self) -> bool:
        """Whether there may be more."""
        now = self._now()
        async with self._db.transaction() as tx:
            rows = await tx.fetch(queries.DIGESTS_DUE, now, BATCH)
            for row in rows:
                await self._one(tx, row, now)
        return len(rows) == BATCH

    async def _one(self, tx: Transaction, row: Row, now: dt.datetime) -> None:
        """None is mailed that would be empty."""
        person_id, digest = row["person_id"], row["digest"]
        await tx.execute(queries.NEXT_DIGEST, person_id, next_digest(now, digest, row["time_zone"], quiet_hours(row)))
        reader = (await self._people.readers(tx, [person_id])).get(person_id)
        if reader is None or self._mails.refusal(reader, 0):
            return
        news = await self._news.news(tx, person_id, since=now - period(digest), limit=MAX_LINES)
        if news:
            await self._mails.digest(tx, reader, news, key=f"{person_id}:{row['next_digest_at']:%Y-%m-%dT%H:%M}")
