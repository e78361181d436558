"""A person's e-mail address: proved by a link in a mail, and changed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from server.features.people import rules
from server.features.people.accounts import queries
from server.features.people.accounts.devices import Device
from server.features.people.accounts.links import LinkInvalid, Links
from server.features.people.accounts.mails import AccountMails, Addressee
from server.features.people.accounts.reauthentication import Reauthentication
from server.features.people.accounts.sessions import Sessions
from server.http.errors import FieldError, Problem
from server.http.identity import Caller
from storage.errors import Conflict
from storage.postgres import Database, Row, Transaction

Prove = Callable[[Caller, str | None], Awaitable[object]]
"""Raises a 403 for a wrong password, a 429 for too many."""


class EmailAddresses:
    def __init__(
        self,
        *,
        database: Database,
        links: Links,
        mails: AccountMails,
        sessions: Sessions,
        prove: Prove,
        reauthentication: Reauthentication,
    ) -> None:
        self._db = database
        self._links = links
        self._mails = mails
        self._sessions = sessions
        self._prove = prove
        self._reauthentication = reauthentication

    async def verify(self, *, token: str, device: Device) -> None:
        """Take the proof of an address: the person's own, or the one that they change to. Raises ``LinkInvalid``."""
        async with self._links.redeeming(token, ("verify_email", "change_email"), device) as (tx, purpose, grant):
            email = str(grant.detail["email"])
            if purpose == "verify_email":
                await self._note_verified(tx, grant.person_id, email, device)
            else:
                await self._replace(tx, grant.person_id, email, device)

    async def resend(self, *, person: Caller, device: Device) -> None:
        """Another link to an address that is not proved yet; the one before is void."""
        async with self._db.transaction() as tx:
            row = await tx.fetchrow(queries.ADDRESSEE, person.id)
            if row is not None and not row["is_verified"]:
                await self._mails.verify(tx, Addressee.of(row, language=device.language))

    async def change(self, *, person: Caller, password: str | None, email: str, device: Device) -> None:
        """A link to the new address, which is taken once the link is used. Raises a 409 when another person has it."""
        await self._prove(person, password)
        await self._reauthentication.require_factor(person)
        async with self._db.transaction() as tx:
            if await tx.fetchval(queries.HAS_EMAIL, rules.email_key(email), person.id):
                raise _taken()
            row = await tx.fetchrow(queries.ADDRESSEE, person.id)
            if row is not None:
                await self._mails.verify_new(tx, Addressee.of(row, language=device.language), email)
                await self._sessions.note(tx, person.id, "account.email_change_asked", person.id, device)

    async def undo(self, *, token: str, device: Device) -> None:
        """Take a change back by the mail to the old address: all sessions of the account end, and a link to
        choose another password goes to the old address. Raises ``LinkInvalid``, a 409 when another account has it.
        """
        async with self._links.redeeming(token, ("undo_email",), device) as (tx, _, grant):
            person_id, email = grant.person_id, str(grant.detail["email"])
            await self._set(tx, person_id, email)
            ended = await tx.fetch(queries.END_ALL_SESSIONS, person_id, "email_change_undone")
            await self._sessions.note(tx, person_id, "account.email_change_undone", person_id, device)
            row = await tx.fetchrow(queries.ADDRESSEE, person_id)
            if row is not None:
                await self._mails.reset(tx, Addressee.of(row, language=device.language))
        self._sessions.revoke(ended, "email_change_undone")

    async def _note_verified(self, tx: Transaction, person_id: str, email: str, device: Device) -> None:
        """Of an address that was changed meanwhile nothing is proved."""
        if not await tx.execute(queries.VERIFY_EMAIL, person_id, rules.email_key(email)):
            raise LinkInvalid
        await self._sessions.note(tx, person_id, "account.email_verified", person_id, device)

    async def _replace(self, tx: Transaction, person_id: str, email: str, device: Device) -> None:
        row = await self._set(tx, person_id, email)
        if row["is_leaving"]:
            raise LinkInvalid
        await self._mails.email_changed(tx, Addressee.of(row), email)
        await self._sessions.note(tx, person_id, "account.email_changed", person_id, device)

    async def _set(self, tx: Transaction, person_id: str, email: str) -> Row:
        """The row of ``ADDRESSEE`` as it was. Links to the address until now are void."""
        row = await tx.fetchrow(queries.ADDRESSEE_LOCKED, person_id)
        if row is None:
            raise LinkInvalid
        try:
            await tx.execute(queries.CHANGE_EMAIL, person_id, email, rules.email_key(email))
        except Conflict as error:
            raise _taken() from error
        await self._links.void(tx, person_id, "verify_email", "reset_password", "change_email")
        return row


TAKEN: Final = FieldError("email", "is taken")


def _taken() -> Problem:
    return Problem(409, "email is taken", slug="taken", errors=[TAKEN])
