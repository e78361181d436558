"""What waits for other nodes, and how it is packed into entries of the bus. No I/O."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

import msgspec

from actors.runtime.errors import Unavailable
from storage.bus_entry import FRAMES, PING, SIGNAL, BusCounters, BusEntry

ENTRY_BYTES: Final = 64 * 1024
"""An entry is closed before it grows past this; a larger frame travels alone."""


@dataclass(frozen=True, kw_only=True)
class OutboxLimits:
    """What may wait for one node."""

    most_bytes: int = 8 * 1024 * 1024
    most_frames: int = 100_000


class Signal(NamedTuple):
    """Queued among the frames, so that it keeps its place, but read by the cluster and not by the actors."""

    data: bytes
    kind: int = SIGNAL


class PackedEntry(NamedTuple):
    """An entry for a node, encoded."""

    to: str
    data: bytes
    frames: int
    is_ping: bool


class Addressees(Protocol):
    """The nodes that can be written to."""

    def knows(self, node: str) -> bool: ...

    def reads(self, node: str) -> int:
        """The newest version of entries that the node reads."""
        ...


class _Queue:
    """What waits for one node."""

    __slots__ = ("items", "size")

    def __init__(self) -> None:
        self.items: list[bytes | Signal] = []
        self.size = 0


class Outbox:
    """One node's queues, a queue for each other node. While ``is_away`` everything is refused."""

    def __init__(
        self,
        *,
        name: str,
        incarnation: str,
        addressees: Addressees,
        counters: BusCounters,
        on_due: Callable[[], None],
        version: int,
        limits: OutboxLimits,
    ) -> None:
        """``on_due`` is called whenever something waits that did not wait before."""
        self.is_away = False
        self._name = name
        self._incarnation = incarnation
        self._addressees = addressees
        self._counters = counters
        self._on_due = on_due
        self._version = version
        self._limits = limits
        self._is_due = False
        self._queues: dict[str, _Queue] = {}
        self._sequences: dict[str, int] = {}
        self._encode = msgspec.msgpack.Encoder().encode

    @property
    def is_empty(self) -> bool:
        return not self._queues

    def send(self, to: str, frame: bytes) -> None:
        """Queues a frame for the end of this tick. Raises ``Unavailable`` if it cannot be, and then it is not sent."""
        self._put(to, frame, len(frame))

    def signal(self, to: str, data: bytes) -> None:
        """As ``send``, but for the cluster of the other node."""
        self._put(to, Signal(data), len(data))

    def ping(self) -> None:
        """Queues a message to this node itself, unless something for it waits already."""
        queue = self._queues.setdefault(self._name, _Queue())
        if not self.is_away and not queue.items:
            queue.items.append(Signal(b"", PING))
            self._due()

    def forget(self, node: str) -> None:
        """The node is gone, and with it what waits for it."""
        queue = self._queues.pop(node, None)
        if queue is not None:
            self._counters.lost += len(queue.items)

    def _put(self, to: str, item: bytes | Signal, size: int) -> None:
        if self.is_away:
            raise Unavailable(to, "the bus is away", retry_after_s=1.0)
        queue = self._queues.get(to)
        if queue is None:
            if not self._addressees.knows(to):
                raise Unavailable(to, "no such node", retry_after_s=0.5)
            queue = self._queues[to] = _Queue()
        if queue.size + size > self._limits.most_bytes or len(queue.items) >= self._limits.most_frames:
            raise Unavailable(to, "too far behind", retry_after_s=0.5)
        queue.items.append(item)
        queue.size += size
        if not self._is_due:
            self._due()

    def _due(self) -> None:
        self._is_due = True
        self._on_due()

    def take(self) -> list[PackedEntry]:
        """Everything that waits, as few entries as may be, those of one node in order."""
        self._is_due = False
        queues, self._queues = self._queues, {}
        return [entry for to, queue in queues.items() for entry in self._entries(to, queue.items)]

    def pinging(self) -> list[PackedEntry]:
        """A ping alone, past the queues."""
        return self._entries(self._name, [Signal(b"", PING)])

    def _entries(self, to: str, items: Iterable[bytes | Signal]) -> list[PackedEntry]:
        entries: list[PackedEntry] = []
        frames: list[bytes] = []
        size = 0
        for item in items:
            if isinstance(item, Signal) or (frames and size + len(item) > ENTRY_BYTES):
                self._close(entries, to, FRAMES, frames)
                frames, size = [], 0
            if isinstance(item, Signal):
                self._close(entries, to, item.kind, [item.data])
            else:
                frames.append(item)
                size += len(item)
        self._close(entries, to, FRAMES, frames)
        return entries

    def _close(self, entries: list[PackedEntry], to: str, kind: int, items: list[bytes]) -> None:
        if items:
            sequence = self._sequences[to] = self._sequences.get(to, 0) + 1
            version = min(self._version, self._addressees.reads(to))
            data = self._encode(BusEntry(version, self._name, self._incarnation, sequence, kind, items))
            entries.append(PackedEntry(to, data, len(items), kind == PING))
