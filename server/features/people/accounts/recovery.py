"""A forgotten password: a link by mail, and a new password for it."""

from __future__ import annotations

from typing import Final

import msgspec

from server.features.people import rules
from server.features.people.accounts import queries
from server.features.people.accounts.devices import Device
from server.features.people.accounts.links import Links
from server.features.people.accounts.mails import AccountMails, Addressee
from server.features.people.accounts.passwords import Passwords, require_strong
from server.features.people.accounts.sessions import Sessions
from server.http.limits import CallRate, RateLimiter
from server.jobs import Attempt, Job, Jobs
from storage.ids import Ids
from storage.postgres import Database

PER_ADDRESS: Final = CallRate("forgotten_passwords", per_s=1 / 600, burst=3)


class ForgottenPassword(msgspec.Struct, frozen=True):
    """``person_id``: a made-up one where nobody has the address. ``address``: of who asked."""

    person_id: str
    address: str
    user_agent: str
    language: str


class PasswordRecovery:
    """Neither the answer nor its time shows whether an account has the e-mail address: each call does the same, and a
    job does the rest.
    """

    def __init__(
        self,
        *,
        database: Database,
        jobs: Jobs,
        ids: Ids,
        limiter: RateLimiter,
        links: Links,
        mails: AccountMails,
        passwords: Passwords,
        sessions: Sessions,
    ) -> None:
        self._db = database
        self._jobs = jobs
        self._ids = ids
        self._limiter = limiter
        self._links = links
        self._mails = mails
        self._passwords = passwords
        self._sessions = sessions
        self.job = Job(name="accounts.forgotten_password", body=ForgottenPassword, run=self._mail)

    async def forgot(self, *, email: str, device: Device, wall: float) -> None:
        """Of one e-mail address only some calls an hour have an effect."""
        key = rules.email_key(email)
        if (await self._limiter.take(key, PER_ADDRESS)).wait_s > 0:
            return
        person_id = await self._db.fetchval(queries.ID_BY_EMAIL, key) or self._ids.uuid7(wall)
        body = ForgottenPassword(person_id, device.address, device.agent, device.language)
        async with self._db.transaction() as tx:
            await self._jobs.enqueue(tx, self.job, body)

    async def _mail(self, attempt: Attempt[ForgottenPassword]) -> None:
        body = attempt.body
        device = Device(address=body.address, user_agent=body.user_agent, language=body.language)
        async with attempt.finish() as tx:
            row = await tx.fetchrow(queries.ADDRESSEE, body.person_id)
            if row is not None:
                await self._mails.reset(tx, Addressee.of(row, language=body.language))
                await self._sessions.note(tx, body.person_id, "account.password_forgotten", body.person_id, device)

    async def reset(self, *, token: str, password: str, device: Device) -> None:
        """The new password; all sessions end, on every node. Raises ``LinkInvalid``, a 422 for a weak password."""
        grant = await self._links.look(token, "reset_password", device)
        known = await self._db.fetchrow(queries.ADDRESSEE, grant.person_id)
        if known is not None:
            require_strong(password, "password", known["username"], known["email"])
        hashed = await self._passwords.hash(rules.normal_password(password))
        async with self._links.redeeming(token, ("reset_password",), device) as (tx, _, again):
            person_id = again.person_id
            await tx.execute(queries.NEW_HASH, person_id, hashed)
            # Who used the link reads the mail of the address, so it is verified as well.
            await tx.execute(queries.VERIFY_EMAIL, person_id, rules.email_key(str(again.detail["email"])))
            ended = await tx.fetch(queries.END_ALL_SESSIONS, person_id, "password_reset")
            row = await tx.fetchrow(queries.ADDRESSEE, person_id)
            if row is not None:
                await self._mails.password_changed(tx, Addressee.of(row), device)
            await self._sessions.note(tx, person_id, "account.password_reset", person_id, device)
        self._sessions.revoke(ended, "password_reset")
