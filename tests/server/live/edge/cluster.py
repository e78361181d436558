"""Several nodes in one process that know one another, and what stands before and beside them."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from typing import Any

import aiohttp

from server.live.edge.endpoint import Edge
from server.live.edge.nodes import Address, SessionNodes, tag_of
from server.live.edge.server import HttpSide
from tests.server.live.edge.serving import (
    EchoApplication,
    Served,
    http_server,
    said,
    said_but_pings,
)

POLLING = "EIO=4&transport=polling"
NOBODY = "z" * 8


class EdgeCluster:
    """Nodes that know one another's internal listeners by what their clients' session ids end with."""

    def __init__(self) -> None:
        self.nodes: list[Served] = []
        self.inside: dict[str, Address] = {}

    async def build(self, names: tuple[str, ...], *, ssl: Any = None, **options: Any) -> None:
        for name in names:
            echo = EchoApplication()
            edge = Edge(
                application=echo,
                http=HttpSide(protocol=http_server()),
                fanout=echo.fanout,
                nodes=SessionNodes(tag=tag_of(name), elsewhere=self.inside.get),
                **options,
            )
            await edge.start(host="127.0.0.1", ssl=ssl)
            await edge.listen_inside(host="127.0.0.1")
            self.inside[tag_of(name)] = edge.inside_addresses[0]
            self.nodes.append(Served(edge, scheme="https" if ssl else "http"))

    def inside_of(self, served: Served) -> Served:
        """The same node as its neighbours reach it."""
        other = Served(served.edge)
        other.port = served.edge.inside_addresses[0][1]
        other.url = f"http://127.0.0.1:{other.port}"
        return other

    async def close(self) -> None:
        for served in self.nodes:
            await served.close()


async def joined(first: Served, through: Served) -> str:
    """A session of the first node that has joined a namespace and read its `auth`, all of it through the second."""
    sid = await first.open_polling()
    assert await through.push(sid, "40") == (200, "ok")
    content = ""
    while '42["auth"' not in content:
        content += (await through.poll(sid))[1]
    return sid


async def heard(served: Served, sid: str, count: int) -> list[str]:
    """The next packets but pings, as many as asked for."""
    packets: list[str] = []
    while len(packets) < count:
        status, content = await served.poll(sid)
        assert status == 200, content
        packets += [packet for packet in content.split("\x1e") if packet != "2"]
    return packets


async def upgraded(served: Served, sid: str) -> aiohttp.ClientWebSocketResponse:
    ws = await served.websocket(f"EIO=4&transport=websocket&sid={sid}")
    await ws.send_str("2probe")
    assert await said(ws) == "3probe"
    await ws.send_str("5")
    await ws.send_str('42["message",0]')
    assert await said_but_pings(ws) == '42["message-back",0]'
    return ws


def upgrade_request(sid: str) -> bytes:
    return (
        f"GET /socket.io/?EIO=4&transport=websocket&sid={sid} HTTP/1.1\r\nHost: test\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAECAwQFBgcICQoLDA0ODw==\r\n\r\n"
    ).encode()


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@contextlib.asynccontextmanager
async def mute_node(answer: bytes = b"") -> AsyncIterator[tuple[Address, list[asyncio.StreamReader]]]:
    """A listener that reads, says what it was given and keeps the connection. Yields its address and who came."""
    readers: list[asyncio.StreamReader] = []
    writers: list[asyncio.StreamWriter] = []

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        readers.append(reader)
        writers.append(writer)

    server = await asyncio.start_server(take, "127.0.0.1")
    try:
        yield server.sockets[0].getsockname(), readers
    finally:
        for writer in writers:
            writer.close()
        server.close()


@contextlib.asynccontextmanager
async def balancer(ports: list[int]) -> AsyncIterator[int]:
    """Connections go to the ports in turn. Yields its own port."""
    turn = 0
    tasks: set[asyncio.Task[None]] = set()

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65_536):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal turn
        turn += 1
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", ports[turn % len(ports)])
        except OSError:
            writer.close()
            return
        for work in (pump(reader, far_writer), pump(far_reader, writer)):
            task = asyncio.create_task(work)
            tasks.add(task)
            task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(take, "127.0.0.1")
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
