"""The application with providers that stand in for the real ones."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient

from server.features.people import oauth
from server.features.people.oauth.providers import Provider
from server.outbound.mail import open_mail
from server.outbound.settings import MailSettings, Site
from tests.server.conftest import SERVED, ApiFixture, Serve
from tests.server.features.oauth.stand_in import Begun, StandIn, begun, stand_in
from tests.server.kit import Kit


@dataclass
class Providers:
    """``api`` serves all features with the given providers."""

    api: ApiFixture

    @property
    def client(self) -> TestClient[Any, Any]:
        return self.api.client

    async def start(self, provider: str, *, headers: dict[str, str] | None = None, **query: str) -> Begun:
        answer = await self.client.get(
            f"/api/v1/auth/oauth/{provider}/start", params=query, headers=headers, allow_redirects=False
        )
        assert answer.status == 302, await answer.text()
        return begun(answer.headers["Location"], answer.cookies["sf_oauth"].value)

    async def call_back(self, provider: str, flow: Begun, *, cookie: str | None = None, **query: str) -> ClientResponse:
        given = {"state": flow.state, "code": "code-1", **query}
        headers = {"Cookie": f"sf_oauth={flow.cookie if cookie is None else cookie}"}
        path = f"/api/v1/auth/oauth/{provider}/callback"
        return await self.client.get(path, params=given, headers=headers, allow_redirects=False)

    async def exchange(self, location: str, *, cookie: str = "", **body: Any) -> ClientResponse:
        """Exchange the code at the end of an address; ``cookie``: of the browser that does it."""
        code = parse_qs(urlsplit(location).fragment)["code"][0]
        headers = {"Cookie": f"sf_oauth={cookie}"} if cookie else {}
        return await self.client.post("/api/v1/auth/oauth/exchange", json={"code": code, **body}, headers=headers)


Wire = Callable[..., Awaitable[Providers]]


@pytest.fixture
async def wire(kit: Kit, serve: Serve) -> AsyncIterator[Wire]:
    """``await wire(provider, …)``: the application with these providers."""
    opened = []

    async def wire(*providers: Provider) -> Providers:
        installed, platform = kit.install(deletion_grace_days=0), kit.platform()
        site = Site(name="Social Flow", origin="https://live.test")
        mail = open_mail(
            db=platform.db,
            jobs=platform.jobs,
            ids=platform.ids,
            clock=platform.node.clock,
            settings=MailSettings(),
            site=site,
        )
        room = oauth.build(platform, people=installed.people, mail=mail, site=site, providers=providers)
        opened.append(room)
        features = [one for one in installed.features if one.name in SERVED - {"oauth"}]
        operations = [operation for feature in [*features, room] for operation in feature.operations]
        client = await serve(*operations, limiter=kit.limiter)
        return Providers(ApiFixture(kit=kit, people=installed.people, client=client))

    yield wire
    for room in opened:
        assert room.close is not None
        await room.close()


@pytest.fixture
async def provider() -> AsyncIterator[StandIn]:
    async with stand_in() as found:
        yield found
