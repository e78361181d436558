"""Who may open sockets, and what all nodes together know of it: people's budgets and accounts' sockets.

No message and no connection waits for another node: each node decides by what it knows. Four times a second it reports
what is new to Redis, and the answer is what all nodes have reported. While Redis is away each node goes by itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import islice
from typing import Protocol

from actors.rate_limits import Consumption, RateLimits
from actors.runtime import ActorError, Clock
from storage.errors import StorageError

SHARE_S = 0.25
PAGE = 256
REPORTED_FROM = 4  # sockets of an account on one node; fewer are nobody else's affair
RESEND_S = 15.0
HOLDS_S = 50.0

log = logging.getLogger("server.admission")


class ConnectionQuota:
    """The sockets of each account, here and on other nodes as far as they have reported; and those of guests, here."""

    def __init__(self, *, per_account: int, per_staff_account: int, guests: int) -> None:
        self._per_account = per_account
        self._per_staff_account = per_staff_account
        self._guests = guests
        self._reported_from = max(1, min(REPORTED_FROM, per_account // 4, per_staff_account // 4))
        self._here: Counter[str] = Counter()
        self._elsewhere: dict[str, int] = {}
        self._news: dict[str, None] = {}

    def has_room(self, account: str, roles: Collection[str]) -> bool:
        most = self._per_staff_account if {"admin", "moderator"} & set(roles) else self._per_account
        if self._here[account] + self._elsewhere.get(account, 0) < most:
            return True
        self._news[account] = None  # others may have closed some since
        return False

    def has_room_for_guest(self) -> bool:
        return self._here[""] < self._guests

    def enter(self, account: str | None) -> None:
        """``None``: a guest."""
        self._here[account or ""] += 1
        self._changed(account)

    def leave(self, account: str | None) -> None:
        self._here[account or ""] -= 1
        self._changed(account)
        if not self._here[account or ""]:
            del self._here[account or ""]

    def _changed(self, account: str | None) -> None:
        """Most accounts have a socket or two, of which no other node need know."""
        if account is not None and (self._here[account] >= self._reported_from or account in self._elsewhere):
            self._news[account] = None

    def take_pending(self, limit: int) -> dict[str, int]:
        """Accounts whose count is to be reported to the other nodes, at most so many; it counts as reported."""
        taken = list(islice(self._news, limit))
        for account in taken:
            del self._news[account]
            if self._reported(account):
                self._elsewhere.setdefault(account, 0)
        return {account: self._reported(account) for account in taken}

    def _reported(self, account: str) -> int:
        count = self._here.get(account, 0)
        return count if count >= self._reported_from else 0

    def resend_all(self) -> None:
        """Reports hold for a while only."""
        self._news |= dict.fromkeys(self._elsewhere)

    def forget_others(self) -> None:
        """What the others have cannot be known: this node goes by itself."""
        self._elsewhere = dict.fromkeys(self._elsewhere, 0)

    def apply(self, account: str, elsewhere: int) -> None:
        """What the other nodes have reported, in answer to our count."""
        if self._reported(account) or (elsewhere and account in self._here):
            self._elsewhere[account] = elsewhere
        else:
            self._elsewhere.pop(account, None)


class QuotaTable(Protocol):
    """What the nodes know together. Raises ``Unavailable`` while that cannot be asked."""

    async def consume(self, spent: Sequence[Consumption]) -> list[float]: ...
    async def count_sockets(self, counts: Mapping[str, int], *, holds_s: float) -> list[int]: ...


class QuotaSync:
    """Exchanges reports with the other nodes, as one task. Alone in the cluster it reports nothing."""

    def __init__(
        self,
        *,
        rate_limits: RateLimits,
        connection_quota: ConnectionQuota,
        table: QuotaTable,
        clock: Clock,
        is_alone: Callable[[], bool],
    ) -> None:
        self._rate_limits = rate_limits
        self._connection_quota = connection_quota
        self._table = table
        self._clock = clock
        self._is_alone = is_alone
        self._resent_at = clock.monotonic()
        self._is_away = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._run(), name="exchange budgets")

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        while True:
            await self._clock.sleep(SHARE_S)
            try:
                await self.share()
            except (ActorError, StorageError) as error:
                self._connection_quota.forget_others()
                self._resent_at = -math.inf
                if not self._is_away:
                    log.warning("what people do elsewhere is not known: limits hold for each node by itself: %s", error)
                self._is_away = True
            else:
                self._is_away = False

    async def share(self) -> None:
        """Once: report all that is new, and take over the answers."""
        if self._clock.monotonic() - self._resent_at > RESEND_S:
            self._resent_at = self._clock.monotonic()
            self._connection_quota.resend_all()
        while spent := self._rate_limits.take_pending(PAGE, at=self._clock.monotonic()):
            await self._share_consumption(spent)
        while counts := self._connection_quota.take_pending(PAGE):
            await self._share_counts(counts)

    async def _share_consumption(self, spent: list[Consumption]) -> None:
        if self._is_alone():
            return
        at = self._clock.monotonic()
        for one, level_s in zip(spent, await self._table.consume(spent), strict=True):
            self._rate_limits.apply(one.key, level_s, at=at)

    async def _share_counts(self, counts: dict[str, int]) -> None:
        if self._is_alone():
            for account in counts:
                self._connection_quota.apply(account, 0)
            return
        sums = await self._table.count_sockets(counts, holds_s=HOLDS_S)
        for account, elsewhere in zip(counts, sums, strict=True):
            self._connection_quota.apply(account, elsewhere)
