"""Has one order carried out by a process of its own, which ends with it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator
from typing import Final

import msgspec

from media.confinement import environment

_CHUNK_BYTES: Final = 256 * 1024


class OrderAnswer(msgspec.Struct, frozen=True):
    """What the process wrote, and its exit code: negative for the signal that ended it."""

    data: bytes
    code: int | None


async def carry_out(module: str, order: bytes, *, deadline_s: float, max_answer_bytes: int) -> OrderAnswer:
    """Give the order to ``python -m module <our pid>`` on its standard input, and read its standard output to the end.

    An answer of more than ``max_answer_bytes`` is cut off. Raises ``TimeoutError``, and ``OSError`` when no process can
    be started. Cancelled, no process remains.
    """
    async with child(module) as (process, ours), asyncio.timeout(deadline_s):
        data = await _exchange(ours, order, max_answer_bytes)
        await process.wait()
    return OrderAnswer(data, process.returncode)


@contextlib.asynccontextmanager
async def child(module: str) -> AsyncIterator[tuple[Process, socket.socket]]:
    """``python -m module <our pid>``, and a socket whose other end is its standard input and output.

    Raises ``OSError`` when no process can be started. Once the block is left, or cancelled, no process remains.
    """
    # One socket, no pipes of asyncio: a start that is cancelled half way need not wait until theirs are connected.
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            process = await _started(module, theirs)
        try:
            yield process, ours
        finally:
            await _end(process)


async def _started(module: str, theirs: socket.socket) -> Process:
    """A worker whose input and output are this socket."""
    command = (sys.executable, "-P", "-m", module, str(os.getpid()))
    return await asyncio.create_subprocess_exec(
        *command, stdin=theirs.fileno(), stdout=theirs.fileno(), stderr=DEVNULL, env=environment()
    )


async def _exchange(ours: socket.socket, order: bytes, max_bytes: int) -> bytes:
    """What the worker says until it closes its output, cut off above ``max_bytes``."""
    reader, writer = await asyncio.open_unix_connection(sock=ours)
    answer = bytearray()
    try:
        with contextlib.suppress(ConnectionError):  # one that has ended needs no more
            writer.write(order)
            await writer.drain()
            writer.write_eof()
            while (chunk := await reader.read(_CHUNK_BYTES)) and len(answer) <= max_bytes:
                answer += chunk
    finally:
        writer.transport.abort()
    return bytes(answer)


async def _end(process: Process) -> None:
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)
    await asyncio.shield(process.wait())
