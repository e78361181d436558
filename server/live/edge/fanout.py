"""One to many: what is published to a topic is encoded once, framed once, and written to each socket's transport.

Duty cycle: what is published to an idle fan-out goes out at once. While a fan-out runs, and for as long again, what is
published gathers; then it goes out as one write for each socket. So a busy room costs half a core at most whatever
its rate, and a quiet one waits for nothing: what it was idle before counts as rest. What the loop does beside counts as
none, up to as much again: a loop that is busy otherwise writes less often, and has time left.

A topic's sockets are written to in rows of a few hundred, and each row is given whatever is there when its turn comes,
however late in the pass. So no socket waits longer than from one turn of its row to the next: with one set for all rows
the last ones would wait for the pass under way, the rest behind it, and the next pass up to their place in it.

A row is written in slices, and between two of them the loop sees to everything else: what takes several turns of the
loop, as a message on its way to the disk and back does, would wait for a slice at each of them. Nor are the transports
of a short slice out of the processor's caches again when the loop comes to flush them.

Nothing here waits for a reader. A socket that is slow misses room messages. When it has caught up, it is sent which
(`chat:gap`). When it does not catch up, its session closes it.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any, Final

from server.live.edge.engineio import Outgoing
from server.live.edge.recovery import RecoveryBuffers
from server.live.edge.socket import Socket
from server.live.edge.topic import (
    GROUP_SIZE,
    Delivery,
    EncodedRun,
    EncodingKey,
    SocketGroup,
    Topic,
    TopicEntry,
    TopicEvent,
    TopicMessage,
    TopicMessages,
    shape_of,
)

_log: Final = logging.getLogger(__name__)

GAP: Final = "chat:gap"

_SLICE: Final = 64  # sockets written to before the loop looks at anything else
_LEAST_REST_S: Final = 0.001  # shorter rests are added up: the loop's timers are no finer
_MOST_RESTED_S: Final = 0.03  # idleness before a fan-out that counts
_MAX_PENDING: Final = 5_000  # entries of one topic; then they are written at once, and who cannot take them is slow


class _Lag:
    """What one slow socket has missed."""

    __slots__ = ("gaps", "values")

    def __init__(self) -> None:
        self.gaps: dict[tuple[str, str], tuple[int, int]] = {}  # (room, epoch) → first and last offset
        self.values: dict[tuple[str, str], None] = {}  # (topic, key)

    def miss(self, entry: TopicMessages) -> None:
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
        self._topics: dict[str, Topic] = {}
        self._dirty: dict[str, Topic] = {}
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
        self._conflated: dict[tuple[str, str], TopicEvent] = {}
        self._conflating: asyncio.TimerHandle | None = None
        self._recovery_buffers: list[RecoveryBuffers] = []
        self.deliveries = 0
        self.skipped = 0

    def keep_events_in(self, recovery_buffers: RecoveryBuffers) -> None:
        """Events, not messages, are kept there too, for clients whose connection broke and that may come back."""
        self._recovery_buffers.append(recovery_buffers)

    # -- who listens

    def subscribe(
        self, topic: str, socket: Socket, *, after: tuple[str, int] | None = None, hiding: Collection[str] = ()
    ) -> None:
        """Subscribes the socket to the topic. With `after`, an (epoch, offset), the socket is sent only the messages
        behind it. What the persons in `hiding` write and do is not sent to it: their messages keep their places."""
        if not socket.is_connected and not socket.is_connecting:
            return
        found = self._topics.get(topic)
        if found is None:
            found = self._topics[topic] = Topic(topic)
        self._end_kept_subscription(topic, socket)
        is_new = found.add(socket)
        self._hide(found, socket, hiding)
        if after is not None:
            found.late[socket] = after
        elif is_new and (position := found.position) is not None:
            # What gathers to go out was published before, and is not for those who come now.
            found.late[socket] = position

    def hide(self, topic: str, socket: Socket, authors: Collection[str]) -> None:
        """From here on, these are the persons whose messages the socket is not sent."""
        found = self._topics.get(topic)
        if found is not None and topic in socket.topics:
            self._hide(found, socket, authors)

    @staticmethod
    def _hide(topic: Topic, socket: Socket, authors: Collection[str]) -> None:
        if authors:
            topic.hiding[socket] = authors
        else:
            topic.hiding.pop(socket, None)

    def unsubscribe(self, topic: str, socket: Socket) -> None:
        self._end_kept_subscription(topic, socket)
        self._remove(topic, socket)

    def _end_kept_subscription(self, topic: str, socket: Socket) -> None:
        """Ends the subscription that the recovery buffer kept from the connection before: the socket's own counts."""
        if socket.recovery_buffer is not None:
            for recovery_buffers in self._recovery_buffers:
                recovery_buffers.unsubscribe(socket.recovery_buffer, topic)

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
        recovery_buffer, due = socket.recovery_buffer, []
        for name in socket.topics:
            if recovery_buffer is not None:
                hidden = self._topics[name].hiding.get(socket, ())
                due += [event for event in self._topics[name].due_events(socket) if not event.is_of(hidden)]
            self._remove(name, socket)
        self._lags.pop(socket, None)
        if recovery_buffer is not None:
            for event in due:
                recovery_buffer.miss(event.event, event.payload)

    def unsubscribe_all(self, socket: Socket) -> None:
        """The socket wants no more."""
        for topic in socket.topics:
            self.unsubscribe(topic, socket)
        self._lags.pop(socket, None)

    def close_to(self, topic: str, *, but: Callable[[str | None], bool]) -> None:
        """Keeps the topic's events for no client that is away, except those whose owner ``but`` accepts."""
        for recovery_buffers in self._recovery_buffers:
            recovery_buffers.unsubscribe_all(topic, but=but)

    def upgraded(self, socket: Socket) -> None:
        """It has another transport, which may take other bytes."""
        for name in socket.topics:
            topic = self._topics[name]
            topic.regroup(socket)
            if topic.log:
                self._dirty[name] = topic  # the pass under way does not know of a new row

    def count(self, topic: str) -> int:
        """How many sockets subscribe to it."""
        found = self._topics.get(topic)
        return 0 if found is None else found.size

    def sockets(self, topic: str) -> Iterator[Socket]:
        """Those sockets."""
        found = self._topics.get(topic)
        for _, row in found.turns() if found is not None else ():
            yield from list(row.members)

    def when_written(self, topic: str, done: Callable[[], None]) -> None:
        """Calls `done` once what was published until now is written to the sockets that are still there, or what is
        published next if nothing waits. Never calls it if no socket subscribes now. `done` must be quick and not raise.
        """
        found = self._topics.get(topic)
        if found is not None:
            found.waiting.append((found.end if found.log else found.end + 1, done))

    # -- what is said

    def publish(self, topic: str, event: str, payload: Any) -> None:
        """Sends an event to all sockets that subscribe, in order with the topic's messages; slow sockets get it too."""
        found = self._topics.get(topic)
        if found is not None:
            self._append(found, TopicEvent(event, payload))
        for recovery_buffers in self._recovery_buffers:
            recovery_buffers.published(topic, event, payload)

    def publish_messages(
        self, topic: str, room_id: str, epoch: str, messages: Iterable[TopicMessage | Mapping[str, Any]]
    ) -> None:
        """Room messages in offset order. What gathers for one room goes out as one list; slow sockets skip it."""
        found = self._topics.get(topic)
        if found is None:
            return
        wrapped = [message if isinstance(message, TopicMessage) else TopicMessage(message) for message in messages]
        if wrapped:
            self._append(found, TopicMessages(room_id, epoch, wrapped))

    def conflate(self, topic: str, event: str, payload: Any, *, key: str) -> None:
        """A value of which only the latest matters: the first goes out at once, then one for each interval."""
        found = self._topics.get(topic)
        if found is None:
            return
        self._conflated[topic, key] = TopicEvent(event, payload, key)
        if self._conflating is None:
            self._flush_conflated()

    def _append(self, topic: Topic, entry: TopicEntry) -> None:
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

    def _turn(self, topic: Topic, shape: EncodingKey, row: SocketGroup) -> Iterator[None]:
        """Writes what there is for a row when its turn comes. The topic may have changed wherever this yields."""
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
    def _next_turn(topic: Topic, shape: EncodingKey, row: SocketGroup, end: int) -> Delivery:
        return Delivery(topic.run(shape, row.at, end), end, shape[2], list(row.members))

    def _send_now(self, topic: Topic) -> None:
        for shape, row in topic.turns():
            while row.at < topic.end:
                row.turn = turn = row.turn or self._next_turn(topic, shape, row, topic.end)
                self._write(topic, row, turn, turn.take(GROUP_SIZE))
        topic.trim()

    # -- writing

    def _write(self, topic: Topic, row: SocketGroup, turn: Delivery, sockets: list[Socket]) -> None:
        """The hot loop: one write of the same bytes for each socket."""
        run, frames = turn.run, turn.frames
        if topic.late or topic.hiding:
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

    def _served_together(self, topic: Topic, sockets: list[Socket], run: EncodedRun) -> list[Socket]:
        """Who gets the same bytes. Those who know a part already, or hide a part, are served here, one by one."""
        apart = [socket for socket in sockets if socket in topic.late or socket in topic.hiding]
        for socket in apart:
            for entry, _ in run.entries:
                self._deliver_rest(topic, socket, entry)
        return [socket for socket in sockets if socket not in apart] if apart else sockets

    def _deliver_rest(self, topic: Topic, socket: Socket, entry: TopicEntry) -> None:
        """To a socket that may know a part already, or hide one."""
        rest: TopicEntry | None = entry
        position = topic.late.get(socket)
        if isinstance(entry, TopicMessages) and position is not None:
            rest = entry.after(position)
            if entry.messages[-1].offset > position[1] or entry.epoch != position[0]:
                del topic.late[socket]
        rest = _shown_of(rest, topic.hiding.get(socket, ()))
        if rest is not None:
            self._deliver(topic, socket, rest, rest.outgoing(shape_of(socket)))

    def _deliver(self, topic: Topic, socket: Socket, entry: TopicEntry, outgoing: Outgoing) -> None:
        """To a socket whose transport cannot simply be written to."""
        if not socket.is_connected and not socket.is_connecting:
            return  # it was closed by what came before this in the same run
        if socket.session.is_slow and (isinstance(entry, TopicMessages) or entry.key is not None):
            lag = self._lag(socket)
            self.skipped += 1
            if isinstance(entry, TopicMessages):
                lag.miss(entry)
            elif entry.key is not None:
                lag.values[topic.name, entry.key] = None
        elif socket.recovery_buffer is not None and isinstance(entry, TopicEvent) and entry.key is None:
            socket.emit(entry.event, entry.payload)
        else:
            socket.send(outgoing)

    def _lag(self, socket: Socket) -> _Lag:
        lag = self._lags.get(socket)
        if lag is None:
            lag = self._lags[socket] = _Lag()
        return lag

    def writable(self, socket: Socket) -> None:
        """A slow socket has caught up: sends it what it missed (`chat:gap`), and the latest conflated values."""
        lag = self._lags.pop(socket, None)
        if lag is None:
            return
        for (room_id, _), (first, last) in lag.gaps.items():
            socket.emit(GAP, {"room_id": room_id, "from": first, "to": last})
        for name, key in lag.values:
            topic = self._topics.get(name)
            if topic is not None and key in topic.latest and name in socket.topics:
                latest = _shown_of(topic.latest[key], topic.hiding.get(socket, ()))
                if latest is not None:
                    socket.send(latest.outgoing(shape_of(socket)))

    def close(self) -> None:
        """Nothing gathers any more."""
        if self._conflating is not None:
            self._conflating.cancel()
            self._conflating = None
        self._conflated.clear()


def _shown_of(entry: TopicEntry | None, hidden: Collection[str]) -> TopicEntry | None:
    """What of an entry goes to a socket that hides these persons; None: nothing."""
    if entry is None or not hidden:
        return entry
    if isinstance(entry, TopicMessages):
        return entry.without(hidden)
    return None if entry.is_of(hidden) else entry
