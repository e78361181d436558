"""The kinds of actors that a node runs, and what each is made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from actors.chat import ChatRoom
from actors.chat_log import ChatLog, RelationshipLookup, RoomStore
from actors.events import NODE, Broadcast
from actors.rate_limits import RateLimits
from actors.reader import READER, FactReader
from actors.runtime import Node
from actors.runtime.ids import ActorId
from actors.stream import LiveStream
from actors.tracing import Trace
from actors.viewers import ViewCounter
from server.live.durable import DurableStreams, DurableViews
from server.live.node_actor import MediaOfNodes, NodeActor


@dataclass(frozen=True, kw_only=True)
class Kinds:
    """``node_actor`` makes the node's own actor, when the node has everything that it needs."""

    node: Node
    streams: DurableStreams
    log: ChatLog
    rooms: RoomStore
    relationships: RelationshipLookup
    views: DurableViews
    reader: Callable[[ActorId], FactReader]
    node_actor: Callable[[], NodeActor]
    rate_limits: RateLimits
    broadcast: Broadcast
    trace: Trace
    new_id: Callable[[], str]
    now: Callable[[], datetime]
    grace_s: float

    def register(self) -> None:
        """Before the node starts."""
        register = self.node.register
        register(NODE, lambda _: self.node_actor(), mailbox=65_536, idle_after_s=None)
        register("stream", self._stream, idle_after_s=120)
        register("chat", self._room, mailbox=8_192, idle_after_s=300)
        register("viewers", self._counter, mailbox=65_536, idle_after_s=60)
        register(READER, self.reader, idle_after_s=60)

    def _stream(self, actor_id: ActorId) -> LiveStream:
        return LiveStream(
            stream_id=actor_id.key,
            store=self.streams,
            media=MediaOfNodes(node=self.node),
            broadcast=self.broadcast,
            now=self.now,
            grace_s=self.grace_s,
        )

    def _room(self, actor_id: ActorId) -> ChatRoom:
        return ChatRoom(
            room_id=actor_id.key,
            log=self.log,
            rooms=self.rooms,
            relationships=self.relationships,
            rate_limits=self.rate_limits,
            broadcast=self.broadcast,
            new_id=self.new_id,
            now=self.now,
            trace=self.trace,
        )

    def _counter(self, actor_id: ActorId) -> ViewCounter:
        return ViewCounter(
            stream_id=actor_id.key,
            store=self.views,
            broadcast=self.broadcast,
            now=self.now,
        )
