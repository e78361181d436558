"""Ends of engines, for tests of what survives them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time

import psutil

from storage.embedded.postgres import EmbeddedPostgres
from storage.embedded.redis import EmbeddedRedis


async def kill(engine: EmbeddedPostgres | EmbeddedRedis) -> None:
    """Kill an engine with all its children, and return when its parent knows that it has gone."""
    children = psutil.Process(engine.pid).children(recursive=True)
    os.kill(engine.pid, signal.SIGKILL)
    for child in children:
        with contextlib.suppress(psutil.NoSuchProcess):
            child.kill()
    await asyncio.to_thread(_see_it_gone, engine)


def _see_it_gone(engine: EmbeddedPostgres | EmbeddedRedis) -> None:
    deadline = time.monotonic() + 20
    while engine.is_running():
        assert time.monotonic() < deadline, "it is still there"
        time.sleep(0.005)
