"""One to many: what is published to a topic is encoded once, framed once, and written to each socket's transport.

Duty cycle: what is published to an idle fan-out goes out at once. While a fan-out runs, and for as long again, what is
published gathers; then it goes out as one write for each socket. So a busy room costs half a core at most whatever
its rate, and a quiet one waits for nothing: what it was idle before counts as rest. What the loop does beside counts as
none, up to as much again: who is busy otherwise writes less often, and has time left.

A topic's sockets are written to in rows of a few hundred, and each row is given whatever is there when its turn comes,
however late in the pass. So nobody waits longer than from one turn of theirs to the next: with one set for all rows the
last ones would wait for the pass under way, the rest behind it, and the next pass up to their place in it.

A row is written in slices, and between two of them the loop sees to everything else: what takes several turns of the
loop, as a message on its way to the disk and back does, would wait for a slice at each of them. Nor are the transports
of a short slice out of the processor's caches again when the loop comes to flush them.

Nothing here waits for a reader. A socket that is slow misses room messages, is told which (`chat:gap`) when it has
caught up, and is closed by its session when it does not.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, Final

from server.live.edge.client import Socket
from server.live.edge.engineio import Outgoing
from server.live.edge.packet import Parser
from server.live.edge.recovery import Trails

_log: Final = logging.getLogger(__name__)

MESSAGES: Final = "chat:messages"
GAP: Final = "chat:gap"

_ROW: Final = 256  # sockets that get the same bytes, encoded and compressed once for them
_SLICE: Final = 64  # sockets written to before the loop looks at anything else
_LEAST_REST_S: Final = 0.001  # shorter rests are added up: the loop's timers are no finer
_MOST_RESTED_S: Final = 0.03  # idleness before a fan-out that counts
_MAX_PENDING: Final = 5_000  # entries of one topic; then they are written at once, and who cannot take them is slow

Shape = tuple[Parser, str, int]
"""Sockets of one parser, one namespace and one window of compression (in bits, 0 for none) get the same bytes."""


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
        parser, namespace, _ = shape
        return parser.event(namespace, [self.event, self.payload])


class _Messages:
    """A run of messages of one room and epoch, in offset order."""

    __slots__ = ("epoch", "messages", "room_id")

    def __init__(self, room_id: str, epoch: str, messages: list[Message]) -> None:
        self.room_id = room_id
        self.epoch = epoch
        self.messages = messages

    def outgoing(self, shape: Shape) -> Outgoing:
        parser, namespace, _ = shape
        head = {"room_id": self.room_id, "epoch": self.epoch}
        return parser.event_of_parts(namespace, MESSAGES, head, "messages", [m.part(parser) for m in self.messages])

    def follows(self, other: _Messages) -> bool:
        """Whether both may go out as one list."""
        return self.room_id == other.room_id and self.epoch == other.epoch

    def after(self, position: tuple[str, int]) -> _Messages | None:
        """What of it lies behind a position in the room; another epoch is all behind it."""
        epoch, offset = position
        if epoch != self.epoch or self.messages[0].offset > offset:
            return self
        rest = [message for message in self.messages if message.offset > offset]
        return _Messages(self.room_id, self.epoch, rest) if rest else None


_Entry = _Event | _Messages


class _Run:
    """The entries from one number up to another, as the sockets of one parser and namespace are to get them."""

    __slots__ = ("entries", "key")

    def __init__(self, key: tuple[Parser, str, int, int], entries: list[tuple[_Entry, Outgoing]]) -> None:
        self.key = key
        self.entries = entries

    def frames_for(self, window: int) -> bytes:
        return b"".join([outgoing.frames_for(window) for _, outgoing in self.entries])


class _Turn:
    """A run on its way to a row: the same bytes for each, and who has not been given them."""

    __slots__ = ("end", "frames", "run", "waiting")

    def __init__(self, run: _Run, end: int, window: int, waiting: list[Socket]) -> None:
        self.run = run
        self.end = end  # the number behind the run's last entry
        self.frames = run.frames_for(window)
        self.waiting = waiting

    def take(self, count: int) -> list[Socket]:
        """The next ones."""
        taken = self.waiting[-count:]
        del self.waiting[-count:]
        return taken


class _Row:
    """Sockets that are given the same."""

    __slots__ = ("at", "members", "turn")

    def __init__(self, at: int) -> None:
        self.at = at  # the number of the first entry that not all of them have been given
        self.members: dict[Socket, None] = {}
        self.turn: _Turn | None = None  # under way

    def remove(self, socket: Socket) -> None:
        del self.members[socket]
        if self.turn is not None and socket in self.turn.waiting:
            self.turn.waiting.remove(socket)

    @property
    def next(self) -> int:
        """The number of the first entry that somebody who comes now will be given."""
        return self.at if self.turn is None else self.turn.end

    def due(self, socket: Socket) -> int:
        """The number of the first entry that this one has not been given."""
        return self.at if self.turn is not None and socket in self.turn.waiting else self.next


class _Topic:
    """Entries are numbered as they are published; the log begins with the first that some row has not been given."""

    __slots__ = ("_run", "begin", "epoch", "late", "latest", "log", "name", "news", "rows", "size", "waiting")

    def __init__(self, name: str) -> None:
        self.name = name
        self.rows: dict[Shape, list[_Row]] = {}
        self.size = 0
        self.log: list[_Entry] = []
        self.begin = 0
        self.epoch = ""  # of the last messages
        self.news = 0  # who comes now must not be given entries before this number: events, and another epoch's
        self.late: dict[Socket, tuple[str, int]] = {}  # where they stand; what is not behind it they have already
        self.latest: dict[str, _Event] = {}  # the last value of each key
        self.waiting: list[tuple[int, Callable[[], None]]] = []  # for what lies before a number to be written
        self._run: _Run | None = None

    @property
    def end(self) -> int:
        """The number of the next entry."""
        return self.begin + len(self.log)

    def add(self, socket: Socket) -> bool:
        """Whether it is new here."""
        if self.name in socket.topics:
            return False
        rows = self.rows.setdefault(_shape(socket), [])
        for row in reversed(rows):
            if len(row.members) < _ROW and row.next >= self.news:
                break
        else:
            row = _Row(self.end)
            rows.append(row)
        row.members[socket] = None
        self.size += 1
        socket.topics += (self.name,)
        return True

    def remove(self, socket: Socket) -> None:
        shape = _shape(socket)
        for row in self.rows.get(shape, ()):
            if socket in row.members:
                self._take_out(shape, row, socket)
                self.size -= 1
                break
        self.late.pop(socket, None)

    def _take_out(self, shape: Shape, row: _Row, socket: Socket) -> None:
        row.remove(socket)
        if not row.members:
            self.rows[shape].remove(row)
            if not self.rows[shape]:
                del self.rows[shape]

    def regroup(self, socket: Socket) -> None:
        """Its shape is no longer the one under which it was added: it goes on from where it stood, in another row."""
        now = _shape(socket)
        for shape, row in self.turns():
            if socket in row.members and shape != now:
                due = row.due(socket)
                self._take_out(shape, row, socket)
                rows = self.rows.setdefault(now, [])
                fitting = (row for row in rows if row.at == due and row.turn is None and len(row.members) < _ROW)
                other = next(fitting, None)
                if other is None:
                    other = _Row(due)
                    rows.append(other)
                other.members[socket] = None
                return

    def due_events(self, socket: Socket) -> list[_Event]:
        """The events among what it is still to be given, but for values of which only the latest matters."""
        found = next((row for _, row in self.turns() if socket in row.members), None)
        begin = self.end if found is None else found.due(socket)
        return [entry for entry in self.log[begin - self.begin :] if isinstance(entry, _Event) and entry.key is None]

    def append(self, entry: _Entry) -> None:
        self.log.append(entry)
        if isinstance(entry, _Event):
            if entry.key is None:
                self.news = self.end
        elif self.epoch != entry.epoch:
            self.epoch, self.news = entry.epoch, self.end - 1

    @property
    def position(self) -> tuple[str, int] | None:
        """The last message that waits to go out."""
        for entry in reversed(self.log):
            if isinstance(entry, _Messages):
                return entry.epoch, entry.messages[-1].offset
        return None

    def turns(self) -> list[tuple[Shape, _Row]]:
        """Everyone, as of now."""
        return [(shape, row) for shape, rows in self.rows.items() for row in rows]

    def run(self, shape: Shape, begin: int, end: int) -> _Run:
        """Rows that stand at the same place are given the same bytes: what comes next is kept from the one before. So
        it is for those who differ in nothing but how they take it compressed."""
        key = *shape[:2], begin, end
        if self._run is None or self._run.key != key:
            entries = _gathered(islice(self.log, begin - self.begin, end - self.begin))
            self._run = _Run(key, list(_encoded(self.name, shape, entries)))
        return self._run

    def trim(self) -> None:
        """Lets go of what everyone has been given."""
        begin = min((row.at for rows in self.rows.values() for row in rows), default=self.end)
        del self.log[: begin - self.begin]
        self.begin = begin
        self._run = None
        if self.waiting:
            self._say_written()

    def _say_written(self) -> None:
        done = [call for number, call in self.waiting if number <= self.begin]
        self.waiting = [(number, call) for number, call in self.waiting if number > self.begin]
        for call in done:
            call()


def _gathered(entries: Iterable[_Entry]) -> Iterator[_Entry]:
    """What follows each other in one room becomes one list."""
    last: _Messages | None = None
    for entry in entries:
        if isinstance(entry, _Messages) and last is not None and entry.follows(last):
            last.messages += entry.messages
            continue
        if last is not None:
            yield last
        # A list of its own: other rows may get another run of the same entries.
        last = _Messages(entry.room_id, entry.epoch, list(entry.messages)) if isinstance(entry, _Messages) else None
        if last is None:
            yield entry
    if last is not None:
        yield last


def _encoded(topic: str, shape: Shape, entries: Iterable[_Entry]) -> Iterator[tuple[_Entry, Outgoing]]:
    for entry in entries:
        try:
            yield entry, entry.outgoing(shape)
        except Exception:
            _log.exception("a publication could not be written", extra={"topic": topic})


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
        worked: Callable[[], float] = time.thread_time,
        is_coalescing: bool = True,
    ) -> None:
        """`worked` is the processor's time that the loop's thread has had, in seconds. `is_coalescing` false gives
        every publication its own writes; for measuring."""
        self._topics: dict[str, _Topic] = {}
        self._dirty: dict[str, _Topic] = {}
        self._lags: dict[Socket, _Lag] = {}
        self._clock = clock
        self._worked = worked
        self._is_coalescing = is_coalescing
        self._is_busy = False
        self._written = 0  # sockets, in this slice
        self._owed_s = 0.0  # of rest; less than nothing of what was had in advance
        self._idle_since = -math.inf
        self._pass_s = 0.0  # what the last one took
        self._worked_by_rest = 0.0  # when its rest began
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

    def subscribe(self, topic: str, socket: Socket, *, after: tuple[str, int] | None = None) -> None:
        """From now on `socket` hears `topic`. With `after`, an (epoch, offset), messages that are not behind it are
        not sent to it."""
        if not socket.is_connected and not socket.is_connecting:
            return
        found = self._topics.get(topic)
        if found is None:
            found = self._topics[topic] = _Topic(topic)
        self._deafen(topic, socket)
        is_new = found.add(socket)
        if after is not None:
            found.late[socket] = after
        elif is_new and (position := found.position) is not None:
            # What gathers to go out was published before, and is not for those who come now.
            found.late[socket] = position

    def unsubscribe(self, topic: str, socket: Socket) -> None:
        self._deafen(topic, socket)
        self._remove(topic, socket)

    def _deafen(self, topic: str, socket: Socket) -> None:
        """What it heard before its connection broke, it hears no more for that alone."""
        if socket.trail is not None:
            for trails in self._trails:
                trails.deafen(socket.trail, topic)

    def _remove(self, topic: str, socket: Socket) -> None:
        found = self._topics.get(topic)
        if found is None:
            return
        found.remove(socket)
        socket.topics = tuple(name for name in socket.topics if name != topic)
        if not found.size:
            del self._topics[topic]
            self._dirty.pop(topic, None)

    def gone(self, socket: Socket) -> None:
        """Its connection is no more. Events that were on their way to it are kept, if it may come back; those of one
        topic in their order."""
        trail, due = socket.trail, []
        for name in socket.topics:
            if trail is not None:
                due += self._topics[name].due_events(socket)
            self._remove(name, socket)
        self._lags.pop(socket, None)
        if trail is not None:
            for event in due:
                trail.miss(event.event, event.payload)

    def unsubscribe_all(self, socket: Socket) -> None:
        """The socket wants no more."""
        for topic in socket.topics:
            self.unsubscribe(topic, socket)
        self._lags.pop(socket, None)

    def close_to(self, topic: str, *, but: str | None) -> None:
        """Of those who are away and may come back, none but this owner is to hear the topic."""
        for trails in self._trails:
            trails.deafen_all(topic, but=but)

    def upgraded(self, socket: Socket) -> None:
        """It has another transport, which may take other bytes."""
        for name in socket.topics:
            topic = self._topics[name]
            topic.regroup(socket)
            if topic.log:
                self._dirty[name] = topic  # the pass under way does not know of a new row

    def count(self, topic: str) -> int:
        """Sockets that hear it."""
        found = self._topics.get(topic)
        return 0 if found is None else found.size

    def sockets(self, topic: str) -> Iterator[Socket]:
        """Those sockets."""
        found = self._topics.get(topic)
        for _, row in found.turns() if found is not None else ():
            yield from list(row.members)

    def when_written(self, topic: str, done: Callable[[], None]) -> None:
        """`done` is called once what was published until now has been handed to the sockets that are still there, or
        the next publication has if nothing waits. Never if nobody hears the topic now. It must be quick and not raise.
        """
        found = self._topics.get(topic)
        if found is not None:
            found.waiting.append((found.end if found.log else found.end + 1, done))

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
        if wrapped:
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
        topic.append(entry)
        self._dirty[topic.name] = topic
        if len(topic.log) > _MAX_PENDING:
            self._send_now(topic)
        if not self._is_busy:
            self._is_busy = True
            asyncio.get_running_loop().call_soon(self._begin)

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

    def _begin(self) -> None:
        rested_s = self._clock() - self._idle_since
        self._owed_s = max(-_MOST_RESTED_S, self._owed_s - rested_s)
        self._start()

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
        self._pass_s = self._clock() - started
        self._owed_s += self._pass_s
        self._worked_by_rest = self._worked()
        if not self._is_coalescing:
            self._owed_s = 0.0
        if self._owed_s < _LEAST_REST_S:
            self._wake()
            return
        owed, self._owed_s = self._owed_s, 0.0
        asyncio.get_running_loop().call_later(owed, self._wake)

    def _wake(self) -> None:
        if self._dirty:
            self._owed_s += min(self._worked() - self._worked_by_rest, self._pass_s)
            self._start()
        else:
            self._is_busy = False
            self._idle_since = self._clock()

    def _work(self) -> Iterator[None]:
        """Writes everything that has gathered; yields between rows, and the loop makes the writes then."""
        dirty, self._dirty = self._dirty, {}
        for topic in dirty.values():
            for shape, row in topic.turns():
                try:
                    yield from self._turn(topic, shape, row)
                except Exception:  # or nobody on this node would hear anything any more
                    _log.exception("a row could not be written to", extra={"topic": topic.name})
                    row.at, row.turn = topic.end, None
            topic.trim()
            if not topic.log and self._dirty.get(topic.name) is topic:  # and no newer one of its name
                del self._dirty[topic.name]

    def _turn(self, topic: _Topic, shape: Shape, row: _Row) -> Iterator[None]:
        """What there is for a row when its turn comes. Whoever yields finds the topic as others have left it."""
        until = topic.end
        while row.members and row.at < until:
            if self._written >= _SLICE:
                self._written = 0
                yield
                continue
            if row.turn is None:
                row.turn = self._next_turn(topic, shape, row, topic.end if self._is_coalescing else row.at + 1)
            sockets = row.turn.take(_SLICE - self._written)
            self._written += len(sockets)
            self._write(topic, row, row.turn, sockets)

    @staticmethod
    def _next_turn(topic: _Topic, shape: Shape, row: _Row, end: int) -> _Turn:
        return _Turn(topic.run(shape, row.at, end), end, shape[2], list(row.members))

    def _send_now(self, topic: _Topic) -> None:
        for shape, row in topic.turns():
            while row.at < topic.end:
                row.turn = turn = row.turn or self._next_turn(topic, shape, row, topic.end)
                self._write(topic, row, turn, turn.take(_ROW))
        topic.trim()

    # -- writing

    def _write(self, topic: _Topic, row: _Row, turn: _Turn, sockets: list[Socket]) -> None:
        """The hot loop: one write of the same bytes for each socket."""
        run, frames = turn.run, turn.frames
        if topic.late:
            sockets = self._served_together(topic, sockets, run)
        for socket in sockets:
            wire = socket.session.wire
            if wire is not None and socket.is_ready:
                wire(frames)
            else:
                for entry, outgoing in run.entries:
                    self._deliver(topic, socket, entry, outgoing)
        self.deliveries += len(sockets) * len(run.entries)
        if not turn.waiting:
            row.at, row.turn = turn.end, None

    def _served_together(self, topic: _Topic, sockets: list[Socket], run: _Run) -> list[Socket]:
        """Who gets the same bytes. Those who know a part already are served here, one by one."""
        apart = [socket for socket in sockets if socket in topic.late]
        for socket in apart:
            for entry, _ in run.entries:
                self._deliver_late(topic, socket, entry)
        return [socket for socket in sockets if socket not in apart] if apart else sockets

    def _deliver_late(self, topic: _Topic, socket: Socket, entry: _Entry) -> None:
        """To a socket that may know a part already."""
        rest: _Entry | None = entry
        position = topic.late.get(socket)
        if isinstance(entry, _Messages) and position is not None:
            rest = entry.after(position)
            if entry.messages[-1].offset > position[1] or entry.epoch != position[0]:
                del topic.late[socket]
        if rest is not None:
            self._deliver(topic, socket, rest, rest.outgoing(_shape(socket)))

    def _deliver(self, topic: _Topic, socket: Socket, entry: _Entry, outgoing: Outgoing) -> None:
        """To a socket whose transport cannot simply be written to."""
        if not socket.is_connected and not socket.is_connecting:
            return  # it was closed by what came before this in the same run
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
    return socket.parser, socket.namespace, socket.session.window
