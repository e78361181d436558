"""The life of an account: registered, signed in, given another password, deleted."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from server.features.people import rules
from server.features.people.accounts import queries
from server.features.people.accounts.deletion import Deletions
from server.features.people.accounts.devices import Device, KnownDevice
from server.features.people.accounts.guesses import Attempt, Guesses
from server.features.people.accounts.methods import SignInMethods
from server.features.people.accounts.passwords import Passwords
from server.features.people.accounts.reauthentication import Reauthentication
from server.features.people.accounts.sessions import Sessions, SignedIn, require_not_suspended
from server.features.people.facts import AccountCreated
from server.features.people.weak_passwords import WEAK, is_weak
from server.http.errors import FieldError, Problem, invalid_field
from server.http.identity import Caller
from storage.audit import AuditLog
from storage.errors import Conflict
from storage.facts import publish
from storage.ids import Ids
from storage.postgres import Database, Row, Transaction
from storage.stream import new_stream_key

EVERYBODY: Final = ("viewer", "creator")
ADMINS: Final = ("viewer", "creator", "moderator", "admin")


@dataclass(frozen=True, kw_only=True)
class NewAccount:
    """An account that an operator made; ``password`` in clear, to be handed over once."""

    id: str
    username: str
    password: str
    stream_key: str


class Accounts:
    """Accounts over Postgres, and how their people prove who they are."""

    def __init__(
        self,
        *,
        database: Database,
        sessions: Sessions,
        passwords: Passwords,
        guesses: Guesses,
        methods: SignInMethods,
        reauthentication: Reauthentication,
        ids: Ids,
        audit: AuditLog,
        deletions: Deletions,
        when_changed: Callable[[], Awaitable[None]],
        wall: Callable[[], float] = time.time,
    ) -> None:
        """``when_changed``: what people may see is another thing now, and this node need not wait to find out."""
        self._db = database
        self._sessions = sessions
        self._passwords = passwords
        self._guesses = guesses
        self._methods = methods
        self._reauthentication = reauthentication
        self._ids = ids
        self._audit_log = audit
        self._wall = wall
        self._deletions = deletions
        self._when_changed = when_changed

    async def register(self, *, username: str, email: str, password: str, device: Device) -> SignedIn:
        """Raises a 409 that names each of ``username`` and ``email`` that somebody has (or that is reserved)."""
        if rules.is_reserved(username):
            raise _taken(has_username=True, has_email=False)
        _require_strong(password, "password", username, email)
        await self._require_free(self._db, username, email)
        hashed = await self._passwords.hash(rules.normal_password(password))
        async with self._db.transaction() as tx:
            user_id, _ = await self._add_user(tx, username, email, hashed, EVERYBODY)
            session = await self._sessions.add(tx, user_id, device)
            await self._sessions.note(tx, user_id, "account.registered", session.id, device)
        return await self._sessions.tokens(session)

    async def login(self, *, login: str, password: str, device: Device, code: str | None = None) -> SignedIn:
        """Raises the same 401, after the same work, for an unknown account and for a wrong password; a 401
        ``totp-required`` when a second factor is due and ``code`` is None.
        """
        known = await self._credentials(login)
        stored = known["password_hash"] if known else None
        normal = rules.normal_password(password)
        attempt = await self._begin(known["id"] if known else None, login, device)
        is_right = await self._passwords.verify(stored, normal)
        if known is None or stored is None or not is_right:
            raise wrong_credentials()
        await self._guesses.was_right(attempt)
        require_not_suspended(known["is_suspended"])
        has_factor = await self._methods.prove_second(known["id"], code, device)
        if self._passwords.is_outdated(stored):
            await self._db.execute(queries.REHASH, known["id"], await self._passwords.hash(normal), stored)
        return await self.sign_in(person_id=known["id"], device=device, method="password", has_factor=has_factor)

    async def sign_in(self, *, person_id: str, device: Device, method: str, has_factor: bool) -> SignedIn:
        """A session of a person who has proved by ``method`` (``password``, ``passkey``, a provider's name) who they
        are, and ``has_factor``: with a second factor or a passkey. Takes a deletion back. Raises a 401 when the account
        is no more, a 403 when it is suspended.
        """
        known = await self._db.fetchrow(queries.CREDENTIALS_BY_ID, person_id)
        if known is None:
            raise wrong_credentials()
        require_not_suspended(known["is_suspended"])
        async with self._db.transaction() as tx:
            if known["is_leaving"] and not await self._deletions.take_back(tx, person_id):
                raise wrong_credentials()
            session = await self._sessions.add(tx, person_id, device, has_factor=has_factor)
            await self._sessions.note(tx, person_id, "session.began", session.id, device)
        if known["is_leaving"]:
            await self._when_changed()
        return await self._sessions.tokens(session)

    async def change_password(self, *, person: Caller, password: str, new_password: str, device: Device) -> None:
        """The other sessions end, on every node. Raises a 403 for a wrong password, a 422 for a weak new one."""
        known = await self.prove(person, password)
        await self._reauthentication.require_factor(person)
        _require_strong(new_password, "new_password", known["username"], known["email"])
        hashed = await self._passwords.hash(rules.normal_password(new_password))
        async with self._db.transaction() as tx:
            await tx.execute(queries.NEW_HASH, person.id, hashed)
            ended = await tx.fetch(queries.END_OTHER_SESSIONS, person.id, person.session_id, "password_changed")
            await self._sessions.note(tx, person.id, "account.password_changed", person.session_id, device)
        self._sessions.revoke(ended, "password_changed")

    async def reset_password(self, *, username: str) -> str | None:
        """An operator's: a new password in clear, to be handed over once; all sessions end. None for nobody."""
        chosen = rules.new_password()
        hashed = await self._passwords.hash(chosen)
        async with self._db.transaction() as tx:
            known = await tx.fetchrow(queries.CREDENTIALS_BY_USERNAME, rules.username_key(username))
            if known is None:
                return None
            await tx.execute(queries.NEW_HASH, known["id"], hashed)
            await tx.fetch(queries.END_ALL_SESSIONS, known["id"], "password_reset")
            await self._audit_log.add(
                tx, "account.password_reset", actor_id=known["id"], subject=known["id"], detail={"by": "operator"}
            )
        return chosen

    async def delete(self, *, person: Caller, password: str) -> None:
        """Sign the person out everywhere, hide all that is theirs, and have it wiped when the grace is over; until then
        signing in takes it back. Raises a 403 for a wrong password.
        """
        await self.prove(person, password)
        await self._reauthentication.require_factor(person)
        async with self._db.transaction() as tx:
            ended = await tx.fetch(queries.END_ALL_SESSIONS, person.id, "account_deleted")
            await self._deletions.begin(tx, person.id)
        self._sessions.revoke(ended, "account_deleted")
        await self._when_changed()

    async def create_admin(self, *, username: str, email: str, password: str | None = None) -> NewAccount:
        """An account with every role; a password is made up unless one is given. Raises a 409 when it is there."""
        await self._require_free(self._db, username, email)
        chosen = password or rules.new_password()
        hashed = await self._passwords.hash(rules.normal_password(chosen))
        async with self._db.transaction() as tx:
            user_id, stream_key = await self._add_user(tx, username, email, hashed, ADMINS)
        return NewAccount(id=user_id, username=username, password=chosen, stream_key=stream_key)

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
            user_id, stream_key = await self._add_user(tx, username, email, hashed, ADMINS)
        return NewAccount(id=user_id, username=username, password=chosen, stream_key=stream_key)

    async def prove(self, person: Caller, password: str) -> Row:
        """The account of somebody who has entered their password again. Raises a 403 for a wrong one, a 429."""
        known = await self._db.fetchrow(queries.CREDENTIALS_BY_ID, person.id)
        attempt = await self._guesses.begin_within(person.id, person.session_id)
        stored = known["password_hash"] if known else None
        if not await self._passwords.verify(stored, rules.normal_password(password)) or known is None:
            raise Problem(403, "The password is wrong", slug="wrong-password")
        await self._guesses.was_right(attempt)
        return known

    async def _begin(self, user_id: str | None, login: str, device: Device) -> Attempt:
        """As much work for somebody unknown as for somebody known."""
        rows = await self._db.fetch(queries.DEVICES, user_id)
        known = [KnownDevice(address=row["ip"], user_agent=row["user_agent"], key=row["device_key"]) for row in rows]
        return await self._guesses.begin(user_id or rules.email_key(login), device, known=known)

    async def _credentials(self, login: str) -> Row | None:
        if "@" in login:
            return await self._db.fetchrow(queries.CREDENTIALS_BY_EMAIL, rules.email_key(login))
        return await self._db.fetchrow(queries.CREDENTIALS_BY_USERNAME, rules.username_key(login))

    async def _require_free(self, rows: Database, username: str, email: str) -> None:
        found = await rows.fetch(queries.TAKEN, rules.username_key(username), rules.email_key(email))
        if found:
            raise _taken(
                has_username=any(row["has_username"] for row in found), has_email=any(row["has_email"] for row in found)
            )

    async def _add_user(
        self, tx: Transaction, username: str, email: str, hashed: str, roles: Sequence[str]
    ) -> tuple[str, str]:
        user_id, stream_key = self._ids.uuid7(self._wall()), new_stream_key()
        keys = rules.username_key(username), rules.email_key(email)
        try:
            await tx.execute(
                queries.ADD_USER, user_id, username, keys[0], email, keys[1], hashed, username, list(roles), stream_key
            )
        except Conflict as error:
            raise _taken(has_username="username" in error.constraint, has_email="email" in error.constraint) from error
        await publish(tx, AccountCreated(person_id=user_id))
        return user_id, stream_key


_CHALLENGE: Final = {"WWW-Authenticate": "Bearer"}


def wrong_credentials() -> Problem:
    return Problem(401, "The name or the password is wrong", slug="wrong-credentials", headers=_CHALLENGE)


def _taken(*, has_username: bool, has_email: bool) -> Problem:
    errors = [FieldError(name, "is taken") for name, has in (("username", has_username), ("email", has_email)) if has]
    return Problem(409, "; ".join(f"{one.field} {one.message}" for one in errors), slug="taken", errors=errors)


def _require_strong(password: str, field: str, username: str, email: str) -> None:
    if is_weak(password, names=(username, email, email.partition("@")[0])):
        raise invalid_field(field, WEAK)
