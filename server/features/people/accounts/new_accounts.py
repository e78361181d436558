"""What makes an account: its row, and names that nobody else has."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from server.features.people import rules
from server.features.people.accounts import queries
from server.features.people.facts import AccountCreated
from server.http.errors import FieldError, Problem, invalid_field
from storage.errors import Conflict
from storage.facts import publish
from storage.ids import Ids
from storage.postgres import Database, Transaction
from storage.stream import new_stream_key

EVERYBODY: Final = ("viewer", "creator")
ADMINS: Final = ("viewer", "creator", "moderator", "admin")


@dataclass(frozen=True, kw_only=True)
class Names:
    username: str
    email: str


@dataclass(frozen=True, kw_only=True)
class EmailOwner:
    """The account that has an address."""

    id: str
    username: str
    email: str
    is_email_verified: bool


class NewAccounts:
    def __init__(self, *, database: Database, ids: Ids, wall: Callable[[], float] = time.time) -> None:
        self._db = database
        self._ids = ids
        self._wall = wall

    async def require_free(self, names: Names) -> None:
        """Raises a 409 that names each of ``username`` and ``email`` that another account has."""
        found = await self._db.fetch(queries.TAKEN, rules.username_key(names.username), rules.email_key(names.email))
        if found:
            raise taken(
                has_username=any(row["has_username"] for row in found), has_email=any(row["has_email"] for row in found)
            )

    async def add(
        self, tx: Transaction, names: Names, hashed: str, *, roles: Sequence[str], is_one_time: bool = False
    ) -> tuple[str, str]:
        """The id and the stream key. ``is_one_time``: the password is to be changed. Raises a 409 as above."""
        user_id, stream_key = self._ids.uuid7(self._wall()), new_stream_key()
        username, email = names.username, names.email
        keys = rules.username_key(username), rules.email_key(email)
        values = (user_id, username, keys[0], email, keys[1], hashed, username, list(roles), stream_key, is_one_time)
        try:
            await tx.execute(queries.ADD_USER, *values)
        except Conflict as error:
            raise taken(has_username="username" in error.constraint, has_email="email" in error.constraint) from error
        await publish(tx, AccountCreated(person_id=user_id))
        return user_id, stream_key

    async def owner_of_email(self, email: str) -> EmailOwner | None:
        row = await self._db.fetchrow(queries.OWNER_OF_EMAIL, rules.email_key(email))
        return EmailOwner(**dict(row)) if row is not None else None

    async def has_password(self, person_id: str) -> bool:
        """False for an account that a provider has made, until its owner chooses one."""
        return bool(await self._db.fetchval(queries.SIGNS_IN_ALONE, person_id))

    async def add_by_provider(self, tx: Transaction, *, username_hint: str, email: str, is_email_verified: bool) -> str:
        """An account without a password, of a person whom a provider has named; its id. The username is made of the
        hint. Raises a 409 when the address is taken meanwhile, a 422 when it is none.
        """
        if not rules.is_email(email):
            raise invalid_field("email", "is no address")
        names = Names(username=await self._free_username(username_hint), email=email)
        user_id, _ = await self.add(tx, names, "", roles=EVERYBODY)
        if is_email_verified:
            await tx.execute(queries.VERIFY_EMAIL_OF_NEW, user_id)
        return user_id

    async def _free_username(self, hint: str) -> str:
        """The hint as a username, or with a number behind it that nobody has."""
        base = rules.username_of(hint)
        if not rules.is_reserved(base) and not await self._db.fetch(queries.TAKEN, rules.username_key(base), ""):
            return base
        return f"{base[:20]}_{secrets.randbelow(10**8):08}"


def taken(*, has_username: bool, has_email: bool) -> Problem:
    errors = [FieldError(name, "is taken") for name, has in (("username", has_username), ("email", has_email)) if has]
    return Problem(409, "; ".join(f"{one.field} {one.message}" for one in errors), slug="taken", errors=errors)
