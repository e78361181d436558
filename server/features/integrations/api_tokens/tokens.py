"""API tokens: made by a person for a program or by an operator, shown once, deleted."""

from __future__ import annotations

import datetime as dt
import secrets
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from server.features.integrations.api_tokens import queries
from server.features.people.accounts import AccountMails, Device, SecurityChanges
from server.http.api_tokens import PREFIX, hash_of
from server.http.errors import Problem, invalid_field, not_found
from storage.audit import AuditLog
from storage.ids import Ids
from storage.postgres import Database, Row, Transaction

MAX_TOKENS: Final = 50
AT_COMMAND_LINE: Final = "an operator, at the command line"


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a token is to be called, for what and until when it is good; None: until it is deleted."""

    name: str
    scopes: Sequence[str]
    expires_at: dt.datetime | None = None

    @property
    def detail(self) -> dict[str, Any]:
        """What the audit log keeps of it."""
        return {"name": self.name, "scopes": sorted(set(self.scopes))}


@dataclass(frozen=True, kw_only=True)
class NewToken:
    """``token`` in clear, shown once; ``row`` what lists show."""

    token: str
    row: Row


class TokenTable:
    """The tokens of all accounts. A token is written in the caller's transaction."""

    def __init__(self, *, ids: Ids, wall: Callable[[], float] = time.time) -> None:
        self._ids = ids
        self._wall = wall

    async def add(self, tx: Transaction, person_id: str, roles: Iterable[str], wanted: Wanted) -> NewToken:
        """Raises a 422 for the scope of a role that the person does not have, or a time that has passed, a 409 for one
        token too many.
        """
        if "admin" in wanted.scopes and "admin" not in roles:
            raise invalid_field("scopes", "admin takes the role of an admin")
        if wanted.expires_at is not None and wanted.expires_at.timestamp() <= self._wall():
            raise invalid_field("expires_at", "has passed")
        await tx.execute(queries.LOCK_OWNER, person_id)
        if await tx.fetchval(queries.COUNT, person_id) >= MAX_TOKENS:
            raise Problem(409, f"There are {MAX_TOKENS} tokens already", slug="too-many-tokens")
        token, token_id = PREFIX + secrets.token_urlsafe(32), self._ids.uuid7(self._wall())
        values = (token_id, person_id, hash_of(token), wanted.name, sorted(set(wanted.scopes)), wanted.expires_at)
        row = await tx.fetchrow(queries.ADD, *values)
        assert row is not None
        return NewToken(token=token, row=row)

    async def end(self, tx: Transaction, token_id: str) -> None:
        await tx.execute(queries.END, token_id)


class ApiTokens:
    """What people do with their own."""

    def __init__(self, *, database: Database, audit: AuditLog, changes: SecurityChanges, table: TokenTable) -> None:
        self._db = database
        self._audit = audit
        self._changes = changes
        self._table = table

    async def add(self, *, person_id: str, roles: Iterable[str], wanted: Wanted, device: Device) -> NewToken:
        """Raises what ``TokenTable.add`` does."""
        async with self._db.transaction() as tx:
            new = await self._table.add(tx, person_id, roles, wanted)
            await self._changes.note(
                tx,
                "token.added",
                person_id=person_id,
                device=device,
                subject=new.row["id"],
                name=wanted.name,
                detail=wanted.detail,
            )
        return new

    async def list(self, person_id: str, *, after: tuple[dt.datetime, str] | None, limit: int) -> list[Row]:
        at, token_id = after or (None, None)
        return await self._db.fetch(queries.OF_PERSON, person_id, at, token_id, limit)

    async def revoke(self, person_id: str, token_id: str, device: Device) -> None:
        """Raises a 404 unless it is theirs."""
        async with self._db.transaction() as tx:
            name = await tx.fetchval(queries.REVOKE, token_id, person_id)
            if name is None:
                raise not_found("You have no such token")
            detail = {"name": name, "user_agent": device.agent}
            await self._audit.add(
                tx, "token.deleted", actor_id=person_id, subject=token_id, ip=device.address, detail=detail
            )

    async def purge(self) -> None:
        await self._db.execute(queries.PURGE)


class OperatorTokens:
    """What an operator does from the command line. Nodes that run know a new token within a second."""

    def __init__(self, *, database: Database, audit: AuditLog, mails: AccountMails, table: TokenTable) -> None:
        self._db = database
        self._audit = audit
        self._mails = mails
        self._table = table

    async def add(self, *, username_key: str, wanted: Wanted) -> NewToken | None:
        """For the person of that name; None for nobody. Raises what ``TokenTable.add`` does."""
        async with self._db.transaction() as tx:
            person = await tx.fetchrow(queries.PERSON, username_key)
            if person is None:
                return None
            new = await self._table.add(tx, person["id"], person["roles"], wanted)
            detail = {**wanted.detail, "person": person["id"]}
            await self._audit.add(
                tx, "token.added", actor_id=None, subject=new.row["id"], why=AT_COMMAND_LINE, detail=detail
            )
            await self._mails.by_operator(tx, person["id"], "operator_made_token", name=wanted.name)
        return new
