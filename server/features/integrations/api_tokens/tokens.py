"""API tokens: made by a person for a program, shown once, deleted."""

from __future__ import annotations

import datetime as dt
import secrets
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from server.features.integrations.api_tokens import queries
from server.http.api_tokens import PREFIX, hash_of
from server.http.errors import Problem, invalid_field, not_found
from storage.audit import AuditLog
from storage.ids import Ids
from storage.postgres import Database, Row

MAX_TOKENS: Final = 50


@dataclass(frozen=True, kw_only=True)
class NewToken:
    """``token`` in clear, shown once; ``row`` what lists show."""

    token: str
    row: Row


class ApiTokens:
    def __init__(self, *, database: Database, audit: AuditLog, ids: Ids, wall: Callable[[], float] = time.time) -> None:
        self._db = database
        self._audit = audit
        self._ids = ids
        self._wall = wall

    async def add(
        self,
        *,
        person_id: str,
        roles: Iterable[str],
        name: str,
        scopes: Sequence[str],
        expires_at: dt.datetime | None,
    ) -> NewToken:
        """Raises a 422 for the scope of a role that the person does not have, or a time that has passed, a 409 for one
        token too many.
        """
        if "admin" in scopes and "admin" not in roles:
            raise invalid_field("scopes", "admin takes the role of an admin")
        if expires_at is not None and expires_at.timestamp() <= self._wall():
            raise invalid_field("expires_at", "has passed")
        token = PREFIX + secrets.token_urlsafe(32)
        async with self._db.transaction() as tx:
            await tx.execute(queries.LOCK_OWNER, person_id)
            if await tx.fetchval(queries.COUNT, person_id) >= MAX_TOKENS:
                raise Problem(409, f"There are {MAX_TOKENS} tokens already", slug="too-many-tokens")
            token_id = self._ids.uuid7(self._wall())
            values = (token_id, person_id, hash_of(token), name, sorted(set(scopes)), expires_at)
            row = await tx.fetchrow(queries.ADD, *values)
            detail = {"name": name, "scopes": sorted(set(scopes))}
            await self._audit.add(tx, "token.added", actor_id=person_id, subject=token_id, detail=detail)
        assert row is not None
        return NewToken(token=token, row=row)

    async def add_for(self, *, username_key: str, name: str, scopes: Sequence[str]) -> NewToken | None:
        """An operator's, for the person of that name; None for nobody."""
        person = await self._db.fetchrow(queries.PERSON, username_key)
        if person is None:
            return None
        return await self.add(person_id=person["id"], roles=person["roles"], name=name, scopes=scopes, expires_at=None)

    async def list(self, person_id: str, *, after: tuple[dt.datetime, str] | None, limit: int) -> list[Row]:
        at, token_id = after or (None, None)
        return await self._db.fetch(queries.OF_PERSON, person_id, at, token_id, limit)

    async def revoke(self, person_id: str, token_id: str) -> None:
        """Raises a 404 unless it is theirs."""
        async with self._db.transaction() as tx:
            name = await tx.fetchval(queries.REVOKE, token_id, person_id)
            if name is None:
                raise not_found("You have no such token")
            await self._audit.add(tx, "token.deleted", actor_id=person_id, subject=token_id, detail={"name": name})

    async def purge(self) -> None:
        await self._db.execute(queries.PURGE)
