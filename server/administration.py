"""What an operator does to accounts from the command line, on a database that a server may be using."""

from __future__ import annotations

import contextlib
import datetime as dt
import re
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

from actors.runtime import LoopClock
from actors.text import clean_line
from server.config import Settings
from server.database_url import database_url
from server.exit_codes import failed
from server.features.integrations.api_tokens import OperatorTokens, TokenTable, Wanted
from server.features.integrations.api_tokens.routes import MAX_NAME
from server.features.people.accounts import AccountMails
from server.features.people.accounts.new_accounts import NewAccounts
from server.features.people.accounts.operators import Operators
from server.features.people.accounts.passwords import Passwords
from server.features.people.factors import OperatorFactors
from server.features.people.rules import EMAIL_PATTERN, USERNAME_PATTERN, username_key
from server.hashing.process import HashingThreads
from server.http.errors import Problem
from server.http.identity import Identity
from server.jobs import Jobs
from server.outbound.mail import open_mail
from server.outbound.settings import Site
from server.scopes import SCOPES
from storage.audit import AuditLog
from storage.errors import StorageError
from storage.ids import Ids
from storage.jobs.queue import JobQueue
from storage.migrate import migrate
from storage.postgres import Database

_ONCE = "The password is shown this once: change it after the next sign-in."
FOR_EVER = dt.datetime(9999, 12, 31, tzinfo=dt.UTC)


@dataclass(frozen=True, kw_only=True)
class Parts:
    operators: Operators
    tokens: OperatorTokens
    factors: OperatorFactors
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


async def make_token(settings: Settings, username: str, scopes: str = "", name: str = "cli", expires: str = "") -> int:
    """Make an API token and print it, this once. ``scopes`` are separated by commas, ``expires`` is a time of RFC 3339;
    without one the token is good until it is deleted.
    """
    try:
        wanted = _wanted(scopes, name, expires)
        async with _open(settings) as parts:
            made = await parts.tokens.add(username_key=username_key(username), wanted=wanted)
    except ValueError as error:
        return failed(error)
    except Problem as problem:
        return failed(problem.detail or problem.title)
    except StorageError as error:
        return failed(error)
    if made is None:
        return failed(_nobody(username))
    print(f"token        {made.token}\nscopes       {', '.join(made.row['scopes'])}")
    print("The token is shown this once: it acts in the name of its person.")
    return 0


def _wanted(scopes: str, name: str, expires: str) -> Wanted:
    """Raises ``ValueError`` with what is wrong."""
    given = [word for word in scopes.replace(",", " ").split() if word]
    unknown = [word for word in given if word not in SCOPES]
    if unknown or not given:
        raise ValueError(f"--scopes takes some of {', '.join(SCOPES)}" + (f"; not {unknown[0]!r}" if unknown else ""))
    if not 1 <= len(clean_line(name)) <= MAX_NAME:
        raise ValueError(f"--name: 1 to {MAX_NAME} characters")
    try:
        moment = _moment(expires) if expires else None
    except ValueError as error:
        raise ValueError(f"--expires: {expires!r} is no time: write one as 2027-01-31T12:00:00Z") from error
    return Wanted(name=clean_line(name), scopes=given, expires_at=moment)


async def remove_factor(settings: Settings, username: str) -> int:
    """Take away the second factor of a person who has lost it; 1 when there is none."""
    try:
        async with _open(settings) as parts:
            is_removed = await parts.factors.remove(username_key=username_key(username))
    except StorageError as error:
        return failed(error)
    if not is_removed:
        return failed(_nobody(username) if is_removed is None else f"{username} has no second factor")
    print(f"{username} signs in without a code now")
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
        passwords, ids = Passwords(hashing=HashingThreads()), Ids()
        audit, mails = AuditLog(ids=ids), _mails(db, ids, settings)
        try:
            yield Parts(
                operators=Operators(
                    database=db,
                    mails=mails,
                    new_accounts=NewAccounts(database=db, ids=ids),
                    passwords=passwords,
                    audit=audit,
                ),
                tokens=OperatorTokens(database=db, audit=audit, mails=mails, table=TokenTable(ids=ids)),
                factors=OperatorFactors(database=db, audit=audit, mails=mails),
                identity=Identity(rows=db),
            )
        finally:
            passwords.close()
            await db.close()


def _mails(db: Database, ids: Ids, settings: Settings) -> AccountMails:
    """They are written to the outbox; a node delivers them."""
    mail = open_mail(
        db=db,
        jobs=Jobs(rows=JobQueue(db=db), ids=ids, wall=time.time),
        ids=ids,
        clock=LoopClock(),
        settings=settings,
        site=Site(name=settings.server_name, origin=settings.origin(settings.http_port)),
    )
    return AccountMails(outbox=mail.outbox, tokens=mail.tokens, now=lambda: dt.datetime.now(dt.UTC))
