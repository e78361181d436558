"""A real OpenID Connect provider (npm ``oidc-provider``) as a process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from tests.tools import needs
from tests.web.node import node

HERE: Final = Path(__file__).parent
MODULES: Final = Path(__file__).parents[4] / "server" / "web" / "node_modules"
CLIENT_ID: Final = "our-client"
SECRET: Final = "our-secret-of-16-chars"

needs_provider = needs(node() and (MODULES / "oidc-provider").is_dir(), "oidc-provider (npm ci in server/web) or node")


@asynccontextmanager
async def real_provider(redirect_uri: str, *, port: int = 0, asks: bool = False) -> AsyncIterator[int]:
    """Its port. ``port``: 0 for any that is free. ``asks``: it shows a page to continue or cancel at, instead of
    signing ``ada`` in at once.
    """
    program = node()
    assert program is not None
    command = [program, str(HERE / "oidc_provider.mjs"), str(MODULES), CLIENT_ID, SECRET, redirect_uri, str(port)]
    process = await asyncio.create_subprocess_exec(
        *command, *(["asks"] if asks else []), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(30):
            listens_on = int(await process.stdout.readline())
        yield listens_on
    finally:
        process.kill()
        await process.wait()
