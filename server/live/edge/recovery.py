"""Connection-state recovery for clients that ask for it: the events that a connection took with it when it broke.

Each event carries an offset as its last argument, a string. A client that comes back within the time names its `pid`
and the last offset that it has, and is sent what came after, under the `sid` that it had. Room messages are no part of
this: they have positions of their own.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Any, Final, Protocol

from server.live.edge.engineio import new_sid
from server.live.edge.socketio import encode

_log: Final = logging.getLogger(__name__)

KEPT_S: Final = 120.0
MAX_KEPT: Final = 2_000  # clients that are away
_MAX_EVENTS: Final = 1_000  # of one client
_MAX_BYTES: Final = 64 * 1024


class Recovered(Protocol):
    """The socket on which a client is connected now, as its buffer needs it."""

    def emit(self, event: str, *args: Any) -> None:
        """Sends an event, and adds it to the buffer."""
        ...

    def cut(self) -> None:
        """Closes the session: the client has another connection already."""
        ...


class RecoveryBuffer:
    """The events that one client was sent lately, and those that it would have been sent while it is away."""

    __slots__ = ("_bytes", "_events", "_last", "owner", "pid", "sid", "socket", "topics")

    def __init__(self, *, sid: str) -> None:
        self.pid = new_sid()
        self.sid = sid
        self.owner: str | None = None  # only the same one may come back
        self.socket: Recovered | None = None
        self.topics: frozenset[str] = frozenset()  # subscribed to when it went away
        self._events: deque[tuple[list[Any], int]] = deque()
        self._last = 0
        self._bytes = 0

    def add(self, args: list[Any], measure: Callable[[list[Any]], int]) -> list[Any]:
        """Takes an event, name first; the event with its offset. The oldest make room. What `measure` raises passes
        through, and the event was never there."""
        marked = [*args, str(self._last + 1)]
        size = measure(marked)
        self._last += 1
        self._events.append((marked, size))
        self._bytes += size
        while len(self._events) > _MAX_EVENTS or self._bytes > _MAX_BYTES:
            self._bytes -= self._events.popleft()[1]
        return marked

    def miss(self, event: str, payload: Any) -> None:
        """Takes an event that it would have been sent. One that cannot be written is logged and left out."""
        try:
            self.add([event, payload], _size)
        except (TypeError, ValueError, RecursionError):
            _log.exception("an event could not be kept for a client that is away", extra={"event_name": event})

    def after(self, offset: object) -> list[list[Any]] | None:
        """The events behind an offset, as a client names it; None when not all of them are there any more."""
        if offset is None:
            offset = "0"
        if not isinstance(offset, str) or not offset.isascii() or not offset.isdigit() or len(offset) > 15:
            return None
        missing = self._last - int(offset)
        if not 0 <= missing <= len(self._events):
            return None
        return [marked for marked, _ in list(self._events)[len(self._events) - missing :]]


class RecoveryBuffers:
    """The buffers of clients that are away, for so long and so many, and the topics that each had subscribed to."""

    def __init__(self, *, clock: Callable[[], float], kept_s: float = KEPT_S) -> None:
        self._clock = clock
        self._kept_s = kept_s
        self._away: OrderedDict[str, tuple[RecoveryBuffer, float]] = OrderedDict()  # by pid, who went first is first
        self._subscribed: dict[str, dict[RecoveryBuffer, None]] = {}
        self._here: dict[str, RecoveryBuffer] = {}
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._away)

    def came(self, recovery_buffer: RecoveryBuffer, socket: Recovered) -> None:
        recovery_buffer.socket = socket
        self._here[recovery_buffer.pid] = recovery_buffer

    def left(self, recovery_buffer: RecoveryBuffer, topics: tuple[str, ...], *, is_kept: bool) -> None:
        """Its connection is gone; `is_kept` when the client may come back. The buffer keeps the subscriptions then."""
        recovery_buffer.socket = None
        self._here.pop(recovery_buffer.pid, None)
        recovery_buffer.topics |= frozenset(topics)
        if not is_kept:
            self._forget(recovery_buffer)
            return
        self._away[recovery_buffer.pid] = recovery_buffer, self._clock() + self._kept_s
        for topic in recovery_buffer.topics:
            self._subscribed.setdefault(topic, {})[recovery_buffer] = None
        if len(self._away) > MAX_KEPT:
            self._forget(self._away.popitem(last=False)[1][0])
        self._wake_later()

    def take(self, pid: object) -> RecoveryBuffer | None:
        """The buffer of a client that comes back. A connection of it that still seems to live is closed first."""
        if not isinstance(pid, str):
            return None
        here = self._here.get(pid)
        if here is not None and here.socket is not None:
            here.socket.cut()
        self._sweep()
        found = self._away.pop(pid, None)
        return None if found is None else found[0]

    def drop(self, recovery_buffer: RecoveryBuffer) -> None:
        """Forgets a buffer that was not this client's, or has lost events that the client needs."""
        recovery_buffer.socket = None
        self._here.pop(recovery_buffer.pid, None)
        self._forget(recovery_buffer)

    def unsubscribe(self, recovery_buffer: RecoveryBuffer, topic: str) -> None:
        """Keeps no more events of the topic: the client has subscribed anew, or may not see them."""
        recovery_buffer.topics -= {topic}
        subscribed = self._subscribed.get(topic)
        if subscribed is not None:
            subscribed.pop(recovery_buffer, None)
            if not subscribed:
                del self._subscribed[topic]

    def unsubscribe_all(self, topic: str, *, but: Callable[[str | None], bool]) -> None:
        """Unsubscribes all buffers from the topic, except those whose owner ``but`` accepts; None is no owner."""
        for recovery_buffer in list(self._subscribed.get(topic, ())):
            if not but(recovery_buffer.owner):
                self.unsubscribe(recovery_buffer, topic)

    def published(self, topic: str, event: str, payload: Any) -> None:
        """Keeps an event for the clients that are away; sends it to those that are back and have not subscribed yet."""
        for recovery_buffer in list(self._subscribed.get(topic, ())):
            socket = recovery_buffer.socket
            if socket is None:
                recovery_buffer.miss(event, payload)
            else:
                socket.emit(event, payload)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _forget(self, recovery_buffer: RecoveryBuffer) -> None:
        for topic in recovery_buffer.topics:
            self.unsubscribe(recovery_buffer, topic)

    def _sweep(self) -> None:
        now = self._clock()
        while self._away:
            pid, (recovery_buffer, until) = next(iter(self._away.items()))
            if until > now:
                return
            del self._away[pid]
            self._forget(recovery_buffer)

    def _wake_later(self) -> None:
        if self._timer is None and self._away:
            wait_s = max(0.0, next(iter(self._away.values()))[1] - self._clock())
            self._timer = asyncio.get_running_loop().call_later(wait_s + 0.01, self._wake)

    def _wake(self) -> None:
        self._timer = None
        self._sweep()
        self._wake_later()


def _size(args: list[Any]) -> int:
    return len(encode(args))
