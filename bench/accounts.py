"""Accounts that are made by SQL, as many as it takes."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import NamedTuple

from server.http.identity import Caller, Identity
from storage.ids import Ids
from storage.postgres import Database


class SeededAccount(NamedTuple):
    id: str
    token: str


async def seed(
    database_url: str, count: int, *, prefix: str = "seeded", roles: Sequence[str] = ("viewer",)
) -> list[SeededAccount]:
    """Accounts without a password, each with an access token. The database has the schema, and a key of its nodes."""
    db = await Database.connect(database_url, max_connections=2)
    try:
        ids, now = Ids(), time.time()
        people = [ids.uuid7(now) for _ in range(count)]
        names = [f"{prefix}{number}" for number in range(count)]
        await db.execute(
            "insert into users (id, username, username_key, email, email_key, password_hash, display_name, stream_key)"
            " select id, name, name, name, name, '', name, name from unnest($1::uuid[], $2::text[]) as one (id, name)",
            people, names,
        )  # fmt: skip
    finally:
        await db.close()
    return await with_tokens(database_url, people, prefix=prefix, roles=roles)


async def with_tokens(
    database_url: str, people: Sequence[str], *, prefix: str = "seeded", roles: Sequence[str] = ("viewer",)
) -> list[SeededAccount]:
    """Seeded accounts, by their ids in the order in which they were made, with access tokens that begin to run now."""
    db = await Database.connect(database_url, max_connections=2)
    identity = Identity(rows=db)
    try:
        await identity.start()
        ids, now = Ids(), time.time()
        callers = [_caller(one, f"{prefix}{n}", ids.uuid7(now), roles) for n, one in enumerate(people)]
        return [SeededAccount(caller.id, identity.mint(caller)[0]) for caller in callers]
    finally:
        await identity.close()
        await db.close()


def _caller(person_id: str, name: str, session_id: str, roles: Sequence[str]) -> Caller:
    return Caller(id=person_id, username=name, display_name=name, roles=frozenset(roles), session_id=session_id)
