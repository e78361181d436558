"""Has files looked at by child processes: one file, one process, which reads what it asks for and no more."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from media.errors import MediaError
from media.order_process import child
from media.probe.messages import (
    MAX_MESSAGE_BYTES,
    MAX_READ_BYTES,
    PREFIX_BYTES,
    Probe,
    ProbeBounds,
    Read,
    Refused,
    Report,
    Result,
    encode,
    framed,
    reports,
)

ReadBytes = Callable[[int, int], Awaitable[bytes]]
"""Of a file: offset and size."""

DEADLINE_S: Final = 60.0
_TOO_COSTLY: Final = Refused("too_costly", "The file takes too much to look at")


class NoProcessError(MediaError):
    """The system starts no more processes: nothing was found out."""


async def probe(size: int, read: ReadBytes, bounds: ProbeBounds, *, deadline_s: float = DEADLINE_S) -> Result:
    """What a file of ``size`` bytes is, or why it is not taken. Raises what ``read`` raises, and ``NoProcessError``.

    A process that the kernel ended at its limits, or that takes longer than ``deadline_s``, has refused the file.
    Cancelled, no process remains.
    """
    try:
        async with child("media.probe.worker") as (_, ours), asyncio.timeout(deadline_s):
            return await _asked(ours, Probe(size=size, bounds=bounds), read)
    except TimeoutError:
        return _TOO_COSTLY
    except OSError as error:
        raise NoProcessError(f"no process can be started: {error}") from error


async def _asked(ours: socket.socket, order: Probe, read: ReadBytes) -> Result:
    reader, writer = await asyncio.open_unix_connection(sock=ours)
    try:
        writer.write(framed(encode(order)))
        return await _answered(reader, writer, read)
    finally:
        writer.transport.abort()


async def _answered(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, read: ReadBytes) -> Result:
    while True:
        report = await _report(reader)
        if not isinstance(report, Read):
            return report
        writer.write(framed(await read(report.offset, min(report.size, MAX_READ_BYTES))))
        with contextlib.suppress(ConnectionError):  # one that has ended says so as it is read from
            await writer.drain()


async def _report(reader: asyncio.StreamReader) -> Report:
    try:
        size = int.from_bytes(await reader.readexactly(PREFIX_BYTES), "big")
        if size > MAX_MESSAGE_BYTES:
            return _TOO_COSTLY
        report: Report = reports.decode(await reader.readexactly(size))
        return report
    except (asyncio.IncompleteReadError, ConnectionError, msgspec.DecodeError):
        return _TOO_COSTLY
