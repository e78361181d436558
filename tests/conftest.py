"""Real engines for every test that asks for one: started once for the whole run, a fresh database for each test."""

from __future__ import annotations

import asyncio
import gc
import itertools
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import asyncpg
import hypothesis
import pytest

from server import garbage
from storage.embedded.postgres import EmbeddedPostgres
from storage.embedded.redis import EmbeddedRedis
from storage.migrate import migrate
from storage.postgres import Database
from storage.redis import Redis
from tests.cpu_seconds import CpuSeconds
from tests.lanes import Durations, pytest_addoption, pytest_collection_modifyitems, pytest_xdist_make_scheduler

__all__ = ["pytest_addoption", "pytest_collection_modifyitems", "pytest_xdist_make_scheduler"]

TEMPLATE: Final = "socialflow_template"
"""The database that has the schema of today, beside the administrator's."""
MEMORY: Final = Path("/dev/shm")
MEMORY_BYTES: Final = 6 << 30
_numbers = itertools.count(1)


def pytest_configure(config: pytest.Config) -> None:
    gc.disable()  # What is imported stays, and until all of it is there nothing is worth a look.
    # Workers and servers are the same modules again and again: they are compiled once, whatever the environment says.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False
    # How long an example takes says something of the machine alone. Whatever else is set stays.
    hypothesis.settings.register_profile("untimed", hypothesis.settings(), deadline=None)
    hypothesis.settings.load_profile("untimed")
    if _memory_is_roomy():
        tempfile.tempdir = os.environ["PYTEST_DEBUG_TEMPROOT"] = str(MEMORY)
    config.pluginmanager.register(CpuSeconds())
    config.pluginmanager.register(Durations(config))


def pytest_collection_finish() -> None:
    """A hook of pytest: to look for garbage in all that was imported took a sixth of the time of the tests.
    The server does as much once it has started.
    """
    gc.freeze()
    gc.set_threshold(*garbage.THRESHOLDS)
    gc.enable()


def _memory_is_roomy() -> bool:
    """Whether temporary files are kept in memory: a database is made and dropped ten times as fast as on a disk."""
    if not MEMORY.is_dir() or os.statvfs(MEMORY).f_flag & os.ST_NOEXEC:
        return False
    return shutil.disk_usage(MEMORY).free > MEMORY_BYTES


@pytest.fixture(scope="session")
def engines_dir() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="socialflow-tests-") as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def postgres_url(engines_dir: Path) -> Iterator[str]:
    """The administrator's URL of the run's Postgres, which holds a migrated template database."""
    engine = EmbeddedPostgres(data_dir=engines_dir)
    url = engine.start()
    try:
        # In a thread of its own, since the first test to ask for it may have a loop running.
        with ThreadPoolExecutor(1) as thread:
            thread.submit(asyncio.run, _make_template(url)).result()
        yield url
    finally:
        engine.stop()


@pytest.fixture(scope="session")
def redis_server_url(engines_dir: Path) -> Iterator[str]:
    engine = EmbeddedRedis(data_dir=engines_dir)
    try:
        yield engine.start()
    finally:
        engine.stop()


@pytest.fixture
async def empty_database_url(postgres_url: str) -> AsyncIterator[str]:
    """A new database without a schema, dropped afterwards."""
    async with _Database(postgres_url, "template0") as url:
        yield url


@pytest.fixture
async def database_url(postgres_url: str) -> AsyncIterator[str]:
    """A new database with the schema of today, dropped afterwards."""
    async with MigratedDatabase(postgres_url) as url:
        yield url


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    database = await Database.connect(database_url)
    yield database
    await database.close()


@pytest.fixture
async def redis_url(redis_server_url: str) -> str:
    """The URL of the run's Redis, emptied."""
    client = await Redis.connect(redis_server_url)
    await client.command("FLUSHALL")
    await client.close()
    return redis_server_url


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    client = await Redis.connect(redis_url)
    yield client
    await client.close()


async def _make_template(url: str) -> None:
    admin = await asyncpg.connect(dsn=url)
    try:
        await admin.execute(f"create database {TEMPLATE}")
    finally:
        await admin.close()
    await migrate(_named(url, TEMPLATE))


class _Database:
    """A database made from a template for the time of a block."""

    def __init__(self, admin_url: str, template: str) -> None:
        self._admin_url = admin_url
        self._template = template
        self._name = f"test_{next(_numbers)}"

    async def __aenter__(self) -> str:
        await self._run(f"create database {self._name} template {self._template} strategy file_copy")
        return _named(self._admin_url, self._name)

    async def __aexit__(self, *_: object) -> None:
        await self._run(f"drop database {self._name} with (force)")

    async def _run(self, sql: str) -> None:
        admin = await asyncpg.connect(dsn=self._admin_url)
        try:
            await admin.execute(sql)
        finally:
            await admin.close()


def _named(url: str, database: str) -> str:
    return url.replace("/postgres?", f"/{database}?", 1)


class MigratedDatabase(_Database):
    """One with the schema of today."""

    def __init__(self, admin_url: str) -> None:
        super().__init__(admin_url, TEMPLATE)
