"""Whose turn it is: all cells with unread mail of a node, in one queue, drained by `call_soon`.

One queue instead of one `call_soon` a cell costs less for each message and lets the loop look at its sockets between
passes however many actors have mail.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from actors.runtime.cell import Cell

BATCH: Final = 64
"""Messages that one cell handles before the next one has its turn."""
SLICE_S: Final = 0.002
"""Time after which a cell ends its turn early, and after which a pass gives the loop back."""
CELLS_A_PASS: Final = 256


class Turns:
    """Cells in the order in which they got mail."""

    __slots__ = ("_armed", "_call_soon", "_monotonic", "_queue")

    def __init__(self, *, call_soon: Callable[[Callable[[], None]], object], monotonic: Callable[[], float]) -> None:
        self._queue: deque[Cell] = deque()
        self._call_soon = call_soon
        self._monotonic = monotonic
        self._armed = False

    def add(self, cell: Cell) -> None:
        self._queue.append(cell)
        if not self._armed:
            self._armed = True
            self._call_soon(self._pass)

    def _pass(self) -> None:
        queue = self._queue
        now = self._monotonic()
        until = now + SLICE_S
        left = CELLS_A_PASS
        try:
            while queue and left and now < until:
                left -= 1
                now = queue.popleft().turn(now)
        finally:
            self._armed = bool(queue)
            if queue:
                self._call_soon(self._pass)
