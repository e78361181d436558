"""What follows actors from this node tells them so every so often: one that moved or was restored learns it anew."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Collection
from typing import Final

from actors.runtime import Clock, Handle

AT_ONCE: Final = 64


class Beat:
    """Every ``every_s``, ``tell`` is called for each of ``followed``; no timer runs while there are none. What ``tell``
    raises ends that beat, and not the next ones. ``name``: of its task.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        every_s: float,
        followed: Callable[[], Collection[str]],
        tell: Callable[[str], Awaitable[None]],
        name: str,
    ) -> None:
        self._clock = clock
        self._every_s = every_s
        self._followed = followed
        self._tell = tell
        self._name = name
        self._timer: Handle | None = None
        self._beating: asyncio.Task[None] | None = None

    def arm(self) -> None:
        """Something is followed now."""
        if self._timer is None and self._followed():
            self._timer = self._clock.call_later(self._every_s, self._begin)

    async def close(self) -> None:
        if self._beating is not None:
            self._beating.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._beating
        if self._timer is not None:  # last, since a beat that ends arms the next one
            self._timer.cancel()

    def _begin(self) -> None:
        self._timer = None
        self._beating = asyncio.get_running_loop().create_task(self._beat(), name=self._name)

    async def _beat(self) -> None:
        ids = list(self._followed())
        try:
            for first in range(0, len(ids), AT_ONCE):
                await asyncio.gather(*(self._tell(one) for one in ids[first : first + AT_ONCE]))
        finally:
            self.arm()
