"""What a loop sleeps on: it goes on when ``set`` is called, or when the time is over."""

from __future__ import annotations

import asyncio

from actors.runtime import Clock


class Wakeup:
    """For one waiter. A ``set`` without a waiter is kept for the next wait; many are kept as one."""

    __slots__ = ("_clock", "_waiting", "is_set")

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._waiting: asyncio.Future[None] | None = None
        self.is_set = False

    def set(self) -> None:
        self.is_set = True
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    async def wait(self, within_s: float | None = None) -> bool:
        """Whether it was set. False when ``within_s`` has passed first."""
        if not self.is_set:
            await self._sleep(within_s)
        is_set, self.is_set = self.is_set, False
        return is_set

    async def _sleep(self, within_s: float | None) -> None:
        waiting = self._waiting = asyncio.get_running_loop().create_future()
        alarm = None if within_s is None else self._clock.call_later(within_s, self._time_is_up)
        try:
            await waiting
        finally:
            self._waiting = None
            if alarm is not None:
                alarm.cancel()

    def _time_is_up(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)
