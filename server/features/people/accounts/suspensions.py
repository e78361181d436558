"""Suspensions: a person is signed out everywhere, taken off the air and hidden, until a time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from server.features.people.accounts import queries
from server.features.people.accounts.mails import AccountMails
from server.features.people.facts import AccountSuspended
from storage.audit import AuditLog
from storage.facts import publish
from storage.postgres import Transaction
from storage.rights import note_change


class Suspensions:
    """``revoke`` (session, reason) closes the sockets of a session on this node at once; other nodes find out."""

    def __init__(self, *, audit: AuditLog, mails: AccountMails, revoke: Callable[[str, str], None]) -> None:
        self._audit = audit
        self._mails = mails
        self._revoke = revoke

    async def suspend(
        self, tx: Transaction, person_id: str, until: datetime | None, *, actor_id: str | None, ip: str, why: str,
        reason: str,
    ) -> bool:  # fmt: skip
        """Suspend a person; None, or a time that has passed, lets them back in. False for nobody.

        ``why`` goes into the audit log, ``reason`` into the mail to the person.
        """
        is_suspended = await tx.fetchval(queries.SUSPEND, person_id, until)
        if is_suspended is None:
            return False
        action = "person.suspended" if is_suspended else "person.let_back_in"
        detail = {"until": until.isoformat() if until else None}
        await self._audit.add(tx, action, actor_id=actor_id, subject=person_id, ip=ip, why=why, detail=detail)
        await note_change(tx, "account", person_id)
        if is_suspended and until is not None:
            await self._shut_out(tx, person_id, until, reason)
        return True

    async def _shut_out(self, tx: Transaction, person_id: str, until: datetime, reason: str) -> None:
        await publish(tx, AccountSuspended(person_id=person_id, until=until))
        to = await self._mails.addressee(tx, person_id)
        if to is not None:
            await self._mails.suspended(tx, to, until, reason)
        for row in await tx.fetch(queries.END_ALL_SESSIONS, person_id, "suspended"):
            tx.after_commit(lambda session_id=row["id"]: self._revoke(session_id, "ended_by_admin"))  # type: ignore[misc]
