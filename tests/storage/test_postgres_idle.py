"""Connections between two uses: who gets which, what is done with those that ended, and how long they are kept."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from storage import postgres
from storage.errors import Unavailable
from storage.plans import PlannedOnce
from storage.postgres import Database
from storage.postgres_idle import IdleConnections

PID = "select pg_backend_pid()"


@pytest.fixture
async def pair(database_url: str) -> AsyncIterator[Database]:
    """A pool of two connections, both of them open and unused."""
    database = await Database.connect(database_url, max_connections=2)
    await both(database)
    yield database
    await database.close()


async def both(database: Database) -> set[int]:
    """Which connections there are."""
    async with database.transaction() as one, database.transaction() as other:
        return {await one.fetchval(PID), await other.fetchval(PID)}


async def test_a_statement_gets_a_connection_that_plans_as_it_is_wanted(pair: Database) -> None:
    each_time, once = await pair.fetchval(PID), 0
    async with pair.transaction():
        once = await pair.fetchval(PlannedOnce(PID))
    assert each_time != once
    for _ in range(3):
        assert await pair.fetchval(PlannedOnce(PID)) == once
        assert await pair.fetchval(PID) == each_time


async def test_what_is_given_back_goes_to_who_waits(pair: Database) -> None:
    async with pair.transaction(), pair.transaction():
        waiting = [asyncio.create_task(pair.fetchval(PID)) for _ in range(10)]
        await asyncio.sleep(0)
    assert len(await asyncio.gather(*waiting)) == 10
    assert len(await both(pair)) == 2


async def test_one_that_the_server_has_ended_is_given_to_nobody(pair: Database, db: Database) -> None:
    before = await both(pair)
    ended = await pair.fetchval(PID)
    await db.execute("select pg_terminate_backend($1)", ended)
    async with asyncio.timeout(30):
        while not any(session.is_closed() for _, _, session in pair._idle._held):  # noqa: ASYNC110 - the server ends it
            await asyncio.sleep(0.01)
    assert await pair.fetchval(PID) in before - {ended}
    after = await both(pair)
    assert len(after) == 2
    assert ended not in after


async def test_one_whose_statement_was_cut_short_is_ready_before_it_is_given_out_again(pair: Database) -> None:
    async with pair.transaction():
        for _ in range(3):
            with pytest.raises(Unavailable):
                await pair.fetchval("select pg_sleep(30)", timeout_s=0.02)
            cancelled = asyncio.create_task(pair.fetchval("select pg_sleep(30)"))
            await asyncio.sleep(0.02)
            cancelled.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await cancelled
            assert await pair.fetchval("select 7") == 7


async def gone(db: Database, pids: set[int]) -> None:
    async with asyncio.timeout(30):
        while await db.fetchval("select count(*) from pg_stat_activity where pid = any($1::int[])", list(pids)):  # noqa: ASYNC110 - of the server
            await asyncio.sleep(0.02)


async def test_those_that_are_not_used_are_ended(
    database_url: str, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "IDLE_S", 0.05)
    pair = await Database.connect(database_url, max_connections=2)
    pids = await both(pair)
    await gone(db, pids)
    assert await pair.fetchval(PID) not in pids
    await pair.close()


async def test_a_connection_that_was_used_very_often_is_replaced(database_url: str) -> None:
    single = await Database.connect(database_url, max_connections=1)
    single._pool._holders[0]._max_queries = 300
    pids = {await single.fetchval(PID) for _ in range(600)}
    await single.close()
    assert len(pids) == 2


async def test_none_is_left_after_the_end(database_url: str, db: Database) -> None:
    pair = await Database.connect(database_url, max_connections=2)
    pids = await both(pair)
    await pair.close()
    await gone(db, pids)


async def test_without_any_there_is_none() -> None:
    assert IdleConnections(kept_s=1.0).take(once=False) is None
