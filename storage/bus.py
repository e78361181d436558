"""The bus between nodes: one Redis Stream a node as its inbox, and everything for a node within a tick in one entry.

At most once and in order for each pair of nodes. An entry whose writing failed is written again for a short while, so
it may be there twice; the reader knows it by (sender, incarnation, sequence) and takes the first alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Collection, Coroutine, Sequence
from typing import Any, Final, Protocol

from actors.runtime import Clock, Link
from storage.bus_entry import PING, SIGNAL, VERSION, BusCounters, BusEntry
from storage.errors import StorageError
from storage.inbox import Inbox, Unread
from storage.members import Keys
from storage.outbox import Addressees, Outbox, OutboxLimits, PackedEntry
from storage.wakeup import Wakeup

log = logging.getLogger(__name__)

INBOX_ENTRIES: Final = 4096
READ_COUNT: Final = 128
BLOCK_S: Final = 1.0
PING_S: Final = 0.5
DEAF_AFTER_S: Final = 4.0
"""Since the first ping that was not read; so that it is known within 5 s."""
RESTART_AFTER_S: Final = 2.0
KEEP_S: Final = 2.0
"""How long an entry that could not be written is tried again before it is given up."""
PAUSE_S: Final = (0.05, 0.4)
A_SLICE: Final = 512


class InboxStreams(Protocol):
    """What the bus needs of Redis. Raises ``StorageError``; ``Unavailable`` when it may work later."""

    async def append(self, entries: Sequence[tuple[str, bytes]], *, most: int) -> None:
        """Adds (stream, data) in order, in one round trip, keeping about ``most`` entries a stream.

        After an error any of them may have been added, even later on.
        """
        ...

    async def read(self, stream: str, after: str, *, count: int, block_s: float) -> list[tuple[str, bytes]]:
        """(id, data) of what follows ``after``, waiting up to ``block_s`` for the first. May be cancelled."""
        ...

    async def last_id(self, stream: str) -> str:
        """The id of its last entry, ``0-0`` if it is empty or was never there."""
        ...

    async def trim(self, stream: str, *, before: str) -> None:
        """Forgets entries whose id is below ``before``."""
        ...


class Peers(Addressees, Protocol):
    """The other nodes, as the bus needs them."""

    def meet(self, node: str) -> None:
        """An entry of a node that ``knows`` denies has come; what it carries is handed out afterwards."""
        ...


class Bus:
    """One node's end of the bus; a ``Transport`` of the runtime. ``start`` once the node has joined, ``stop`` last.

    ``on_signal`` is called with (sender, data) of each signal, ``on_away`` when nothing can be written any more; both
    on the event loop.
    """

    def __init__(
        self,
        *,
        name: str,
        incarnation: str,
        keys: Keys,
        streams: InboxStreams,
        clock: Clock,
        peers: Peers,
        on_signal: Callable[[str, bytes], None],
        on_away: Callable[[], None] = lambda: None,
        version: int = VERSION,
        limits: OutboxLimits | None = None,
    ) -> None:
        self.name = name
        self.counters = BusCounters()
        self._keys = keys
        self._streams = streams
        self._clock = clock
        self._peers = peers
        self._on_signal = on_signal
        self._on_away = on_away
        self._receive: Callable[[bytes], None] | None = None
        self._due = Wakeup(clock=clock)
        self._outbox = Outbox(
            name=name,
            incarnation=incarnation,
            addressees=peers,
            counters=self.counters,
            on_due=self._due.set,
            version=version,
            limits=limits or OutboxLimits(),
        )
        self._inbox = Inbox(counters=self.counters, version=version)
        self._after = "0-0"
        self._unanswered_since: float | None = None
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._is_trim_due = False
        self._is_stopping = False

    # Life.

    def attach(self, node: str, receive: Callable[[bytes], None]) -> Link:
        """The link of this very node; ``receive`` is called on the event loop, frame by frame."""
        if node != self.name:
            raise ValueError(f"this is the bus of {self.name}, not of {node}")
        self._receive = receive
        return _End(self)

    def detach(self) -> None:
        self._receive = None

    def start(self) -> None:
        """Reads the inbox from its beginning: what an earlier process of this name left there is gone by then."""
        self._spawn("writer", self._write())
        self._spawn("reader", self._read())
        self._spawn("pinger", self._ping())

    async def stop(self) -> None:
        """Writes what waits, if Redis takes it at once, and ends."""
        self._is_stopping = True
        tasks, self._tasks = self._tasks, {}
        for name in tasks.keys() - {"writer"}:
            tasks[name].cancel()
        self._due.set()
        # The writer ends by itself: what it has in hand is worth its deadline, and no write is cut in two.
        await asyncio.gather(*tasks.values(), return_exceptions=True)
        self._outbox.is_away = True

    @property
    def unread(self) -> Collection[Unread]:
        """The last entries that could not be read."""
        return self._inbox.unread

    @property
    def is_away(self) -> bool:
        """Redis takes nothing: whatever is sent is refused."""
        return self._outbox.is_away

    @property
    def is_deaf(self) -> bool:
        """Own pings are written and none has come back for ``DEAF_AFTER_S``."""
        return self._unanswered_for_s() > DEAF_AFTER_S

    # Out.

    def send(self, to: str, frame: bytes) -> None:
        """Queues a frame for the end of this tick. Raises ``Unavailable`` if it cannot be, and then it is not sent."""
        self._outbox.send(to, frame)

    def signal(self, to: str, data: bytes) -> None:
        """As ``send``, but for the cluster of the other node."""
        self._outbox.signal(to, data)

    def forget(self, node: str) -> None:
        """The node is gone, and with it what waits for it."""
        self._outbox.forget(node)

    async def _write(self) -> None:
        while not self._is_stopping or not self._outbox.is_empty:
            await self._due.wait()
            entries = self._outbox.take()
            try:
                await self._append(entries)
            except StorageError as error:
                await self._until_back(entries, error)

    async def _append(self, entries: list[PackedEntry]) -> None:
        await self._streams.append([(self._keys.inbox(entry.to), entry.data) for entry in entries], most=INBOX_ENTRIES)
        self.counters.entries_out += len(entries)
        self.counters.frames_out += sum(entry.frames for entry in entries)
        if self._unanswered_since is None and any(entry.is_ping for entry in entries):
            self._unanswered_since = self._clock.monotonic()

    async def _until_back(self, entries: list[PackedEntry], error: StorageError) -> None:
        """Refuses everything new, and tries again what was taken until it is too old to be of use."""
        log.warning("the bus is away: %s", error)
        self._outbox.is_away = True
        self._on_away()
        self._unanswered_since = None
        give_up_at = self._clock.monotonic() + KEEP_S
        pause_s = PAUSE_S[0]
        while self.is_away and not self._is_stopping:
            await self._clock.sleep(pause_s)
            pause_s = min(pause_s * 2, PAUSE_S[1])
            if entries and self._clock.monotonic() > give_up_at:
                self.counters.lost += sum(entry.frames for entry in entries)
                entries = []
            entries = entries or self._outbox.pinging()
            with contextlib.suppress(StorageError):
                await self._append(entries)
                self._outbox.is_away = False
        if not self.is_away:
            log.warning("the bus is back")

    async def _ping(self) -> None:
        """Sends itself a ping now and then: what is written must be read."""
        while True:
            self._outbox.ping()
            if self._unanswered_for_s() > RESTART_AFTER_S:
                await self._restart_reader()
            await self._clock.sleep(PING_S)

    def _unanswered_for_s(self) -> float:
        since = self._unanswered_since
        return 0.0 if since is None else self._clock.monotonic() - since

    async def _restart_reader(self) -> None:
        log.warning("own pings do not come back: reading anew")
        reader = self._tasks.pop("reader")
        reader.cancel()
        await asyncio.gather(reader, return_exceptions=True)
        self._spawn("reader", self._read())

    # In.

    async def _read(self) -> None:
        inbox, pause_s = self._keys.inbox(self.name), PAUSE_S[0]
        is_sure = False
        while True:
            try:
                if not is_sure:
                    await self._find_place(inbox)
                    is_sure = True
                batch = await self._streams.read(inbox, self._after, count=READ_COUNT, block_s=BLOCK_S)
            except StorageError:
                is_sure = False
                await self._clock.sleep(pause_s)
                pause_s = min(pause_s * 2, PAUSE_S[1])
            else:
                pause_s = PAUSE_S[0]
                await self._take(batch)
                if self._is_trim_due:
                    await self._trim(inbox)

    async def _find_place(self, inbox: str) -> None:
        """On from the last id, unless the stream has begun anew below it: then from its beginning."""
        if _number(await self._streams.last_id(inbox)) < _number(self._after):
            self._after = "0-0"

    async def _trim(self, inbox: str) -> None:
        """Removes from Redis what was read. Called right after a ping was read: the last id is this stream's then."""
        self._is_trim_due = False
        with contextlib.suppress(StorageError):
            await self._streams.trim(inbox, before=self._after)

    async def _take(self, batch: list[tuple[str, bytes]]) -> None:
        """In slices, so that a full inbox does not hold the event loop."""
        taken = 0
        for entry_id, data in batch:
            self._after = entry_id
            taken += self._open(entry_id, data)
            if taken >= A_SLICE:
                taken = 0
                await asyncio.sleep(0)

    def _open(self, entry_id: str, data: bytes) -> int:
        """Hands out what the entry carries; how much that was."""
        entry = self._inbox.open(entry_id, data)
        if entry is None:
            return 1
        if self._inbox.is_new(entry):
            self.counters.entries_in += 1
            if not self._peers.knows(entry.sender):
                self._peers.meet(entry.sender)
            self._hand_out(entry)
        return len(entry.items)

    def _hand_out(self, entry: BusEntry) -> None:
        if entry.kind == PING:
            self._unanswered_since = None
            self._is_trim_due = True
            return
        self.counters.frames_in += len(entry.items)
        for item in entry.items:
            try:
                if entry.kind == SIGNAL:
                    self._on_signal(entry.sender, item)
                elif self._receive is not None:
                    self._receive(item)
            except Exception:
                # Nothing else reads for this node: whatever a receiver does, the next frame is read.
                log.exception("a frame of %s broke its receiver", entry.sender)

    # Tasks.

    def _spawn(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work, name=f"bus {name}")
        self._tasks[name] = task
        task.add_done_callback(_report)


class _End:
    """The runtime's link to the other nodes."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self.send = bus.send

    def close(self) -> None:
        self._bus.detach()


def _number(entry_id: str) -> tuple[int, int]:
    ms, _, sequence = entry_id.partition("-")
    return int(ms), int(sequence or 0)


def _report(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("%s ended", task.get_name(), exc_info=error)
