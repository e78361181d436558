"""A codec worker as the media process sees it: a pid, a way in, and a call for whatever comes out."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Callable
from pathlib import Path
from typing import cast

import msgspec

from media.confinement import environment
from media.errors import MediaError
from media.transcode.messages import BadFrameError, Frames, Order, WorkerAnswer, answers, pack
from media.transcode.patience import Vitals

_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


class NoWorkerError(MediaError):
    """There are as many workers as there may be, or none can be started."""


class SlowStartError(NoWorkerError):
    """A worker was not ready in time, or ended before it was: another one may have more luck later."""


class Child(asyncio.Protocol):
    """One worker process. ``gone`` is set once it cannot be spoken to any more, for whatever reason.

    ``task`` is what it works at, for the log; ``verdict`` why it was ended, empty when it ended by itself.
    """

    def __init__(self) -> None:
        self.gone = asyncio.Event()
        self.pid = 0
        self.task = "nothing yet"
        self.verdict = ""
        self.used = Vitals(0.0, is_ready=False)
        self._started_at = 0.0
        self._process: Process | None = None
        self._transport: asyncio.Transport | None = None
        self._frames = Frames()
        self._receive: Callable[[WorkerAnswer], None] = lambda answer: None
        self._on_gone: Callable[[], None] = lambda: None

    def attach(self, receive: Callable[[WorkerAnswer], None], *, on_gone: Callable[[], None] = lambda: None) -> None:
        """Who gets the child's answers from now on, and, once, the news that it has ended."""
        self._receive = receive
        self._on_gone = on_gone

    def send(self, order: Order) -> None:
        """Never blocks; lost if the worker is gone. The caller bounds what is under way by what was answered."""
        if self._transport is not None and not self.gone.is_set():
            self._transport.write(pack(order))

    def kill(self, reason: str) -> None:
        """End it at once. Idempotent: the first reason stays, and none is taken for one that ended by itself."""
        if not self.gone.is_set():
            self.verdict, self.used = reason, self.vitals()
        self._receive = lambda answer: None
        self._go()
        if self._transport is not None:
            self._transport.abort()
        if self._process is not None and self._process.returncode is None:
            # Not by ``Process.kill``, which polls first, and so may take the exit code from the event loop's own wait.
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process.pid, signal.SIGKILL)

    def vitals(self) -> Vitals:
        """What the kernel says of it now (proc(5), ``/proc/pid/stat``); of one that is gone, and where there is no such
        file, the last that was known, as if it were ready to run.
        """
        try:
            fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
            return Vitals((int(fields[11]) + int(fields[12])) / _TICKS_A_SECOND, is_ready=fields[0] == "R")
        except (OSError, ValueError, IndexError):
            return Vitals(self.used.cpu_s, is_ready=True)

    async def end(self) -> str:
        """Until the process has ended, and how it came about. Only after ``kill`` or ``gone``."""
        code = await self.wait()
        lived_s = asyncio.get_running_loop().time() - self._started_at
        why = self.verdict or _meaning(code)
        return f"{why}; it lived for {lived_s:.0f} s and used {self.used.cpu_s:.1f} s of processor time"

    async def wait(self) -> int:
        """Until the process has ended: its exit code. Only after ``kill`` or ``gone``."""
        return 0 if self._process is None else await self._process.wait()

    async def start(self) -> None:
        """Start the process. Raises ``OSError``; cancelled half way, no process remains."""
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                self._process = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-P", "-m", "media.transcode.worker", str(theirs.fileno()), str(os.getpid())),
                    stdin=DEVNULL,
                    stdout=DEVNULL,
                    pass_fds=[theirs.fileno()],
                    env=environment(),
                )
            self.pid, self._started_at = self._process.pid, asyncio.get_running_loop().time()
            await asyncio.get_running_loop().create_unix_connection(lambda: self, sock=ours)
        except BaseException:
            ours.close()
            self.kill("its start was given up")
            raise

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        try:
            for body in self._frames.feed(data):
                self._receive(answers.decode(body))
        except (BadFrameError, msgspec.DecodeError) as error:
            self.kill(f"what it said made no sense: {error}")

    def connection_lost(self, exc: Exception | None) -> None:
        self._go()

    def _go(self) -> None:
        if not self.gone.is_set():
            self.used = self.vitals()
            self.gone.set()
            self._on_gone()


def _meaning(code: int) -> str:
    if code >= 0:
        return f"it left with code {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"
