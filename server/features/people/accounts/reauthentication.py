"""Sensitive acts want a person who has proven lately who they are: an open session is not enough.

The row of a session says when that was (``authenticated_at``), and when with a second factor or a passkey
(``factor_at``). For a person with a second factor only the latter counts.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Final

from server.features.people.accounts import queries
from server.features.people.accounts.devices import NEVER, Device, Seen
from server.features.people.accounts.guesses import Guesses
from server.features.people.accounts.methods import SignInMethods
from server.http.errors import Problem
from server.http.identity import Caller
from storage.postgres import Database, Transaction

MAX_AGE_S: Final = 600.0

_AGES: Final = """
select extract(epoch from clock_timestamp() - authenticated_at)::float8 as authenticated_s,
       extract(epoch from clock_timestamp() - factor_at)::float8 as factor_s
from auth_sessions where id = $1 and user_id = $2 and revoked_at is null
"""
_NOTE: Final = """
update auth_sessions set authenticated_at = now(), factor_at = case when $3 then now() else factor_at end
where id = $1 and user_id = $2
"""


class FactorGuesses:
    """The budgets for guesses of codes, by account and device."""

    def __init__(self, *, database: Database, guesses: Guesses) -> None:
        self._db = database
        self._guesses = guesses

    @contextlib.asynccontextmanager
    async def of_device(self, person_id: str, device: Device) -> AsyncIterator[None]:
        """One guess at a sign-in, which does not count unless the block raises. Raises a 429."""
        row = await self._db.fetchrow(queries.SEEN, person_id, device.key, device.agent)
        attempt = await self._guesses.begin(person_id, device, seen=Seen.of(row) if row is not None else NEVER)
        yield
        await self._guesses.was_right(attempt)

    @contextlib.asynccontextmanager
    async def of_session(self, person: Caller) -> AsyncIterator[None]:
        """As ``of_device``, by a person who is signed in."""
        attempt = await self._guesses.begin_within(person.id, person.session_id)
        yield
        await self._guesses.was_right(attempt)


class Reauthentication:
    def __init__(self, *, database: Database, methods: SignInMethods) -> None:
        self._db = database
        self._methods = methods

    async def require(self, person: Caller) -> None:
        """Raises a 401 unless the session has proven who is there within ``MAX_AGE_S``: with a second factor, where
        the person has one.
        """
        row = await self._db.fetchrow(_AGES, person.session_id, person.id)
        age_s = None
        if row is not None:
            is_due = await self._methods.is_factor_due(person.id)
            age_s = row["factor_s"] if is_due else row["authenticated_s"]
        if age_s is None or age_s > MAX_AGE_S:
            raise reauthentication_required()

    async def require_factor(self, person: Caller) -> None:
        """As ``require``, of a person who has just given their password."""
        if await self._methods.is_factor_due(person.id):
            await self.require(person)

    async def note(self, tx: Transaction, person: Caller, *, has_factor: bool) -> None:
        """The person has just proven who they are, ``has_factor``: with a second factor or a passkey."""
        await tx.execute(_NOTE, person.session_id, person.id, has_factor)


def wrong_code(status: int) -> Problem:
    """A 401 at a sign-in, a 403 for a person who is signed in."""
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else None
    return Problem(status, "The code is wrong, or was used before", slug="wrong-code", headers=headers)


def reauthentication_required() -> Problem:
    return Problem(
        401,
        "Prove once more that it is you: POST /api/v1/auth/reauthenticate",
        slug="reauthentication-required",
        headers={"WWW-Authenticate": 'Bearer error="insufficient_user_authentication"'},  # RFC 9470 section 3
    )
