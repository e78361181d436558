"""The bus between nodes: one Redis Stream a node as its inbox, and everything for a node within a tick in one entry.

At most once and in order for each pair of nodes. An entry whose writing failed is written again for a short while, so
it may be there twice; the reader knows it by (sender, incarnation, sequence) and takes the first alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import Any, Final, NamedTuple, Protocol

import msgspec

from actors.runtime import Clock, Link
from actors.runtime.errors import Unavailable
from storage.errors import StorageError
from storage.errors import Unavailable as EngineUnavailable
from storage.members import Keys
from storage.redis import Redis
from storage.wakeup import Wakeup

log = logging.getLogger(__name__)

VERSION: Final = 1
"""Of entries: the newest that this program writes and reads. It reads the one before as well, and writes to each node
the newest that both know. Raised only when an entry changes so that an older reader would misread it.
"""
ENTRY_BYTES: Final = 64 * 1024
"""An entry is closed before it grows past this; a larger frame travels alone."""
INBOX_ENTRIES: Final = 4096
QUEUE_BYTES: Final = 8 * 1024 * 1024
QUEUE_FRAMES: Final = 100_000
READ_COUNT: Final = 128
BLOCK_S: Final = 1.0
PING_S: Final = 0.5
DEAF_AFTER_S: Final = 4.0
"""Since the first ping that was not heard; so that it is known within 5 s."""
RESTART_AFTER_S: Final = 2.0
KEEP_S: Final = 2.0
"""How long an entry that could not be written is tried again before it is given up."""
PAUSE_S: Final = (0.05, 0.4)
A_SLICE: Final = 512
SENDERS_KEPT: Final = 1024
BAD_KEPT: Final = 32

FRAMES, SIGNAL, PING = 0, 1, 2


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


class RedisStreams:
    """Redis Streams. ``reader`` is a connection of its own, which a blocking read holds and a cancelled one closes."""

    def __init__(self, *, writer: Redis, reader: Redis, timeout_s: float = 1.0) -> None:
        self._writer = writer
        self._reader = reader
        self._timeout_s = timeout_s

    async def append(self, entries: Sequence[tuple[str, bytes]], *, most: int) -> None:
        commands = [("XADD", stream, "MAXLEN", "~", most, "*", "m", data) for stream, data in entries]
        for answer in await self._writer.pipeline(commands, timeout_s=self._timeout_s):
            if isinstance(answer, StorageError):
                raise EngineUnavailable("redis", str(answer))

    async def read(self, stream: str, after: str, *, count: int, block_s: float) -> list[tuple[str, bytes]]:
        block_ms = max(1, int(block_s * 1000))
        words = ("XREAD", "COUNT", count, "BLOCK", block_ms, "STREAMS", stream, after)
        answer = await self._reader.command(*words, timeout_s=block_s + self._timeout_s)
        return [(entry_id.decode(), _data(fields)) for entry_id, fields in answer[0][1]] if answer else []

    async def last_id(self, stream: str) -> str:
        answer = await self._reader.command("XREVRANGE", stream, "+", "-", "COUNT", 1, timeout_s=self._timeout_s)
        return str(answer[0][0].decode()) if answer else "0-0"

    async def trim(self, stream: str, *, before: str) -> None:
        await self._writer.command("XTRIM", stream, "MINID", "~", before, timeout_s=self._timeout_s)


def _data(fields: Any) -> bytes:
    return fields[1] if fields and len(fields) == 2 and fields[0] == b"m" else b""


class BusEntry(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What one node has for another. Later versions may append fields, which this one does not see."""

    version: int
    sender: str
    incarnation: str
    sequence: int
    kind: int
    items: list[bytes]


class Signal(NamedTuple):
    """Queued among the frames, so that it keeps its place, but heard by the cluster and not by the actors."""

    data: bytes
    kind: int = SIGNAL


class Unread(NamedTuple):
    """An entry that was skipped, for whoever looks into it."""

    id: str
    reason: str
    data: bytes


class BusCounters:
    """Since the start. ``lost``: frames taken and never written. ``gaps``: entries that were written and never came."""

    __slots__ = ("duplicates", "entries_in", "entries_out", "frames_in", "frames_out", "gaps", "lost", "unreadable")

    def __init__(self) -> None:
        self.entries_in = self.entries_out = self.frames_in = self.frames_out = 0
        self.duplicates = self.gaps = self.lost = self.unreadable = 0


class _Queue:
    """What waits for one node. Bounded by frames and bytes; what does not fit is refused."""

    __slots__ = ("items", "size")

    def __init__(self) -> None:
        self.items: list[bytes | Signal] = []
        self.size = 0


class _Written(NamedTuple):
    stream: str
    data: bytes
    frames: int
    is_ping: bool


class Bus:
    """One node's end of the bus; a ``Transport`` of the runtime. ``start`` once the node has joined, ``stop`` last.

    ``is_peer`` says whether a node can be written to at all, ``reads`` the newest version of entries that it reads;
    ``on_signal`` hears (sender, data), ``on_away`` that nothing can be written any more, ``on_stranger`` of a sender
    that is no peer, before what it says; all on the event loop.
    """

    def __init__(
        self,
        *,
        name: str,
        incarnation: str,
        keys: Keys,
        streams: InboxStreams,
        clock: Clock,
        is_peer: Callable[[str], bool],
        on_signal: Callable[[str, bytes], None],
        on_away: Callable[[], None] = lambda: None,
        on_stranger: Callable[[str], None] = lambda _: None,
        reads: Callable[[str], int] = lambda _: VERSION,
        version: int = VERSION,
        most_entries: int = INBOX_ENTRIES,
        most_queued_bytes: int = QUEUE_BYTES,
        most_queued_frames: int = QUEUE_FRAMES,
    ) -> None:
        self.name = name
        self.counters = BusCounters()
        self.unread: deque[Unread] = deque(maxlen=BAD_KEPT)
        self.is_away = False
        self._incarnation = incarnation
        self._keys = keys
        self._streams = streams
        self._clock = clock
        self._is_peer = is_peer
        self._on_signal = on_signal
        self._on_away = on_away
        self._on_stranger = on_stranger
        self._reads = reads
        self._version = version
        self._most_entries = most_entries
        self._most_queued_bytes = most_queued_bytes
        self._most_queued_frames = most_queued_frames
        self._receive: Callable[[bytes], None] | None = None
        self._queues: dict[str, _Queue] = {}
        self._sequences: dict[str, int] = {}
        self._heard: dict[tuple[str, str], int] = {}
        self._due = Wakeup(clock=clock)
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(BusEntry).decode
        self._after = "0-0"
        self._unheard_since: float | None = None
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
        self.is_away = True

    @property
    def is_deaf(self) -> bool:
        """Own pings are written and none has come back for ``DEAF_AFTER_S``."""
        return self._unheard_for_s() > DEAF_AFTER_S

    # Out.

    def send(self, to: str, frame: bytes) -> None:
        """Queues a frame for the end of this tick. Raises ``Unavailable`` if it cannot be, and then it is not sent."""
        self._put(to, frame, len(frame))

    def signal(self, to: str, data: bytes) -> None:
        """As ``send``, but for the cluster of the other node."""
        self._put(to, Signal(data), len(data))

    def forget(self, node: str) -> None:
        """The node is gone, and with it what waits for it."""
        queue = self._queues.pop(node, None)
        if queue is not None:
            self.counters.lost += len(queue.items)

    def _put(self, to: str, item: bytes | Signal, size: int) -> None:
        if self.is_away:
            raise Unavailable(to, "the bus is away", retry_after_s=1.0)
        queue = self._queues.get(to)
        if queue is None:
            if not self._is_peer(to):
                raise Unavailable(to, "no such node", retry_after_s=0.5)
            queue = self._queues[to] = _Queue()
        if queue.size + size > self._most_queued_bytes or len(queue.items) >= self._most_queued_frames:
            raise Unavailable(to, "too far behind", retry_after_s=0.5)
        queue.items.append(item)
        queue.size += size
        if not self._due.is_set:
            self._due.set()

    def _packed(self) -> list[_Written]:
        queues, self._queues = self._queues, {}
        return [entry for to, queue in queues.items() for entry in self._entries(to, queue.items)]

    def _entries(self, to: str, items: Iterable[bytes | Signal]) -> list[_Written]:
        entries: list[_Written] = []
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

    def _close(self, entries: list[_Written], to: str, kind: int, items: list[bytes]) -> None:
        if items:
            sequence = self._sequences[to] = self._sequences.get(to, 0) + 1
            version = min(self._version, self._reads(to))
            data = self._encode(BusEntry(version, self.name, self._incarnation, sequence, kind, items))
            entries.append(_Written(self._keys.inbox(to), data, len(items), kind == PING))

    async def _write(self) -> None:
        while not self._is_stopping or self._queues:
            await self._due.wait()
            entries = self._packed()
            try:
                await self._append(entries)
            except StorageError as error:
                await self._until_back(entries, error)

    async def _append(self, entries: list[_Written]) -> None:
        await self._streams.append([(entry.stream, entry.data) for entry in entries], most=self._most_entries)
        self.counters.entries_out += len(entries)
        self.counters.frames_out += sum(entry.frames for entry in entries)
        if self._unheard_since is None and any(entry.is_ping for entry in entries):
            self._unheard_since = self._clock.monotonic()

    async def _until_back(self, entries: list[_Written], error: StorageError) -> None:
        """Refuses everything new, and tries again what was taken until it is too old to be of use."""
        log.warning("the bus is away: %s", error)
        self.is_away = True
        self._on_away()
        self._unheard_since = None
        give_up_at = self._clock.monotonic() + KEEP_S
        pause_s = PAUSE_S[0]
        while self.is_away and not self._is_stopping:
            await self._clock.sleep(pause_s)
            pause_s = min(pause_s * 2, PAUSE_S[1])
            if entries and self._clock.monotonic() > give_up_at:
                self.counters.lost += sum(entry.frames for entry in entries)
                entries = []
            entries = entries or self._entries(self.name, [Signal(b"", PING)])
            with contextlib.suppress(StorageError):
                await self._append(entries)
                self.is_away = False
        if not self.is_away:
            log.warning("the bus is back")

    async def _ping(self) -> None:
        """Talks to itself: what is written must be heard."""
        while True:
            self._ping_once()
            if self._unheard_for_s() > RESTART_AFTER_S:
                await self._restart_reader()
            await self._clock.sleep(PING_S)

    def _ping_once(self) -> None:
        queue = self._queues.setdefault(self.name, _Queue())
        if not self.is_away and not queue.items:
            queue.items.append(Signal(b"", PING))
            self._due.set()

    def _unheard_for_s(self) -> float:
        since = self._unheard_since
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
        """Forgets in Redis what was read. Right after a ping was heard: then the last id is one of this very stream."""
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
        try:
            entry = self._decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            return self._skip(entry_id, str(error), data)
        if entry.version not in (self._version - 1, self._version) or entry.kind not in (FRAMES, SIGNAL, PING):
            return self._skip(entry_id, f"version {entry.version}, kind {entry.kind}", data)
        if self._is_new(entry):
            self.counters.entries_in += 1
            if not self._is_peer(entry.sender):
                self._on_stranger(entry.sender)
            self._hand_out(entry)
        return len(entry.items)

    def _skip(self, entry_id: str, reason: str, data: bytes) -> int:
        self.counters.unreadable += 1
        self.unread.append(Unread(entry_id, reason, data[:1024]))
        return 1

    def _is_new(self, entry: BusEntry) -> bool:
        sender = (entry.sender, entry.incarnation)
        last = self._heard.pop(sender, None)
        if last is None and len(self._heard) >= SENDERS_KEPT:
            del self._heard[next(iter(self._heard))]
        self._heard[sender] = entry.sequence if last is None else max(last, entry.sequence)
        if last is None:
            return True
        if entry.sequence <= last:
            self.counters.duplicates += 1
            return False
        self.counters.gaps += entry.sequence - last - 1
        return True

    def _hand_out(self, entry: BusEntry) -> None:
        if entry.kind == PING:
            self._unheard_since = None
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
                # The reader is the only ear of this node: whatever a receiver does, the next frame is read.
                log.exception("a frame of %s broke its receiver", entry.sender)

    # Tasks.

    def _spawn(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work, name=f"bus {name}")
        self._tasks[name] = task
        task.add_done_callback(_report)


class _End:
    """The runtime's link."""

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
