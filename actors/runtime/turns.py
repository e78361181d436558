"""Whose turn it is: all cells with unread mail of a node, in one queue, drained by `call_soon`.

One queue instead of one `call_soon` a cell costs less for each message and lets the loop look at its sockets between
passes however many actors have mail.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final, Protocol

A_TURN: Final = range(1, 257)
"""Messages that one cell handles before the next one has its turn."""
SLICE_S: Final = 0.002
"""Time after which a cell ends its turn early, and after which a pass gives the loop back."""
BRISK_S: Final = 0.00001
"""A message handled faster than this is not worth a look at the slice."""
CELLS_A_PASS: Final = 64


class Drawn(Protocol):
    """A cell, as far as it is given turns."""

    def turn(self, now: float, monotonic: Callable[[], float]) -> float:
        """Handles up to `A_TURN` messages or for `SLICE_S`; the time when it ended."""


class Turns:
    """Cells in the order in which they got mail."""

    __slots__ = ("_call_soon", "_is_armed", "_monotonic", "_queue")

    def __init__(self, *, monotonic: Callable[[], float]) -> None:
        self._queue: deque[Drawn] = deque()
        self._monotonic = monotonic
        self._is_armed = False

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        self._call_soon = loop.call_soon

    def add(self, cell: Drawn) -> None:
        self._queue.append(cell)
        if not self._is_armed:
            self._is_armed = True
            self._call_soon(self._pass)

    def _pass(self) -> None:
        queue = self._queue
        monotonic = self._monotonic
        now = monotonic()
        until = now + SLICE_S
        left = CELLS_A_PASS
        try:
            while queue and left and now < until:
                left -= 1
                cell = queue.popleft()
                now = cell.turn(now, monotonic)
        finally:
            self._is_armed = bool(queue)
            if queue:
                self._call_soon(self._pass)
