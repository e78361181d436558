"""Acts of moderators that may take long: beside the mailbox, one after another, in a queue with a bound."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable

from actors.runtime import ActorError, Context, DomainError, Fenced, Later, Lost

MAX_ACTS = 64
FULL_S = 1.0

Act = Callable[[], Awaitable[None]]


class Acts:
    """One kind of act in one room. A refused fencing token stops the room: another node owns it."""

    def __init__(self, *, context: Context, name: str) -> None:
        self._context = context
        self._name = name
        self._waiting: deque[tuple[Act, Later[None]]] = deque()
        self._is_running = False

    def add(self, act: Act) -> Later[None]:
        """Answers when the act is done. Raises ``DomainError("too_many_acts")`` while ``MAX_ACTS`` wait."""
        if len(self._waiting) >= MAX_ACTS:
            raise DomainError("too_many_acts", "Too many such acts wait already.", retry_after_s=FULL_S)
        later: Later[None] = self._context.later()
        self._waiting.append((act, later))
        if not self._is_running:
            self._is_running = True
            self._context.spawn(self._run(), name=self._name)
        return later

    async def _run(self) -> None:
        try:
            while self._waiting:
                await self._carry_out(*self._waiting.popleft())
        finally:
            self._is_running = False

    async def _carry_out(self, act: Act, later: Later[None]) -> None:
        try:
            await act()
        except Fenced:
            self._context.stop()
            later.reject(Lost(self._context.id, "the room has just moved", retry_after_s=0.1))
        except (DomainError, ActorError) as refusal:
            later.reject(refusal)
        else:
            later.resolve(None)
