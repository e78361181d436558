"""The pool: values, errors, deadlines, and an outage."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from actors.runtime import Fence
from storage.embedded.postgres import EmbeddedPostgres
from storage.errors import BadValue, Conflict, StorageError, Unavailable
from storage.leases import Leases, hold
from storage.postgres import Database
from tests.storage.engine_kill import kill

ID = "0192f0c0-0000-7000-8000-00000000abcd"


async def test_uuids_are_text_and_json_is_plain(db: Database) -> None:
    sql = "select $1::uuid as one, $2::uuid[] as many, $3::jsonb as doc, $4::json as text"
    row = await db.fetchrow(sql, ID, [ID, None], {"a": [1, None]}, "x")
    assert row is not None
    assert tuple(row) == (ID, [ID, None], {"a": [1, None]}, "x")


async def test_execute_counts_the_rows_touched(db: Database) -> None:
    assert await db.execute("update shards set node = 'x' where shard < 10") == 10


async def test_a_broken_constraint_is_a_conflict_with_its_name(db: Database) -> None:
    await db.execute("insert into cluster (id) values ($1)", ID)
    with pytest.raises(Conflict) as caught:
        await db.execute("insert into cluster (id) values ($1)", ID)
    assert caught.value.constraint == "cluster_pkey"


@pytest.mark.parametrize(("kind", "value"), [("uuid", "nonsense"), ("text", "a\0b"), ("int", 2**40), ("int", "x")])
async def test_a_value_that_does_not_fit_is_a_bad_value(db: Database, kind: str, value: object) -> None:
    with pytest.raises(BadValue):
        await db.fetchval(f"select $1::{kind}", value)


async def test_a_defect_in_the_sql_is_not_taken_for_an_outage(db: Database) -> None:
    for sql, args in (("select nothing_there", ()), ("select $1::int", ())):
        with pytest.raises(StorageError) as caught:
            await db.fetchval(sql, *args)
        assert not isinstance(caught.value, Unavailable)


async def test_a_statement_past_its_deadline_is_unavailable_and_the_pool_goes_on(db: Database) -> None:
    with pytest.raises(Unavailable):
        await db.fetchval("select pg_sleep(30)", timeout_s=0.05)
    assert await db.fetchval("select 1") == 1


async def test_a_wait_for_a_connection_has_a_deadline(database_url: str) -> None:
    db = await Database.connect(database_url, max_connections=1)
    async with db.transaction():
        with pytest.raises(Unavailable):
            await db.ping(timeout_s=0.05)
    await db.ping()
    await db.close()


async def test_a_transaction_that_raises_leaves_nothing(db: Database) -> None:
    async def write() -> None:
        async with db.transaction() as tx:
            await tx.execute("update shards set epoch = 99")
            raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine"):
        await write()
    assert await db.fetchval("select max(epoch) from shards") == 0


async def test_what_hangs_on_a_commit_runs_after_it_in_order_and_sees_what_was_written(db: Database) -> None:
    ran: list[str] = []
    async with db.transaction() as tx:
        tx.after_commit(lambda: ran.append("first"))
        tx.after_commit(lambda: ran.append("second"))
        await tx.execute("update shards set epoch = 99")
        assert ran == []
    assert ran == ["first", "second"]


async def test_what_hangs_on_a_commit_does_not_run_after_a_rollback(db: Database) -> None:
    ran: list[str] = []

    async def write() -> None:
        async with db.transaction() as tx:
            tx.after_commit(lambda: ran.append("never"))
            await tx.execute("insert into shards (shard) values (1)")

    with pytest.raises(Conflict):
        await write()
    assert ran == []


async def test_a_connection_ended_by_the_administrator_is_unavailable_once(db: Database) -> None:
    with pytest.raises(Unavailable):
        await db.fetchval("select pg_terminate_backend(pg_backend_pid())")
    assert await db.fetchval("select 1") == 1


async def test_nobody_home_is_unavailable() -> None:
    with pytest.raises(Unavailable):
        await Database.connect("postgresql://postgres:@/postgres?host=/nonexistent")


async def test_no_such_database_is_unavailable(postgres_url: str) -> None:
    with pytest.raises(Unavailable, match="does not exist"):
        await Database.connect(postgres_url.replace("/postgres?", "/nowhere?"))


async def keep_pinging(db: Database) -> None:
    for _ in range(1000):
        await db.ping()


@pytest.fixture
async def own_engine() -> AsyncIterator[EmbeddedPostgres]:
    with tempfile.TemporaryDirectory(prefix="sf-") as folder:
        engine = EmbeddedPostgres(data_dir=Path(folder))
        yield engine
        engine.stop()


async def test_after_a_kill_calls_are_unavailable_and_go_on_once_the_server_is_back(
    own_engine: EmbeddedPostgres,
) -> None:
    db = await Database.connect(own_engine.start())
    await asyncio.gather(*[db.ping() for _ in range(8)])
    await kill(own_engine)
    with pytest.raises(Unavailable):
        await keep_pinging(db)
    await asyncio.to_thread(own_engine.start)
    with contextlib.suppress(Unavailable):
        await db.ping()
    await asyncio.gather(*[db.ping() for _ in range(16)])
    await db.close()


async def test_a_frozen_server_is_unavailable_within_the_deadline(own_engine: EmbeddedPostgres) -> None:
    db = await Database.connect(own_engine.start())
    backend = await db.fetchval("select pg_backend_pid()")
    os.kill(backend, signal.SIGSTOP)
    try:
        async with asyncio.timeout(30):
            with pytest.raises(Unavailable):
                await db.ping(timeout_s=0.2)
    finally:
        os.kill(backend, signal.SIGCONT)
    await db.close()


async def test_an_error_of_the_block_itself_is_not_taken_for_an_outage(db: Database) -> None:
    async def fail(error: Exception) -> None:
        async with db.transaction():
            raise error

    for error in (FileNotFoundError("mine"), TimeoutError("mine")):
        with pytest.raises(type(error), match="mine"):
            await fail(error)


async def test_a_transaction_past_its_deadline_is_unavailable(db: Database) -> None:
    async def linger() -> None:
        async with db.transaction(timeout_s=0.05) as tx:
            await tx.execute("update shards set epoch = 99")
            await asyncio.Event().wait()

    with pytest.raises(Unavailable):
        await linger()
    assert await db.fetchval("select max(epoch) from shards") == 0


async def test_a_wholly_frozen_server_is_unavailable_in_a_bounded_time(own_engine: EmbeddedPostgres) -> None:
    db = await Database.connect(own_engine.start())
    frozen = [own_engine.pid, *[child.pid for child in psutil.Process(own_engine.pid).children(recursive=True)]]
    for pid in frozen:
        os.kill(pid, signal.SIGSTOP)
    try:
        async with asyncio.timeout(30):
            for _ in range(2):
                with pytest.raises(Unavailable):
                    await db.ping(timeout_s=0.2)
    finally:
        for pid in frozen:
            os.kill(pid, signal.SIGCONT)
    await db.ping()
    await db.close()


async def test_who_goes_silent_in_a_transaction_does_not_keep_others_from_a_shard_for_long(
    database_url: str, db: Database
) -> None:
    """As a node that is frozen there: its locks go, and when it wakes up its transaction is no more."""
    other = await Database.connect(database_url)
    held = asyncio.Event()
    is_over = asyncio.Event()

    async def go_silent() -> None:
        async with db.transaction(timeout_s=30) as tx:
            await hold(tx, Fence(shard=7, epoch=0))
            await tx.execute("insert into cluster (id) values ($1)", ID)
            held.set()
            await is_over.wait()
            await tx.execute("select 1")

    silent = asyncio.create_task(go_silent())
    await held.wait()
    started = time.monotonic()
    assert await Leases(db=other).raise_from({7: 0}, "b") == {7: 1}
    assert time.monotonic() - started < 20, "sooner than its transaction ends by itself"
    is_over.set()
    with pytest.raises(Unavailable):
        await silent
    assert await db.fetchval("select count(*) from cluster") == 0
    await other.close()


async def test_only_who_holds_a_fence_is_cut_off_after_two_silent_seconds(db: Database) -> None:
    """A machine that stalls for a moment does not lose every transaction that is under way."""
    silence = "show idle_in_transaction_session_timeout"
    async with db.transaction() as tx:
        assert await tx.fetchval(silence) == "10s"
        await hold(tx, Fence(shard=7, epoch=0))
        assert await tx.fetchval(silence) == "2s"
    assert await db.fetchval(silence) == "10s"


# ---------------------------------------------------------------------------------------- no connection left to open


@pytest.fixture
async def one_left(db: Database, database_url: str) -> AsyncIterator[str]:
    """The address of the database for somebody to whom the server gives one connection."""
    await db.execute("drop role if exists one_left")
    await db.execute("create role one_left login connection limit 1")
    yield database_url.replace("postgres:@", "one_left:@")
    await until_gone(db)
    await db.execute("drop role one_left")


async def until_gone(db: Database) -> None:
    async with asyncio.timeout(30.0):
        while await db.fetchval("select true from pg_stat_activity where usename = 'one_left' limit 1"):  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_where_no_connection_is_left_to_open_calls_wait_for_one_that_is_given_back(one_left: str) -> None:
    few = await Database.connect(one_left, max_connections=8)
    async with few.transaction() as tx:
        waiting = [asyncio.create_task(few.fetchval("select $1::int", number)) for number in range(20)]
        async with asyncio.timeout(30.0):
            while not few._waiting:  # noqa: ASYNC110 - turns of the loop
                await asyncio.sleep(0)
        assert await tx.fetchval("select 1") == 1
        assert not any(task.done() for task in waiting)
    assert await asyncio.gather(*waiting) == list(range(20))
    await few.close()


async def test_a_wait_for_a_connection_that_cannot_be_opened_has_a_deadline(one_left: str) -> None:
    few = await Database.connect(one_left, max_connections=8)
    async with few.transaction():
        with pytest.raises(Unavailable):
            await few.ping(timeout_s=0.4)
    await few.ping()
    await few.close()


async def test_a_statement_whose_own_connection_cannot_be_opened_is_carried_out_on_one_of_the_pool(
    one_left: str,
) -> None:
    few = await Database.connect(one_left, max_connections=8)
    own = few.dedicated({})
    rows = await own.fetch("select pg_backend_pid()", timeout_s=5.0)
    assert rows[0][0] == await few.fetchval("select pg_backend_pid()")
    await few.close()


async def test_a_connection_opened_at_the_start_is_there_when_others_have_taken_all_that_are_left(
    db: Database, one_left: str
) -> None:
    await db.execute("alter role one_left connection limit 2")
    few = await Database.connect(one_left, max_connections=8)
    own = few.dedicated({})
    await own.open()
    await db.execute("alter role one_left connection limit 0")
    async with few.transaction():
        assert len(await own.fetch("select 1", timeout_s=0.5)) == 1
    await few.close()
