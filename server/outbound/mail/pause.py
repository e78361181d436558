"""While the SMTP server is away a node leaves it alone, and the mails that wait keep their attempts."""

from __future__ import annotations

from typing import Final

from actors.runtime import Clock

FIRST_S: Final = 1.0
LONGEST_S: Final = 30.0


class ServerPause:
    """Each failure in a row closes for twice as long as the one before: 1 s, 2 s, 4 s … half a minute.

    Those that fail side by side count as one, since the first of them has closed.
    """

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._next_s = FIRST_S
        self._until = 0.0

    async def over(self) -> None:
        """Returns when the server may be tried."""
        while (left_s := self._until - self._clock.monotonic()) > 0:
            await self._clock.sleep(left_s)

    def failed(self) -> None:
        now = self._clock.monotonic()
        if now >= self._until:
            self._until = now + self._next_s
            self._next_s = min(2 * self._next_s, LONGEST_S)

    def worked(self) -> None:
        self._next_s = FIRST_S
        self._until = 0.0
