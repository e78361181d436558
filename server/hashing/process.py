"""Who hashes: a process beside the event loop, or threads of this one."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
import time
from asyncio.subprocess import DEVNULL, Process
from concurrent.futures import ThreadPoolExecutor
from typing import Final, Protocol

import msgspec
import structlog

from media.confinement import environment
from server.hashing.argon2 import Done, Order, Work, computed

MAX_STARTS: Final = 2
"""For one order: a process that dies twice of it would die again."""

HANGS_AFTER_S: Final = 10.0
"""Without an answer after an order is overdue."""

log = structlog.get_logger(__name__)


class HashingFailed(Exception):
    """The hash was not computed: there is no process, or the time was over before the turn came."""


class Hashing(Protocol):
    async def carry_out(self, work: Work, *, within_s: float) -> str:
        """The answer of ``work``, which is not begun later than ``within_s``. Raises ``HashingFailed``."""

    def close(self) -> None: ...


class HashingThreads:
    """For a program that does little else."""

    def __init__(self, *, threads: int = 1) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="passwords")

    async def carry_out(self, work: Work, *, within_s: float) -> str:
        return await asyncio.get_running_loop().run_in_executor(self._threads, computed, work)

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


class HashingProcess:
    """One process, of lower priority. It is started with the first order, and anew with the next one after it died."""

    def __init__(self, *, threads: int) -> None:
        self._threads = threads
        self._starting = asyncio.Lock()
        self._link: _Link | None = None
        self._is_closed = False

    async def carry_out(self, work: Work, *, within_s: float) -> str:
        """An order whose process dies is given to the next one, once. A process that does not even say that an order
        is overdue is ended.
        """
        try:
            async with asyncio.timeout(within_s + HANGS_AFTER_S):
                answer = await self._ask(work, time.monotonic() + within_s)
        except TimeoutError:
            self._end("it does not answer")
            raise HashingFailed("the process that hashes does not answer") from None
        if answer is None:
            raise HashingFailed("the turn did not come in time")
        return answer

    def close(self) -> None:
        """What is not answered fails."""
        self._is_closed = True
        self._end("closed")

    @property
    def pid(self) -> int | None:
        """Of the process, when there is one."""
        return self._link.pid if self._link is not None and not self._link.is_gone else None

    async def _ask(self, work: Work, until: float) -> str | None:
        for _ in range(MAX_STARTS):
            link = await self._linked()
            with contextlib.suppress(_GoneError):
                return await link.ask(work, until)
        raise HashingFailed("the process that hashes dies again and again")

    async def _linked(self) -> _Link:
        async with self._starting:
            if self._is_closed:
                raise HashingFailed("closed")
            if self._link is None or self._link.is_gone:
                self._link = await _started(self._threads)
            return self._link

    def _end(self, reason: str) -> None:
        if self._link is not None:
            self._link.end(reason)


class _GoneError(Exception):
    """The process ended before it had answered."""


class _Link:
    """A running process and the orders that it has."""

    def __init__(self, process: Process, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.pid = process.pid
        self.is_gone = False
        self._process = process
        self._writer = writer
        self._asked: dict[int, asyncio.Future[str | None]] = {}
        self._count = 0
        self._task = asyncio.get_running_loop().create_task(self._read(reader), name="hashing")

    async def ask(self, work: Work, until: float) -> str | None:
        """None: overdue. A caller that is cancelled leaves the order behind. Raises ``_GoneError``."""
        if self.is_gone:
            raise _GoneError
        self._count += 1
        number = self._count
        answered: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        self._asked[number] = answered
        self._writer.write(msgspec.json.encode(Order(number=number, work=work, until=until)) + b"\n")
        return await answered

    def end(self, reason: str) -> None:
        """Kill it. Idempotent."""
        if self.is_gone:
            return
        self.is_gone = True
        log.info("hashing process ended", pid=self.pid, reason=reason)
        self._writer.transport.abort()
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        for answered in self._asked.values():
            if not answered.done():
                answered.set_exception(_GoneError())
        self._asked.clear()

    async def _read(self, reader: asyncio.StreamReader) -> None:
        reason = "it closed its socket"
        try:
            while line := await reader.readline():
                done = msgspec.json.decode(line, type=Done)
                answered = self._asked.pop(done.number, None)
                if answered is not None and not answered.done():
                    answered.set_result(done.answer)
        except (OSError, ValueError) as error:  # also of what is no answer
            reason = str(error)
        finally:
            self.end(reason)
        await self._process.wait()


async def _started(threads: int) -> _Link:
    ours, theirs = socket.socketpair()
    command = (sys.executable, "-P", "-m", "server.hashing.worker", str(theirs.fileno()), str(os.getpid()))
    with theirs:
        try:
            process = await asyncio.create_subprocess_exec(
                *command, str(threads), stdin=DEVNULL, stdout=DEVNULL, pass_fds=[theirs.fileno()], env=environment()
            )
        except OSError as error:
            ours.close()
            raise HashingFailed(f"no process can be started: {error}") from error
    reader, writer = await asyncio.open_unix_connection(sock=ours)
    log.info("hashing process started", pid=process.pid)
    return _Link(process, reader, writer)
