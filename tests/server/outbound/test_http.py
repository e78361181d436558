"""Requests to addresses that people give, over loopback."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from server.outbound.http import BadAnswer, PublicHttp
from server.outbound.public_addresses import NotPublic, PublicAddresses


@pytest.fixture
async def origin() -> AsyncIterator[TestServer]:
    async def serve(request: web.Request) -> web.StreamResponse:
        if request.path == "/large":
            return web.Response(body=bytes(2_000))
        if request.path == "/parts":
            return web.Response(status=206, body=b"abcdefgh"[request.http_range])
        if request.path == "/to":
            return web.Response(status=302, headers={"Location": request.query["url"]})
        return web.Response(status=200 if request.path == "/" else 404, text="here")

    app = web.Application()
    app.router.add_get("/{any:.*}", serve)
    async with TestServer(app, host="127.0.0.1") as server:
        yield server


@pytest.fixture
async def http() -> AsyncIterator[PublicHttp]:
    """It takes 127.0.0.1 for public, and nothing else that is not."""
    made = PublicHttp(addresses=OneMore())
    yield made
    await made.close()


class OneMore(PublicAddresses):
    def require(self, address: str) -> None:
        if address != "127.0.0.1":
            super().require(address)


async def test_what_is_public_is_fetched_through_redirects(origin: TestServer, http: PublicHttp) -> None:
    here = str(origin.make_url("/"))
    assert await http.get(here, 100) == (b"here", here)
    assert await http.get(str(origin.make_url("/to").with_query(url=here)), 100) == (b"here", here)


@pytest.mark.parametrize("host", ["127.0.0.2", "localhost.localdomain", "2130706434", "[::1]", "[::ffff:127.0.0.2]"])
async def test_neither_an_address_nor_a_redirect_leads_to_what_is_not_public(
    origin: TestServer, http: PublicHttp, host: str
) -> None:
    inside = f"http://{host}:{origin.port}/"
    for url in (inside, str(origin.make_url("/to").with_query(url=inside))):
        with pytest.raises(OSError) as raised:
            await http.get(url, 100)
        assert not isinstance(raised.value, BadAnswer) or "protocol" in str(raised.value)


async def test_loopback_is_refused_by_name(origin: TestServer) -> None:
    http = PublicHttp(addresses=PublicAddresses())
    with pytest.raises(NotPublic):
        await http.get(str(origin.make_url("/")), 100)
    await http.close()


async def test_a_part_is_fetched_whether_or_not_the_server_can_send_parts(origin: TestServer, http: PublicHttp) -> None:
    body, _ = await http.get(str(origin.make_url("/")), 100, (1, 2))
    assert body == b"er", "this one sends all"
    body, _ = await http.get(str(origin.make_url("/parts")), 100, (2, 3))
    assert body == b"cde"


@pytest.mark.parametrize("path", ["/large", "/missing", "/to?url=/to?url=x", "/to?url=file:///etc/passwd"])
async def test_what_is_no_answer_is_refused(origin: TestServer, http: PublicHttp, path: str) -> None:
    with pytest.raises(BadAnswer):
        await http.get(f"http://127.0.0.1:{origin.port}{path}", 1_000)


async def test_redirects_without_an_end_are_given_up(origin: TestServer, http: PublicHttp) -> None:
    around = f"http://127.0.0.1:{origin.port}/to?url="
    with pytest.raises(BadAnswer):
        await http.get(around + (around * 8), 1_000)
