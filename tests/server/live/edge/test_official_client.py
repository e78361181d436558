"""The official JavaScript client, where Node and the package are there."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from tests.server.live.edge.serving import Served
from tests.tools import needs
from tests.web.node import node

HERE = Path(__file__).parent
MODULES = Path(os.environ.get("SOCKET_IO_MODULES", Path(__file__).parents[4] / "server" / "web" / "node_modules"))


@needs(node() and (MODULES / "socket.io-client").is_dir(), "socket.io-client (npm ci in server/web) or node")
async def test_official_client_is_content(quick: Served) -> None:
    process = await asyncio.create_subprocess_exec(
        str(node()), str(HERE / "official_client.mjs"), str(MODULES), quick.url, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await asyncio.wait_for(process.communicate(), 90)
    assert process.returncode == 0, output.decode()
