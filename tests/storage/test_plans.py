"""How statements are planned: each time, or once a connection."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from storage.plans import PlannedOnce
from storage.postgres import Database

HOW = "select current_setting('plan_cache_mode') || ' ' || current_setting('enable_seqscan')"
EACH_TIME = "force_custom_plan on"
ONCE = "force_generic_plan off"


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
