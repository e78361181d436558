"""What the edge's tests serve, and how they talk to it: aiohttp for whole exchanges, a bare socket for broken ones."""

from __future__ import annotations

import asyncio
import json
import os
import ssl
from collections.abc import Callable
from typing import Any

import aiohttp
from aiohttp import web

from bench.echo import EchoApplication
from server.live.edge.endpoint import Edge

__all__ = ["EchoApplication", "Raw", "Served", "http_server", "mask"]

DEADLINE_S = 30.0


def http_server() -> web.Server:
    """Answers with what it was asked, body included."""

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        body = await request.read()
        return web.json_response({"method": request.method, "path": request.path, "body": body.decode()})

    return web.Server(answer)


class Served:
    """A running edge and an HTTP client for it."""

    def __init__(self, edge: Edge, *, scheme: str = "http") -> None:
        self.edge = edge
        self.port: int = edge.addresses[0][1]
        self.url = f"{scheme}://127.0.0.1:{self.port}"
        self._http: aiohttp.ClientSession | None = None
        self._tls: ssl.SSLContext | bool = True

    def use_tls(self, context: ssl.SSLContext) -> None:
        self._tls = context

    @property
    def http(self) -> aiohttp.ClientSession:
        if self._http is None:
            connector = aiohttp.TCPConnector(ssl=self._tls)
            self._http = aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=DEADLINE_S))
        return self._http

    def at(self, query: str, path: str = "/socket.io/") -> str:
        return f"{self.url}{path}?{query}"

    async def get(self, query: str, **options: Any) -> tuple[int, str]:
        async with self.http.get(self.at(query), **options) as response:
            return response.status, await response.text()

    async def post(self, query: str, body: str | bytes, **options: Any) -> tuple[int, str]:
        async with self.http.post(self.at(query), data=body, **options) as response:
            return response.status, await response.text()

    async def poll(self, sid: str) -> tuple[int, str]:
        return await self.get(f"EIO=4&transport=polling&sid={sid}")

    async def push(self, sid: str, body: str | bytes) -> tuple[int, str]:
        return await self.post(f"EIO=4&transport=polling&sid={sid}", body)

    async def open_polling(self) -> str:
        _, content = await self.get("EIO=4&transport=polling")
        sid: str = json.loads(content[1:])["sid"]
        return sid

    async def websocket(self, query: str = "EIO=4&transport=websocket") -> aiohttp.ClientWebSocketResponse:
        return await self.http.ws_connect(self.at(query), max_msg_size=0)

    async def connected(self, namespace: str = "") -> aiohttp.ClientWebSocketResponse:
        """A WebSocket that has joined a namespace and read its `auth` event."""
        ws = await self.websocket()
        await said(ws)
        await ws.send_str(f"40{namespace}")
        await said(ws)
        await said(ws)
        return ws

    async def raw(self) -> Raw:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        return Raw(reader, writer)

    async def close(self) -> None:
        if self._http is not None:
            await self._http.close()
        await self.edge.close()


async def said(ws: aiohttp.ClientWebSocketResponse) -> Any:
    """The next message's data; None when the socket is closed."""
    message = await ws.receive(timeout=DEADLINE_S)
    return message.data if message.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY) else None


async def said_but_pings(ws: aiohttp.ClientWebSocketResponse) -> Any:
    while (data := await said(ws)) == "2":
        pass
    return data


async def ended(ws: aiohttp.ClientWebSocketResponse) -> int | None:
    """Reads until the server closes; its close code."""
    while (await said(ws)) is not None:
        pass
    return ws.close_code


async def eventually(condition: Callable[[], bool]) -> None:
    """Lets the loop run until the condition holds; a TimeoutError if it never does."""

    async def watch() -> None:
        while not condition():  # noqa: ASYNC110  (nothing in the server would set an event)
            await asyncio.sleep(0)

    await asyncio.wait_for(watch(), DEADLINE_S)


def mask(
    opcode: int, payload: bytes, *, is_last: bool = True, key: bytes | None = None, first: int | None = None
) -> bytes:
    """A client's frame, built independently of the code under test."""
    key = os.urandom(4) if key is None else key
    start = first if first is not None else (0x80 if is_last else 0) | opcode
    length = len(payload)
    if length < 126:
        head = bytes((start, 0x80 | length))
    elif length < 65536:
        head = bytes((start, 0x80 | 126)) + length.to_bytes(2, "big")
    else:
        head = bytes((start, 0x80 | 127)) + length.to_bytes(8, "big")
    return head + key + bytes(byte ^ key[index % 4] for index, byte in enumerate(payload))


class Raw:
    """A TCP connection on which anything can be said."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def upgrade(
        self, query: str = "EIO=4&transport=websocket", more: bytes = b"", *, extensions: str = ""
    ) -> bytes:
        """A WebSocket handshake; the response's head."""
        offer = f"Sec-WebSocket-Extensions: {extensions}\r\n" if extensions else ""
        self.send(
            f"GET /socket.io/?{query} HTTP/1.1\r\nHost: test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"{offer}Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAECAwQFBgcICQoLDA0ODw==\r\n\r\n".encode()
            + more
        )
        return await self.head()

    async def head(self) -> bytes:
        return await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), DEADLINE_S)

    async def response(self) -> tuple[int, bytes]:
        head = await self.head()
        length = next(int(line[16:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length: "))
        return int(head.split(b" ")[1]), await asyncio.wait_for(self.reader.readexactly(length), DEADLINE_S)

    async def frame(self) -> tuple[int, bytes]:
        """The server's next frame: (opcode, payload)."""
        first, payload = await self.whole_frame()
        return first & 0x0F, payload

    async def whole_frame(self) -> tuple[int, bytes]:
        """The server's next frame: (first byte, payload)."""

        async def read() -> tuple[int, bytes]:
            first, second = await self.reader.readexactly(2)
            length = second & 0x7F
            if length > 125:
                length = int.from_bytes(await self.reader.readexactly(2 if length == 126 else 8), "big")
            return first, await self.reader.readexactly(length)

        return await asyncio.wait_for(read(), DEADLINE_S)

    async def close_code(self) -> int:
        """Reads up to the server's close frame; its code, 1005 when it has none."""
        while (found := await self.frame())[0] != 8:
            pass
        return int.from_bytes(found[1][:2], "big") if found[1] else 1005

    async def eof(self) -> bytes:
        """What is left, up to the end of the connection."""
        return await asyncio.wait_for(self.reader.read(-1), DEADLINE_S)

    async def close(self) -> None:
        self.writer.close()
