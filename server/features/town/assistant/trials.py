"""An operator has the engine say something, to see whether it does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from typing import Final

import msgspec

from server.features.town.assistant.engines import Delta, Engine, EngineFailed, Failure, Message

ASKED: Final = Message(role="user", text="Say hello.")
MAX_SAYS: Final = 200


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """``says``: its first characters, or what went wrong. ``seconds``: until then."""

    failure: Failure | None
    says: str
    seconds: float


class Trials:
    """``wait_s``: as an answer has until its first part."""

    def __init__(self, *, engine: Engine, wait_s: float, monotonic: Callable[[], float]) -> None:
        self._engine = engine
        self._wait_s = wait_s
        self._monotonic = monotonic

    async def run(self) -> Trial:
        began = self._monotonic()
        try:
            async with asyncio.timeout(self._wait_s):
                return self._ended(None, await self._first_words(), began)
        except TimeoutError:
            return self._ended("late", f"the model has said nothing for {self._wait_s:g} s", began)
        except EngineFailed as error:
            return self._ended(error.failure, str(error), began)

    def _ended(self, failure: Failure | None, says: str, began: float) -> Trial:
        return Trial(failure=failure, says=says[:MAX_SAYS], seconds=self._monotonic() - began)

    async def _first_words(self) -> str:
        """Raises ``EngineFailed``."""
        async with aclosing(self._engine.parts([ASKED], ())) as parts:
            async for part in parts:
                if isinstance(part, Delta) and part.text.strip():
                    return part.text.replace("\x00", "")
        raise EngineFailed("broken", "the model has answered nothing")
