"""The life of an account: registered, signed in, given another password, deleted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from server.features.people import rules
from server.features.people.accounts import queries
from server.features.people.accounts.deletion import Deletions
from server.features.people.accounts.devices import NEVER, Device, Seen, key_of_known
from server.features.people.accounts.guesses import Attempt, Guesses
from server.features.people.accounts.mails import AccountMails, Addressee
from server.features.people.accounts.methods import SignInMethods
from server.features.people.accounts.new_accounts import EVERYBODY, Names, NewAccounts, taken
from server.features.people.accounts.passwords import Passwords, require_strong
from server.features.people.accounts.reauthentication import Reauthentication
from server.features.people.accounts.sessions import Sessions, SignedIn, require_not_suspended
from server.features.people.accounts.suspicions import Suspicions
from server.http.errors import Problem
from server.http.identity import Caller
from storage.postgres import Database, Row, Transaction


class Accounts:
    """Accounts over Postgres, and how their people prove who they are."""

    def __init__(
        self,
        *,
        database: Database,
        sessions: Sessions,
        mails: AccountMails,
        passwords: Passwords,
        guesses: Guesses,
        suspicions: Suspicions,
        methods: SignInMethods,
        reauthentication: Reauthentication,
        new_accounts: NewAccounts,
        deletions: Deletions,
        when_changed: Callable[[], Awaitable[None]],
    ) -> None:
        """``when_changed``: what people may see is another thing now, and this node need not wait to find out."""
        self._db = database
        self._sessions = sessions
        self._mails = mails
        self._passwords = passwords
        self._guesses = guesses
        self._suspicions = suspicions
        self._methods = methods
        self._reauthentication = reauthentication
        self._new = new_accounts
        self._deletions = deletions
        self._when_changed = when_changed

    async def register(self, *, username: str, email: str, password: str, device: Device) -> SignedIn:
        """Raises a 409 that names each of ``username`` and ``email`` that another account has (or that is reserved)."""
        if rules.is_reserved(username):
            raise taken(has_username=True, has_email=False)
        require_strong(password, "password", username, email)
        names = Names(username=username, email=email)
        await self._new.require_free(names)
        hashed = await self._passwords.hash(rules.normal_password(password))
        async with self._db.transaction() as tx:
            user_id, _ = await self._new.add(tx, names, hashed, roles=EVERYBODY)
            session = await self._sessions.add(tx, user_id, device)
            await self._sessions.note(tx, user_id, "account.registered", session.id, device)
            to = Addressee(id=user_id, username=username, email=email, language=device.language)
            await self._mails.verify(tx, to)
        return await self._sessions.tokens(session)

    async def login(self, *, login: str, password: str, device: Device, code: str | None = None) -> SignedIn:
        """Raises the same 401, after the same work, for an unknown account and for a wrong password; a 401
        ``totp-required`` when a second factor is due and ``code`` is None.
        """
        known = await self._credentials(login, device)
        stored = known["password_hash"] if known else None
        normal = rules.normal_password(password)
        attempt = await self._begin(known, login, device)
        is_right = await self._passwords.verify(stored, normal)
        if known is None or stored is None or not is_right:
            raise wrong_credentials()
        await self._guesses.was_right(attempt)
        require_not_suspended(known["is_suspended"])
        has_factor = await self._methods.prove_second(known["id"], code, device)
        if self._passwords.is_outdated(stored):
            stored = await self._hash_anew(known["id"], stored, normal)
        if _is_as_ever(known, device):
            session = await self._sessions.add_of_same(known, stored, device, has_factor=has_factor)
            if session is not None:
                return await self._sessions.tokens(session)
        return await self.sign_in(
            person_id=known["id"], device=device, method="password", has_factor=has_factor, proved=stored
        )

    async def _hash_anew(self, person_id: str, stored: str, normal: str) -> str:
        """The hash that the account has now: the new one, unless the password was changed meanwhile."""
        hashed = await self._passwords.hash(normal)
        return hashed if await self._db.execute(queries.REHASH, person_id, hashed, stored) else stored

    async def sign_in(
        self, *, person_id: str, device: Device, method: str, has_factor: bool, proved: str | None = None
    ) -> SignedIn:
        """A session of a person who has proved by ``method`` (``password``, ``passkey``, a provider's name) who they
        are, and ``has_factor``: with a second factor or a passkey. Takes a deletion back. ``proved``: the hash of the
        password that was given. Raises a 401 when the account is no more or has another password by now, a 403 when it
        is suspended.
        """
        async with self._db.transaction() as tx:
            # Locked: what ends all sessions, such as a new password, either comes first or ends this one too.
            known = await tx.fetchrow(queries.SIGN_IN_LOCKED, person_id, device.key, device.agent)
            if known is None or proved not in (None, known["password_hash"]):
                raise wrong_credentials()
            require_not_suspended(known["is_suspended"])
            if known["is_leaving"] and not await self._deletions.take_back(tx, person_id, ip=device.address):
                raise wrong_credentials()
            await self._greet(tx, known, device)
            session = await self._sessions.add(tx, person_id, device, has_factor=has_factor)
            await self._sessions.note(tx, person_id, "session.began", session.id, device)
        if known["is_leaving"]:
            await self._when_changed()
        return await self._sessions.tokens(session)

    async def _greet(self, tx: Transaction, known: Row, device: Device) -> None:
        """Keep the language that the person reads, and write to them of a device that they were never seen with."""
        if known["language"] != device.language:
            await tx.execute(queries.SPEAK, known["id"], device.language)
        seen = Seen.of(known)
        if seen.is_first or key_of_known(device, seen) is not None:
            return
        to = await self._mails.addressee(tx, known["id"])
        if to is not None:
            await self._mails.new_device(tx, to, device)

    async def change_password(self, *, person: Caller, password: str | None, new_password: str, device: Device) -> None:
        """The other sessions end, on every node. Raises a 403 for a wrong password, a 422 for a weak new one."""
        known = await self.prove(person, password)
        await self._reauthentication.require_factor(person)
        require_strong(new_password, "new_password", known["username"], known["email"])
        hashed = await self._passwords.hash(rules.normal_password(new_password))
        async with self._db.transaction() as tx:
            await tx.execute(queries.NEW_HASH, person.id, hashed)
            ended = await tx.fetch(queries.END_OTHER_SESSIONS, person.id, person.session_id, "password_changed")
            await self._sessions.note(tx, person.id, "account.password_changed", person.session_id, device)
            to = await tx.fetchrow(queries.ADDRESSEE, person.id)
            if to is not None:
                await self._mails.password_changed(tx, Addressee.of(to, language=device.language), device)
        self._sessions.revoke(ended, "password_changed")

    async def delete(self, *, person: Caller, password: str | None, device: Device) -> None:
        """Sign the person out everywhere, hide all that is theirs, and have it wiped when the grace is over; until then
        signing in takes it back. Raises a 403 for a wrong password.
        """
        await self.prove(person, password)
        await self._reauthentication.require_factor(person)
        async with self._db.transaction() as tx:
            until = await self._deletions.begin(tx, person.id, ip=device.address)
            ended = await tx.fetch(queries.END_ALL_SESSIONS, person.id, "account_deleted")
            to = await tx.fetchrow(queries.ADDRESSEE, person.id)
            if to is not None and until is not None:
                await self._mails.deletion_scheduled(tx, Addressee.of(to, language=device.language), until)
        self._sessions.revoke(ended, "account_deleted")
        await self._when_changed()

    async def prove(self, person: Caller, password: str | None) -> Row:
        """The account of a person who has entered their password again. Raises a 403 for a wrong one, a 429.

        An account without a password has a recent proof of another kind instead; a 401 without.
        """
        known = await self._db.fetchrow(queries.CREDENTIALS_BY_ID, person.id)
        if known is not None and not known["password_hash"]:
            await self._reauthentication.require(person)
            return known
        if password is None:
            raise Problem(403, "It takes the password", slug="password-needed")
        attempt = await self._guesses.begin_within(person.id, person.session_id)
        stored = known["password_hash"] if known else None
        if not await self._passwords.verify(stored, rules.normal_password(password)) or known is None:
            raise Problem(403, "The password is wrong", slug="wrong-password")
        await self._guesses.was_right(attempt)
        return known

    async def _begin(self, known: Row | None, login: str, device: Device) -> Attempt:
        """As much work for an unknown login as for a known one."""
        account = known["id"] if known else rules.email_key(login)
        try:
            return await self._guesses.begin(account, device, seen=Seen.of(known) if known else NEVER)
        except Problem:
            await self._suspicions.note("login.locked_out", device=device, subject=known["id"] if known else "")
            raise

    async def _credentials(self, login: str, device: Device) -> Row | None:
        by_email = "@" in login
        sql = queries.SIGN_IN_BY_EMAIL if by_email else queries.SIGN_IN_BY_USERNAME
        key = rules.email_key(login) if by_email else rules.username_key(login)
        return await self._db.fetchrow(sql, key, device.key, device.agent)


def _is_as_ever(known: Row, device: Device) -> bool:
    """Whether a sign-in changes nothing but that there is a session more: nobody is greeted, no deletion taken back."""
    is_known = key_of_known(device, Seen.of(known)) is not None
    return is_known and known["language"] == device.language and not known["is_leaving"]


_CHALLENGE: Final = {"WWW-Authenticate": "Bearer"}


def wrong_credentials() -> Problem:
    return Problem(401, "The name or the password is wrong", slug="wrong-credentials", headers=_CHALLENGE)
