"""What a session id says of its node, and the official client before two of them."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from server.live.edge.nodes import Address, SessionNodes, address_in, tag_of
from tests.server.live.edge.cluster import (
    NOBODY,
    balancer,
)
from tests.server.live.edge.conftest import QUICK, Build
from tests.tools import needs
from tests.web.node import node

HERE = Path(__file__).parent
MODULES = Path(os.environ.get("SOCKET_IO_MODULES", Path(__file__).parents[4] / "server" / "web" / "node_modules"))


def test_tag_is_short_and_the_same_for_the_same_name() -> None:
    tags = {tag_of(f"host-{number}") for number in range(2_000)}
    assert len(tags) == 2_000
    assert {len(tag) for tag in tags} == {8}
    assert tag_of("host-1") == tag_of("host-1")


@pytest.mark.parametrize("tag", ["a" * 13, "A", "a/b", "ä", " "])
def test_tag_that_could_not_be_told_from_an_id_is_refused(tag: str) -> None:
    with pytest.raises(ValueError, match="tag"):
        SessionNodes(tag=tag)


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("http://10.0.0.1:7000", ("10.0.0.1", 7000)),
        ("http://[fd00::1]:7000", ("fd00::1", 7000)),
        ("http://fd00::1:7000", ("fd00::1", 7000)),
        ("http://node.internal:7000/", ("node.internal", 7000)),
        ("http://10.0.0.1", None),
        ("", None),
    ],
)
def test_address_is_of_the_node_with_the_tag(address: str, found: Address | None) -> None:
    nodes = [("other", "http://10.0.0.2:1"), ("mine", address)]
    assert address_in(tag_of("mine"), nodes) == found
    assert address_in(NOBODY, nodes) is None


@needs(node() and (MODULES / "socket.io-client").is_dir(), "socket.io-client (npm ci in server/web) or node")
async def test_official_client_is_content_whichever_node_each_connection_reaches(build: Build) -> None:
    nodes = await build(limits=QUICK, namespaces=("/", "/custom"))
    async with balancer([served.port for served in nodes]) as port:
        process = await asyncio.create_subprocess_exec(
            str(node()),
            str(HERE / "official_client.mjs"),
            str(MODULES),
            f"http://127.0.0.1:{port}",
            "recovers what it missed",  # only where it was
            stdout=asyncio.subprocess.PIPE,
        )
        output, _ = await asyncio.wait_for(process.communicate(), 90)
    assert process.returncode == 0, output.decode()
    assert all(served.edge.forwarded for served in nodes)
