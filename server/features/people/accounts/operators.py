"""What operators do to accounts from the command line, or by starting a server for the first time.

Nodes that run find out by themselves what has ended.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Final

from server.features.people import rules
from server.features.people.accounts import queries
from server.features.people.accounts.mails import AccountMails, Addressee
from server.features.people.accounts.new_accounts import ADMINS, Names, NewAccounts
from server.features.people.accounts.passwords import Passwords
from server.features.people.accounts.suspensions import Suspensions
from server.http.identity import Identity
from storage.audit import AuditLog
from storage.postgres import Database, Transaction

WHY: Final = "an operator, at the command line"
FORGOT_PAGE: Final = "/forgot"


@dataclass(frozen=True, kw_only=True)
class NewAccount:
    """An account that an operator made; ``password`` in clear, to be handed over once."""

    id: str
    username: str
    password: str
    stream_key: str


class Operators:
    """Each act lands in the audit log, without an actor, and sends the mail that the same act by a call sends."""

    def __init__(
        self,
        *,
        database: Database,
        mails: AccountMails,
        new_accounts: NewAccounts,
        passwords: Passwords,
        audit: AuditLog,
    ) -> None:
        self._db = database
        self._mails = mails
        self._new = new_accounts
        self._passwords = passwords
        self._audit = audit
        self._suspensions = Suspensions(audit=audit, mails=mails, revoke=lambda session_id, reason: None)

    async def create_admin(self, *, username: str, email: str, password: str | None = None) -> NewAccount:
        """An account with every role. A password is made up unless one is given, and is to be changed then. Raises a
        409 when it is there.
        """
        await self._new.require_free(Names(username=username, email=email))
        chosen = password or rules.new_password()
        hashed = await self._passwords.hash(rules.normal_password(chosen))
        async with self._db.transaction() as tx:
            made = await self._add_admin(tx, Names(username=username, email=email), chosen, hashed, password is None)
            await self._mails.verify(tx, Addressee(id=made.id, username=username, email=email, language="en"))
        return made

    async def create_first_admin(self, *, username: str = "admin", email: str = "admin@localhost") -> NewAccount | None:
        """The admin of a new database; None when anybody is there. Of several nodes at once one makes it."""
        if await self._db.fetchval(queries.HAS_USERS):
            return None
        chosen = rules.new_password()
        hashed = await self._passwords.hash(rules.normal_password(chosen))
        async with self._db.transaction() as tx:
            await tx.execute(queries.ONE_FIRST_ADMIN)
            if await tx.fetchval(queries.HAS_USERS):
                return None
            return await self._add_admin(tx, Names(username=username, email=email), chosen, hashed, True)

    async def reset_password(self, *, username: str) -> str | None:
        """A new password in clear, to be handed over once and then changed; all sessions end. None for nobody."""
        chosen = rules.new_password()
        hashed = await self._passwords.hash(chosen)
        async with self._db.transaction() as tx:
            person_id = await self._person_id(tx, username)
            if person_id is None:
                return None
            await tx.execute(queries.ONE_TIME_HASH, person_id, hashed)
            await tx.fetch(queries.END_ALL_SESSIONS, person_id, "password_reset")
            await self._note(tx, "account.password_reset", person_id)
            await self._mails.by_operator(tx, person_id, "operator_reset_password", link=FORGOT_PAGE)
        return chosen

    async def end_sessions(self, *, username: str) -> int | None:
        """Sign a person out everywhere. The number of sessions that ended; None for an unknown username."""
        async with self._db.transaction() as tx:
            person_id = await self._person_id(tx, username)
            if person_id is None:
                return None
            ended = await tx.fetch(queries.END_ALL_SESSIONS, person_id, "ended")
            await self._note(tx, "person.sessions_ended", person_id)
        return len(ended)

    async def suspend(self, *, username: str, until: dt.datetime | None) -> bool:
        """Suspend a person until a time, or end the suspension with None. False for an unknown username."""
        async with self._db.transaction() as tx:
            person_id = await self._person_id(tx, username)
            if person_id is None:
                return False
            await self._suspensions.suspend(tx, person_id, until, actor_id=None, ip="", why=WHY, reason="")
        return True

    async def replace_keys(self, identity: Identity) -> str:
        """The id of the key that signs from now on; see ``Identity.replace_keys``."""
        kid = await identity.replace_keys()
        async with self._db.transaction() as tx:
            await self._note(tx, "signing_keys.replaced", kid)
        return kid

    async def _add_admin(
        self, tx: Transaction, names: Names, password: str, hashed: str, is_one_time: bool
    ) -> NewAccount:
        user_id, stream_key = await self._new.add(tx, names, hashed, roles=ADMINS, is_one_time=is_one_time)
        await self._note(tx, "account.admin_created", user_id)
        return NewAccount(id=user_id, username=names.username, password=password, stream_key=stream_key)

    async def _person_id(self, tx: Transaction, username: str) -> str | None:
        row = await tx.fetchrow(queries.CREDENTIALS_BY_USERNAME, rules.username_key(username))
        return None if row is None else str(row["id"])

    async def _note(self, tx: Transaction, action: str, subject: str) -> None:
        await self._audit.add(tx, action, actor_id=None, subject=subject, why=WHY)
