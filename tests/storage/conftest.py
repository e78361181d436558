"""Towns: several nodes over one Redis and one Postgres."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from storage.embedded import EmbeddedRedis
from storage.postgres import Database
from tests.storage.sites import Town


@pytest.fixture
async def town(redis_url: str, db: Database) -> AsyncIterator[Town]:
    async with AsyncExitStack() as stack:
        town = Town(redis_url=redis_url, db=db, stack=stack)
        await town.prepare()
        yield town


@pytest.fixture
async def own_redis() -> AsyncIterator[EmbeddedRedis]:
    """A Redis to be killed and stopped."""
    with tempfile.TemporaryDirectory(prefix="sf-") as folder:
        engine = EmbeddedRedis(data_dir=Path(folder))
        await asyncio.to_thread(engine.start)
        yield engine
        engine.stop()


@pytest.fixture
async def own_town(own_redis: EmbeddedRedis, db: Database) -> AsyncIterator[Town]:
    """On ``own_redis``."""
    async with AsyncExitStack() as stack:
        town = Town(redis_url=await asyncio.to_thread(own_redis.start), db=db, stack=stack)
        await town.prepare()
        yield town
