"""What joins nodes: a port, and the version for the nodes of one process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from actors.runtime.errors import Unavailable


class Link(Protocol):
    """One node's end of a transport."""

    def send(self, to: str, frame: bytes) -> None:
        """Hands a frame over, at most once, in order for each `to`. Raises Unavailable; never blocks."""
        ...

    def close(self) -> None: ...


class Transport(Protocol):
    """What joins nodes. Lossy and at most once: deadlines are what ends an ask whose answer was lost."""

    def attach(self, node: str, receive: Callable[[bytes], None]) -> Link:
        """Frames for `node` go to `receive`, on the event loop, from now until the link is closed."""
        ...


class LocalTransport:
    """Joins the nodes of one process, frame by frame through the event loop, in order. `most_queued` a receiver."""

    def __init__(self, *, most_queued: int = 100_000) -> None:
        self._ends: dict[str, _LocalEnd] = {}
        self._cut: set[frozenset[str]] = set()
        self._most_queued = most_queued

    def attach(self, node: str, receive: Callable[[bytes], None]) -> Link:
        end = self._ends[node] = _LocalEnd(self, node, receive)
        return end

    def cut(self, one: str, other: str) -> None:
        """Loses every frame between the two, silently, as a broken network does."""
        self._cut.add(frozenset((one, other)))

    def mend(self, one: str, other: str) -> None:
        self._cut.discard(frozenset((one, other)))

    def carry(self, sender: str, to: str, frame: bytes) -> None:
        end = self._ends.get(to)
        if end is None or end.queued >= self._most_queued:
            raise Unavailable(to, "out of reach" if end is None else "too far behind", retry_after_s=0.5)
        if frozenset((sender, to)) not in self._cut:
            end.queued += 1
            asyncio.get_running_loop().call_soon(end.take, frame)

    def detach(self, end: _LocalEnd) -> None:
        if self._ends.get(end.node) is end:
            del self._ends[end.node]


class _LocalEnd:
    def __init__(self, transport: LocalTransport, node: str, receive: Callable[[bytes], None]) -> None:
        self._transport = transport
        self._receive: Callable[[bytes], None] | None = receive
        self.node = node
        self.queued = 0

    def send(self, to: str, frame: bytes) -> None:
        self._transport.carry(self.node, to, frame)

    def close(self) -> None:
        self._receive = None
        self._transport.detach(self)

    def take(self, frame: bytes) -> None:
        self.queued -= 1
        if self._receive is not None:
            self._receive(frame)
