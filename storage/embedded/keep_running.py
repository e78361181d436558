"""Starts an engine again whenever it has gone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from storage.errors import EmbeddedStartFailed


class Engine(Protocol):
    """An engine that may have to be started again."""

    @property
    def name(self) -> str: ...

    def start(self) -> str:
        """Blocks until the engine answers. Raises ``EmbeddedStartFailed``."""
        ...

    def is_running(self) -> bool: ...

    def bound_log(self) -> None:
        """Keeps the log file within its limit."""
        ...


async def keep_running(
    engine: Engine,
    *,
    poll_s: float = 0.25,
    on_restart: Callable[[str], None],
    on_failure: Callable[[EmbeddedStartFailed], None],
) -> None:
    """Start an engine again whenever it has gone, until cancelled; ``on_restart`` gets its name.

    A start that fails is reported and tried again with growing pauses, at most 1 s.
    """
    pause_s = poll_s
    while True:
        await asyncio.sleep(pause_s)
        engine.bound_log()
        if engine.is_running():
            pause_s = poll_s
            continue
        try:
            await _start_whole(engine)
        except EmbeddedStartFailed as error:
            on_failure(error)
            pause_s = min(pause_s * 2, 1.0)
        else:
            on_restart(engine.name)


async def _start_whole(engine: Engine) -> None:
    """Start in a thread; a cancellation waits for the start to end, so that no engine appears after its stop."""
    starting = asyncio.ensure_future(asyncio.to_thread(engine.start))
    try:
        await asyncio.shield(starting)
    except asyncio.CancelledError:
        await asyncio.wait([starting])
        raise
