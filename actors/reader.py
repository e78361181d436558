"""The reader of durable facts: one actor a feature, ``reader/<feature>``, so that the cluster has exactly one.

The actor decides when to read. The log handles facts in the transaction that moves the reader's position, under the
actor's epoch, so a node that lost the shard without noticing handles nothing.
"""

from __future__ import annotations

from typing import Final, Protocol

from actors.runtime import Actor, Fence, Message, Unavailable, handles

READER: Final = "reader"


class Wake(Message, frozen=True, kw_only=True):
    """There may be facts to read."""


class _Rested(Message, frozen=True, kw_only=True):
    pass


class Step(Protocol):
    """What came of one batch. ``again_after_s``: None when no fact waits, 0 when more may wait.

    ``error``: why a fact failed; ``aside``: the name of a fact that was put aside.
    """

    @property
    def again_after_s(self) -> float | None: ...
    @property
    def error(self) -> str: ...
    @property
    def aside(self) -> str: ...


class FactLog(Protocol):
    """Facts as one feature reads them. Both raise ``Unavailable`` while the database is away."""

    async def open(self) -> None:
        """Note that the reader exists. Raises ``DomainError`` for a feature that this node does not know."""

    async def advance(self, *, fence: Fence) -> Step:
        """Handle the next batch. Raises ``Fenced`` for a stale epoch."""


class FactReader(Actor):
    """Reads when it is woken, batch after batch until no fact waits. Wakes during a batch count as one."""

    def __init__(self, *, log: FactLog) -> None:
        self._log = log
        self._is_due = False
        self._is_reading = False
        self._is_resting = False

    async def activate(self) -> None:
        await self._log.open()

    @handles(Wake)
    def wake(self, message: Wake) -> None:
        self._is_due = True
        if not self._is_reading and not self._is_resting:
            self._is_reading = True
            self.context.spawn(self._read(), name="read")

    @handles(_Rested)
    def rested(self, message: _Rested) -> None:
        self._is_resting = False
        self.wake(Wake())

    async def _read(self) -> None:
        while self._is_due and not self._is_resting:
            self._is_due = False
            await self._read_batch()
        self._is_reading = False

    async def _read_batch(self) -> None:
        try:
            step = await self._log.advance(fence=self.context.fence)
        except Unavailable as error:
            self.context.log.info("facts wait for the next wake: %s", error)
            return
        if step.aside:
            self.context.log.error("a fact %s was put aside: %s", step.aside, step.error)
        elif step.error:
            self.context.log.warning("a fact failed: %s", step.error)
        if step.again_after_s == 0:
            self._is_due = True
        elif step.again_after_s is not None:
            self._is_resting = True
            self.context.timer(step.again_after_s, _Rested())
