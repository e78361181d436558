"""The proxy's file, carried out by a real Caddy in front of two nodes and of the image's own server."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from tests.deploy.conftest import Container, free_port
from tests.deploy.image import ROOT
from tests.e2e.waiting import until, until_true
from tests.tools import needs

CADDYFILE = ROOT / "deploy/proxy/Caddyfile"
CADDY = shutil.which("caddy", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")

pytestmark = needs(CADDY, "caddy")


class Edge:
    """A node as the proxy sees it: says its name, and what it was asked."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.is_ready = True
        self.forwarded: list[str] = []

    async def start(self) -> None:
        app = web.Application()
        app.router.add_get("/readyz", self._ready)
        app.router.add_get("/socket.io/", self._session)
        app.router.add_route("*", "/{rest:.*}", self._say)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        await self._runner.cleanup()

    async def _ready(self, request: web.Request) -> web.Response:
        return web.Response(status=200 if self.is_ready else 503)

    async def _say(self, request: web.Request) -> web.Response:
        self.forwarded.append(request.headers["X-Forwarded-For"])
        return web.Response(text=self.name)

    async def _session(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Upgrade", "").lower() != "websocket":
            return web.Response(text=self.name)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            await socket.send_str(f"{self.name} {message.data}")
        return socket


@contextmanager
def proxy(*nodes: int, folder: Path) -> Iterator[str]:
    """Its address. It answers once it has its own port."""
    assert CADDY is not None
    port = free_port()
    env = {
        "HOME": str(folder),
        "SITE_ADDRESS": f"http://127.0.0.1:{port}",
        "NODES": " ".join(f"127.0.0.1:{node}" for node in nodes),
    }
    text = CADDYFILE.read_text().replace("127.0.0.1:2020", f"127.0.0.1:{free_port()}")
    file = folder / "Caddyfile"
    file.write_text(text)
    command = [CADDY, "run", "--config", str(file), "--adapter", "caddyfile"]
    with (folder / "log").open("wb") as log, subprocess.Popen(command, env=env, stdout=log, stderr=log) as process:
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


async def text_of(http: aiohttp.ClientSession, url: str, **headers: str) -> str:
    try:
        async with http.get(url, headers=headers) as answer:
            return await answer.text() if answer.status == 200 else ""
    except aiohttp.ClientError:
        return ""


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as session:
        yield session


@pytest.fixture
async def edges() -> AsyncIterator[tuple[Edge, Edge]]:
    first, second = Edge("a"), Edge("b")
    await first.start()
    await second.start()
    yield first, second
    await first.stop()
    await second.stop()


@pytest.fixture
async def address(edges: tuple[Edge, Edge], http: aiohttp.ClientSession, tmp_path: Path) -> AsyncIterator[str]:
    with proxy(*(edge.port for edge in edges), folder=tmp_path) as url:
        await until(lambda: text_of(http, f"{url}/"), what="the proxy")
        yield url


async def test_requests_go_to_both_nodes(address: str, http: aiohttp.ClientSession) -> None:
    said = Counter(await asyncio.gather(*(text_of(http, f"{address}/api") for _ in range(40))))
    assert said.keys() == {"a", "b"}


async def test_a_session_that_polls_stays_on_one_node(address: str, http: aiohttp.ClientSession) -> None:
    url = f"{address}/socket.io/?EIO=4&transport=polling"
    first = [await text_of(http, url) for _ in range(5)]
    then = [await text_of(http, f"{url}&sid=abc") for _ in range(15)]
    assert len(set(first + then)) == 1


async def test_an_upgrade_reaches_the_node_of_its_session(address: str, http: aiohttp.ClientSession) -> None:
    polled = await text_of(http, f"{address}/socket.io/?EIO=4&transport=polling")
    async with http.ws_connect(f"{address}/socket.io/?EIO=4&transport=websocket&sid=abc") as socket:
        await socket.send_str("hello")
        assert await socket.receive_str(timeout=30) == f"{polled} hello"


async def test_a_draining_node_is_given_nothing_new(
    address: str, edges: tuple[Edge, Edge], http: aiohttp.ClientSession
) -> None:
    edges[0].is_ready = False

    async def only_the_other() -> bool:
        return {await text_of(http, f"{address}/api") for _ in range(10)} == {"b"}

    await until(only_the_other, what="everything at the other node")

    async def polls_too() -> bool:
        # The proxy looks after each of its routes' nodes by itself, one a little after the other.
        return await text_of(http, f"{address}/socket.io/?transport=polling") == "b"

    await until(polls_too, what="polls at the other node")


async def test_a_node_that_has_gone_is_passed_over(
    address: str, edges: tuple[Edge, Edge], http: aiohttp.ClientSession
) -> None:
    await edges[1].stop()
    said = [await text_of(http, f"{address}/api") for _ in range(10)]
    await edges[1].start()
    assert set(said) == {"a"}


async def test_the_caller_cannot_say_who_is_calling(
    address: str, edges: tuple[Edge, Edge], http: aiohttp.ClientSession
) -> None:
    await text_of(http, f"{address}/api", **{"X-Forwarded-For": "203.0.113.9"})
    await until_true(lambda: edges[0].forwarded or edges[1].forwarded, what="a request")
    assert {one for edge in edges for one in edge.forwarded} == {"127.0.0.1"}


async def test_measurements_are_not_for_everybody(address: str, http: aiohttp.ClientSession) -> None:
    async with http.get(f"{address}/metrics") as answer:
        assert answer.status == 404


async def test_the_server_behind_it_serves_page_polling_and_websocket(
    container: Container, http: aiohttp.ClientSession, tmp_path: Path
) -> None:
    with proxy(container.port, folder=tmp_path) as url:
        page = await until(lambda: text_of(http, f"{url}/"), what="the page")
        assert "<title>" in page
        assert (await text_of(http, f"{url}/socket.io/?EIO=4&transport=polling")).startswith('0{"sid"')
        async with http.ws_connect(f"{url}/socket.io/?EIO=4&transport=websocket") as socket:
            assert (await socket.receive_str(timeout=30)).startswith('0{"sid"')
