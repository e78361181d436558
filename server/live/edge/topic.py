"""A topic of the fan-out: what was published and not written yet, and its sockets, in rows that get the same bytes."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, Final

from server.live.edge.engineio import Outgoing
from server.live.edge.packet import Parser
from server.live.edge.socket import Socket

_log: Final = logging.getLogger(__name__)

MESSAGES: Final = "chat:messages"
GROUP_SIZE: Final = 256  # sockets that get the same bytes, encoded and compressed once for them

EncodingKey = tuple[Parser, str, int]
"""Sockets of one parser, one namespace and one window of compression (in bits, 0 for none) get the same bytes."""


class TopicMessage:
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


class TopicEvent:
    """One event of one object; `key` names what it is the latest value of, if it may be skipped for a later one."""

    __slots__ = ("event", "key", "payload")

    def __init__(self, event: str, payload: Any, key: str | None = None) -> None:
        self.event = event
        self.payload = payload
        self.key = key

    def outgoing(self, shape: EncodingKey) -> Outgoing:
        parser, namespace, _ = shape
        return parser.event(namespace, [self.event, self.payload])

    def is_of(self, authors: Collection[str]) -> bool:
        """Whether it tells what one of these persons does or writes."""
        return isinstance(self.payload, Mapping) and self.payload.get("user_id") in authors


class TopicMessages:
    """A run of messages of one room and epoch, in offset order."""

    __slots__ = ("epoch", "messages", "room_id")

    def __init__(self, room_id: str, epoch: str, messages: list[TopicMessage]) -> None:
        self.room_id = room_id
        self.epoch = epoch
        self.messages = messages

    def outgoing(self, shape: EncodingKey) -> Outgoing:
        parser, namespace, _ = shape
        head = {"room_id": self.room_id, "epoch": self.epoch}
        return parser.event_of_parts(namespace, MESSAGES, head, "messages", [m.part(parser) for m in self.messages])

    def follows(self, other: TopicMessages) -> bool:
        """Whether both may go out as one list."""
        return self.room_id == other.room_id and self.epoch == other.epoch

    def after(self, position: tuple[str, int]) -> TopicMessages | None:
        """What of it lies behind a position in the room; another epoch is all behind it."""
        epoch, offset = position
        if epoch != self.epoch or self.messages[0].offset > offset:
            return self
        rest = [message for message in self.messages if message.offset > offset]
        return TopicMessages(self.room_id, self.epoch, rest) if rest else None

    def without(self, authors: Collection[str]) -> TopicMessages:
        """Messages of these authors keep their places and nothing else."""
        shown = [TopicMessage(without_author(message.body, authors)) for message in self.messages]
        return TopicMessages(self.room_id, self.epoch, shown)


def without_author(body: Mapping[str, Any], authors: Collection[str]) -> Mapping[str, Any]:
    """A room message as a person is shown it who hides these authors."""
    if body.get("user", {}).get("id") not in authors:
        return body
    return {"id": body["id"], "offset": body["offset"], "deleted": True, "hidden": True}


TopicEntry = TopicEvent | TopicMessages


class EncodedRun:
    """The entries from one number up to another, as the sockets of one parser and namespace are to get them."""

    __slots__ = ("entries", "key")

    def __init__(self, key: tuple[Parser, str, int, int], entries: list[tuple[TopicEntry, Outgoing]]) -> None:
        self.key = key
        self.entries = entries

    def frames_for(self, window: int) -> bytes:
        return b"".join([outgoing.frames_for(window) for _, outgoing in self.entries])


class Delivery:
    """A run on its way to a row: the same bytes for each socket, and the sockets that still lack them."""

    __slots__ = ("end", "frames", "run", "waiting")

    def __init__(self, run: EncodedRun, end: int, window: int, waiting: list[Socket]) -> None:
        self.run = run
        self.end = end  # the number behind the run's last entry
        self.frames = run.frames_for(window)
        self.waiting = waiting

    def take(self, count: int) -> list[Socket]:
        """The next ones."""
        taken = self.waiting[-count:]
        del self.waiting[-count:]
        return taken


class SocketGroup:
    """Sockets that are given the same."""

    __slots__ = ("at", "members", "turn")

    def __init__(self, at: int) -> None:
        self.at = at  # the number of the first entry that not all of them have been given
        self.members: dict[Socket, None] = {}
        self.turn: Delivery | None = None  # under way

    def remove(self, socket: Socket) -> None:
        del self.members[socket]
        if self.turn is not None and socket in self.turn.waiting:
            self.turn.waiting.remove(socket)

    @property
    def next(self) -> int:
        """The number of the first entry that a socket that subscribes now will be sent."""
        return self.at if self.turn is None else self.turn.end

    def due(self, socket: Socket) -> int:
        """The number of the first entry that this one has not been given."""
        return self.at if self.turn is not None and socket in self.turn.waiting else self.next


class Topic:
    """Entries are numbered as they are published; the log begins with the first that some row has not been given."""

    __slots__ = ("_run", "begin", "epoch", "hiding", "late", "latest", "log", "name", "news", "rows", "size", "waiting")

    def __init__(self, name: str) -> None:
        self.name = name
        self.rows: dict[EncodingKey, list[SocketGroup]] = {}
        self.size = 0
        self.log: list[TopicEntry] = []
        self.begin = 0
        self.epoch = ""  # of the last messages
        self.news = 0  # who comes now must not be given entries before this number: events, and another epoch's
        self.late: dict[Socket, tuple[str, int]] = {}  # where they stand; what is not behind it they have already
        self.hiding: dict[Socket, Collection[str]] = {}  # whose messages and doings each of these is not sent
        self.latest: dict[str, TopicEvent] = {}  # the last value of each key
        self.waiting: list[tuple[int, Callable[[], None]]] = []  # for what lies before a number to be written
        self._run: EncodedRun | None = None

    @property
    def end(self) -> int:
        """The number of the next entry."""
        return self.begin + len(self.log)

    def add(self, socket: Socket) -> bool:
        """Whether it is new here."""
        if self.name in socket.topics:
            return False
        rows = self.rows.setdefault(shape_of(socket), [])
        for row in reversed(rows):
            if len(row.members) < GROUP_SIZE and row.next >= self.news:
                break
        else:
            row = SocketGroup(self.end)
            rows.append(row)
        row.members[socket] = None
        self.size += 1
        socket.topics += (self.name,)
        return True

    def remove(self, socket: Socket) -> None:
        shape = shape_of(socket)
        for row in self.rows.get(shape, ()):
            if socket in row.members:
                self._take_out(shape, row, socket)
                self.size -= 1
                break
        self.late.pop(socket, None)
        self.hiding.pop(socket, None)

    def _take_out(self, shape: EncodingKey, row: SocketGroup, socket: Socket) -> None:
        row.remove(socket)
        if not row.members:
            self.rows[shape].remove(row)
            if not self.rows[shape]:
                del self.rows[shape]

    def regroup(self, socket: Socket) -> None:
        """Its shape is no longer the one under which it was added: it goes on from where it stood, in another row."""
        now = shape_of(socket)
        for shape, row in self.turns():
            if socket in row.members and shape != now:
                due = row.due(socket)
                self._take_out(shape, row, socket)
                rows = self.rows.setdefault(now, [])
                fitting = (row for row in rows if row.at == due and row.turn is None and len(row.members) < GROUP_SIZE)
                other = next(fitting, None)
                if other is None:
                    other = SocketGroup(due)
                    rows.append(other)
                other.members[socket] = None
                return

    def due_events(self, socket: Socket) -> list[TopicEvent]:
        """The events among what it is still to be given, but for values of which only the latest matters."""
        found = next((row for _, row in self.turns() if socket in row.members), None)
        begin = self.end if found is None else found.due(socket)
        return [
            entry for entry in self.log[begin - self.begin :] if isinstance(entry, TopicEvent) and entry.key is None
        ]

    def append(self, entry: TopicEntry) -> None:
        self.log.append(entry)
        if isinstance(entry, TopicEvent):
            if entry.key is None:
                self.news = self.end
        elif self.epoch != entry.epoch:
            self.epoch, self.news = entry.epoch, self.end - 1

    @property
    def position(self) -> tuple[str, int] | None:
        """The last message that waits to go out."""
        for entry in reversed(self.log):
            if isinstance(entry, TopicMessages):
                return entry.epoch, entry.messages[-1].offset
        return None

    def turns(self) -> list[tuple[EncodingKey, SocketGroup]]:
        """Everyone, as of now."""
        return [(shape, row) for shape, rows in self.rows.items() for row in rows]

    def run(self, shape: EncodingKey, begin: int, end: int) -> EncodedRun:
        """Rows that stand at the same place are given the same bytes: what comes next is kept from the one before. So
        it is for those who differ in nothing but how they take it compressed."""
        key = *shape[:2], begin, end
        if self._run is None or self._run.key != key:
            entries = _gathered(islice(self.log, begin - self.begin, end - self.begin))
            self._run = EncodedRun(key, list(_encoded(self.name, shape, entries)))
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


def _gathered(entries: Iterable[TopicEntry]) -> Iterator[TopicEntry]:
    """What follows each other in one room becomes one list."""
    last: TopicMessages | None = None
    for entry in entries:
        if isinstance(entry, TopicMessages) and last is not None and entry.follows(last):
            last.messages += entry.messages
            continue
        if last is not None:
            yield last
        # A list of its own: other rows may get another run of the same entries.
        last = (
            TopicMessages(entry.room_id, entry.epoch, list(entry.messages))
            if isinstance(entry, TopicMessages)
            else None
        )
        if last is None:
            yield entry
    if last is not None:
        yield last


def _encoded(topic: str, shape: EncodingKey, entries: Iterable[TopicEntry]) -> Iterator[tuple[TopicEntry, Outgoing]]:
    for entry in entries:
        try:
            yield entry, entry.outgoing(shape)
        except Exception:
            _log.exception("a publication could not be written", extra={"topic": topic})


def shape_of(socket: Socket) -> EncodingKey:
    return socket.parser, socket.namespace, socket.session.window
