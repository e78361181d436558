"""The messages of a room in the order of their offsets, sent to the nodes that subscribe to the room."""

from __future__ import annotations

import asyncio

import msgspec

from actors.chat_log import ChatLog
from actors.chat_messages import LISTEN_S, RECENT
from actors.chat_recent import RecentMessages, cleared
from actors.events import Broadcast, ChatPosted, LiveEvent, LoggedMessage, RoomOpened
from actors.runtime import ActorError, Context, Unavailable

MEND_S = 0.25
MAX_MEND_S = 5.0


class Timeline:
    """What subscribers were sent: every message up to ``offset``, each once and none left out.

    A subscription is of a node and lasts ``LISTEN_S`` unless the node renews it. The outcome of a commit may be lost
    with a connection: what the log holds beyond ``offset`` is read from it and sent too.
    """

    def __init__(
        self,
        *,
        context: Context,
        room_id: str,
        epoch: str,
        offset: int,
        log: ChatLog,
        broadcast: Broadcast,
        cleared_to: int = 0,
    ) -> None:
        self._context = context
        self._room_id = room_id
        self._log = log
        self._broadcast = broadcast
        self.epoch = epoch
        self.offset = offset
        self._cleared_to = cleared_to
        self.recent = RecentMessages(after=offset)
        self._subscribers: dict[str, float] = {}  # until when, in monotonic seconds
        self._fresh: list[LoggedMessage] = []
        self._fresh_traces: list[str] = []
        self._top = 0
        self._mending: asyncio.Task[None] | None = None

    def open(self) -> None:
        """Tell every node of the cluster where the room stands; those with sockets in it subscribe."""
        self._broadcast(RoomOpened(room_id=self._room_id, epoch=self.epoch, offset=self.offset))

    # subscribing

    def subscribe(self, node: str) -> None:
        self._subscribers[node] = self._context.clock.monotonic() + LISTEN_S

    def renew(self, node: str, *, epoch: str, offset: int) -> None:
        """Renew a subscription. A node that knows another log, or less than was sent, is sent where the room stands."""
        self.subscribe(node)
        sent = self.offset - len(self._fresh)
        if epoch not in ("", self.epoch) or offset < sent:
            self._broadcast(RoomOpened(room_id=self._room_id, epoch=self.epoch, offset=sent), to=(node,))

    def send(self, event: LiveEvent) -> None:
        """Send an event to every node with sockets in the room, and to no other."""
        now = self._context.clock.monotonic()
        lapsed = [node for node, until in self._subscribers.items() if until < now]
        for node in lapsed:
            del self._subscribers[node]
        self._broadcast(event, to=tuple(self._subscribers))

    # appending

    def append(self, message: LoggedMessage, *, trace: str | None = None) -> None:
        """The message at ``offset`` + 1. One commit resolves many posts in one turn of the loop: one event has them."""
        self.offset = message.offset
        message = cleared(message, self._cleared_to)  # committed before the room was cleared, and told of afterwards
        self.recent.add(message)
        self._fresh.append(message)
        if trace is not None:
            self._fresh_traces.append(trace)
        if len(self._fresh) == 1:
            self._context.clock.call_later(0.0, self._send_fresh)

    def _send_fresh(self) -> None:
        fresh, self._fresh = tuple(map(msgspec.to_builtins, self._fresh)), []
        traces: tuple[str, ...] = ()
        if self._fresh_traces:
            traces, self._fresh_traces = tuple(self._fresh_traces), []
        self.send(ChatPosted(room_id=self._room_id, epoch=self.epoch, messages=fresh, traces=traces))

    def clear(self, up_to: int) -> None:
        """All messages up to this offset are deleted, those too that are yet to come to ``append``."""
        self._cleared_to = up_to
        self.recent.clear(up_to)
        self._fresh = [cleared(message, up_to) for message in self._fresh]

    # mending

    def mend(self, *, up_to: int = 0) -> None:
        """Begin to read what the log holds beyond ``offset``, at least ``up_to`` that offset."""
        self._top = max(self._top, up_to)
        if self._mending is None or self._mending.done():
            try:
                self._mending = self._context.spawn(self._catch_up(), name="mend")
            except ActorError:
                return  # The room's actor is stopping: the next one reads the log.

    async def _catch_up(self) -> None:
        """Append what the log holds; it may take until the database is back."""
        pause_s = MEND_S
        while True:
            try:
                page = await self._log.since(self._room_id, self.offset, limit=RECENT)
            except Unavailable as error:
                self._context.log.info("what follows %d cannot be read yet: %s", self.offset, error)
                await self._context.clock.sleep(pause_s)
                pause_s = min(pause_s * 2, MAX_MEND_S)
                continue
            for logged in page:
                if logged.offset > self.offset:
                    self.append(logged)
            if not page or (len(page) < RECENT and self.offset >= self._top):
                return
