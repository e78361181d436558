"""A real server with a stream on the air, and what must hold for both while somebody throws things at them."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import psutil
import pytest

from tests.e2e.conftest import OnTheAir, _live, prepare_lasting, run_apart
from tests.e2e.people import Account, Api, register
from tests.e2e.publishing import Publisher
from tests.e2e.serving import Server
from tests.e2e.waiting import until


@pytest.fixture(scope="package")
def server() -> Iterator[Server]:
    with tempfile.TemporaryDirectory(prefix="socialflow-fuzz-") as folder:
        running = Server(Path(folder) / "data").start()
        try:
            yield running
        finally:
            running.stop()


@pytest.fixture(scope="package")
def live(server: Server) -> Iterator[OnTheAir]:
    made = run_apart(prepare_lasting, server.url)
    with Publisher(f"{server.rtmp}/{made.key}"):
        run_apart(_live, server.url, made.stream_id)
        yield made


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30), connector=connector) as session:
        yield session


@pytest.fixture
async def nobody(server: Server, http: aiohttp.ClientSession) -> Api:
    return Api(http, server.url)


@pytest.fixture
async def someone(server: Server, http: aiohttp.ClientSession) -> Account:
    return await register(http, server.url, "fuzz")


@dataclass
class Calm:
    """What must not change: the server is ready, the stream goes on, nothing unforeseen is logged, nothing is kept."""

    server: Server
    live: OnTheAir
    nobody: Api
    lines: int
    memory: int

    async def holds(self, *, spare_mb: int = 64) -> None:
        assert (await self.nobody.call("GET", "/readyz")).status == 200
        before = await self.nobody.text(self._playlist)
        await until(lambda: self._moved(before), within_s=30, what="the next part")
        assert (await self.nobody.stream(self.live.stream_id))["state"] == "live"
        said = self.server.lines[self.lines :]
        assert not [line for line in said if "Traceback" in line or "unforeseen" in line]
        assert _memory(self.server) < self.memory + spare_mb * 1_000_000

    @property
    def _playlist(self) -> str:
        return f"/hls/{self.live.stream_id}/video.m3u8"

    async def _moved(self, before: str) -> bool:
        return await self.nobody.text(self._playlist) != before


@pytest.fixture
async def calm(server: Server, live: OnTheAir, nobody: Api) -> Calm:
    return Calm(server, live, nobody, len(server.lines), _memory(server))


def _memory(server: Server) -> int:
    processes = (psutil.Process(server.process.pid), server.child("server.media_process"))
    return sum(process.memory_info().rss for process in processes)
