"""A whole database as one file, and back: ``pg_dump`` and ``pg_restore`` of the wheel, else those on the PATH."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit

import asyncpg

from storage.embedded.programs import postgres_program
from storage.errors import EmbeddedStartFailed, StorageError
from storage.postgres_errors import translated

_MAX_SAID: Final = 300


class DumpFailed(StorageError):
    """A program of Postgres has failed: what it wrote on its standard error."""


async def dump(url: str, target: Path) -> None:
    """Write everything in the database at ``url`` to ``target``, as of one moment, while others go on writing.

    Raises ``DumpFailed``. Cancelled, the program is ended and what it wrote remains.
    """
    await run_tool("pg_dump", url, "--format=custom", "--no-owner", "--no-acl", f"--file={target}")


async def restore(url: str, source: Path) -> None:
    """Fill the empty database at ``url`` from a dump, all or nothing. Raises ``DumpFailed``.

    Each chat room's log gets a new name (``log_epoch``): what was posted after the dump is gone, and clients that
    have seen it must begin anew.
    """
    if not await is_empty(url):
        raise DumpFailed("the database is not empty: restore into a new one")
    await run_tool("pg_restore", url, "--exit-on-error", "--single-transaction", "--no-owner", "--no-acl", str(source))
    await rename_logs(url)


async def rename_logs(url: str) -> None:
    """Each chat room's log is another one than clients have seen."""
    with translated():
        connection = await asyncpg.connect(dsn=url, timeout=10)
        try:
            await connection.execute("update chat_rooms set log_epoch = gen_random_uuid()::text")
        finally:
            await connection.close(timeout=5)


async def is_empty(url: str) -> bool:
    """Whether the schema ``public`` holds no table."""
    with translated():
        connection = await asyncpg.connect(dsn=url, timeout=10)
        try:
            found = await connection.fetchval("select 1 from pg_tables where schemaname = 'public' limit 1")
        finally:
            await connection.close(timeout=5)
    return found is None


async def run_tool(tool: str, url: str, *options: str) -> None:
    """Raises ``DumpFailed``. Cancelled, the program is ended."""
    address, password = _without_password(url)
    environment = {**os.environ, **({"PGPASSWORD": password} if password else {})}
    process = await asyncio.create_subprocess_exec(
        _program(tool),
        f"--dbname={address}",
        *options,
        env=environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        _, said = await process.communicate()
    except asyncio.CancelledError:
        process.kill()
        await process.wait()
        raise
    if process.returncode != 0:
        raise DumpFailed(f"{tool}: {' '.join(said.decode(errors='replace').split())[:_MAX_SAID]}")


def _program(tool: str) -> str:
    try:
        return str(postgres_program(tool))
    except EmbeddedStartFailed:
        found = shutil.which(tool)
    if found is None:
        raise DumpFailed(f"there is no {tool} on this machine: install Postgres' client programs")
    return found


def _without_password(url: str) -> tuple[str, str]:
    """A command line can be read by all accounts of the machine: ``(url without password, password)``."""
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    name, _, password = user.partition(":")
    password = unquote(password)
    query: Sequence[tuple[str, str]] = parse_qsl(parts.query, keep_blank_values=True)
    password = next((value for key, value in query if key == "password"), password)
    kept = urlencode([(key, value) for key, value in query if key != "password"])
    return urlunsplit((parts.scheme, name + at + host, parts.path, kept, parts.fragment)), password
