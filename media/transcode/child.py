"""A codec worker as the media process sees it: a pid, a way in, and a call for whatever comes out."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Callable
from typing import cast

import msgspec

from media.transcode.wire import Answer, BadFrameError, Frames, Order, answers, pack

log = logging.getLogger("media.transcode")

#: What a worker needs of our environment: where Python is. Never what else is configured there.
_ENVIRONMENT = ("PATH", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "LD_LIBRARY_PATH", "LANG", "LC_ALL")


class Child(asyncio.Protocol):
    """One worker process. ``gone`` is set once it cannot be spoken to any more, for whatever reason."""

    def __init__(self) -> None:
        self.gone = asyncio.Event()
        self.pid = 0
        self._process: Process | None = None
        self._transport: asyncio.Transport | None = None
        self._frames = Frames()
        self._receive: Callable[[Answer], None] = lambda answer: None
        self._on_gone: Callable[[], None] = lambda: None

    def attach(self, receive: Callable[[Answer], None], *, on_gone: Callable[[], None] = lambda: None) -> None:
        """Who hears its answers from now on, and, once, that there will be no more."""
        self._receive = receive
        self._on_gone = on_gone

    def send(self, order: Order) -> None:
        """Never blocks; lost if the worker is gone. The caller bounds what is under way by what was answered."""
        if self._transport is not None and not self.gone.is_set():
            self._transport.write(pack(order))

    def kill(self) -> None:
        """End it at once. Idempotent."""
        self._receive = lambda answer: None
        self._go()
        if self._transport is not None:
            self._transport.abort()
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()

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
                    env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
                )
            self.pid = self._process.pid
            await asyncio.get_running_loop().create_unix_connection(lambda: self, sock=ours)
        except BaseException:
            ours.close()
            self.kill()
            raise

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        try:
            for body in self._frames.feed(data):
                self._receive(answers.decode(body))
        except (BadFrameError, msgspec.DecodeError) as error:
            log.error("codec worker %d does not make sense: %s", self.pid, error)
            self.kill()

    def connection_lost(self, exc: Exception | None) -> None:
        self._go()

    def _go(self) -> None:
        if not self.gone.is_set():
            self.gone.set()
            self._on_gone()
