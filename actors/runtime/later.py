"""An answer promised now and given later."""

from __future__ import annotations

import asyncio
from typing import Any, Generic, TypeVar

from actors.runtime.envelope import answer, refuse
from actors.runtime.errors import ActorError, DomainError

R = TypeVar("R")


class Later(Generic[R]):
    """An answer that a handler gives after it returned. The first of `resolve` and `reject` counts."""

    __slots__ = ("_early", "_future")

    def __init__(self) -> None:
        self._future: asyncio.Future[Any] | None = None
        self._early: tuple[bool, Any] | None = None

    @property
    def is_open(self) -> bool:
        """False once answered, or once nobody waits any more."""
        return not self._future.done() if self._future is not None else self._early is None

    def resolve(self, value: R) -> None:
        if self._future is None:
            self._early = self._early or (True, value)
        else:
            answer(self._future, value)

    def reject(self, error: DomainError | ActorError) -> None:
        if self._future is None:
            self._early = self._early or (False, error)
        else:
            refuse(self._future, error)

    def bind(self, future: asyncio.Future[Any]) -> None:
        """Joins the answer to its asker, when the handler has returned. Called by the cell."""
        self._future = future
        if self._early is not None:
            is_answer, value = self._early
            (answer if is_answer else refuse)(future, value)
