"""Raw Socket.IO clients that come back: one connection each, no parsing but of what they ask to be told."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Any, cast

import msgspec

from bench.app import packet
from bench.clients import frame, upgrade_request

_CONNECT_S = 5.0
_REQUEST = upgrade_request("/socket.io/")
_PONG = frame(b"3")
_CLOSE = b"\x88\x80\0\0\0\0"

Then = Callable[[bytes], None]
"""Takes the arguments of an acknowledgement, as a JSON list."""


class SocketClient(asyncio.Protocol):
    """One socket of a person. ``port_of`` says where to connect, by where the person is at home.

    Those derived are called: ``entered`` after each connection, ``lost`` after each loss, ``received`` with the packet
    of each event, ``turned_away`` when an attempt to connect came to nothing.
    """

    def __init__(self, *, home: int, token_of: Callable[[], str], port_of: Callable[[int], int]) -> None:
        self.home = home
        self.is_connected = False
        self._back_in_s = 0.0
        self._is_over = False
        self._token_of = token_of
        self._port_of = port_of
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._is_upgraded = False
        self._asked = 0
        self._waits: dict[int, Then] = {}
        self._connecting: asyncio.Task[None] | None = None

    def entered(self) -> None: ...

    def lost(self) -> None: ...

    def received(self, text: bytes) -> None: ...

    def turned_away(self) -> None: ...

    def start(self) -> None:
        self._connect_in(0.0)

    def close(self) -> None:
        self._is_over = True
        if self._connecting is not None:
            self._connecting.cancel()
        if self._transport is not None:
            self._transport.abort()

    def ask(self, event: str, body: dict[str, Any], then: Then) -> None:
        """``then`` is not called when the connection is lost before the answer."""
        self._asked += 1
        self._waits[self._asked] = then
        self._write(frame(packet(self._asked, event, body)))

    def _connect_in(self, pause_s: float) -> None:
        self._connecting = self._loop.create_task(self._connect(pause_s), name="connect a client")

    async def _connect(self, pause_s: float) -> None:
        while not self._is_over:
            await asyncio.sleep(pause_s)
            pause_s = random.uniform(0.1, 0.5)
            try:
                async with asyncio.timeout(_CONNECT_S):
                    await self._loop.create_connection(lambda: self, "127.0.0.1", self._port_of(self.home))
            except (OSError, TimeoutError):
                self.turned_away()
                continue
            return

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = writing = cast(asyncio.Transport, transport)
        self._buffer.clear()
        self._is_upgraded = False
        writing.write(_REQUEST)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport, self.is_connected = None, False
        self._waits.clear()
        self.lost()
        if not self._is_over:
            pause_s, self._back_in_s = self._back_in_s or random.uniform(0.05, 0.3), 0.0
            self._connect_in(pause_s)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._is_upgraded:
            head, found, _ = self._buffer.partition(b"\r\n\r\n")
            if not found:
                return
            if b" 101 " not in head[:16] and self._transport is not None:
                self.turned_away()
                self._transport.abort()
                return
            del self._buffer[: len(head) + 4]
            self._is_upgraded = True
        self._take_frames()

    def _take_frames(self) -> None:
        buffer, at = self._buffer, 0
        while len(buffer) - at >= 2:
            size, start = buffer[at + 1], at + 2
            if size == 126:
                size, start = int.from_bytes(buffer[at + 2 : at + 4], "big"), at + 4
            elif size == 127:
                size, start = int.from_bytes(buffer[at + 2 : at + 10], "big"), at + 10
            if len(buffer) < start + size:
                break
            if buffer[at] & 15 == 1:
                self._text(bytes(buffer[start : start + size]))
            elif buffer[at] & 15 == 8 and self._transport is not None:
                self._transport.write(_CLOSE)
                self._transport.close()
            at = start + size
        del buffer[:at]

    def _write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)

    def _text(self, text: bytes) -> None:
        if text.startswith(b"42"):
            self.received(text)
        elif text.startswith(b"43"):
            number, _, rest = text[2:].partition(b"[")
            waiting = self._waits.pop(int(number), None)
            if waiting is not None:
                waiting(b"[" + rest)
        elif text == b"2":
            self._write(_PONG)
        elif text.startswith(b"0"):
            self._write(frame(b"40" + msgspec.json.encode({"token": self._token_of()})))
        elif text.startswith(b"40"):
            self.is_connected = True
            self.entered()
        elif text.startswith(b"44"):
            self.received(text)
