"""Who may come in, and how many: one account's sockets, and everybody at once after a cut."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack

import aiohttp
import pytest
import socketio.exceptions

from tests.e2e.people import Api, register
from tests.e2e.serving import Server
from tests.e2e.talking import Talker, talker


@pytest.fixture(scope="module")
def strict_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    env = {"SOCIALFLOW_MAX_SOCKETS_PER_ACCOUNT": "2", "SOCIALFLOW_CONNECT_RATE": "50"}
    running = Server(tmp_path_factory.mktemp("strict") / "data", env=env).start()
    yield running
    running.stop()


async def test_sockets_of_an_account_are_bounded_counted_out_and_nobody_elses_affair(
    strict_server: Server, http: aiohttp.ClientSession
) -> None:
    person, other = await register(http, strict_server.url, "many"), await register(http, strict_server.url, "other")
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(talker(strict_server.url, person.token))
        await stack.enter_async_context(talker(strict_server.url, person.token))
        third = Talker(strict_server.url, person.token)
        with pytest.raises(socketio.exceptions.ConnectionError):
            await third.open()
        assert third.refused["data"]["code"] == "too_many_connections"
        await third.close()
        for token in (other.token, None, None, None):
            await stack.enter_async_context(talker(strict_server.url, token))
        await first.close()
        await asyncio.wait_for(first.ended.wait(), 30)
        await stack.enter_async_context(talker(strict_server.url, person.token))
    limits = (await Api(http, strict_server.url).done("GET", "/api/v1/server"))["limits"]
    assert limits["sockets_per_account"] == 2
    assert limits["socket_connects_per_second"] > 0


async def test_sockets_above_the_rate_come_in_one_after_another_and_none_is_refused(strict_server: Server) -> None:
    storm = [Talker(strict_server.url) for _ in range(40)]
    await asyncio.gather(*(one.open() for one in storm))
    assert all(one.client.connected for one in storm)
    await asyncio.gather(*(one.close() for one in storm))
