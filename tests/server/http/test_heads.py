from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientSession, web

from server.http.heads import with_head_deadline


async def _hello(request: web.Request) -> web.StreamResponse:
    return web.Response(text=await request.text() or "hello")


async def _echo(request: web.Request) -> web.StreamResponse:
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    async for message in socket:
        await socket.send_str(message.data)
    return socket


@pytest.fixture
async def port() -> AsyncIterator[int]:
    app = web.Application()
    app.router.add_route("*", "/", _hello)
    app.router.add_get("/socket", _echo)
    runner = web.AppRunner(app)
    await runner.setup()
    assert runner.server is not None
    loop = asyncio.get_running_loop()
    server = await loop.create_server(with_head_deadline(runner.server, head_s=0.3), "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()
    await runner.cleanup()


@pytest.mark.parametrize("beginning", [b"", b"G", b"GET / HTTP/1.1\r\nHost: a\r\n", b"\r\n"])
async def test_connection_without_a_whole_head_is_cut_off(port: int, beginning: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(beginning)
    with contextlib.suppress(ConnectionResetError):
        assert await asyncio.wait_for(reader.read(), 5) == b""
    writer.close()


async def test_head_in_pieces_is_answered(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for piece in (b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r", b"\n\r", b"\n"):
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(0.01)
    assert (await asyncio.wait_for(reader.read(), 5)).endswith(b"hello")
    writer.close()


async def test_connection_lives_on_after_its_first_head(port: int) -> None:
    async with ClientSession(f"http://127.0.0.1:{port}") as session:
        for _ in range(2):
            async with session.post("/", data=b"x" * 300_000) as answer:
                assert len(await answer.text()) == 300_000
            await asyncio.sleep(0.4)
        async with session.ws_connect("/socket") as socket:
            await asyncio.sleep(0.4)
            await socket.send_str("still here")
            assert (await socket.receive(timeout=5)).data == "still here"
