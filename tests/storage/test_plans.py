"""How statements are planned: each time, or once a connection."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime

import asyncpg
import pytest

from storage.plans import PlannedOnce
from storage.postgres import Database

ID = "0192f0c0-0000-7000-8000-00000000abcd"
AT = datetime(2026, 11, 30, tzinfo=UTC)
HOW = """
select concat_ws(' ', current_setting('plan_cache_mode'), current_setting('enable_seqscan'),
    current_setting('max_parallel_workers_per_gather'))
"""
EACH_TIME = "force_custom_plan on 2"
ONCE = "force_generic_plan off 0"


@pytest.fixture
async def single(database_url: str) -> AsyncIterator[Database]:
    """A pool of one connection."""
    database = await Database.connect(database_url, max_connections=1)
    yield database
    await database.close()


async def test_a_statement_is_planned_once_where_it_says_so_and_each_time_otherwise(single: Database) -> None:
    said = [await single.fetchval(sql) for sql in (HOW, PlannedOnce(HOW), PlannedOnce(HOW), HOW)]
    assert said == [EACH_TIME, ONCE, ONCE, EACH_TIME]


async def test_every_verb_takes_a_statement_that_is_planned_once(single: Database) -> None:
    row = await single.fetchrow(PlannedOnce(HOW))
    assert row is not None
    assert row[0] == (await single.fetch(PlannedOnce(HOW)))[0][0] == ONCE
    assert await single.execute(PlannedOnce("update shards set node = 'x' where shard < $1"), 3) == 3


async def test_a_transaction_plans_all_its_statements_in_one_way(single: Database) -> None:
    async with single.transaction() as tx:
        assert await tx.fetchval(PlannedOnce(HOW)) == EACH_TIME
    async with single.transaction(planned_once=True) as tx:
        assert await tx.fetchval(HOW) == ONCE
    assert await single.fetchval(HOW) == EACH_TIME


async def test_a_transaction_that_is_rolled_back_leaves_the_way_of_planning_known(single: Database) -> None:
    with contextlib.suppress(LookupError):
        async with single.transaction(planned_once=True):
            raise LookupError
    assert await single.fetchval(HOW) == EACH_TIME


async def test_a_call_that_is_cancelled_while_its_connection_is_switched_leaves_no_doubt(single: Database) -> None:
    await single.ping()
    call = asyncio.create_task(single.fetchval(PlannedOnce(HOW)))
    for _ in range(3):
        await asyncio.sleep(0)
    call.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await call
    assert await single.fetchval(HOW) == EACH_TIME
    assert await single.fetchval(PlannedOnce(HOW)) == ONCE


async def test_what_arrays_are_made_of_is_asked_once_for_all_connections_of_a_pool(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []
    real = asyncpg.Connection._introspect_types  # type: ignore[attr-defined]

    async def noted(self: asyncpg.Connection, typeoids: Iterable[int], timeout: float) -> object:
        asked.append(typeoids)
        return await real(self, typeoids, timeout)

    monkeypatch.setattr(asyncpg.Connection, "_introspect_types", noted)
    database = await Database.connect(database_url, max_connections=2)
    async with database.transaction() as one, database.transaction() as other:
        for tx in (one, other, one):
            assert await tx.fetchval("select $1::uuid[]", [ID]) == [ID]
            assert await tx.fetchval("select $1::timestamptz[]", [AT]) == [AT]
    await database.close()
    assert len(asked) == 2
