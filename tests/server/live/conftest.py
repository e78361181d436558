"""One node for all tests of a file: they make persons and streams of their own."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.conftest import MigratedDatabase
from tests.server.live.core_node import CoreNode, Person, core_node


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def node(
    postgres_url: str, redis_server_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[CoreNode]:
    """Its rates are so high that only a test of rates meets them."""
    async with (
        MigratedDatabase(postgres_url) as database_url,
        core_node(
            database_url=database_url,
            redis_url=redis_server_url,
            data_dir=tmp_path_factory.mktemp("node"),
            chat_rate=10_000,
            chat_burst=10_000,
            socket_event_rate=10_000,
            socket_event_burst=10_000,
        ) as made,
    ):
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def owner(node: CoreNode) -> Person:
    """Whose the streams are."""
    return await node.person("owner")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def fan(node: CoreNode) -> Person:
    return await node.person("fan")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stranger(node: CoreNode) -> Person:
    return await node.person("stranger")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def admin(node: CoreNode) -> Person:
    return await node.admin()
