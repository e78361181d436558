"""How much a person asks on a day (UTC): questions, and tokens. Durable before an engine is asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from server.http.errors import Problem
from storage.pictures import AVATAR_URL
from storage.postgres import Database, Row, Transaction

DAYS_KEPT: Final = 60

# $1 person, $2 day, $3 tokens set aside, $4 questions and $5 tokens of a day.
_TAKE: Final = """
insert into assistant_days as d (person_id, day, questions, tokens) values ($1, $2, 1, $3)
on conflict (person_id, day) do update set questions = d.questions + 1, tokens = d.tokens + $3
where d.questions < $4 and d.tokens < $5
returning questions
"""
_SETTLE: Final = """
update assistant_days set tokens = greatest(0, tokens + $3) where person_id = $1 and day = $2
"""
_OF: Final = "select questions, tokens from assistant_days where person_id = $1 and day = $2"
_TODAY: Final = """
select count(*) as people, coalesce(sum(questions), 0)::bigint as questions, coalesce(sum(tokens), 0)::bigint as tokens
from assistant_days where day = $1
"""
_DAYS: Final = """
select day, count(*) as people, sum(questions)::bigint as questions, sum(tokens)::bigint as tokens
from assistant_days where day > $1 group by day order by day desc
"""
_PEOPLE: Final = f"""
select d.person_id, d.questions, d.tokens, u.username, u.display_name, {AVATAR_URL}
from assistant_days d join users u on u.id = d.person_id
where d.day = $1 order by d.tokens desc, d.questions desc, d.person_id limit $2
"""
_PRUNE: Final = """
delete from assistant_days where (person_id, day) in (
    select person_id, day from assistant_days where day < $1 limit 5000)
"""


class Left(msgspec.Struct, frozen=True):
    """``until``: when the day ends."""

    questions: int
    tokens: int
    until: datetime


class Used(msgspec.Struct, frozen=True):
    """By everybody, today."""

    people: int
    questions: int
    tokens: int


class Taken(msgspec.Struct, frozen=True):
    person_id: str
    day: datetime
    tokens: int


class Budget:
    def __init__(self, *, db: Database, now: Callable[[], datetime], questions: int, tokens: int) -> None:
        self._db = db
        self._now = now
        self._questions = questions
        self._tokens = tokens

    async def take(self, tx: Transaction, person_id: str, tokens: int) -> Taken:
        """A question, with so many tokens set aside until ``settle``. Raises a 429 until the end of the day."""
        day = self._today()
        if await tx.fetchval(_TAKE, person_id, day.date(), tokens, self._questions, self._tokens) is None:
            wait_s = (day + timedelta(days=1) - self._now()).total_seconds()
            raise Problem(429, "You have asked as much as a day allows", slug="assistant-budget", retry_after_s=wait_s)
        return Taken(person_id, day, tokens)

    async def settle(self, tx: Transaction, taken: Taken, used: int) -> None:
        """``used`` instead of what was set aside."""
        await tx.execute(_SETTLE, taken.person_id, taken.day.date(), used - taken.tokens)

    async def left(self, person_id: str) -> Left:
        day = self._today()
        row = await self._db.fetchrow(_OF, person_id, day.date())
        questions, tokens = (row["questions"], row["tokens"]) if row is not None else (0, 0)
        return Left(
            max(0, self._questions - questions) if tokens < self._tokens else 0,
            max(0, self._tokens - tokens),
            day + timedelta(days=1),
        )

    async def used(self) -> Used:
        row = await self._db.fetchrow(_TODAY, self._today().date())
        assert row is not None
        return Used(row["people"], row["questions"], row["tokens"])

    async def days(self, count: int) -> Sequence[Row]:
        """By everybody, on the last days on which anything was asked, the newest first."""
        return await self._db.fetch(_DAYS, (self._today() - timedelta(days=count)).date())

    async def people(self, limit: int) -> Sequence[Row]:
        """Who has asked most today, by tokens."""
        return await self._db.fetch(_PEOPLE, self._today().date(), limit)

    async def prune(self) -> None:
        await self._db.execute(_PRUNE, (self._today() - timedelta(days=DAYS_KEPT)).date())

    def _today(self) -> datetime:
        return self._now().astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
