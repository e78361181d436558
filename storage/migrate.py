"""The schema, brought up to date by plain-SQL revisions under ``migrations/versions``.

Alembic plans (which revisions, in which order) and prints their SQL; the script runs over our own driver in one
transaction, under a lock that all nodes of a database share. Alembic is imported only when there is something to do.

In a rolling upgrade the first node of the next version migrates, and nodes of this one work on and may start again. So
a revision only adds: tables, columns that may be left out, indexes. What takes away or renames comes one version after
the last code that uses it, and raises the floor (``update schema_floor set revision = '…'``) to the head of the first
version that does not: a program with an older head is refused from then on.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import asyncpg

from storage.errors import SchemaMismatch
from storage.postgres_errors import translated

LOCK_WAIT_S: Final = 120.0
_LOCK_KEY: Final = 0x50C1A1F10
_REVISION_FILE: Final = re.compile(r"m(\d{4})_\w+\.py")
_TOO_NEW: Final = "it belongs to a later version; start that one, or restore a backup made before the upgrade"
_TOO_OLD: Final = "run `socialflow migrate`, or start without --no-migrate"


def migrations_dir() -> Path:
    """The folder of the ``migrations`` package, in a checkout and in an installed wheel alike."""
    import migrations

    return Path(migrations.__path__[0])


def head() -> str:
    """The newest revision that this code has, taken from the files' names."""
    names = (_REVISION_FILE.fullmatch(path.name) for path in (migrations_dir() / "versions").iterdir())
    return max(found.group(1) for found in names if found)


async def current(url: str) -> str:
    """The revision that the database is at, or an empty string for a new one."""
    async with _connected(url) as connection:
        return await _current(connection)


async def migrate(url: str) -> str:
    """Bring the database to ``head()`` and return it. Several nodes may call it at once: one works, the others wait.

    A database that a later version has migrated stays as it is, and its revision is returned. Raises
    ``SchemaMismatch`` when this code cannot work with it any more, ``Unavailable`` when it is away. All or nothing: a
    revision that fails leaves the database as it was.
    """
    async with _connected(url) as connection:
        at = await _current(connection)
        if not await _is_due(connection, at):
            return at
        async with connection.transaction():
            await connection.execute(f"set local lock_timeout = '{int(LOCK_WAIT_S)}s'")
            await connection.execute("select pg_advisory_xact_lock($1)", _LOCK_KEY)
            at = await _current(connection)
            if await _is_due(connection, at):
                await connection.execute(await asyncio.to_thread(_script, at))
            return await _current(connection)


async def check(url: str) -> None:
    """Raise ``SchemaMismatch`` unless this code can work with the database: for a start without migrations."""
    async with _connected(url) as connection:
        at = await _current(connection)
        if await _is_due(connection, at):
            raise SchemaMismatch(at, head(), _TOO_OLD)


async def _is_due(connection: Any, at: str) -> bool:
    if at > head() and head() < await connection.fetchval("select revision from schema_floor"):
        raise SchemaMismatch(at, head(), _TOO_NEW)
    return at < head()


async def _current(connection: Any) -> str:
    # Not to_regclass: it may answer from what this connection looked up before it waited for the lock.
    found = "select exists (select from pg_class where relname = 'alembic_version' and pg_table_is_visible(oid))"
    if not await connection.fetchval(found):
        return ""
    return await connection.fetchval("select max(version_num) from alembic_version") or ""


def _script(at: str, to: str = "head") -> str:
    """The SQL from one revision to another, its note of the new revision included."""
    from alembic import command
    from alembic.config import Config

    buffer = io.StringIO()
    config = Config(output_buffer=buffer)
    config.set_main_option("script_location", str(migrations_dir()).replace("%", "%%"))
    command.upgrade(config, f"{at or 'base'}:{to}", sql=True)
    return buffer.getvalue()


@contextlib.asynccontextmanager
async def _connected(url: str) -> AsyncIterator[Any]:
    with translated():
        connection = await asyncpg.connect(dsn=url, timeout=10, server_settings={"application_name": "migrate"})
        try:
            yield connection
        finally:
            await connection.close(timeout=5)
