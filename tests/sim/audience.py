"""Processes with the product's own rooms, feeds and viewer counters, over tables in memory that know the epochs."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Sequence
from itertools import count
from typing import Any, get_args

from actors.chat import ChatRoom
from actors.chat_messages import PostChat
from actors.chat_rules import Author
from actors.events import (
    ChatChange,
    ChatPosted,
    CounterOpened,
    DeliverLiveEvent,
    DeliverRoomEvent,
    LiveEvent,
    RoomOpened,
    ViewersCounted,
)
from actors.rate_limits import RateLimits
from actors.runtime import Actor, ActorError, Fence, handles, shard_of
from actors.runtime.ids import ActorId
from actors.screening import Screen
from actors.stream_messages import KeepViewers
from actors.viewers import ViewCounter
from actors.viewers_messages import ViewerCame
from server.live.broadcast import Broadcaster
from server.live.counters import LocalViewers
from server.live.durable import DurableViews
from server.live.room_mirrors import RoomMirrors
from server.live.shard_moves import ShardMoves
from storage.bus_entry import VERSION
from storage.errors import Fenced
from storage.members import Member
from storage.memory.chat_held import MemoryHeldMessages
from storage.memory.rooms import MemoryRooms
from storage.memory.tables import MemoryPerson, Tables
from storage.memory.views import MemoryViews
from storage.rendezvous import draws
from tests.actors.room_fixture import FACTORS, RATES, Log, Relationships
from tests.sim.engines import PostgresModel, RedisModel
from tests.sim.process import Ear, Process, Room
from tests.sim.simulation import Simulation

ANN = Author(id="ann", username="ann", display_name="Ann")
POST_EVERY_S = 0.2


class FencedTables(Tables):
    """Their fence is the model's."""

    def __init__(self, postgres: PostgresModel) -> None:
        super().__init__()
        self._postgres = postgres

    def hold(self, fence: Fence) -> None:
        if self._postgres.is_stale(fence.shard, fence.epoch):
            raise Fenced(fence.shard, fence.epoch)


class Fiction(Actor):
    """A stream, as far as its counter speaks to it."""

    @handles(KeepViewers)
    def keep(self, message: KeepViewers) -> None:
        """Not looked at."""


class NodeEar(Ear):
    @handles(DeliverLiveEvent)
    def handle(self, message: DeliverLiveEvent) -> None:
        self.audience.handle(message.event)

    @handles(DeliverRoomEvent)
    def handle_room_event(self, message: DeliverRoomEvent) -> None:
        self.audience.handle(message.event)

    def __init__(self, audience: Audience) -> None:
        super().__init__(audience)
        self.audience = audience


class NoScreens:
    """``ScreenLookup``: everything may be said."""

    async def screen(self, owner_id: str) -> Screen:
        return Screen()


class Audience(Process):
    """A process with a socket in every room, which says something there all the time, and with viewers.

    ``shown``: when each room's socket was shown messages.
    """

    def __init__(self, simulation: Simulation, *, tables: FencedTables, rooms: Sequence[str], **options: Any) -> None:
        self.tables = tables
        self.rooms = rooms
        self.shown: defaultdict[str, list[float]] = defaultdict(list)
        self.views: list[ViewerCame] = []
        self._counted: dict[str, int] = {}
        self._ids = count(1)
        super().__init__(simulation, room=Room, version=VERSION, **options)
        self._broadcaster = Broadcaster(me=self.name, others=lambda: self.cluster.members.view.members)
        self.mirrors = RoomMirrors(node=self.node, pages=Log(tables=tables), fan=self)
        self.counters = LocalViewers(node=self.node)
        self._moves = ShardMoves()
        self._moves.join(node=self.node, handlers=(self.mirrors, self.counters))
        self._broadcaster.join(node=self.node, handlers=dict.fromkeys(get_args(LiveEvent), (self.handle,)))
        self.node.register("chat", self._chat)
        self.node.register("viewers", self._counter)
        self.node.register("stream", lambda _: Fiction())
        self._spawn(self._live_in_rooms)

    def ear(self) -> Actor:
        return NodeEar(self)

    def now(self) -> dt.datetime:
        return dt.datetime.fromtimestamp(self.clock.time(), dt.UTC)

    def _chat(self, actor_id: ActorId) -> ChatRoom:
        return ChatRoom(
            room_id=actor_id.key,
            log=Log(tables=self.tables),
            rooms=MemoryRooms(tables=self.tables),
            relationships=Relationships(),
            screens=NoScreens(),
            held=MemoryHeldMessages(tables=self.tables),
            rate_limits=RateLimits(rates=RATES, factors=FACTORS),
            broadcast=self._broadcaster,
            new_id=self._new_id,
            now=self.now,
        )

    def _counter(self, actor_id: ActorId) -> ViewCounter:
        return ViewCounter(
            stream_id=actor_id.key,
            store=DurableViews(views=MemoryViews(tables=self.tables)),  # type: ignore[arg-type]
            broadcast=self._broadcaster,
            now=self.now,
        )

    def _new_id(self) -> str:
        return f"{self.title}/{next(self._ids)}"

    # the sockets

    async def _live_in_rooms(self) -> None:
        while not self.is_ready:
            await self.clock.sleep(0.1)
        self.mirrors.start()
        for room in self.rooms:
            await self.mirrors.open(room)
            self._spawn(self._talk, room)

    async def _talk(self, room: str) -> None:
        for number in count(1):
            await self.clock.sleep(POST_EVERY_S)
            post = PostChat(author=ANN, text=f"{number}", client_id=f"{self.title}-{number}")
            try:
                await self.node.ref("chat", room).ask(post)
            except ActorError as error:
                self.simulation.note(self.title, "is refused", error)

    def watch(self, stream_id: str) -> None:
        """One more viewer, on this process."""
        self.loop.call_soon(self._watch, stream_id)

    def _watch(self, stream_id: str) -> None:
        at, view_id = self.clock.time(), self._new_id()
        came = ViewerCame(view_id=view_id, viewer=view_id, user_id=None, at=at, since=at, node=self.name)
        self.views.append(came)
        self.counters.came(stream_id, came)

    def viewers(self, stream_id: str) -> int:
        """The count that this process shows."""
        return self._counted.get(stream_id, 0)

    def handle(self, event: LiveEvent) -> None:
        """As ``server.live.live_events.handlers``, for those events that these processes show."""
        if isinstance(event, ViewersCounted):
            self._counted[event.stream_id] = event.viewers
        elif isinstance(event, CounterOpened):
            for came in self.views:
                self.counters.is_here(event.stream_id, came)
        elif isinstance(event, ChatPosted | ChatChange | RoomOpened):
            self.mirrors.handle(event)

    # what the product asks of its edge

    def count(self, topic: str) -> int:
        return 1

    def publish_messages(self, topic: str, room_id: str, epoch: str, messages: Sequence[dict[str, Any]]) -> None:
        self.shown[room_id].append(self.simulation.now)

    def publish(self, topic: str, event: str, body: dict[str, Any]) -> None:
        """Nothing changes in these rooms."""

    # what the cluster tells

    def left(self, member: Member) -> None:
        self._moves.left(member.name)

    def moved(self, shards: Collection[int]) -> None:
        self._moves.moved(shards)


class Hall:
    """A cluster of audiences, on one Redis and one Postgres."""

    def __init__(self, seed: int, *, names: Sequence[str] = ("a", "b", "c"), rooms: int = 6) -> None:
        self.simulation = Simulation(seed)
        self._redis = RedisModel(self.simulation)
        self._postgres = PostgresModel(self.simulation)
        self.tables = FencedTables(self._postgres)
        self.tables.add_person(MemoryPerson(id=ANN.id, username=ANN.username, display_name=ANN.display_name))
        self.rooms = [f"room{number}" for number in range(rooms)]
        self._numbers = count(1)
        for room in self.rooms:
            _run(MemoryRooms(tables=self.tables).create(room_id=room, owner_id=ANN.id, log_epoch="e"))
        self.processes = [self.start(name) for name in names]

    def start(self, name: str) -> Audience:
        return Audience(
            self.simulation,
            name=name,
            number=next(self._numbers),
            redis=self._redis,
            postgres=self._postgres,
            tables=self.tables,
            rooms=self.rooms,
        )

    def owner_of(self, kind: str, key: str) -> Audience:
        taken = self._postgres.taken(shard_of(ActorId(kind, key)))
        return next(one for one in self.processes if one.name == taken.node)

    def run(self, seconds: float) -> None:
        self.simulation.run(self.simulation.now + seconds)


def stream_that_moves(*, to: str, among: Sequence[str]) -> str:
    """The id of a stream whose counter belongs on this node when these are there."""
    for number in count(1):
        shard = shard_of(ActorId("viewers", f"stream{number}"))
        if max(among, key=lambda name: draws(name)[shard]) == to:
            return f"stream{number}"
    raise AssertionError


def _run(work: Any) -> None:
    """What needs no loop."""
    try:
        work.send(None)
    except StopIteration:
        return
    raise RuntimeError("it waits")
