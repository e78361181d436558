"""The encoder in a process of its own: what it takes for long, or dies of, holds up no other work of the node."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np
import structlog

from media.confinement import environment
from server.sentences.encoder import SIZE, Vectors
from server.sentences.orders import Answer

WITHIN_S: Final = 20.0
"""For one order."""
START_S: Final = 60.0
"""That a start may take besides, on a full machine: one that is broken off is begun anew by the next order."""
MAX_TEXTS: Final = 256
_MAX_LINE: Final = 4 << 20

log = structlog.get_logger(__name__)


class ModelAway(Exception):
    """There are no scores now, for the reason that this says: a text is judged by the rules alone."""


class EncoderProcess:
    """Started with the first order, and anew with the next one after it ended. One order at a time; others wait."""

    def __init__(
        self, *, within_s: float = WITHIN_S, start_s: float = START_S, module: str = "server.sentences.worker"
    ) -> None:
        self._within_s = within_s
        self._start_s = start_s
        self._module = module
        self._turn = asyncio.Lock()
        self._process: Process | None = None

    async def encode(self, texts: Sequence[str]) -> Vectors:
        """Of at most ``MAX_TEXTS`` texts. Raises ``ModelAway`` when it is not there, or late: then it is ended."""
        if not texts:
            return np.zeros((0, SIZE), dtype=np.float32)
        within_s = self._within_s + (0.0 if self._is_running() else self._start_s)
        try:
            async with asyncio.timeout(within_s):
                async with self._turn:
                    return await self._asked(texts[:MAX_TEXTS])
        except TimeoutError:
            await self.close()
            raise ModelAway(f"the encoder has not answered within {within_s:g} s") from None
        except (OSError, ValueError, msgspec.DecodeError) as error:
            await self.close()
            raise ModelAway(f"the encoder has failed: {error}") from None
        except asyncio.CancelledError:
            await self.close()  # its answer would be taken for that of the next order
            raise

    async def close(self) -> None:
        """End the process, and wait until it has ended. Idempotent."""
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
        if process is not None:
            await process.wait()

    async def _asked(self, texts: Sequence[str]) -> Vectors:
        process = await self._running()
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(msgspec.json.encode(list(texts)) + b"\n")
        await process.stdin.drain()
        line = await process.stdout.readline()
        answer = msgspec.json.decode(line, type=Answer) if line else Answer(error="its process has ended")
        if answer.error:
            await self.close()
            raise ModelAway(answer.error)
        return _vectors(answer, len(texts))

    def _is_running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    async def _running(self) -> Process:
        if self._process is None or not self._is_running():
            command = (sys.executable, "-P", "-m", self._module, str(os.getpid()))
            env = {**environment(), "OPENBLAS_NUM_THREADS": "1"}  # threads of it that wait for one another cost more
            self._process = await asyncio.create_subprocess_exec(
                *command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, env=env, limit=_MAX_LINE
            )
            log.info("encoder started", pid=self._process.pid)
        return self._process


def _vectors(answer: Answer, count: int) -> Vectors:
    raw = b"".join(base64.b64decode(one) for one in answer.vectors)
    if len(answer.vectors) != count or len(raw) != count * SIZE * 4:
        raise ValueError("its answer is not of what it was asked")
    return np.frombuffer(raw, dtype="<f4").astype(np.float32).reshape(count, SIZE)
