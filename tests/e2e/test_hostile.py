"""Bytes that mean nothing, or harm, on every port: their own connection ends, everything else goes on."""

from __future__ import annotations

import asyncio
import contextlib
import random
import re
import socket as sockets
import struct
from collections.abc import AsyncIterator

import psutil
import pytest

from tests.e2e.conftest import OnTheAir
from tests.e2e.peers import viewing
from tests.e2e.people import Api
from tests.e2e.serving import Server
from tests.e2e.waiting import until, until_true

RTMP_HELLO = b"\x03" + bytes(8) + random.Random(1).randbytes(1528)


def _rtmp_chunk(payload: bytes, *, type_id: int = 20, length: int | None = None) -> bytes:
    size = len(payload) if length is None else length
    return b"\x03" + bytes(3) + size.to_bytes(3, "big") + bytes([type_id]) + bytes(4) + payload


RTMP_JUNK: dict[str, bytes] = {
    "random": random.Random(2).randbytes(100_000),
    "zeros": bytes(100_000),
    "http": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "tls": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + random.Random(3).randbytes(500),
    "junk after the handshake": RTMP_HELLO + bytes(1536) + random.Random(4).randbytes(200_000),
    "chunk size 2^31": RTMP_HELLO + bytes(1536) + _rtmp_chunk(struct.pack(">I", 0x80000000), type_id=1),
    "chunk size 0": RTMP_HELLO + bytes(1536) + _rtmp_chunk(bytes(4), type_id=1),
    "message of 16 MB": RTMP_HELLO + bytes(1536) + _rtmp_chunk(b"\x02\x00\x07connect", length=0xFFFFFF),
    "deep AMF": RTMP_HELLO
    + bytes(1536)
    + _rtmp_chunk(struct.pack(">I", 65536), type_id=1)
    + _rtmp_chunk(b"\x02\x00\x07connect\x00" + bytes(8) + b"\x03\x00\x01a" * 5000),
    "half a handshake": RTMP_HELLO[:700],
}

HTTP_JUNK: dict[str, bytes] = {
    "random": random.Random(5).randbytes(100_000),
    "zeros": bytes(100_000),
    "endless line": b"GET /" + b"a" * 200_000,
    "endless headers": b"GET / HTTP/1.1\r\n" + b"X-A: b\r\n" * 50_000,
    "bad length": b"POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
    "two lengths": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "bad chunk": b"POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzzzz\r\n",
    "bad upgrade": b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
    b"Connection: Upgrade\r\nSec-WebSocket-Version: 99\r\nSec-WebSocket-Key: x\r\n\r\n",
    "rtmp": RTMP_HELLO,
    "tls": RTMP_JUNK["tls"],
}


@contextlib.asynccontextmanager
async def _connection(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def _goes_on(nobody: Api, live: OnTheAir) -> None:
    """The server is ready and the stream's picture moves on."""
    assert (await nobody.call("GET", "/readyz")).status == 200
    before = await nobody.text(f"/hls/{live.stream_id}/video.m3u8")

    async def moved() -> bool:
        return await nobody.text(f"/hls/{live.stream_id}/video.m3u8") != before

    await until(moved, within_s=30, what="the next part")
    assert (await nobody.stream(live.stream_id))["state"] == "live"


async def _throw(port: int, junk: bytes) -> None:
    """Send it all, read whatever comes, until the server closes or has said nothing for a moment."""
    async with _connection(port) as (reader, writer):
        with contextlib.suppress(ConnectionError, TimeoutError):
            async with asyncio.timeout(2):
                writer.write(junk)
                await writer.drain()
                while await reader.read(65_536):
                    pass


async def test_junk_on_the_rtmp_port_harms_nobody(server: Server, live: OnTheAir, nobody: Api) -> None:
    await asyncio.gather(*(_throw(server.rtmp_port, junk) for junk in RTMP_JUNK.values()))
    await _goes_on(nobody, live)


async def test_junk_on_the_http_port_harms_nobody(server: Server, live: OnTheAir, nobody: Api) -> None:
    await asyncio.gather(*(_throw(server.http_port, junk) for junk in HTTP_JUNK.values()))
    await _goes_on(nobody, live)


@pytest.mark.parametrize("name", ["bad length", "bad chunk", "endless line", "endless headers"])
async def test_a_malformed_request_is_a_4xx(server: Server, name: str) -> None:
    async with _connection(server.http_port) as (reader, writer):
        writer.write(HTTP_JUNK[name])
        async with asyncio.timeout(30):
            with contextlib.suppress(ConnectionError):
                line = await reader.readline()
                assert re.match(rb"HTTP/1\.[01] 4\d\d ", line), line


async def test_junk_on_the_webrtc_port_harms_nobody(server: Server, live: OnTheAir, nobody: Api) -> None:
    async with viewing() as viewer:
        answer = await viewer.watch(nobody, live.stream_id)
        assert answer.status == 201
        found = re.search(r"candidate:\S+ 1 udp \d+ 127\.0\.0\.1 (\d+)", answer.text, re.I)
        assert found, answer.text
        await until_true(lambda: len(viewer.frames["video"]) >= 5, within_s=30, what="video")
        _send_datagrams(int(found[1]))
        seen = viewer.frames["video"][-1].pts
        await until_true(
            lambda: viewer.frames["video"][-1].pts > seen + 90_000, within_s=30, what="video after the junk"
        )
    await _goes_on(nobody, live)


def _send_datagrams(port: int) -> None:
    chance = random.Random(6)
    stun = b"\x00\x01\x00\x08\x21\x12\xa4\x42" + bytes(12)
    with sockets.socket(sockets.AF_INET, sockets.SOCK_DGRAM) as udp:
        udp.connect(("127.0.0.1", port))
        for number in range(500):
            kind = number % 5
            head = (b"", stun, b"\x16\xfe\xff", b"\x80\x60", b"\x80\xc8")[kind]
            with contextlib.suppress(OSError):
                udp.send(head + chance.randbytes(chance.randrange(0, 1200)))


@pytest.mark.parametrize("port", ["rtmp_port", "http_port"])
async def test_a_peer_that_dribbles_is_let_go(server: Server, live: OnTheAir, nobody: Api, port: str) -> None:
    """A byte now and then keeps no connection open beyond the deadline of a first message."""
    hello = {"rtmp_port": RTMP_HELLO, "http_port": b"GET / HTTP/1.1\r\nX-Slow: " + b"a" * 1000}[port]
    async with _connection(getattr(server, port)) as (reader, writer):
        ended = asyncio.create_task(_until_closed(reader), name="dribble end")
        for byte in hello:
            if ended.done():
                break
            writer.write(bytes([byte]))
            await asyncio.wait([ended], timeout=0.25)
            if ended.done():
                break
        assert ended.done()
    await _goes_on(nobody, live)


async def _until_closed(reader: asyncio.StreamReader) -> None:
    with contextlib.suppress(ConnectionError):
        while await reader.read(65_536):
            pass


async def test_many_connections_and_megabytes_of_junk_leave_no_memory_behind(
    server: Server, live: OnTheAir, nobody: Api
) -> None:
    await _flood(server)
    before = _memory(server)
    for _ in range(4):
        await _flood(server)
    await until_true(lambda: _memory(server) < before + 60_000_000, within_s=30, what="memory that is given back")
    await _goes_on(nobody, live)


async def _flood(server: Server) -> None:
    async def one(port: int, junk: bytes) -> None:
        async with _connection(port) as (_, writer):
            with contextlib.suppress(ConnectionError, TimeoutError):
                async with asyncio.timeout(1):
                    writer.write(junk)
                    await writer.drain()

    junk = [*((server.rtmp_port, b) for b in RTMP_JUNK.values()), *((server.http_port, b) for b in HTTP_JUNK.values())]
    for _ in range(3):
        await asyncio.gather(*(one(port, body) for port, body in junk))


def _memory(server: Server) -> int:
    node = psutil.Process(server.process.pid)
    media = server.child("server.media_process")
    return sum(process.memory_info().rss for process in (node, media))
