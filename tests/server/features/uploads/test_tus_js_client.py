"""The protocol's own client, tus-js-client, against the server."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.server.features.uploads.conftest import Uploader, video
from tests.server.features.uploads.test_uploads import bytes_of
from tests.tools import needs
from tests.web.node import node

MODULES = Path(__file__).parents[4] / "server/web/node_modules"
SCRIPT = Path(__file__).with_name("tus_client.mjs")


@needs(node() is not None and (MODULES / "tus-js-client").is_dir(), "Node and the page's node_modules")
@pytest.mark.parametrize("parallel", [1, 3])
async def test_tus_js_client_sends_a_file_in_chunks_and_in_parallel_parts(ada: Uploader, parallel: int) -> None:
    data = video(4)
    process = await asyncio.create_subprocess_exec(
        str(node()), str(SCRIPT), f"{ada.served.url}/api/v1/uploads", ada.token, str(MODULES), str(parallel),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    async with asyncio.timeout(60):
        printed, errors = await process.communicate(data)
    assert process.returncode == 0, errors.decode()
    path = "/api/v1" + printed.decode().strip().partition("/api/v1")[2]
    assert await bytes_of(ada.kit, path) == data
    await ada.kit.run_jobs()
    shown = await ada.state(path)
    assert (shown["state"], shown["kind"], shown["size"]) == ("ready", "video", len(data))
