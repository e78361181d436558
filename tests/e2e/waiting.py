"""Waiting for a condition, with a deadline and a name for what did not come."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

STEP_S = 0.05


async def until(read: Callable[[], Awaitable[T]], *, within_s: float = 30.0, what: str = "the condition") -> T:
    """The first truthy answer of ``read``; ``AssertionError`` with the last one at the deadline."""
    deadline = time.monotonic() + within_s
    while True:
        answer = await read()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not come within {within_s} s (last: {answer!r})")
        await asyncio.sleep(STEP_S)


async def until_true(check: Callable[[], T], *, within_s: float = 30.0, what: str = "the condition") -> T:
    """As ``until``, for a check that needs no awaiting."""

    async def read() -> T:
        return check()

    return await until(read, within_s=within_s, what=what)
