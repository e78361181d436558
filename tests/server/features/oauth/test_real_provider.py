"""A sign-in by a real OpenID Connect provider (npm ``oidc-provider``), with all its redirects."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import parse_qs, urljoin, urlsplit

import aiohttp
import pytest

from server.features.people.oauth.providers import Provider, providers_of
from server.features.people.oauth.settings import OAuthSettings
from tests.server.features.oauth.conftest import Wire
from tests.web.node import node

HERE = Path(__file__).parent
MODULES = Path(__file__).parents[4] / "server" / "web" / "node_modules"
REDIRECT_URI = "https://live.test/api/v1/auth/oauth/oidc/callback"
CLIENT_ID, SECRET = "our-client", "our-secret-of-16-chars"

needs_provider = pytest.mark.skipif(
    node() is None or not (MODULES / "oidc-provider").is_dir(), reason="needs Node and the page's node_modules"
)


@asynccontextmanager
async def _running() -> AsyncIterator[Provider]:
    program = node()
    assert program is not None
    command = [
        program,
        str(HERE / "oidc_provider.mjs"),
        str(MODULES),
        "our-client",
        "our-secret-of-16-chars",
        REDIRECT_URI,
    ]
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(30):
            port = int(await process.stdout.readline())
        settings = OAuthSettings(
            oidc_issuer=f"http://127.0.0.1:{port}",
            oidc_client_id=CLIENT_ID,
            oidc_client_secret=SECRET,
        )
        yield providers_of(settings)[0]
    finally:
        process.kill()
        await process.wait()


async def _through(address: str) -> dict[str, str]:
    """What the provider sends the browser back with."""
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(cookie_jar=jar) as browser:
        for _ in range(10):
            async with browser.get(address, allow_redirects=False) as answer:
                assert answer.status in (302, 303), await answer.text()
                address = urljoin(address, answer.headers["Location"])
            if address.startswith(REDIRECT_URI):
                return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
    raise AssertionError(f"it leads on and on: {address}")


@needs_provider
async def test_a_person_of_a_real_provider_signs_in(wire: Wire) -> None:
    async with _running() as provider:
        providers = await wire(provider)
        for _ in range(2):
            start = await providers.client.get("/api/v1/auth/oauth/oidc/start?mode=code", allow_redirects=False)
            query = await _through(start.headers["Location"])
            answer = await providers.client.get(
                "/api/v1/auth/oauth/oidc/callback",
                params=query,
                headers={"Cookie": f"sf_oauth={start.cookies['sf_oauth'].value}"},
                allow_redirects=False,
            )
            held = await (await providers.exchange(answer.headers["Location"])).json()
            assert held["user"]["username"] == "ada"
            assert held["user"]["email"] == "ada@example.org"
        assert await providers.api.database.fetchval("select count(*) from users") == 1
