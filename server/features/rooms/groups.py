"""Group commit: what several clients ask for at one time is written by one statement."""

from __future__ import annotations

import asyncio
import collections
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Final, Generic, TypeVar

from actors.runtime import DomainError, Unavailable
from storage.errors import StorageError

ItemT = TypeVar("ItemT")
OutcomeT = TypeVar("OutcomeT")

MAX_ROWS: Final = 500
MAX_WAITING: Final = 10_000


Write = Callable[[Sequence[ItemT]], Awaitable[list[OutcomeT | DomainError | Unavailable]]]


class GroupCommit(Generic[ItemT, OutcomeT]):
    """``write`` gets up to ``MAX_ROWS`` items and answers an outcome, or the refusal, for each, in their order.

    While one group is written the next one gathers.
    """

    def __init__(
        self, *, name: str, write: Callable[[Sequence[ItemT]], Awaitable[list[OutcomeT | DomainError | Unavailable]]]
    ) -> None:
        self._name = name
        self._write = write
        self._waiting: collections.deque[tuple[ItemT, asyncio.Future[OutcomeT]]] = collections.deque()
        self._task: asyncio.Task[None] | None = None

    def submit(self, item: ItemT) -> asyncio.Future[OutcomeT]:
        """The future of its outcome, at once. Raises ``DomainError("overloaded")`` when too many wait.

        ``Unavailable`` in the future: whether it was written is unknown, and the same may be asked for again.
        """
        if len(self._waiting) >= MAX_WAITING:
            raise DomainError("overloaded", "Too many at once: try again in a moment.", retry_after_s=1.0)
        loop = asyncio.get_running_loop()
        outcome: asyncio.Future[OutcomeT] = loop.create_future()
        self._waiting.append((item, outcome))
        if self._task is None:
            self._task = loop.create_task(self._run(), name=self._name)
        return outcome

    async def close(self) -> None:
        """Write what waits."""
        if self._task is not None:
            await asyncio.shield(self._task)

    async def _run(self) -> None:
        try:
            while self._waiting:
                count = min(MAX_ROWS, len(self._waiting))
                await self._settle([self._waiting.popleft() for _ in range(count)])
        finally:
            self._task = None
            self._fail(self._waiting, "it was stopped")
            self._waiting.clear()

    async def _settle(self, group: Sequence[tuple[ItemT, asyncio.Future[OutcomeT]]]) -> None:
        """Every one of the group has its outcome afterwards, however this ends."""
        try:
            outcomes = await self._write([item for item, _ in group])
            for (_, future), outcome in zip(group, outcomes, strict=True):
                _resolve(future, outcome)
        except StorageError as error:
            self._fail(group, str(error))
        finally:
            self._fail(group, "it was stopped")

    def _fail(self, group: Iterable[tuple[ItemT, asyncio.Future[OutcomeT]]], reason: str) -> None:
        for _, future in group:
            _resolve(future, Unavailable(self._name, reason))


def _resolve(future: asyncio.Future[OutcomeT], outcome: OutcomeT | DomainError | Unavailable) -> None:
    """Nothing changes for one that has its outcome, or whose client has gone."""
    if future.done():
        return
    if isinstance(outcome, DomainError | Unavailable):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)
