"""What an operator does to accounts from the command line, on a database that a server may be using."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import AsyncIterator

from server.config import Settings
from server.database_url import database_url
from server.exit_codes import failed
from server.features.people.accounts.accounts import Accounts
from server.features.people.accounts.deletion import Deletions
from server.features.people.accounts.guesses import Guesses
from server.features.people.accounts.methods import SignInMethods
from server.features.people.accounts.passwords import Passwords
from server.features.people.accounts.reauthentication import Reauthentication
from server.features.people.accounts.sessions import Sessions
from server.features.people.profiles import Profiles
from server.features.people.rules import EMAIL_PATTERN, USERNAME_PATTERN
from server.http.errors import Problem
from server.http.identity import Identity
from server.http.limits import TokenBuckets
from server.jobs import Jobs
from storage.audit import AuditLog
from storage.errors import StorageError
from storage.ids import Ids
from storage.jobs import JobQueue
from storage.migrate import migrate
from storage.postgres import Database

_ONCE = "The password is shown this once: change it after the next sign-in."


async def create_admin(settings: Settings, username: str, email: str) -> int:
    """Add an account with every role and print what it signs in and publishes with; 1 when it cannot be done."""
    wrong = _wrong_name(username, email)
    if wrong:
        return failed(wrong)
    try:
        async with _accounts(settings) as accounts:
            account = await accounts.create_admin(username=username, email=email)
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
        async with _accounts(settings) as accounts:
            password = await accounts.reset_password(username=username)
    except StorageError as error:
        return failed(error)
    if password is None:
        return failed(f"there is nobody of the name {username!r}")
    print(f"username     {username}\npassword     {password}")
    print(_ONCE)
    return 0


def _wrong_name(username: str, email: str) -> str:
    if not re.fullmatch(USERNAME_PATTERN, username):
        return f"username {username!r}: 3 to 30 letters, digits and underscores"
    if len(email) > 254 or not re.fullmatch(EMAIL_PATTERN, email):
        return f"email {email!r}: not an address"
    return ""


@contextlib.asynccontextmanager
async def _accounts(settings: Settings) -> AsyncIterator[Accounts]:
    """Raises ``StorageError`` when the database is away or of another version."""
    async with database_url(settings) as url:
        await migrate(url)
        db = await Database.connect(url, max_connections=2, name="admin")
        passwords, audit, methods = Passwords(threads=1), AuditLog(ids=Ids()), SignInMethods()
        try:
            yield Accounts(
                database=db,
                sessions=_sessions(db, audit),
                passwords=passwords,
                guesses=Guesses(limiter=TokenBuckets()),
                methods=methods,
                reauthentication=Reauthentication(database=db, methods=methods),
                ids=Ids(),
                audit=audit,
                deletions=_none_left(db, audit),
                when_changed=_told_nobody,
            )
        finally:
            passwords.close()
            await db.close()


def _sessions(db: Database, audit: AuditLog) -> Sessions:
    return Sessions(database=db, identity=Identity(rows=db), profiles=Profiles(database=db), ids=Ids(), audit=audit)


def _none_left(db: Database, audit: AuditLog) -> Deletions:
    """Nobody is deleted from here: a server does what is left to do."""
    jobs = Jobs(rows=JobQueue(db=db), ids=Ids(), wall=time.time)
    return Deletions(database=db, audit=audit, jobs=jobs, personal_data=list, grace_days=1, name_days=0)


async def _told_nobody() -> None: ...
