"""How many renditions may be made of each stream, by what the machine was seen to manage. Pure.

A machine that has too little time shows it in ladders that fall behind their sources. Then the stream with the fewest
viewers has one rendition less, the largest; when all have kept up for a while, the one with the most viewers gets one
back. The publishers' own renditions cost next to nothing and are not touched.
"""

from __future__ import annotations

import msgspec

#: After a change it takes so long to be seen.
SETTLE_S = 4.0
FIRST_CALM_S = 20.0
MAX_CALM_S = 320.0


class _Share(msgspec.Struct):
    since: float
    tiers: int
    allowed: int
    viewers: int = 0


class LadderAdmission:
    """Shares out renditions between the streams that want any. Times are monotonic seconds.

    At most ``max_ladders`` streams have any, those with the most viewers; of equals those that came first.
    """

    def __init__(self, *, max_ladders: int) -> None:
        self._max_ladders = max_ladders
        self._shares: dict[str, _Share] = {}
        self._changed_at = float("-inf")
        self._calm_s = FIRST_CALM_S

    def want(self, name: str, *, tiers: int, viewers: int, now: float) -> None:
        """The stream could use so many renditions. It begins with all of them."""
        share = self._shares.get(name)
        if share is None:
            self._shares[name] = _Share(now, tiers, tiers, viewers)
            return
        if share.tiers != tiers:
            share.allowed = max(0, tiers - (share.tiers - share.allowed))
            share.tiers = tiers
        share.viewers = viewers

    def leave(self, name: str) -> None:
        """The stream wants none any more. Idempotent."""
        self._shares.pop(name, None)

    def allowed(self, name: str) -> int:
        """How many renditions may be made of the stream now."""
        share = self._shares.get(name)
        if share is None or name not in self._ranked()[: self._max_ladders]:
            return 0
        return share.allowed

    def report(self, now: float, *, is_late: bool) -> None:
        """Whether one of the ladders was late. About once a second for each."""
        if is_late and now - self._changed_at >= SETTLE_S:
            self._take(now)
        elif is_late:
            return
        elif now - self._changed_at >= self._calm_s:
            self._give(now)

    def _take(self, now: float) -> None:
        for name in reversed(self._ranked()[: self._max_ladders]):
            if self._shares[name].allowed:
                self._shares[name].allowed -= 1
                self._calm_s = min(MAX_CALM_S, 2 * self._calm_s) if self._changed_at > 0 else self._calm_s
                self._changed_at = now
                return

    def _give(self, now: float) -> None:
        for name in self._ranked()[: self._max_ladders]:
            share = self._shares[name]
            if share.allowed < share.tiers:
                share.allowed += 1
                self._changed_at = now
                return
        self._calm_s = FIRST_CALM_S

    def _ranked(self) -> list[str]:
        return sorted(self._shares, key=lambda name: (-self._shares[name].viewers, self._shares[name].since))
