"""One process of the cluster: the real runtime, directory, membership and bus, and a small product on top of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Coroutine
from itertools import count
from typing import Any

from actors.reader import READER
from actors.runtime import Actor, ActorError, ActorId, Ask, Message, Node, handles
from actors.runtime.deadlines import GRAIN_S
from server.readers import Readers
from storage.cluster import Cluster, ClusterCallbacks, ClusterEngines
from storage.errors import StorageError
from storage.facts import Consumer, Fact
from storage.members import Member
from tests.sim.engines import PostgresModel, RedisModel
from tests.sim.links import PostgresLink, RedisLink
from tests.sim.simulation import ProcessClock, Simulation
from tests.sim.viewers import Edge

NAME = "sim"
ASK_S = 2.0
NOTE_EVERY_S = 0.8
LISTEN_EVERY = 4
"""So many notes apart a process says of each room that it shows how far it has come."""


class Post(Ask[int], frozen=True):
    """Answered with the offset, once it is written."""

    client_id: str


class Posted(Message, frozen=True):
    room: str
    offset: int
    client_id: str


class Listen(Message, frozen=True):
    """A process shows the room up to this offset; whatever it has missed since it is told."""

    node: str
    offset: int


class Note(Message, frozen=True):
    """One of a row that a process tells another: what arrives must rise."""

    sender: str
    number: int


class Written(Fact, frozen=True, kw_only=True, tag="sim.written"):
    """A row of a room. The model of Postgres counts them."""


async def _pass(tx: Any, fact: Written) -> None: ...


class Room(Actor):
    """A log in Postgres, of which it knows the end and who has posted. Acknowledges what is written, then shows it."""

    dedupes = True

    def __init__(self, process: Process, actor_id: ActorId) -> None:
        self._process = process
        self._room = actor_id.key
        self._offsets: dict[str, int] = {}
        self._is_sure = False

    async def activate(self) -> None:
        await self._load()

    async def _load(self) -> None:
        rows = await self._process.log.since(self._room, len(self._offsets))
        self._offsets.update((row.client_id, row.offset) for row in rows)
        self._is_sure = True

    @handles(Post)
    async def post(self, message: Post) -> int:
        if not self._is_sure:
            await self._load()
        known = self._offsets.get(message.client_id)
        if known is not None and self.dedupes:
            return known
        offset = len(self._offsets) + 1
        self._is_sure = False  # until it is known what became of the write
        await self._process.log.append(self._room, message.client_id, offset=offset, epoch=self.context.epoch)
        self._is_sure = True
        self._offsets[message.client_id] = offset
        self._process.publish(Posted(room=self._room, offset=offset, client_id=message.client_id))
        return offset

    @handles(Listen)
    def listen(self, message: Listen) -> None:
        if self._offsets and message.offset < len(self._offsets):
            client_id, offset = next(reversed(self._offsets.items()))
            self._process.tell(message.node, Posted(room=self._room, offset=offset, client_id=client_id))


class Ear(Actor):
    """What is told to a process as such."""

    def __init__(self, process: Process) -> None:
        self._process = process

    @handles(Posted)
    def posted(self, message: Posted) -> None:
        self._process.edge.posted(message.room, message.offset, message.client_id)

    @handles(Note)
    def note(self, message: Note) -> None:
        self._process.heard(message)


class Process:
    """From its start to its death. `number` is its incarnation, `version` that of the entries which it knows."""

    def __init__(
        self,
        simulation: Simulation,
        *,
        name: str,
        number: int,
        redis: RedisModel,
        postgres: PostgresModel,
        room: type[Room],
        version: int,
    ) -> None:
        self.simulation = simulation
        self.name = name
        self.title = f"{name}#{number}"
        self.loop = simulation.loop(self.title)
        self.clock = ProcessClock(self.loop, ahead_s=simulation.rng(self.title).uniform(-2, 2))
        self.redis = RedisLink(simulation, self.loop, redis)
        self.log = PostgresLink(simulation, self.loop, postgres, writer=self.title)
        self.edge = Edge(self)
        self.is_ready = False
        self.is_draining = False
        self.is_gone = False
        self.answered = 0
        self.open_asks: dict[int, float] = {}
        self._room = room
        self._heard: dict[str, int] = {}
        self._told: dict[str, int] = {}
        self._asks = 0
        me = Member(name=name, incarnation=f"{number:016x}", roles=("actors",), reads=version)
        self.cluster = Cluster(
            me=me,
            name=NAME,
            engines=ClusterEngines(cluster_id="c", redis=self.redis, streams=self.redis, epochs=self.log),
            clock=self.clock,
            callbacks=ClusterCallbacks(on_leave=self.left, on_moved=self.moved, on_replaced=self._replaced),
        )
        self.node = Node(
            name=name, clock=self.clock, directory=self.cluster.directory, transport=self.cluster.transport
        )
        self.node.register("room", lambda actor_id: self._room(self, actor_id))
        self.node.register("node", lambda _: self.ear(), idle_after_s=None)
        self.readers = Readers(node=self.node, facts=self.log, shards=self.cluster.shards)
        self.readers.add({"diary": [Consumer(Written, _pass)]})
        self.node.register(READER, self.readers.actor)
        self._spawn(self._live)

    @property
    def is_alive(self) -> bool:
        return not self.loop.is_dead

    def _spawn(self, work: Callable[..., Coroutine[Any, Any, None]], *args: Any) -> None:
        self.loop.call_soon(lambda: self.loop.create_task(work(*args)))

    async def _live(self) -> None:
        await self.node.start()
        while True:
            try:
                await self.cluster.start(self.node)
                break
            except StorageError:
                await self.clock.sleep(0.3)
        self.is_ready = True
        self.readers.start()
        self.simulation.note(self.title, "has joined")
        for turn in count(1):
            await self.clock.sleep(NOTE_EVERY_S)
            self._tell_notes()
            if turn % LISTEN_EVERY == 0:
                self._listen()

    def ear(self) -> Actor:
        return Ear(self)

    def left(self, member: Member) -> None:
        """The cluster has found that a member is gone."""

    def moved(self, shards: Collection[int]) -> None:
        """The cluster has found that shards have another owner."""

    # Ends.

    def kill(self) -> None:
        """SIGKILL."""
        if self.is_alive:
            self.loop.kill()
            self.is_gone = True

    def drain(self, then: Any) -> None:
        """SIGTERM."""
        self.is_draining = True
        self._spawn(self._drain, then)

    async def _drain(self, then: Any) -> None:
        if self.is_ready:
            is_done = await self.cluster.drain(budget_s=6.0)
            self.simulation.note(self.title, "is drained" if is_done else "is not drained in time")
        await self.node.stop(budget_s=2.0)
        if self.is_ready:
            await self.cluster.stop()
        self.kill()
        then()

    def _replaced(self) -> None:
        self.simulation.note(self.title, "was replaced")
        self.loop.call_soon(self.kill)

    # The product.

    def publish(self, posted: Posted) -> None:
        """To every process, which has viewers or has not."""
        for member in self.cluster.members.view.members:
            self.tell(member, posted)

    def tell(self, member: str, posted: Posted) -> None:
        try:
            self.node.ref("node", member).tell(posted)
        except ActorError as error:
            self.simulation.note(self.title, "cannot tell", member, error)

    def _listen(self) -> None:
        for room, offset in self.edge.positions().items():
            try:
                self.node.ref("room", room).tell(Listen(node=self.name, offset=offset))
            except ActorError as error:
                self.simulation.note(self.title, "cannot listen to", room, error)

    def serve(self, room: str, client_id: str, reply: Any) -> None:
        """A client's request has come in."""
        self._spawn(self._serve, room, client_id, reply)

    async def _serve(self, room: str, client_id: str, reply: Any) -> None:
        self._asks += 1
        number = self._asks
        started = self.clock.monotonic()
        self.open_asks[number] = started + ASK_S + GRAIN_S
        try:
            offset: int | None = await self.node.ref("room", room).ask(Post(client_id=client_id), timeout_s=ASK_S)
            self.simulation.note(self.title, "answers", client_id, offset)
        except ActorError as error:
            self.simulation.note(self.title, "refuses", client_id, repr(error))
            offset = None
        self._check_late(self.open_asks.pop(number))
        self.answered += 1
        reply(offset)

    def _check_late(self, due: float) -> None:
        """No ask may be open past its deadline; a frozen process answers when it thaws."""
        if self.simulation.now > max(due, self.loop.thawed_at) + 0.001:
            self.simulation.violate(f"{self.title}: an ask is open {self.simulation.now - due:.3f} s past its deadline")

    def check_asks(self) -> None:
        if self.is_alive and not self.loop.is_frozen:
            for due in self.open_asks.values():
                self._check_late(due)

    # The bus by itself.

    def _tell_notes(self) -> None:
        for member in self.cluster.members.view.members:
            number = self._told[member] = self._told.get(member, 0) + 1
            try:
                self.node.ref("node", member).tell(Note(sender=self.title, number=number))
            except ActorError:
                continue

    def heard(self, note: Note) -> None:
        last = self._heard.get(note.sender, 0)
        if note.number <= last:
            self.simulation.violate(f"{self.title} heard {note.number} of {note.sender} after {last}")
        self._heard[note.sender] = note.number
