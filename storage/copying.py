"""Many rows at once by COPY, in one transaction: for filling a database, not for serving."""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import asyncpg

from storage.postgres_errors import translated

CONNECT_S: Final = 30.0
BATCH_LINES: Final = 5_000


@dataclass(frozen=True, kw_only=True)
class Table:
    """``lines`` are rows as COPY's text format has them: tabs between the columns, ``\\N`` for null, no line ends."""

    name: str
    columns: Sequence[str]
    lines: Callable[[], Iterable[str]]


async def copy_all(url: str, tables: Sequence[Table], *, on_rows: Callable[[str, int], None]) -> None:
    """Add the rows of all tables, or none, and have the planner count them. ``on_rows`` gets a table and how many more.

    Indexes that hold no constraint are built anew at the end, which is faster than to keep them; nobody else reads the
    tables meanwhile. Foreign keys are not looked at where the role may leave that out: what is copied must hold by
    itself. Raises ``Conflict`` for rows that are there, and ``Unavailable``.
    """
    with translated():
        connection = await asyncpg.connect(url, timeout=CONNECT_S)
        try:
            async with connection.transaction():
                await _leave_out_triggers(connection)
                await connection.execute("set local synchronous_commit = off")
                await connection.execute("set local maintenance_work_mem = '256MB'")
                indexes = await connection.fetch(_INDEXES, [table.name for table in tables])
                for index in indexes:
                    await connection.execute(f'drop index "{index["name"]}"')
                for table in tables:
                    await connection.copy_to_table(
                        table.name, columns=list(table.columns), source=_bytes(table, on_rows), timeout=None
                    )
                for index in indexes:
                    await connection.execute(index["made_by"], timeout=None)
            for table in tables:
                await connection.execute(f"analyze {table.name}", timeout=None)
        finally:
            connection.terminate()


_INDEXES: Final = """
select c.relname as name, pg_get_indexdef(i.indexrelid) as made_by
from pg_index i join pg_class c on c.oid = i.indexrelid
where i.indrelid::regclass::text = any($1::text[]) and not i.indisunique
order by c.relname
"""


async def _leave_out_triggers(connection: Any) -> None:
    """As long as the transaction lasts; a role that may not do that keeps them."""
    try:
        async with connection.transaction():
            await connection.execute("set local session_replication_role = replica")
    except asyncpg.InsufficientPrivilegeError:
        return


async def _bytes(table: Table, on_rows: Callable[[str, int], None]) -> AsyncIterable[bytes]:
    batch: list[str] = []
    for line in table.lines():
        batch.append(line)
        if len(batch) == BATCH_LINES:
            yield ("\n".join(batch) + "\n").encode()
            on_rows(table.name, len(batch))
            batch.clear()
    if batch:
        yield ("\n".join(batch) + "\n").encode()
        on_rows(table.name, len(batch))
