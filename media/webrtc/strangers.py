"""How many checks of strangers are looked at: reading one, and finding out that it is not signed, costs far more than
dropping it. Sans-I/O."""

from __future__ import annotations

from typing import Final

WINDOW_S: Final = 0.25
#: In a window: so many people may come at once from one address, behind a NAT say, each with some checks.
MAX_OF_HOST: Final = 500
#: In a window, of all. What comes from more addresses than there are people is forged; people send their checks again.
MAX_OF_ALL: Final = 1_250


class StrangerChecks:
    """Counts by host, from one window to the next. An address that a signed check has come from is no stranger's."""

    def __init__(self) -> None:
        self._until = float("-inf")
        self._all = 0
        self._by_host: dict[str, int] = {}

    def may(self, host: str, now: float) -> bool:
        """Whether another one from there is looked at. ``now``: seconds that go on."""
        if now >= self._until:
            self._until, self._all = now + WINDOW_S, 0
            self._by_host.clear()
        if self._all >= MAX_OF_ALL:
            return False
        count = self._by_host.get(host, 0)
        if count >= MAX_OF_HOST:
            return False
        self._by_host[host] = count + 1
        self._all += 1
        return True
