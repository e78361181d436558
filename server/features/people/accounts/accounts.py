"""The life of an account: registered, signed in and out, deleted."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from actors.text import clean_line
from server.features.people import rules
from server.features.people.accounts import queries
from server.features.people.accounts.deletion import Deletions
from server.features.people.accounts.guesses import Attempt, Device, Guesses, KnownDevice
from server.features.people.accounts.passwords import Passwords
from server.features.people.facts import AccountCreated
from server.features.people.profiles import Me, Profiles
from server.features.people.weak_passwords import WEAK, is_weak
from server.http.errors import FieldError, Problem, Unauthorized, invalid_field, not_found
from server.http.identity import Caller, Identity
from storage.audit import AuditLog
from storage.errors import Conflict
from storage.facts import publish
from storage.ids import Ids
from storage.postgres import Database, Row, Transaction
from storage.stream import new_stream_key

REFRESH_TTL_S: Final = 30 * 24 * 3600
GRACE_S: Final = 10.0
MAX_REFRESHES: Final = 20  # of one session within GRACE_S
EVERYBODY: Final = ("viewer", "creator")
ADMINS: Final = ("viewer", "creator", "moderator", "admin")
_MAX_AGENT_CHARS: Final = 256


@dataclass(frozen=True, kw_only=True)
class SignedIn:
    """A session's current pair of tokens, shown once."""

    user: Me
    access_token: str
    refresh_token: str
    expires_in: int


@dataclass(frozen=True, kw_only=True)
class NewAccount:
    """An account that an operator made; ``password`` in clear, to be handed over once."""

    id: str
    username: str
    password: str
    stream_key: str


class Accounts:
    """Accounts and their sessions over Postgres. A session is a family of refresh tokens, of which one is valid."""

    def __init__(
        self,
        *,
        database: Database,
        identity: Identity,
        passwords: Passwords,
        profiles: Profiles,
        guesses: Guesses,
        ids: Ids,
        audit: AuditLog,
        deletions: Deletions,
        when_changed: Callable[[], Awaitable[None]],
        wall: Callable[[], float] = time.time,
    ) -> None:
        """``when_changed``: what people may see is another thing now, and this node need not wait to find out."""
        self._db = database
        self._identity = identity
        self._passwords = passwords
        self._profiles = profiles
        self._guesses = guesses
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
        refresh_token = _new_refresh_token()
        async with self._db.transaction() as tx:
            user_id, _ = await self._add_user(tx, username, email, hashed, EVERYBODY)
            session_id = await self._add_session(tx, user_id, refresh_token, device)
            await self._audit(tx, user_id, "account.registered", session_id, device)
        return await self._signed_in(user_id, session_id, refresh_token)

    async def login(self, *, login: str, password: str, device: Device) -> SignedIn:
        """Raises the same 401, after the same work, for somebody unknown and for a wrong password."""
        known = await self._credentials(login)
        stored = known["password_hash"] if known else None
        normal = rules.normal_password(password)
        attempt = await self._begin(known["id"] if known else None, login, device)
        is_right = await self._passwords.verify(stored, normal)
        if known is None or stored is None or not is_right:
            raise _wrong_credentials()
        await self._guesses.was_right(attempt)
        _require_not_suspended(known["is_suspended"])
        if self._passwords.is_outdated(stored):
            await self._db.execute(queries.REHASH, known["id"], await self._passwords.hash(normal), stored)
        refresh_token = _new_refresh_token()
        async with self._db.transaction() as tx:
            if known["is_leaving"] and not await self._deletions.take_back(tx, known["id"]):
                raise _wrong_credentials()
            session_id = await self._add_session(tx, known["id"], refresh_token, device)
            await self._audit(tx, known["id"], "session.began", session_id, device)
        if known["is_leaving"]:
            await self._when_changed()
        return await self._signed_in(known["id"], session_id, refresh_token)

    async def refresh(self, *, refresh_token: str, device: Device) -> SignedIn:
        """A new pair; the old refresh token is spent.

        A spent one that comes again was copied, and ends the session; except within ``GRACE_S`` by the same user agent,
        which may have asked twice at once or lost the answer: it gets another pair.
        """
        new_token = _new_refresh_token()
        async with self._db.transaction() as tx:
            row = await tx.fetchrow(queries.REFRESH_BY_HASH, _digest(refresh_token), GRACE_S)
            is_reused = row is not None and row["is_used"] and not row["is_revoked"] and not _has_grace(row, device)
            if row is not None and is_reused:
                await tx.fetch(queries.END_SESSION, row["session_id"], row["user_id"], "refresh_token_reused")
                await self._audit(tx, row["user_id"], "session.refresh_reused", row["session_id"], device)
            elif row is not None and _is_good(row):
                _require_few(row)
                await self._rotate(tx, row["session_id"], _digest(refresh_token), new_token, device)
        if row is None:
            raise Unauthorized("token_invalid", "The refresh token is not valid")
        if is_reused:
            self._identity.revoke(row["session_id"], "refresh_token_reused")
            raise Unauthorized("token_revoked", "The session was ended")
        _require_good(row)
        return await self._signed_in(row["user_id"], row["session_id"], new_token)

    async def logout(self, *, person: Caller, device: Device) -> None:
        await self._end(person.id, person.session_id, "logout", device)

    async def end_session(self, *, person: Caller, session_id: str, device: Device) -> None:
        """Raises a 404 unless it is a session of theirs that goes on."""
        if not await self._end(person.id, session_id, "ended", device):
            raise not_found("You have no such session")

    async def sessions(self, *, person: Caller, after: tuple[datetime, str] | None, limit: int) -> list[Row]:
        """Sessions that go on, the newest first."""
        at, session_id = after or (None, None)
        return await self._db.fetch(queries.SESSIONS, person.id, at, session_id, limit)

    async def change_password(self, *, person: Caller, password: str, new_password: str, device: Device) -> None:
        """The other sessions end, on every node. Raises a 403 for a wrong password, a 422 for a weak new one."""
        known = await self._prove(person, password)
        _require_strong(new_password, "new_password", known["username"], known["email"])
        hashed = await self._passwords.hash(rules.normal_password(new_password))
        async with self._db.transaction() as tx:
            await tx.execute(queries.NEW_HASH, person.id, hashed)
            ended = await tx.fetch(queries.END_OTHER_SESSIONS, person.id, person.session_id, "password_changed")
            await self._audit(tx, person.id, "account.password_changed", person.session_id, device)
        for row in ended:
            self._identity.revoke(row["id"], "password_changed")

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
        await self._prove(person, password)
        async with self._db.transaction() as tx:
            ended = await tx.fetch(queries.END_ALL_SESSIONS, person.id, "account_deleted")
            await self._deletions.begin(tx, person.id)
        for row in ended:
            self._identity.revoke(row["id"], "account_deleted")
        await self._when_changed()

    async def purge(self) -> None:
        """Forget tokens and sessions that can never be used again; to be called now and then."""
        for sql in queries.PURGE:
            await self._db.execute(sql)

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

    async def _prove(self, person: Caller, password: str) -> Row:
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
        asking = replace(device, user_agent=_agent(device))
        return await self._guesses.begin(user_id or rules.email_key(login), asking, known=known)

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

    async def _add_session(self, tx: Transaction, user_id: str, refresh_token: str, device: Device) -> str:
        session_id = self._ids.uuid7(self._wall())
        ttl_s = float(REFRESH_TTL_S)
        values = (session_id, user_id, _agent(device), device.address, device.key, ttl_s)
        await tx.execute(queries.ADD_SESSION, *values)
        await tx.execute(queries.ADD_REFRESH, _digest(refresh_token), session_id, float(REFRESH_TTL_S))
        return session_id

    async def _rotate(self, tx: Transaction, session_id: str, old: bytes, new_token: str, device: Device) -> None:
        await tx.execute(queries.SPEND_REFRESH, old)
        await tx.execute(queries.ADD_REFRESH, _digest(new_token), session_id, float(REFRESH_TTL_S))
        await tx.execute(queries.TOUCH_SESSION, session_id, device.address, _agent(device), float(REFRESH_TTL_S))

    async def _end(self, user_id: str, session_id: str, reason: str, device: Device) -> bool:
        async with self._db.transaction() as tx:
            ended = await tx.fetch(queries.END_SESSION, session_id, user_id, reason)
            if ended:
                await self._audit(tx, user_id, f"session.{reason}", session_id, device)
        if ended:
            self._identity.revoke(session_id, reason)
        return bool(ended)

    async def _audit(self, tx: Transaction, user_id: str, action: str, subject: str, device: Device) -> None:
        detail: dict[str, Any] = {"ip": device.address, "user_agent": _agent(device)}
        await self._audit_log.add(tx, action, actor_id=user_id, subject=subject, detail=detail)

    async def _signed_in(self, user_id: str, session_id: str, refresh_token: str) -> SignedIn:
        me = await self._profiles.me(user_id)
        person = Caller(
            id=str(me.id),
            username=me.username,
            display_name=me.display_name,
            roles=frozenset(me.roles),
            session_id=session_id,
        )
        access_token, expires_in = self._identity.mint(person)
        return SignedIn(user=me, access_token=access_token, refresh_token=refresh_token, expires_in=expires_in)


_CHALLENGE: Final = {"WWW-Authenticate": "Bearer"}


def _wrong_credentials() -> Problem:
    return Problem(401, "The name or the password is wrong", slug="wrong-credentials", headers=_CHALLENGE)


def _taken(*, has_username: bool, has_email: bool) -> Problem:
    errors = [FieldError(name, "is taken") for name, has in (("username", has_username), ("email", has_email)) if has]
    return Problem(409, "; ".join(f"{one.field} {one.message}" for one in errors), slug="taken", errors=errors)


def _require_strong(password: str, field: str, username: str, email: str) -> None:
    if is_weak(password, names=(username, email, email.partition("@")[0])):
        raise invalid_field(field, WEAK)


def _has_grace(row: Row, device: Device) -> bool:
    """Whether a spent refresh token comes from the device that spent it, a moment later."""
    return bool(abs(row["used_s_ago"]) <= GRACE_S and row["user_agent"] == _agent(device))


def _require_few(row: Row) -> None:
    if row["lately"] >= MAX_REFRESHES:
        raise Problem(429, "This session was refreshed too often", retry_after_s=GRACE_S)


def _is_good(row: Row) -> bool:
    return not (row["is_revoked"] or row["is_expired"] or row["is_suspended"])


def _require_good(row: Row) -> None:
    if row["is_revoked"]:
        raise Unauthorized("token_revoked", "The session was ended")
    if row["is_expired"]:
        raise Unauthorized("token_expired", "The refresh token has expired")
    _require_not_suspended(row["is_suspended"])


def _require_not_suspended(is_suspended: bool) -> None:
    if is_suspended:
        raise Problem(403, "The account is suspended", slug="suspended")


def _new_refresh_token() -> str:
    return "rt_" + secrets.token_urlsafe(32)


def _digest(token: str) -> bytes:
    """The token has 256 random bits, so a plain hash is enough to keep a leaked table useless."""
    return hashlib.sha256(token.encode()).digest()


def _agent(device: Device) -> str:
    return clean_line(device.user_agent[:_MAX_AGENT_CHARS].encode("utf-8", "replace").decode())[:_MAX_AGENT_CHARS]
