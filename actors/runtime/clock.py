"""Time as an argument: the machine's, or one that a test moves by hand."""

from __future__ import annotations

import asyncio
import heapq
import time
from collections.abc import Callable
from functools import partial
from itertools import count
from typing import Protocol


class Handle(Protocol):
    """A call that has not happened yet."""

    def cancel(self) -> None: ...


class Clock(Protocol):
    """All that the runtime knows of time. `monotonic` is for deadlines, `time` is the wall; both in seconds."""

    def monotonic(self) -> float: ...

    def time(self) -> float: ...

    def call_later(self, delay_s: float, callback: Callable[[], object]) -> Handle: ...

    async def sleep(self, delay_s: float) -> None: ...


class LoopClock:
    """The machine's clock and the running loop's timers. Made anywhere; `call_later` wants a running loop."""

    def __init__(self) -> None:
        # Instance attributes, since the mailbox reads the clock once a message and a wrapper would double the price.
        self.monotonic = time.monotonic
        self.time = time.time

    def call_later(self, delay_s: float, callback: Callable[[], object]) -> Handle:
        return asyncio.get_running_loop().call_later(delay_s, callback)

    async def sleep(self, delay_s: float) -> None:
        await asyncio.sleep(delay_s)


class _Call:
    __slots__ = ("at", "callback", "order")

    def __init__(self, at: float, order: int, callback: Callable[[], object]) -> None:
        self.at = at
        self.order = order
        self.callback: Callable[[], object] | None = callback

    def __lt__(self, other: _Call) -> bool:
        return (self.at, self.order) < (other.at, other.order)

    def cancel(self) -> None:
        self.callback = None


def _wake(sleeper: asyncio.Future[None]) -> None:
    if not sleeper.done():
        sleeper.set_result(None)


class ManualClock:
    """Time that stands still until `advance`. Calls fire in order of time, then of making; the loop settles after each.

    `steps` is how many passes of the event loop count as settled, so chains of awaits longer than that need more.
    """

    def __init__(self, *, start: float = 1_000.0, wall: float = 1_700_000_000.0, steps: int = 25) -> None:
        self._now = start
        self._offset = wall - start
        self._steps = steps
        self._calls: list[_Call] = []
        self._order = count()

    def monotonic(self) -> float:
        return self._now

    def time(self) -> float:
        return self._now + self._offset

    def call_later(self, delay_s: float, callback: Callable[[], object]) -> Handle:
        call = _Call(self._now + max(0.0, delay_s), next(self._order), callback)
        heapq.heappush(self._calls, call)
        return call

    async def sleep(self, delay_s: float) -> None:
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        call = self.call_later(delay_s, partial(_wake, woken))
        try:
            await woken
        finally:
            call.cancel()

    async def settle(self) -> None:
        """Lets everything run that can run without time passing."""
        for _ in range(self._steps):
            await asyncio.sleep(0)

    async def advance(self, seconds: float) -> None:
        """Moves time on by `seconds`, stopping at each call that falls due."""
        end = self._now + seconds
        await self.settle()
        while self._calls and self._calls[0].at <= end:
            call = heapq.heappop(self._calls)
            if call.callback is not None:
                self._now = max(self._now, call.at)
                call.callback()
                await self.settle()
        self._now = end

    async def jump(self, seconds: float) -> None:
        """Moves time on at once, as for a process that stood still: what fell due meanwhile is called late."""
        self._now += seconds
        await self.advance(0)
