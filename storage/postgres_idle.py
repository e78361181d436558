"""Open connections of a pool that nothing uses at the moment, for the next who wants one.

They stay taken from the driver's pool: to give one back to it and take it again costs a task, two time-outs and more
than the rest of what a short statement takes here.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

from storage.postgres_session import Session


class IdleConnections:
    """The one that was used last is taken first, and one that plans as it is wanted before any other.

    Those that were not used for ``kept_s`` are ended: all nodes share what connections the server has.
    """

    def __init__(self, *, kept_s: float) -> None:
        self._kept_s = kept_s
        self._held: deque[tuple[float, Any, Session]] = deque()
        """The longest unused first: since when, by the loop's time, what the pool gave, and the connection in it. Of
        one that the server has ended only the latter can be asked."""
        self._timer: asyncio.TimerHandle | None = None

    def take(self, *, once: bool) -> Any:
        """An open connection as the pool gave it; None when there is none. ``once``: see ``Session.plan``."""
        place = self._place(once=once) if self._held else None
        if place is None:
            return None
        connection = self._held[place][1]
        del self._held[place]
        return connection

    def _place(self, *, once: bool) -> int | None:
        best: int | None = None
        for place in range(len(self._held) - 1, -1, -1):
            session = self._held[place][2]
            if session.is_closed():
                session.terminate()  # its place in the pool is free again
                del self._held[place]
                best = best - 1 if best is not None else None
            elif session.plans_once is once:
                return place
            elif best is None:
                best = place
        return best

    def put(self, connection: Any) -> None:
        """Keep one whose last statement has ended well."""
        loop = asyncio.get_running_loop()
        self._held.append((loop.time(), connection, connection.itself))
        if self._timer is None:
            self._timer = loop.call_later(self._kept_s, self._end_unused)

    def end(self) -> None:
        """End them all at once."""
        while self._held:
            self._held.pop()[2].terminate()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _end_unused(self) -> None:
        loop = asyncio.get_running_loop()
        while self._held and self._held[0][0] + self._kept_s <= loop.time():
            self._held.popleft()[2].terminate()
        self._timer = None
        if self._held:
            self._timer = loop.call_at(self._held[0][0] + self._kept_s, self._end_unused)
