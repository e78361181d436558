"""Inboxes of nodes as Redis Streams."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from storage.errors import StorageError
from storage.errors import Unavailable as EngineUnavailable
from storage.redis import Redis


class RedisStreams:
    """Redis Streams. ``reader`` is a connection of its own, which a blocking read holds and a cancelled one closes."""

    def __init__(self, *, writer: Redis, reader: Redis, timeout_s: float = 1.0) -> None:
        self._writer = writer
        self._reader = reader
        self._timeout_s = timeout_s

    async def append(self, entries: Sequence[tuple[str, bytes]], *, most: int) -> None:
        commands = [("XADD", stream, "MAXLEN", "~", most, "*", "m", data) for stream, data in entries]
        for answer in await self._writer.pipeline(commands, timeout_s=self._timeout_s):
            if isinstance(answer, StorageError):
                raise EngineUnavailable("redis", str(answer))

    async def read(self, stream: str, after: str, *, count: int, block_s: float) -> list[tuple[str, bytes]]:
        block_ms = max(1, int(block_s * 1000))
        words = ("XREAD", "COUNT", count, "BLOCK", block_ms, "STREAMS", stream, after)
        answer = await self._reader.command(*words, timeout_s=block_s + self._timeout_s)
        return [(entry_id.decode(), _data(fields)) for entry_id, fields in answer[0][1]] if answer else []

    async def last_id(self, stream: str) -> str:
        answer = await self._reader.command("XREVRANGE", stream, "+", "-", "COUNT", 1, timeout_s=self._timeout_s)
        return str(answer[0][0].decode()) if answer else "0-0"

    async def trim(self, stream: str, *, before: str) -> None:
        await self._writer.command("XTRIM", stream, "MINID", "~", before, timeout_s=self._timeout_s)


def _data(fields: Any) -> bytes:
    return fields[1] if fields and len(fields) == 2 and fields[0] == b"m" else b""
