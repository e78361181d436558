"""Start and stop as named stages: each has a budget, and the log says which one was late."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable

log = logging.getLogger("server.lifecycle")

Close = Callable[[], Awaitable[object]]


class Stages:
    """What was started, closed in the opposite order. A stage that fails or is late is logged; the next one goes on."""

    def __init__(self) -> None:
        self._stages: list[tuple[str, float, Close]] = []

    def add(self, name: str, close: Close, *, budget_s: float = 5.0) -> None:
        """Register how to close something that has just been opened."""
        self._stages.append((name, budget_s, close))

    async def close(self) -> None:
        """Close everything, last opened first. Idempotent."""
        while self._stages:
            name, budget_s, close = self._stages.pop()
            await _close_stage(name, budget_s, close)


def closer(close: Callable[[], object]) -> Close:
    """Of something that closes at once. An OSError on the way says that it was gone already."""

    async def closing() -> None:
        with contextlib.suppress(OSError):
            close()

    return closing


def ended(task: asyncio.Task[None]) -> Close:
    """Cancels the task and waits for its end."""

    async def closing() -> None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    return closing


async def _close_stage(name: str, budget_s: float, close: Close) -> None:
    started_at = time.monotonic()
    try:
        async with asyncio.timeout(budget_s):
            await close()
    except TimeoutError:
        log.warning("stop: %s was not done within %.1f s", name, budget_s)
    # The named edge of a stop: one part that cannot be closed must not keep the others open.
    except Exception:
        log.exception("stop: %s failed", name)
    else:
        log.debug("stop: %s took %.2f s", name, time.monotonic() - started_at)
