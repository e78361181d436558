"""The deletion of an account: everything is hidden at once, and wiped when the days of grace are over.

A row of ``account_deletions`` says that the account is leaving; a job that is due when the grace is over wipes it. Each
step of it may be repeated, and the last ones are committed together with the job's end, so it does not matter where a
crash falls.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from server.feature import PersonalData
from server.features.people.accounts import queries
from server.features.people.facts import AccountDeleted, AccountRestored
from server.jobs import Attempt, Job, Jobs
from storage.audit import AuditLog
from storage.facts import publish
from storage.postgres import Database, Transaction
from storage.rights import note_change

TRIES: Final = 1_000
"""An hour apart at most: a deletion is not given up while anybody might still mend what it needs."""
WIPE_S: Final = 600.0


class WipeAccount(msgspec.Struct, frozen=True):
    user_id: str


class Deletions:
    """``job`` wipes. ``grace_days`` 0: at once. ``name_days``: how long nobody else gets the username afterwards."""

    def __init__(
        self,
        *,
        database: Database,
        audit: AuditLog,
        jobs: Jobs,
        personal_data: Callable[[], Sequence[PersonalData]],
        grace_days: int,
        name_days: int,
    ) -> None:
        """``personal_data`` of all features, in the order in which it is erased."""
        self._db = database
        self._audit = audit
        self._personal_data = personal_data
        self._grace_days = grace_days
        self._name_days = name_days
        self._jobs = jobs
        self.job = Job(name="accounts.wipe", body=WipeAccount, run=self._wipe, timeout_s=WIPE_S, tries=TRIES)

    async def begin(self, tx: Transaction, user_id: str, *, ip: str) -> dt.datetime | None:
        """Hide the account and enqueue its wiping: when that is due; None when that was done before."""
        if not await tx.execute(queries.HIDE_USER, user_id):
            return None
        wipe_at: dt.datetime = await tx.fetchval(queries.NOTE_DELETION, user_id, self._grace_days)
        await self._jobs.enqueue(tx, self.job, WipeAccount(user_id), at=wipe_at)
        await note_change(tx, "account", user_id)
        await self._audit.add(tx, "account.deletion_asked", actor_id=user_id, subject=user_id, ip=ip)
        await publish(tx, AccountDeleted(person_id=user_id))
        return wipe_at

    async def take_back(self, tx: Transaction, user_id: str, *, ip: str) -> bool:
        """The person has signed in again; False when the wiping has begun."""
        if not await tx.execute(queries.FORGET_DELETION, user_id):
            return False
        await tx.execute(queries.SHOW_USER, user_id)
        await note_change(tx, "account", user_id)
        await self._audit.add(tx, "account.deletion_taken_back", actor_id=user_id, subject=user_id, ip=ip)
        await publish(tx, AccountRestored(person_id=user_id))
        return True

    async def _wipe(self, attempt: Attempt[WipeAccount]) -> None:
        user_id = attempt.body.user_id
        if not await self._db.execute(queries.BEGIN_WIPE, user_id):
            return  # the deletion was taken back, perhaps to be asked for again later
        every = self._personal_data()
        for held in every:
            await held.erase_large(user_id)
        async with attempt.finish() as tx:
            for held in every:
                await held.erase(tx, user_id)
            await tx.execute(queries.RESERVE_NAME, user_id, self._name_days)
            await tx.execute(queries.WIPE_USER, user_id, f"deleted_{user_id.replace('-', '')[-22:]}")
            await self._audit.add(tx, "account.deleted", actor_id=user_id, subject=user_id)
            await note_change(tx, "account", user_id)
            await tx.execute(queries.END_DELETION, user_id)
