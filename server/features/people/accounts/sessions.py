"""Sessions: what a sign-in gives a device. A session is a family of refresh tokens, of which one is valid."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from server.features.people.accounts import queries
from server.features.people.accounts.devices import Device
from server.features.people.profiles import Me, Profiles
from server.http.errors import Problem, Unauthorized, not_found
from server.http.identity import Caller, Identity
from storage.audit import AuditLog, add_from
from storage.ids import Ids
from storage.postgres import Database, Row, Transaction

REFRESH_TTL_S: Final = 30 * 24 * 3600
GRACE_S: Final = 10.0
MAX_REFRESHES: Final = 20  # of one session within GRACE_S
_ADD_OF_SAME: Final = queries.ADD_SESSION_OF_SAME + add_from("session", first=11)


@dataclass(frozen=True, kw_only=True)
class SignedIn:
    """A session's current pair of tokens, shown once."""

    user: Me
    access_token: str
    refresh_token: str
    expires_in: int


@dataclass(frozen=True, kw_only=True)
class NewSession:
    id: str
    user_id: str
    refresh_token: str


class Sessions:
    """The sessions of all accounts, over Postgres."""

    def __init__(
        self,
        *,
        database: Database,
        identity: Identity,
        profiles: Profiles,
        ids: Ids,
        audit: AuditLog,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._db = database
        self._identity = identity
        self._profiles = profiles
        self._ids = ids
        self._audit = audit
        self._wall = wall

    async def add(self, tx: Transaction, user_id: str, device: Device, *, has_factor: bool = False) -> NewSession:
        """``has_factor``: the person has shown a second factor or a passkey."""
        new = self._new(user_id)
        await tx.execute(queries.ADD_SESSION, *_values(new, device, has_factor=has_factor))
        return new

    async def add_of_same(self, known: Row, proved: str, device: Device, *, has_factor: bool) -> NewSession | None:
        """As ``add``, committed and noted by one statement. ``known``: the account as it was read. None when it has
        changed: its password is not ``proved`` any more, or it is suspended, leaving, or reads another language.
        """
        new = self._new(known["id"])
        noted = self._audit.values("session.began", actor_id=new.user_id, subject=new.id, detail=_told(device))
        values = _values(new, device, has_factor=has_factor)
        is_added = await self._db.execute(_ADD_OF_SAME, *values, proved, known["language"], *noted)
        return new if is_added else None

    def _new(self, user_id: str) -> NewSession:
        return NewSession(id=self._ids.uuid7(self._wall()), user_id=user_id, refresh_token=_new_refresh_token())

    async def tokens(self, new: NewSession) -> SignedIn:
        """The first pair of a session that is committed, or the next one."""
        me = await self._profiles.me(new.user_id)
        person = Caller(
            id=str(me.id),
            username=me.username,
            display_name=me.display_name,
            roles=frozenset(me.roles),
            session_id=new.id,
            has_one_time_password=me.must_change_password,
        )
        access_token, expires_in = self._identity.mint(person)
        return SignedIn(user=me, access_token=access_token, refresh_token=new.refresh_token, expires_in=expires_in)

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
                await self.note(tx, row["user_id"], "session.refresh_reused", row["session_id"], device)
            elif row is not None and _is_good(row):
                _require_few(row)
                await self._rotate(tx, row["session_id"], _digest(refresh_token), new_token, device)
        if row is None:
            raise Unauthorized("token_invalid", "The refresh token is not valid")
        if is_reused:
            self._identity.revoke(row["session_id"], "refresh_token_reused")
            raise Unauthorized("token_revoked", "The session was ended")
        _require_good(row)
        return await self.tokens(NewSession(id=row["session_id"], user_id=row["user_id"], refresh_token=new_token))

    async def caller_of(self, refresh_token: str) -> Caller | None:
        """Whose session a refresh token keeps, without using it up; None when it is not good any more. Raises a 403
        while the person has a one-time password.
        """
        row = await self._db.fetchrow(queries.CALLER_OF_REFRESH, _digest(refresh_token))
        if row is None:
            return None
        caller = Caller(
            id=row["user_id"],
            username=row["username"],
            display_name=row["display_name"],
            roles=frozenset(row["roles"]),
            session_id=row["session_id"],
            has_one_time_password=row["must_change_password"],
        )
        await self._identity.require_own_password(caller)
        return caller

    async def logout(self, *, person: Caller, device: Device) -> None:
        await self._end(person.id, person.session_id, "logout", device)

    async def logout_by_refresh(self, *, refresh_token: str, device: Device) -> None:
        """As ``logout``, of the session of a refresh token; a token of a session that has ended changes nothing."""
        row = await self._db.fetchrow(queries.SESSION_OF_REFRESH, _digest(refresh_token))
        if row is None:
            raise Unauthorized("token_invalid", "The refresh token is not valid")
        await self._end(row["user_id"], row["session_id"], "logout", device)

    async def end(self, *, person: Caller, session_id: str, device: Device) -> None:
        """Raises a 404 unless it is a session of theirs that goes on."""
        if not await self._end(person.id, session_id, "ended", device):
            raise not_found("You have no such session")

    async def end_others(self, *, person: Caller, device: Device) -> None:
        """Sign the person out everywhere but here."""
        async with self._db.transaction() as tx:
            ended = await tx.fetch(queries.END_OTHER_SESSIONS, person.id, person.session_id, "ended")
            if ended:
                await self.note(tx, person.id, "session.others_ended", person.session_id, device)
        self.revoke(ended, "ended")

    async def list(self, *, person: Caller, after: tuple[datetime, str] | None, limit: int) -> list[Row]:
        """Sessions that go on, the newest first."""
        at, session_id = after or (None, None)
        return await self._db.fetch(queries.SESSIONS, person.id, at, session_id, limit)

    def revoke(self, ended: Iterable[Row], reason: str) -> None:
        """What this node need not find out by itself: the rows of sessions whose end is committed."""
        for row in ended:
            self._identity.revoke(row["id"], reason)

    async def purge(self) -> None:
        """Forget tokens and sessions that can never be used again; to be called now and then."""
        for sql in queries.PURGE:
            await self._db.execute(sql)

    async def note(
        self,
        tx: Transaction,
        user_id: str,
        action: str,
        subject: str,
        device: Device,
        *,
        detail: Mapping[str, Any] | None = None,
    ) -> None:
        """An entry of the audit log about what a person did from a device."""
        told = {"user_agent": device.agent, **(detail or {})}
        await self._audit.add(tx, action, actor_id=user_id, subject=subject, ip=device.address, detail=told)

    async def _rotate(self, tx: Transaction, session_id: str, old: bytes, new_token: str, device: Device) -> None:
        await tx.execute(queries.SPEND_REFRESH, old)
        await tx.execute(queries.ADD_REFRESH, _digest(new_token), session_id, float(REFRESH_TTL_S))
        await tx.execute(queries.TOUCH_SESSION, session_id, device.address, device.agent, float(REFRESH_TTL_S))

    async def _end(self, user_id: str, session_id: str, reason: str, device: Device) -> bool:
        async with self._db.transaction() as tx:
            ended = await tx.fetch(queries.END_SESSION, session_id, user_id, reason)
            if ended:
                await self.note(tx, user_id, f"session.{reason}", session_id, device)
        self.revoke(ended, reason)
        return bool(ended)


def require_not_suspended(is_suspended: bool) -> None:
    if is_suspended:
        raise Problem(403, "The account is suspended", slug="suspended")


def _values(new: NewSession, device: Device, *, has_factor: bool) -> tuple[object, ...]:
    """What ``ADD_SESSION`` inserts."""
    of_device = (device.agent, device.address, device.key)
    return new.id, new.user_id, *of_device, float(REFRESH_TTL_S), has_factor, _digest(new.refresh_token)


def _told(device: Device) -> dict[str, Any]:
    return {"ip": device.address, "why": "", "user_agent": device.agent}


def _has_grace(row: Row, device: Device) -> bool:
    """Whether a spent refresh token comes from the device that spent it, a moment later."""
    return bool(abs(row["used_s_ago"]) <= GRACE_S and row["user_agent"] == device.agent)


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
    require_not_suspended(row["is_suspended"])


def _new_refresh_token() -> str:
    return "rt_" + secrets.token_urlsafe(32)


def _digest(token: str) -> bytes:
    """The token has 256 random bits, so a plain hash is enough to keep a leaked table useless."""
    return hashlib.sha256(token.encode()).digest()
