"""Has a file inspected or encoded by a process of its own: an order, and its reports one after another."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncGenerator
from typing import Final

from media.confinement import environment
from media.errors import MediaError
from media.vod import messages
from media.vod.messages import Finished, Order, Refused, Report

IDLE_S: Final = 300.0
"""A process that reports nothing for so long is ended: a segment takes seconds, the measure of the sound minutes."""


class WorkerDiedError(MediaError):
    """The process ended, or was ended, before it was done."""


async def carry_out(order: Order, *, idle_s: float = IDLE_S) -> AsyncGenerator[Report]:
    """Reports to the last one, ``Finished`` or ``Refused``. The process waits while nobody takes them.

    Raises ``WorkerDiedError``. Closed or cancelled, no process remains.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "media.vod.worker", str(os.getpid())),
        stdin=PIPE,
        stdout=PIPE,
        stderr=DEVNULL,
        env=environment(),
    )
    try:
        assert process.stdin is not None
        assert process.stdout is not None
        with contextlib.suppress(ConnectionError):
            process.stdin.write(messages.encode(order))
            process.stdin.write_eof()
        while True:
            report = await _next(process, process.stdout, idle_s)
            yield report
            if isinstance(report, Finished | Refused):
                return
    finally:
        await _end(process)


async def _next(process: Process, reader: asyncio.StreamReader, idle_s: float) -> Report:
    try:
        async with asyncio.timeout(idle_s):
            size = int.from_bytes(await reader.readexactly(messages.PREFIX_BYTES), "big")
            if size > messages.MAX_REPORT_BYTES:
                raise WorkerDiedError(f"a report of {size} bytes")
            report: Report = messages.reports.decode(await reader.readexactly(size))
            return report
    except TimeoutError:
        raise WorkerDiedError(f"nothing came for {idle_s:.0f} s") from None
    except asyncio.IncompleteReadError:
        raise WorkerDiedError(_meaning(await process.wait())) from None


def _meaning(code: int) -> str:
    if code == -signal.SIGXCPU:
        return "it took too much processor time"
    return f"killed by signal {-code}" if code < 0 else f"it left with code {code}"


async def _end(process: Process) -> None:
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)
    await asyncio.shield(process.wait())
