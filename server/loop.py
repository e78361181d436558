"""The event loop of every process of the server."""

from __future__ import annotations

import os
from collections.abc import Coroutine
from typing import Any, TypeVar

import uvloop

T = TypeVar("T")


def run(main: Coroutine[Any, Any, T]) -> T:
    """Runs `main` to its end on a new loop.

    A connection is registered with epoll once in its life, one at a time: a system call that says so outright is
    cheaper than the same through a ring (a connect costs 5% less), so the ring is left out unless the environment asks
    for it.
    """
    os.environ.setdefault("UV_USE_IO_URING", "0")
    return uvloop.run(main)
