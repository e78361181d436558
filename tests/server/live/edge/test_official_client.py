"""The official JavaScript client, where Node and the package are there."""

from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path

import pytest

from tests.server.live.edge.serving import Served

HERE = Path(__file__).parent
MODULES = Path(os.environ.get("SOCKET_IO_MODULES", Path(__file__).parents[4] / "server" / "web" / "node_modules"))


@pytest.mark.skipif(
    shutil.which("node") is None or not (MODULES / "socket.io-client").is_dir(),
    reason="needs node and socket.io-client (npm ci in server/web)",
)
async def test_official_client_is_content(quick: Served) -> None:
    process = await asyncio.create_subprocess_exec(
        "node", str(HERE / "official_client.mjs"), str(MODULES), quick.url, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await asyncio.wait_for(process.communicate(), 90)
    assert process.returncode == 0, output.decode()
