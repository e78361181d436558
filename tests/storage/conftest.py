"""Towns: several nodes over one Redis and one Postgres."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from storage.embedded.redis import EmbeddedRedis
from storage.postgres import Database
from tests.storage.nodes import StorageCluster


@pytest.fixture
async def cluster(redis_url: str, db: Database) -> AsyncIterator[StorageCluster]:
    async with AsyncExitStack() as stack:
        cluster = StorageCluster(redis_url=redis_url, db=db, stack=stack)
        await cluster.prepare()
        yield cluster


@pytest.fixture
async def own_redis() -> AsyncIterator[EmbeddedRedis]:
    """A Redis to be killed and stopped."""
    with tempfile.TemporaryDirectory(prefix="sf-") as folder:
        engine = EmbeddedRedis(data_dir=Path(folder))
        await asyncio.to_thread(engine.start)
        yield engine
        engine.stop()


@pytest.fixture
async def own_cluster(own_redis: EmbeddedRedis, db: Database) -> AsyncIterator[StorageCluster]:
    """On ``own_redis``."""
    async with AsyncExitStack() as stack:
        cluster = StorageCluster(redis_url=await asyncio.to_thread(own_redis.start), db=db, stack=stack)
        await cluster.prepare()
        yield cluster
