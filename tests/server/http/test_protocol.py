"""Bytes that are no request: a problem and a closed connection, an answer that echoes nothing, a quiet log."""

from __future__ import annotations

import asyncio
import json
import logging
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import structlog
from aiohttp import web
from prometheus_client import CollectorRegistry

from server.http.errors import ProblemTable
from server.http.intake import read_body
from server.http.middleware import HttpMetrics, HttpMiddleware
from server.http.protocol import http_protocols


async def _echo(request: web.Request) -> web.Response:
    return web.Response(text=f"{len(await request.content.readany())} {request.host}")


async def _read(request: web.Request) -> web.Response:
    return web.Response(body=await read_body(request, max_bytes=1_000, timeout_s=60))


@asynccontextmanager
async def _serving(*routes: web.RouteDef) -> AsyncIterator[int]:
    """The port of an application as the server runs it: a handler goes on when its client has left."""
    middleware = HttpMiddleware(problems=ProblemTable([]), metrics=HttpMetrics(registry=CollectorRegistry()))
    app = web.Application(middlewares=[middleware.middleware()])
    app.on_response_prepare.append(middleware.on_prepare)
    app.router.add_routes(routes)
    runner = web.AppRunner(app, access_log=None, handle_signals=False)
    await runner.setup()
    assert runner.server is not None
    protocols = http_protocols(runner.server, keepalive_timeout_s=5)
    listening = await asyncio.get_running_loop().create_server(protocols, "127.0.0.1", 0)
    yield listening.sockets[0].getsockname()[1]
    listening.close()
    await runner.cleanup()


@pytest.fixture
async def port() -> AsyncIterator[int]:
    async with _serving(web.route("*", "/", _echo), web.post("/body", _read)) as port:
        yield port


async def _answers(port: int, sent: bytes) -> bytes:
    """All that comes until the server closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        async with asyncio.timeout(30):
            writer.write(sent)
            return await reader.read()
    finally:
        writer.transport.abort()


def _problem(answer: bytes) -> dict[str, Any]:
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"application/problem+json" in head
    problem: dict[str, Any] = json.loads(body)
    assert problem["status"] == int(head.split(b" ")[1])
    return problem


POST = b"POST / HTTP/1.1\r\nHost: a\r\n"
BROKEN = {
    "a secret in the line": b"GET /?token=hunter2\x00 HTTP/1.1\r\nHost: a\r\n\r\n",
    "no method": b"BREW /hunter2 HTTP/1.1\r\nHost: a\r\n\r\n",
    "no host": b"GET /hunter2 HTTP/1.1\r\n\r\n",
    "two hosts": b"GET / HTTP/1.1\r\nHost: hunter2\r\nHost: b\r\n\r\n",
    "another version": b"GET /hunter2 HTTP/9.9\r\nHost: a\r\n\r\n",
    "a folded field": b"GET / HTTP/1.1\r\nHost: a\r\nX: hunter2\r\n b\r\n\r\n",
    "two lengths": POST + b"X: hunter2\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "length and coding": POST + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "an unknown coding": POST + b"Transfer-Encoding: hunter2\r\n\r\n",
    "a compression that is not there": POST + b"Content-Encoding: br\r\nContent-Length: 7\r\n\r\nhunter2",
}


@pytest.mark.parametrize("name", BROKEN)
async def test_unreadable_request_is_a_problem_without_echo_and_without_a_log_line(
    port: int, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    answer = await _answers(port, BROKEN[name])
    assert _problem(answer)["status"] == 400
    assert b"hunter2" not in answer
    assert not caplog.records


async def test_line_over_the_bound_is_a_431(port: int) -> None:
    assert (
        _problem(await _answers(port, b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 20_000 + b"\r\n\r\n"))["status"]
        == 431
    )


async def test_body_that_is_not_what_its_coding_says_leaves_no_log_line(
    port: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "aiohttp")
    await _answers(port, POST + b"Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello")
    assert [record.name for record in caplog.records if record.name.startswith("aiohttp")] == []


async def test_compressed_body_is_inflated_no_further_than_it_is_read(port: int) -> None:
    bomb = zlib.compress(bytes(50_000_000), 9)
    sent = POST + b"Connection: close\r\nContent-Encoding: deflate\r\nContent-Length: %d\r\n\r\n"
    answer = await _answers(port, sent % len(bomb) + bomb)
    assert int(answer.partition(b"\r\n\r\n")[2].split(b" ")[0]) < 1_000_000


@pytest.mark.parametrize("host", ["[::", "[:::::]", 'a b<>"', "a/b", "a:999999", "a@b", "ü"])
async def test_host_that_is_none_is_a_400(port: int, host: str) -> None:
    answer = await _answers(port, f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    assert _problem(answer)["status"] == 400


@pytest.mark.parametrize("host", ["live.example", "127.0.0.1:80", "[::1]:8080", "a_b-c.example", ""])
async def test_host_that_is_one_is_taken(port: int, host: str) -> None:
    sent = f"GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode()
    assert (await _answers(port, sent)).startswith(b"HTTP/1.1 200 ")


async def test_request_without_a_version_is_a_400(port: int) -> None:
    assert _problem(await _answers(port, b"GET /\r\n\r\n"))["status"] == 400


CHUNKED = b"POST /body HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
BROKEN_CHUNKS = {
    "spaces around the size": b" 2 \r\n{}\r\n0\r\n\r\n",
    "a bare line feed": b"2\n{}\r\n0\r\n\r\n",
    "a size that is too small": b"4\r\nHello\r\n0\r\n\r\n",
    "no hexadecimal size": b"zz\r\n{}\r\n0\r\n\r\n",
    "a sign before the size": b"+2\r\n{}\r\n0\r\n\r\n",
    "a size out of bounds": b"fffffffffffffffff\r\n{}\r\n0\r\n\r\n",
    "a broken chunk after a good one": b"2\r\n{}\r\nx\r\n",
    "a broken trailer": b"0\r\n\x00\r\n\r\n",
}


@pytest.mark.parametrize("name", BROKEN_CHUNKS)
@pytest.mark.parametrize("split", [0, 1, None], ids=["after the head", "in the middle", "at once"])
async def test_broken_chunks_are_a_400_at_once(port: int, name: str, split: int | None) -> None:
    """The deadline for a body is longer than the one for the answer here."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    body = BROKEN_CHUNKS[name]
    try:
        async with asyncio.timeout(30):
            if split is None:
                writer.write(CHUNKED + body)
            else:
                for sent in (CHUNKED + body[:split], body[split:]):
                    writer.write(sent)
                    await _turns_of_the_loop()
            answer = await reader.read()
    finally:
        writer.transport.abort()
    assert answer.count(b"HTTP/1.") == 1
    assert _problem(answer)["status"] == 400


async def _turns_of_the_loop() -> None:
    """Until the server has the bytes, and its handler waits for more."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_an_unknown_expectation_is_a_problem(port: int) -> None:
    for path in (b"/body", b"/nowhere"):
        head = b"POST " + path + b" HTTP/1.1\r\nHost: a\r\nExpect: a-miracle\r\nContent-Length: 0\r\n"
        answer = await _answers(port, head + b"Connection: close\r\n\r\n")
        assert _problem(answer)["status"] == 417


async def test_a_body_that_was_announced_is_asked_for(port: int) -> None:
    head = b"POST /body HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nConnection: close\r\nContent-Length: 2\r\n\r\n"
    answer = await _answers(port, head + b"ok")
    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")
    assert answer.endswith(b"ok")


async def test_a_client_that_leaves_before_its_answer_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    has_begun, has_left, is_answered = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def late(request: web.Request) -> web.StreamResponse:
        has_begun.set()
        await has_left.wait()
        response = web.Response(body=b"late")
        try:
            await response.prepare(request)
            await response.write_eof()
        finally:
            is_answered.set()
        return response

    async with _serving(web.get("/", late)) as port, asyncio.timeout(30):
        with structlog.testing.capture_logs() as logged:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            await has_begun.wait()
            writer.transport.abort()
            assert b" 404 " in await _answers(port, b"GET /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            has_left.set()
            await is_answered.wait()
            await _turns_of_the_loop()
    assert logged == []
    assert [record for record in caplog.records if record.levelno >= logging.INFO] == []
