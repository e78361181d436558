"""A sign-in by a real OpenID Connect provider (npm ``oidc-provider``), with all its redirects."""

from __future__ import annotations

from urllib.parse import parse_qs, urljoin, urlsplit

import aiohttp

from server.features.people.oauth.providers import providers_of
from server.features.people.oauth_settings import OAuthSettings
from tests.server.features.oauth.conftest import Wire
from tests.server.features.oauth.real_provider import CLIENT_ID, SECRET, needs_provider, real_provider

REDIRECT_URI = "https://live.test/api/v1/auth/oauth/oidc/callback"


def _settings(port: int) -> OAuthSettings:
    return OAuthSettings(oidc_issuer=f"http://127.0.0.1:{port}", oidc_client_id=CLIENT_ID, oidc_client_secret=SECRET)


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
    async with real_provider(REDIRECT_URI) as port:
        providers = await wire(providers_of(_settings(port))[0])
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
