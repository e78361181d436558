"""A model in a process of its own: what it takes for long, or dies of, holds up no other work of the node."""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import msgspec
import structlog

from media.confinement import environment
from server.llama.orders import Order, Started

START_S: Final = 600.0
"""A large file comes from a slow disk."""
LONGEST_WAIT_S: Final = 60.0
SOCKET: Final = "model.sock"
"""llama.cpp takes it for a path by how it ends."""
log = structlog.get_logger(__name__)


class ModelAway(Exception):
    """There are no answers now, for the reason that this says."""


class LlamaProcess:
    """Started by ``begin`` or the first ask, and anew with the next one after it ended: at once the first time, and as
    long as nothing is answered after 1, 2, 4 … 60 s. ``order``: without its socket.
    """

    def __init__(
        self,
        *,
        order: Order,
        monotonic: Callable[[], float],
        start_s: float = START_S,
        module: str = "server.llama.worker",
    ) -> None:
        self._order = order
        self._monotonic = monotonic
        self._start_s = start_s
        self._module = module
        self._process: Process | None = None
        self._folder: TemporaryDirectory[str] | None = None
        self._starting: asyncio.Task[str] | None = None
        self._failures = 0
        self._not_before = 0.0

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None else None

    async def address(self) -> Path:
        """The socket that it listens on. A start goes on when who waits for it has left. Raises ``ModelAway``."""
        self.verdict()
        if self._starting is None and self._process is None:
            self._require_patience()
            self.begin()
        if self._starting is not None and (error := await asyncio.shield(self._starting)):
            raise ModelAway(error)
        assert self._folder is not None
        return Path(self._folder.name) / SOCKET

    def begin(self) -> None:
        """Start it, unless it is there, and wait for nothing."""
        if self._starting is None and self._process is None:
            self._starting = asyncio.create_task(self._start(), name="start of the model")

    def answered(self) -> None:
        """It has given a whole answer: should it end now, it is started at once."""
        self._failures = 0

    def verdict(self) -> str:
        """How it has ended, empty where it has not."""
        process = self._process
        if self._starting is not None or process is None or process.returncode is None:
            return ""
        return self._failed(_meaning(process.returncode))

    async def ended(self, within_s: float) -> str:
        """``verdict`` of one that may just be ending."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                if self._process is not None:
                    await self._process.wait()
        return self.verdict()

    async def end(self, why: str) -> None:
        """Kill it, as one that has failed."""
        if self._process is not None:
            await self._kill()
            self._failed(why)

    async def close(self) -> None:
        """End it, and wait until it has ended. Idempotent."""
        if (starting := self._starting) is not None:
            starting.cancel()
            await asyncio.wait([starting])
        await self._kill()
        self._forget()

    def _require_patience(self) -> None:
        if (wait_s := self._not_before - self._monotonic()) > 0:
            says = f"the model's process has ended {self._failures} times; it is started anew in {math.ceil(wait_s)} s"
            raise ModelAway(says)

    async def _start(self) -> str:
        """Why it has not started, or nothing."""
        began = self._monotonic()
        self._folder = TemporaryDirectory(prefix="socialflow-model-")  # ours alone to enter
        try:
            async with asyncio.timeout(self._start_s):
                error = await self._started(Path(self._folder.name) / SOCKET)
        except TimeoutError:
            error = f"the model was not read within {self._start_s:g} s"
        except (OSError, msgspec.DecodeError) as failure:
            error = f"the model's process cannot be started: {failure}"
        finally:
            self._starting = None
        if error:
            await self._kill()
            return self._failed(error)
        log.info("model started", pid=self.pid, seconds=round(self._monotonic() - began, 1))
        return ""

    async def _started(self, socket: Path) -> str:
        command = (sys.executable, "-P", "-m", self._module, str(os.getpid()))
        process = self._process = await asyncio.create_subprocess_exec(
            *command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, env=environment()
        )
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(msgspec.json.encode(msgspec.structs.replace(self._order, socket=str(socket))) + b"\n")
        await process.stdin.drain()
        line = await process.stdout.readline()
        return msgspec.json.decode(line, type=Started).error if line else _meaning(await process.wait())

    def _failed(self, why: str) -> str:
        self._forget()
        self._failures += 1
        wait_s = 0.0 if self._failures == 1 else min(LONGEST_WAIT_S, 2.0 ** (self._failures - 2))
        self._not_before = self._monotonic() + wait_s
        log.warning("the model's process has ended", why=why, failures=self._failures)
        return why

    async def _kill(self) -> None:
        if self._process is not None:
            if self._process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self._process.pid, signal.SIGKILL)
            await self._process.wait()

    def _forget(self) -> None:
        self._process = None
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None


def _meaning(code: int) -> str:
    if code >= 0:
        return f"the model's process has left with code {code}"
    return f"the model's process was killed by {signal.Signals(-code).name}"
