"""One node for all tests of a file."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.server.live.core_node import CoreNode, Person, node_of_file


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def node(
    postgres_url: str, redis_server_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[CoreNode]:
    """Its rates are so high that only a test of rates meets them."""
    rates = {
        f"{name}_{bound}": 10_000 for name in ("chat", "socket_event", "moderation") for bound in ("rate", "burst")
    }
    async with node_of_file(postgres_url, redis_server_url, tmp_path_factory, **rates) as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ada(node: CoreNode) -> Person:
    """Whose the streams are."""
    return await node.person("ada")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bob(node: CoreNode) -> Person:
    return await node.person("bob")
