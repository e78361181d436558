"""Guardians: a grown-up offers, a minor accepts, and what the guardian decides holds until the minor is 18.

How old people are is told to nobody: an offer to who is no minor looks like any other, and cannot be accepted.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, Literal

from server.features.people.facts import BirthDateChanged
from server.features.town.people import person_of
from server.features.town.wellbeing import guardian_queries as queries
from server.features.town.wellbeing.guardian_shapes import (
    GUARDIAN,
    MAX_MINORS,
    GuardBody,
    GuardianshipShape,
    GuardianshipsShape,
)
from server.features.town.wellbeing.shapes import QuietBody
from server.http.errors import Problem, invalid_field, not_found
from server.publish import Publish
from storage.audit import AuditLog
from storage.postgres import Database, Reads, Row, Transaction

ADULT: Final = 18
OFFERED: Final = dt.timedelta(days=30)
"""After that an offer that nobody accepted has gone."""
Change = Literal["invited", "accepted", "changed", "ended"]


class GuardianHours:
    """What guardians have decided about the hours of notifications."""

    def __init__(self, *, now: Callable[[], dt.datetime]) -> None:
        self._now = now

    async def held(self, reads: Reads, person_id: str) -> tuple[str, str, str] | None:
        """The time zone, begin and end of the quiet hours that a person's guardian has set."""
        row = await guard_of(reads, person_id, self._now())
        return None if row is None or row["quiet_start"] is None else (
            row["time_zone"], row["quiet_start"], row["quiet_end"],
        )  # fmt: skip


async def guard_of(reads: Reads, person_id: str, now: dt.datetime) -> Row | None:
    """What the guardian of a person has decided, where there is one."""
    return await reads.fetchrow(queries.OF, person_id, now.date())


class Guardians:
    def __init__(self, *, db: Database, now: Callable[[], dt.datetime], publish: Publish, audit: AuditLog) -> None:
        self._db = db
        self._now = now
        self._publish = publish
        self._audit = audit

    async def of(self, me: str) -> GuardianshipsShape:
        today = self._now().date()
        return GuardianshipsShape(
            guardians=_shapes(await self._db.fetch(queries.GUARDIANS, me, today)),
            minors=_shapes(await self._db.fetch(queries.MINORS, me, today)),
        )

    async def decide(self, me: str, username: str, body: GuardBody) -> tuple[str, bool]:
        """Offer to be the guardian of a person, with what would hold; or change what holds. The person's id, and
        whether it holds. Raises a 404, a 422 for oneself, and a 409 for one too many.
        """
        quiet = (body.quiet_hours.start, body.quiet_hours.end) if body.quiet_hours else (None, None)
        async with self._db.transaction() as tx:
            minor_id = await tx.fetchval(queries.NAMED, me, username)
            if minor_id is None:
                raise not_found("There is nobody of this name")
            if minor_id == me:
                raise invalid_field("username", "must be somebody else")
            await tx.fetch(queries.LOCK, [me])
            row = await tx.fetchrow(
                queries.PUT, me, minor_id, body.daily_seconds, body.break_seconds, *quiet, body.time_zone, self._now()
            )
            assert row is not None
            if row["is_new"] and await tx.fetchval(queries.COUNT, me) > MAX_MINORS:
                raise Problem(409, f"Nobody is the guardian of more than {MAX_MINORS}", slug="too-many-minors")
            self._tell(tx, me, minor_id, "changed" if row["is_accepted"] else "invited")
        return minor_id, row["is_accepted"]

    async def accept(self, me: str, username: str) -> None:
        """As the minor. Raises a 404 without an offer, and a 409 where one of both has not the age for it, or there is
        a guardian already.
        """
        async with self._db.transaction() as tx:
            guardian_id = await self._named(tx, username)
            ages = {row["id"]: row["birth_date"] for row in await tx.fetch(queries.LOCK, [me, guardian_id])}
            offer = await tx.fetchrow(queries.INVITED, guardian_id, me)
            if offer is None:
                raise not_found("There is no such offer")
            if offer["is_accepted"]:
                return
            adult_on = self._adult_on(ages[me])
            if adult_on is None or self._adult_on(ages[guardian_id]) is not None or ages[guardian_id] is None:
                raise Problem(409, "A guardian is grown up, and the other one is not", slug="not-of-age")
            if await tx.fetchval(queries.GUARDED, me, self._now().date()):
                raise Problem(409, "You have a guardian already", slug="has-guardian")
            await tx.execute(queries.ACCEPT, guardian_id, me, self._now(), adult_on)
            self._tell(tx, guardian_id, me, "accepted")

    async def decline(self, me: str, username: str) -> None:
        """As the minor: an offer. Idempotent. Raises a 403 for what was accepted."""
        async with self._db.transaction() as tx:
            guardian_id = await self._named(tx, username)
            if await tx.execute(queries.DECLINE, guardian_id, me):
                self._tell(tx, guardian_id, me, "ended")
            elif await tx.fetchrow(queries.INVITED, guardian_id, me) is not None:
                raise Problem(403, "Your guardian ends it, or a moderator whom you ask")

    async def end(self, me: str, username: str) -> None:
        """As the guardian. Idempotent."""
        async with self._db.transaction() as tx:
            minor_id = await self._named(tx, username)
            if await tx.execute(queries.END, me, minor_id):
                self._tell(tx, me, minor_id, "ended")

    async def release(self, username: str, *, by: str) -> None:
        """As a moderator: the minor has no guardian any more. Raises a 404."""
        async with self._db.transaction() as tx:
            minor_id = await self._named(tx, username)
            guardian_id = await tx.fetchval(queries.RELEASE, minor_id)
            if guardian_id is None:
                raise not_found("They have no guardian")
            await self._audit.add(tx, "guardian.end", actor_id=by, subject=minor_id, detail={"guardian": guardian_id})
            self._tell(tx, guardian_id, minor_id, "ended")

    async def reckon(self, tx: Transaction, fact: BirthDateChanged) -> None:
        """What holds is reckoned anew by a birth date that was corrected."""
        await tx.execute(queries.RECKON, fact.person_id)
        for row in await tx.fetch(queries.TOO_YOUNG, fact.person_id, self._now().date()):
            self._tell(tx, fact.person_id, row["minor_id"], "ended")

    async def prune(self) -> None:
        now = self._now()
        await self._db.execute(queries.PRUNE, now.date(), now - OFFERED)

    async def _named(self, tx: Transaction, username: str) -> str:
        person_id: str | None = await tx.fetchval(queries.PERSON, username)
        if person_id is None:
            raise not_found("There is nobody of this name")
        return person_id

    def _adult_on(self, born: dt.date | None) -> dt.date | None:
        """The day on which a person will be 18; None for who is already, and without a birth date."""
        if born is None:
            return None
        day = born.replace(year=born.year + ADULT, day=28 if (born.month, born.day) == (2, 29) else born.day)
        return day if day > self._now().date() else None

    def _tell(self, tx: Transaction, guardian_id: str, minor_id: str, change: Change) -> None:
        tx.after_commit(partial(self._publish.to_people, [guardian_id, minor_id], GUARDIAN.name, {"state": change}))


def _shapes(rows: Sequence[Row]) -> list[GuardianshipShape]:
    return [
        GuardianshipShape(
            person=person_of(row, "person_id"),
            state="accepted" if row["accepted_at"] else "invited",
            daily_seconds=row["daily_seconds"],
            break_seconds=row["break_seconds"],
            quiet_hours=quiet_of(row),
            time_zone=row["time_zone"],
            until=row["adult_on"],
        )
        for row in rows
    ]


def quiet_of(row: Row) -> QuietBody | None:
    return None if row["quiet_start"] is None else QuietBody(start=row["quiet_start"], end=row["quiet_end"])
