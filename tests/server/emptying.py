"""One migrated database for the tests of the server, emptied before each: that is faster than a new one for each."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

import asyncpg

T = TypeVar("T")

PATIENCE_S: Final = 30.0
"""Of a statement: the engine gives way to the tests in real time."""
_NAME: Final = "server_tests"
# Those, and all that refer to them.
_EMPTIED: Final = (
    "users, chat_messages, signing_keys, audit_log, reserved_names, rights_changes, doomed_objects, jobs, job_keys,"
    " job_schedules, facts, fact_readers, facts_aside, push_keys, notification_deliveries, ledger_transfers,"
    " ledger_entries, ledger_head, payment_events, payment_reconciliations, pool_months, withholding_rules"
)
_TABLES: Final = """
with recursive emptied as (
    select unnest(string_to_array($1, ', '))::regclass::oid as id
    union
    select conrelid from pg_constraint join emptied on confrelid = id where contype = 'f'
)
select id::regclass::text from emptied where not exists (select from pg_inherits where inhrelid = id)
"""
# To truncate all takes twenty times as long as to look which of them have rows: few do after a test. They are looked at
# by one statement, whose plan is kept.
_EMPTY: Final = """
create function empty_tables() returns void language plpgsql as $$
declare
    name text;
begin
    foreach name in array array(select n from unnest(array[{names_of_those_with_rows}]) n where n is not null) loop
        execute 'delete from ' || name;
    end loop;
end $$
"""


class ServerDatabase:
    """On a thread and a loop of its own, which outlive those of a test, so that one connection empties all the time: a
    new one has to learn of two hundred tables first, which takes longer than to empty them.
    """

    def __init__(self, admin_url: str, *, template: str) -> None:
        self.url = admin_url.replace("/postgres?", f"/{_NAME}?", 1)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._connection: Any = self._run(self._make(admin_url, template)).result()

    def _run(self, work: Coroutine[Any, Any, T]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    async def _make(self, admin_url: str, template: str) -> Any:
        admin = await asyncpg.connect(admin_url)
        await admin.execute(f"create database {_NAME} template {template} strategy file_copy")
        await admin.close()
        connection = await asyncpg.connect(self.url, command_timeout=PATIENCE_S)
        names = [row[0] for row in await connection.fetch(_TABLES, _EMPTIED)]
        looks = ", ".join(f"case when exists (select from {name}) then '{name}' end" for name in names)
        await connection.execute(_EMPTY.format(names_of_those_with_rows=looks))
        return connection

    async def empty(self) -> None:
        """Leaves nothing but what migrations put there."""
        await asyncio.wrap_future(self._run(self._empty()))

    async def _empty(self) -> None:
        async with self._connection.transaction():
            # Without triggers, which guard the audit log and the ledger, and without the order that references ask for.
            await self._connection.execute("set local session_replication_role = replica")
            # What the test before had begun ends first.
            await self._connection.execute("lock table users in access exclusive mode")
            await self._connection.execute("select empty_tables()")
            await self._connection.execute(
                "update audit_head set position = 0, hash = decode(repeat('00', 32), 'hex'), entry_id = null"
            )

    def close(self) -> None:
        self._run(self._connection.close()).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
