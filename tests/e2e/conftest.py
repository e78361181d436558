"""One real server for the tests of this folder, people on it, and streams that a real ffmpeg publishes.

It ends with them: a stream on the air takes a seventh of a core.
"""

from __future__ import annotations

import asyncio
import socket
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
import pytest

from tests.e2e.chromium import Browser, Chromium, browsing
from tests.e2e.people import PASSWORD, Account, Api, register
from tests.e2e.publishing import Publisher
from tests.e2e.serving import Server
from tests.e2e.waiting import until
from tests.server.features.oauth.real_provider import CLIENT_ID, SECRET

T = TypeVar("T")
GRACE_S = 4

NewPerson = Callable[..., Awaitable[Account]]


@pytest.fixture(scope="session")
def provider_port() -> int:
    """Where a test may run the OpenID Connect provider that the shared server knows."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="package")
def server(provider_port: int) -> Iterator[Server]:
    """Shared by every test that breaks nothing. Interrupted streams wait ``GRACE_S`` seconds."""
    env = {
        "SOCIALFLOW_GRACE_S": str(GRACE_S),
        "SOCIALFLOW_OIDC_ISSUER": f"http://127.0.0.1:{provider_port}",
        "SOCIALFLOW_OIDC_CLIENT_ID": CLIENT_ID,
        "SOCIALFLOW_OIDC_CLIENT_SECRET": SECRET,
        "SOCIALFLOW_OIDC_NAME": "Provider",
        "SOCIALFLOW_TEST_MONEY": "true",
        "SOCIALFLOW_SCREENING_MODEL": "false",
        "SOCIALFLOW_STRIPE_WEBHOOK_SECRET": "whsec_of_nobody",
    }
    with tempfile.TemporaryDirectory(prefix="socialflow-e2e-") as folder:
        running = Server(Path(folder) / "data", env=env).start()
        try:
            yield running
        finally:
            running.stop()


@pytest.fixture(scope="package")
def admin(server: Server) -> str:
    """The username of the shared server's admin, whose one-time password is changed to ``PASSWORD``."""
    run_apart(_choose_password, server)
    return "admin"


async def _choose_password(server: Server) -> None:
    async with aiohttp.ClientSession() as http:
        api = Api(http, server.url)
        given = {"login": "admin", "password": server.admin_password}
        api.token = (await api.done("POST", "auth/login", given))["access_token"]
        change = {"password": server.admin_password, "new_password": PASSWORD}
        await api.done("POST", "auth/password/change", change)


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[Server]:
    """A server of the test's own, not started yet, for what kills or stops it."""
    running = Server(tmp_path / "data")
    yield running
    if hasattr(running, "process") and running.process.poll() is None:
        running.stop()


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session:
        yield session


@pytest.fixture
async def nobody(server: Server, http: aiohttp.ClientSession) -> Api:
    return Api(http, server.url)


@pytest.fixture
async def someone(server: Server, http: aiohttp.ClientSession) -> NewPerson:
    """Registers a new person with each call."""

    async def make(name: str = "person") -> Account:
        return await register(http, server.url, name)

    return make


@pytest.fixture
async def owner(someone: NewPerson) -> Account:
    return await someone("owner")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Chromium]:
    running = Chromium()
    yield running
    running.close()


@pytest.fixture
async def browser(chromium: Chromium, http: aiohttp.ClientSession) -> AsyncIterator[Browser]:
    async with browsing(chromium, http) as opened:
        yield opened


@dataclass(frozen=True)
class OnTheAir:
    """A stream that is live for the rest of the tests of the folder. Read it, never change it."""

    stream_id: str
    room_id: str
    title: str
    owner_token: str
    key: str


@pytest.fixture(scope="package")
def live(server: Server) -> Iterator[OnTheAir]:
    """320×240 H.264 without B-frames and AAC, published by ffmpeg over RTMP."""
    made = run_apart(prepare_lasting, server.url)
    with Publisher(f"{server.rtmp}/{made.key}"):
        run_apart(_live, server.url, made.stream_id)
        yield made


async def prepare_lasting(url: str) -> OnTheAir:
    async with aiohttp.ClientSession() as http:
        person = await register(http, url, "broadcaster")
        prepared: dict[str, Any] = await person.prepare("Always on")
        stream = prepared["stream"]
        return OnTheAir(
            stream["id"],
            stream["chat"]["room_id"],
            stream["title"],
            person.token or "",
            prepared["ingest"]["stream_key"],
        )


async def _live(url: str, stream_id: str) -> None:
    async with aiohttp.ClientSession() as http:
        api = Api(http, url)
        await api.until_state(stream_id, "live")
        await api.text(f"/hls/{stream_id}/index.m3u8")

        async def has_segment() -> bool:
            return "#EXTINF" in await api.text(f"/hls/{stream_id}/video.m3u8")

        await until(has_segment, what="a whole segment")


def run_apart(make: Callable[..., Awaitable[T]], *args: Any) -> T:
    """Run a coroutine in a thread of its own: the asking test may have a loop running."""

    async def run() -> T:
        return await make(*args)

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, run()).result()
