"""One to many: what is published to a topic is encoded once, framed once, and written to each socket's transport.

Duty cycle: what is published to an idle fan-out goes out at once. While a fan-out runs, and for as long again, what is
published gathers; then it goes out as one write for each socket. So a busy room costs half a core at most whatever
its rate, and a quiet one waits for nothing.

Nothing here waits for a reader. A socket that is slow misses room messages, is told which (`chat:gap`) when it has
caught up, and is closed by its session when it does not.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final

from server.live.edge.client import Socket
from server.live.edge.engineio import Outgoing
from server.live.edge.packet import Parser
from server.live.edge.recovery import Trails

_log: Final = logging.getLogger(__name__)

MESSAGES: Final = "chat:messages"
GAP: Final = "chat:gap"

_SLICE: Final = 512  # sockets written to before the loop looks at anything else
_LEAST_REST_S: Final = 0.001  # shorter rests are added up: the loop's timers are no finer
_MAX_PENDING: Final = 5_000  # of one topic: entries are written at once then, messages become a gap for everyone
_MAX_HELD: Final = 2_000  # entries for one socket that is being told where it stands

Shape = tuple[Parser, str]
"""Sockets of one parser and one namespace get the same bytes."""


class Message:
    """One room message on its way out, encoded once for each parser that needs it."""

    __slots__ = ("_parts", "body", "offset")

    def __init__(self, body: Mapping[str, Any]) -> None:
        """`body` holds at least `offset`."""
        self.body = body
        self.offset: int = body["offset"]
        self._parts: dict[Parser, bytes] = {}

    def part(self, parser: Parser) -> bytes:
        found = self._parts.get(parser)
        if found is None:
            found = self._parts[parser] = parser.part(self.body)
        return found


class _Event:
    """One event of one object; `key` names what it is the latest value of, if it may be skipped for a later one."""

    __slots__ = ("event", "key", "payload")

    def __init__(self, event: str, payload: Any, key: str | None = None) -> None:
        self.event = event
        self.payload = payload
        self.key = key

    def outgoing(self, shape: Shape) -> Outgoing:
        parser, namespace = shape
        return parser.event(namespace, [self.event, self.payload])


class _Messages:
    """A run of messages of one room and epoch, in offset order."""

    __slots__ = ("epoch", "messages", "room_id")

    def __init__(self, room_id: str, epoch: str, messages: list[Message]) -> None:
        self.room_id = room_id
        self.epoch = epoch
        self.messages = messages

    def outgoing(self, shape: Shape) -> Outgoing:
        parser, namespace = shape
        head = {"room_id": self.room_id, "epoch": self.epoch}
        return parser.event_of_parts(namespace, MESSAGES, head, "messages", [m.part(parser) for m in self.messages])

    def after(self, position: tuple[str, int]) -> _Messages | None:
        """What of it lies behind a position in the room; another epoch is all behind it."""
        epoch, offset = position
        if epoch != self.epoch or self.messages[0].offset > offset:
            return self
        rest = [message for message in self.messages if message.offset > offset]
        return _Messages(self.room_id, self.epoch, rest) if rest else None


_Entry = _Event | _Messages


class _Topic:
    __slots__ = ("groups", "held", "late", "latest", "name", "pending", "size", "waiting")

    def __init__(self, name: str) -> None:
        self.name = name
        self.groups: dict[Shape, dict[Socket, None]] = {}
        self.size = 0
        self.pending: list[_Entry] = []
        self.late: dict[Socket, tuple[str, int]] = {}  # where they stand; what is not behind it they have already
        self.held: dict[Socket, list[_Entry]] = {}  # they must not hear anything yet
        self.latest: dict[str, _Event] = {}  # the last value of each key
        self.waiting: list[Callable[[], None]] = []  # for what is pending to be written

    def add(self, socket: Socket) -> bool:
        """Whether it is new here."""
        group = self.groups.setdefault(_shape(socket), {})
        if socket in group:
            return False
        group[socket] = None
        self.size += 1
        socket.topics += (self.name,)
        return True

    @property
    def position(self) -> tuple[str, int] | None:
        """The last message that waits to go out."""
        for entry in reversed(self.pending):
            if isinstance(entry, _Messages):
                return entry.epoch, entry.messages[-1].offset
        return None

    def written(self) -> None:
        waiting, self.waiting = self.waiting, []
        for done in waiting:
            done()

    def remove(self, socket: Socket) -> None:
        group = self.groups.get(_shape(socket), {})
        if socket in group:
            del group[socket]
            self.size -= 1
            if not group:
                del self.groups[_shape(socket)]
        self.late.pop(socket, None)
        self.held.pop(socket, None)


class _Lag:
    """What one slow socket has missed."""

    __slots__ = ("gaps", "values")

    def __init__(self) -> None:
        self.gaps: dict[tuple[str, str], tuple[int, int]] = {}  # (room, epoch) → first and last offset
        self.values: dict[tuple[str, str], None] = {}  # (topic, key)

    def miss(self, entry: _Messages) -> None:
        key = entry.room_id, entry.epoch
        first, last = entry.messages[0].offset, entry.messages[-1].offset
        known = self.gaps.get(key)
        self.gaps[key] = (first, last) if known is None else (min(known[0], first), max(known[1], last))


class Fanout:
    """See the module. Everything is synchronous and on the loop's thread."""

    def __init__(
        self,
        *,
        conflate_s: float = 0.25,
        clock: Callable[[], float] = time.perf_counter,
        is_coalescing: bool = True,
    ) -> None:
        """`is_coalescing` false gives every publication its own writes; for measuring."""
        self._topics: dict[str, _Topic] = {}
        self._dirty: dict[str, _Topic] = {}
        self._lags: dict[Socket, _Lag] = {}
        self._clock = clock
        self._is_coalescing = is_coalescing
        self._is_busy = False
        self._written = 0  # sockets, in this slice
        self._owed_s = 0.0
        self._conflate_s = conflate_s
        self._conflated: dict[tuple[str, str], _Event] = {}
        self._conflating: asyncio.TimerHandle | None = None
        self._trails: list[Trails] = []
        self.deliveries = 0
        self.skipped = 0

    def tell(self, trails: Trails) -> None:
        """Events, not messages, are also told to those who are away and may come back."""
        self._trails.append(trails)

    # -- who listens

    def subscribe(
        self, topic: str, socket: Socket, *, after: tuple[str, int] | None = None, is_held: bool = False
    ) -> None:
        """From now on `socket` hears `topic`. With `after`, an (epoch, offset), messages that are not behind it are
        not sent to it. With `is_held` nothing is, until `release` says where it stands: subscribe so before the room
        is read, and nothing is missed or sent twice."""
        if not socket.is_connected and not socket.is_connecting:
            return
        found = self._topics.get(topic)
        if found is None:
            found = self._topics[topic] = _Topic(topic)
        is_new = found.add(socket)
        if is_held:
            found.held.setdefault(socket, [])
        elif after is not None:
            found.late[socket] = after
        elif is_new and found.position is not None:
            # What gathers to go out was published before, and is not for those who come now.
            found.late[socket] = found.position

    def release(self, topic: str, socket: Socket, *, after: tuple[str, int] | None = None) -> None:
        """Sends a held socket what came meanwhile and lies behind `after`; call it after what tells the client so."""
        found = self._topics.get(topic)
        if found is None or socket not in found.held:
            return
        waiting = found.held.pop(socket)
        if after is not None:
            found.late[socket] = after
        for entry in waiting:
            self._deliver_one(found, socket, entry, _shape(socket))
        if not socket.session.is_slow:
            self.writable(socket)

    def unsubscribe(self, topic: str, socket: Socket) -> None:
        found = self._topics.get(topic)
        if found is None:
            return
        found.remove(socket)
        socket.topics = tuple(name for name in socket.topics if name != topic)
        if not found.size:
            del self._topics[topic]
            self._dirty.pop(topic, None)

    def unsubscribe_all(self, socket: Socket) -> None:
        """The socket is gone, or wants no more."""
        for topic in socket.topics:
            self.unsubscribe(topic, socket)
        self._lags.pop(socket, None)

    def count(self, topic: str) -> int:
        """Sockets that hear it."""
        found = self._topics.get(topic)
        return 0 if found is None else found.size

    def sockets(self, topic: str) -> Iterator[Socket]:
        """Those sockets."""
        found = self._topics.get(topic)
        for group in list(found.groups.values()) if found is not None else ():
            yield from list(group)

    def when_written(self, topic: str, done: Callable[[], None]) -> None:
        """`done` is called once what was published until now has been handed to the sockets, or the next publication
        has if nothing waits. Never if nobody hears the topic. It must be quick and not raise."""
        found = self._topics.get(topic)
        if found is not None:
            found.waiting.append(done)

    # -- what is said

    def publish(self, topic: str, event: str, payload: Any) -> None:
        """An event for everyone who hears the topic, in order with its messages; slow sockets get it too."""
        found = self._topics.get(topic)
        if found is not None:
            self._append(found, _Event(event, payload))
        for trails in self._trails:
            trails.published(topic, event, payload)

    def publish_messages(
        self, topic: str, room_id: str, epoch: str, messages: Iterable[Message | Mapping[str, Any]]
    ) -> None:
        """Room messages in offset order. What gathers for one room goes out as one list; slow sockets skip it."""
        found = self._topics.get(topic)
        if found is None:
            return
        wrapped = [message if isinstance(message, Message) else Message(message) for message in messages]
        if not wrapped:
            return
        last = found.pending[-1] if found.pending and self._is_coalescing else None
        if isinstance(last, _Messages) and (last.room_id, last.epoch) == (room_id, epoch):
            last.messages += wrapped
            if len(last.messages) > _MAX_PENDING:
                self._leave_out(found, last)
        else:
            self._append(found, _Messages(room_id, epoch, wrapped))

    def conflate(self, topic: str, event: str, payload: Any, *, key: str) -> None:
        """A value of which only the latest matters: the first goes out at once, then one for each interval."""
        found = self._topics.get(topic)
        if found is None:
            return
        self._conflated[topic, key] = _Event(event, payload, key)
        if self._conflating is None:
            self._flush_conflated()

    def _append(self, topic: _Topic, entry: _Entry) -> None:
        topic.pending.append(entry)
        if len(topic.pending) > _MAX_PENDING:
            self._send_now(topic)
        self._dirty[topic.name] = topic
        if not self._is_busy:
            self._is_busy = True
            asyncio.get_running_loop().call_soon(self._start)

    def _leave_out(self, topic: _Topic, entry: _Messages) -> None:
        """The writing does not keep up with what is published: the oldest half is left to history, and said so."""
        dropped = entry.messages[: _MAX_PENDING // 2]
        del entry.messages[: len(dropped)]
        self.skipped += len(dropped)
        gap = {"room_id": entry.room_id, "from": dropped[0].offset, "to": dropped[-1].offset}
        before = topic.pending[-2] if len(topic.pending) > 1 else None
        if isinstance(before, _Event) and before.event == GAP and before.payload["room_id"] == entry.room_id:
            before.payload["to"] = gap["to"]
        else:
            topic.pending.insert(-1, _Event(GAP, gap))

    def _flush_conflated(self) -> None:
        waiting, self._conflated = self._conflated, {}
        if not waiting:
            self._conflating = None
            return
        for (name, key), event in waiting.items():
            topic = self._topics.get(name)
            if topic is not None:
                topic.latest[key] = event
                self._append(topic, event)
        self._conflating = asyncio.get_running_loop().call_later(self._conflate_s, self._flush_conflated)

    # -- the duty cycle

    def _start(self) -> None:
        started = self._clock()
        work = self._work()
        self._run(work, started)

    def _run(self, work: Iterator[None], started: float) -> None:
        """A slice of the work; the writes themselves happen when the loop gets control back."""
        loop = asyncio.get_running_loop()
        for _ in work:
            loop.call_soon(self._run, work, started)
            return
        loop.call_soon(self._rest, started)

    def _rest(self, started: float) -> None:
        self._owed_s += self._clock() - started
        if not self._is_coalescing:
            self._owed_s = 0.0
        if self._owed_s < _LEAST_REST_S:
            self._wake()
            return
        owed, self._owed_s = self._owed_s, 0.0
        asyncio.get_running_loop().call_later(owed, self._wake)

    def _wake(self) -> None:
        if self._dirty:
            self._start()
        else:
            self._is_busy = False

    def _work(self) -> Iterator[None]:
        """Writes everything that has gathered; yields between slices, and the loop makes the writes then."""
        dirty, self._dirty = self._dirty, {}
        for topic in dirty.values():
            entries, topic.pending = topic.pending, []
            try:
                yield from self._slices(topic, entries)
            except Exception:
                _log.exception("a publication could not be written", extra={"topic": topic.name})
            if topic.waiting:
                topic.written()

    def _slices(self, topic: _Topic, entries: list[_Entry]) -> Iterator[None]:
        for run in [entries] if self._is_coalescing else [[entry] for entry in entries]:
            for shape, members in self._audience(topic, run):
                outgoing = [entry.outgoing(shape) for entry in run]
                for part in _slices(members, _SLICE):
                    if self._written + len(part) > _SLICE:
                        self._written = 0
                        yield
                    self._write(topic, part, run, outgoing)
                    self._written += len(part)

    def _send_now(self, topic: _Topic) -> None:
        entries, topic.pending = topic.pending, []
        for shape, members in self._audience(topic, entries):
            self._write(topic, members, entries, [entry.outgoing(shape) for entry in entries])

    def _audience(self, topic: _Topic, entries: list[_Entry]) -> list[tuple[Shape, list[Socket]]]:
        """Who gets the same bytes. Those who must not hear all of it are served here, one by one."""
        apart = topic.held.keys() | topic.late.keys()
        for socket in apart:
            for entry in entries:
                self._deliver_one(topic, socket, entry, _shape(socket))
        groups = [(shape, list(group)) for shape, group in topic.groups.items()]
        if apart:
            groups = [(shape, [member for member in group if member not in apart]) for shape, group in groups]
        return groups

    # -- writing

    def _write(self, topic: _Topic, members: Sequence[Socket], entries: list[_Entry], outgoing: list[Outgoing]) -> None:
        """The hot loop: one write of the same bytes for each socket."""
        data = b"".join([out.frames for out in outgoing])
        for socket in members:
            wire = socket.session.wire
            if wire is not None and socket.is_ready:
                wire(data)
            else:
                for entry, out in zip(entries, outgoing, strict=True):
                    self._deliver(topic, socket, entry, out)
        self.deliveries += len(members) * len(entries)

    def _deliver_one(self, topic: _Topic, socket: Socket, entry: _Entry, shape: Shape) -> None:
        """To a socket that is held, or knows a part already."""
        held = topic.held.get(socket)
        if held is not None:
            if len(held) < _MAX_HELD:
                held.append(entry)
            elif isinstance(entry, _Messages):
                self._lag(socket).miss(entry)
            return
        rest: _Entry | None = entry
        position = topic.late.get(socket)
        if isinstance(entry, _Messages) and position is not None:
            rest = entry.after(position)
            if entry.messages[-1].offset > position[1] or entry.epoch != position[0]:
                del topic.late[socket]
        if rest is not None:
            self._deliver(topic, socket, rest, rest.outgoing(shape))

    def _deliver(self, topic: _Topic, socket: Socket, entry: _Entry, outgoing: Outgoing) -> None:
        """To a socket whose transport cannot simply be written to."""
        if socket.session.is_slow and (isinstance(entry, _Messages) or entry.key is not None):
            lag = self._lag(socket)
            self.skipped += 1
            if isinstance(entry, _Messages):
                lag.miss(entry)
            elif entry.key is not None:
                lag.values[topic.name, entry.key] = None
        elif socket.trail is not None and isinstance(entry, _Event) and entry.key is None:
            socket.emit(entry.event, entry.payload)
        else:
            socket.send(outgoing)

    def _lag(self, socket: Socket) -> _Lag:
        lag = self._lags.get(socket)
        if lag is None:
            lag = self._lags[socket] = _Lag()
        return lag

    def writable(self, socket: Socket) -> None:
        """A slow socket has caught up: what it missed is named, and the latest values are told."""
        lag = self._lags.pop(socket, None)
        if lag is None:
            return
        for (room_id, _), (first, last) in lag.gaps.items():
            socket.emit(GAP, {"room_id": room_id, "from": first, "to": last})
        for name, key in lag.values:
            topic = self._topics.get(name)
            if topic is not None and key in topic.latest and name in socket.topics:
                socket.send(topic.latest[key].outgoing(_shape(socket)))

    def close(self) -> None:
        """Nothing gathers any more."""
        if self._conflating is not None:
            self._conflating.cancel()
            self._conflating = None
        self._conflated.clear()


def _shape(socket: Socket) -> Shape:
    return socket.parser, socket.namespace


def _slices(members: list[Socket], size: int) -> Iterator[list[Socket]]:
    iterator = iter(members)
    while part := list(islice(iterator, size)):
        yield part
