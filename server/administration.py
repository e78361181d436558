"""What an operator does to accounts from the command line, on a database that a server may be using."""

from __future__ import annotations

import contextlib
import datetime as dt
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass

from server.config import Settings
from server.database_url import database_url
from server.exit_codes import failed
from server.features.people.accounts.new_accounts import NewAccounts
from server.features.people.accounts.operators import Operators
from server.features.people.accounts.passwords import Passwords
from server.features.people.rules import EMAIL_PATTERN, USERNAME_PATTERN
from server.http.errors import Problem
from server.http.identity import Identity
from storage.audit import AuditLog
from storage.errors import StorageError
from storage.ids import Ids
from storage.migrate import migrate
from storage.postgres import Database

_ONCE = "The password is shown this once: change it after the next sign-in."
FOR_EVER = dt.datetime(9999, 12, 31, tzinfo=dt.UTC)


@dataclass(frozen=True, kw_only=True)
class Parts:
    operators: Operators
    identity: Identity


async def create_admin(settings: Settings, username: str, email: str) -> int:
    """Add an account with every role and print what it signs in and publishes with; 1 when it cannot be done."""
    wrong = _wrong_name(username, email)
    if wrong:
        return failed(wrong)
    try:
        async with _open(settings) as parts:
            account = await parts.operators.create_admin(username=username, email=email)
    except Problem as problem:
        return failed(problem.detail or problem.title)
    except StorageError as error:
        return failed(error)
    print(f"username     {account.username}\npassword     {account.password}\nstream key   {account.stream_key}")
    print(_ONCE)
    return 0


async def reset_password(settings: Settings, username: str) -> int:
    """Give an account a new password, print it, and end the account's sessions on every node; 1 when it cannot be
    done.
    """
    try:
        async with _open(settings) as parts:
            password = await parts.operators.reset_password(username=username)
    except StorageError as error:
        return failed(error)
    if password is None:
        return failed(_nobody(username))
    print(f"username     {username}\npassword     {password}")
    print(_ONCE)
    return 0


async def end_sessions(settings: Settings, username: str) -> int:
    """Sign an account out everywhere; 1 when it cannot be done."""
    try:
        async with _open(settings) as parts:
            ended = await parts.operators.end_sessions(username=username)
    except StorageError as error:
        return failed(error)
    if ended is None:
        return failed(_nobody(username))
    print(f"{ended} sessions of {username} ended")
    return 0


async def suspend(settings: Settings, username: str, until: str) -> int:
    """Suspend an account until a moment of RFC 3339, for ever with ``ever``, or let it back in with ``now``."""
    try:
        moment = {"ever": FOR_EVER, "now": None}[until] if until in ("ever", "now") else _moment(until)
    except ValueError:
        return failed(f"{until!r} is no time: write one as 2027-01-31T12:00:00Z, or ever, or now")
    try:
        async with _open(settings) as parts:
            is_done = await parts.operators.suspend(username=username, until=moment)
    except StorageError as error:
        return failed(error)
    if not is_done:
        return failed(_nobody(username))
    print(f"{username} is suspended until {moment:%Y-%m-%d %H:%M} UTC" if moment else f"{username} may sign in")
    return 0


async def rotate_keys(settings: Settings) -> int:
    """Sign access tokens with a new key from now on, and refuse those of all keys until now within a second."""
    try:
        async with _open(settings) as parts:
            kid = await parts.operators.replace_keys(parts.identity)
    except StorageError as error:
        return failed(error)
    print(f"access tokens are signed with key {kid}; who is signed in gets a new one without noticing")
    return 0


def _moment(text: str) -> dt.datetime:
    """Raises ``ValueError``."""
    moment = dt.datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(text)
    return moment.astimezone(dt.UTC)


def _nobody(username: str) -> str:
    return f"there is nobody of the name {username!r}"


def _wrong_name(username: str, email: str) -> str:
    if not re.fullmatch(USERNAME_PATTERN, username):
        return f"username {username!r}: 3 to 30 letters, digits and underscores"
    if len(email) > 254 or not re.fullmatch(EMAIL_PATTERN, email):
        return f"email {email!r}: not an address"
    return ""


@contextlib.asynccontextmanager
async def _open(settings: Settings) -> AsyncIterator[Parts]:
    """Raises ``StorageError`` when the database is away or of another version."""
    async with database_url(settings) as url:
        await migrate(url)
        db = await Database.connect(url, max_connections=2, name="admin")
        passwords = Passwords(threads=1)
        try:
            yield Parts(
                operators=Operators(
                    database=db,
                    new_accounts=NewAccounts(database=db, ids=Ids()),
                    passwords=passwords,
                    audit=AuditLog(ids=Ids()),
                ),
                identity=Identity(rows=db),
            )
        finally:
            passwords.close()
            await db.close()
