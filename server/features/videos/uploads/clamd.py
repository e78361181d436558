"""Files held against a virus scanner: clamd's INSTREAM (clamd(8)), where one is configured."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final, Protocol

from storage.errors import Unavailable

TIMEOUT_S: Final = 120.0
_MAX_ANSWER: Final = 4_096
_FOUND: Final = re.compile(r"stream: (?P<name>.{1,200}) FOUND")


class Scan(Protocol):
    async def __call__(self, pieces: AsyncIterator[bytes], /) -> str | None:
        """The name of what was found in these bytes, None for nothing. Raises ``Unavailable``."""


class Clamd:
    """The scanner at ``host:port``, or at the path of a socket. One connection for each file."""

    def __init__(self, address: str, *, timeout_s: float = TIMEOUT_S) -> None:
        self._address = address
        self._timeout_s = timeout_s

    async def scan(self, pieces: AsyncIterator[bytes], /) -> str | None:
        """As ``Scan``. More bytes than the scanner takes (its ``StreamMaxLength``) make it ``Unavailable``."""
        try:
            async with asyncio.timeout(self._timeout_s), self._connected() as (reader, writer):
                answer = await _exchange(reader, writer, pieces)
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            raise Unavailable("clamd", str(error) or type(error).__name__) from error
        return verdict(answer)

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        host, _, port = self._address.rpartition(":")
        if self._address.startswith("/"):
            reader, writer = await asyncio.open_unix_connection(self._address, limit=_MAX_ANSWER)
        else:
            reader, writer = await asyncio.open_connection(host.strip("[]"), int(port), limit=_MAX_ANSWER)
        try:
            yield reader, writer
        finally:
            writer.transport.abort()


async def _exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, pieces: AsyncIterator[bytes]) -> str:
    """A scanner that has had enough answers before the end, and closes."""
    with suppress(ConnectionError):
        writer.write(b"zINSTREAM\0")
        async for piece in pieces:
            writer.write(framed(piece))
            await writer.drain()
        writer.write(framed(b""))
        await writer.drain()
    return (await reader.readuntil(b"\0")).rstrip(b"\0").decode(errors="replace")


def framed(piece: bytes) -> bytes:
    """Of length 0 at the end."""
    return len(piece).to_bytes(4, "big") + piece


def verdict(answer: str) -> str | None:
    """What clamd's answer means. Raises ``Unavailable`` for one that is none."""
    if answer == "stream: OK":
        return None
    if found := _FOUND.fullmatch(answer):
        return found["name"]
    raise Unavailable("clamd", answer[:200])
