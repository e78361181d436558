"""A room on a node, on a clock that is moved by hand, over tables in memory."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any

from actors.chat import ChatRoom
from actors.chat_judging import SlowJudge
from actors.chat_messages import PostChat, RenewSubscription
from actors.chat_rules import Author, Relationship
from actors.events import ChatChange, ChatPosted, LiveEvent
from actors.rate_limits import Rate, RateLimits, Role
from actors.runtime import (
    ActorId,
    LocalDirectory,
    LocalTransport,
    MailboxFull,
    ManualClock,
    Node,
    Unavailable,
    shard_of,
)
from actors.screening import Screen
from storage.ids import Ids
from storage.memory.chat import MemoryChatLog
from storage.memory.chat_held import MemoryHeldMessages
from storage.memory.rooms import MemoryRooms
from storage.memory.tables import MemoryPerson, Tables

RATES: dict[str, Rate] = {
    "chat": Rate(per_s=10_000, burst=10_000),
    "moderation": Rate(per_s=10_000, burst=10_000),
    "reaction": Rate(per_s=10_000, burst=10_000),
}
FACTORS: dict[Role, float] = {"viewer": 1.0, "moderator": 1.0, "owner": 1.0, "admin": 1.0}


class Log(MemoryChatLog):
    """The log in memory, with outcomes that a test lets out, loses or never gives."""

    def __init__(self, *, tables: Tables) -> None:
        super().__init__(tables=tables)
        self.withheld: list[tuple[asyncio.Future[Any], asyncio.Future[Any]]] | None = None
        self.loses_outcomes = False
        self.is_full = False

    def submit(self, entry: Any) -> asyncio.Future[Any]:
        if self.is_full:
            raise MailboxFull("chat log", retry_after_s=0.5)
        outcome = super().submit(entry)
        if self.loses_outcomes:
            outcome.exception()
            outcome = asyncio.get_running_loop().create_future()
            outcome.set_exception(Unavailable("postgres", "the connection was lost"))
        if self.withheld is not None:
            later: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
            self.withheld.append((later, outcome))
            return later
        return outcome

    def let_out(self, order: Sequence[int] = ()) -> None:
        """Give the withheld outcomes, in this order."""
        withheld, self.withheld = self.withheld or [], None
        for at in order or range(len(withheld)):
            later, outcome = withheld[at]
            if outcome.exception() is not None:
                later.set_exception(outcome.exception())  # type: ignore[arg-type]
            else:
                later.set_result(outcome.result())


class Relationships:
    """``RelationshipLookup``: answers from a dictionary, once its gates are open."""

    def __init__(self) -> None:
        self.known: dict[str, Relationship] = {}
        self.members: dict[str, Relationship] = {}
        self.gate = asyncio.Event()
        self.gate.set()
        self.look_ups: list[asyncio.Event] = []

    async def relationship(self, *, owner_id: str, user_id: str) -> Relationship:
        if self.look_ups:
            await self.look_ups.pop(0).wait()
        await self.gate.wait()
        return self.known.get(user_id, Relationship())

    async def membership(self, *, room_id: str, user_id: str) -> Relationship:
        return self.members.get(user_id, Relationship())


class Screens:
    """``ScreenLookup``: the same screen for every owner."""

    def __init__(self) -> None:
        self.now = Screen()
        self.is_away = False

    async def screen(self, owner_id: str) -> Screen:
        if self.is_away:
            raise Unavailable("postgres", "it is away")
        return self.now


class RoomFixture:
    """One room on one node, on a clock that is moved by hand."""

    def __init__(self, *, judge: SlowJudge | None = None) -> None:
        self.clock = ManualClock()
        self.tables = Tables()
        self.ids = Ids()
        self.events: list[LiveEvent] = []
        self.told: list[tuple[LiveEvent, frozenset[str] | None]] = []
        self.log = Log(tables=self.tables)
        self.relationships = Relationships()
        self.screens = Screens()
        self.rooms = MemoryRooms(tables=self.tables)
        self.owner, self.ann, self.bob = (self._person(name) for name in ("owner", "ann", "bob"))
        self.rate_limits = RateLimits(rates=RATES, factors=FACTORS)
        self.room_id = self.ids.uuid7(1.0)
        shard = shard_of(ActorId("chat", self.room_id))
        self.tables.epochs[shard] = 1
        self.node = Node(name="n1", clock=self.clock, directory=LocalDirectory(node="n1"), transport=LocalTransport())
        self.node.register(
            "chat",
            lambda actor_id: ChatRoom(
                room_id=actor_id.key,
                log=self.log,
                rooms=self.rooms,
                relationships=self.relationships,
                screens=self.screens,
                held=MemoryHeldMessages(tables=self.tables),
                rate_limits=self.rate_limits,
                broadcast=self._announced,
                new_id=lambda: self.ids.uuid7(self.clock.time()),
                now=self.now,
                judge=judge,
            ),
            mailbox=10_000,
        )
        self.room = self.node.ref("chat", self.room_id)

    def _announced(self, live_event: LiveEvent, *, to: Iterable[str] | None = None) -> None:
        self.events.append(live_event)
        self.told.append((live_event, None if to is None else frozenset(to)))

    def _person(self, name: str) -> Author:
        person_id = self.ids.uuid7(1.0)
        self.tables.add_person(MemoryPerson(id=person_id, username=name, display_name=name.title()))
        return Author(id=person_id, username=name, display_name=name.title())

    def now(self) -> dt.datetime:
        return dt.datetime.fromtimestamp(self.clock.time(), dt.UTC)

    def start_post(
        self, author: Author, text: str, client_id: str = "", reply_to: str | None = None
    ) -> asyncio.Task[Any]:
        post = PostChat(author=author, text=text, client_id=client_id or text, reply_to=reply_to)
        return asyncio.ensure_future(self.room.ask(post, timeout_s=1e6))

    async def post(self, author: Author, text: str, client_id: str = "", reply_to: str | None = None) -> Any:
        asked = self.start_post(author, text, client_id, reply_to)
        await self.clock.settle()
        return await asked

    async def ask(self, message: Any) -> Any:
        asked = asyncio.ensure_future(self.room.ask(message, timeout_s=1e6))
        await self.clock.settle()
        return await asked

    async def shown(self) -> list[tuple[int, str]]:
        """Offsets and texts, in the order of their announcement."""
        await self.clock.advance(0.0)
        posted = [live_event for live_event in self.events if isinstance(live_event, ChatPosted)]
        return [(m["offset"], m.get("text", "")) for live_event in posted for m in live_event.messages]

    async def listen(self, node: str, offset: int, *, epoch: str = "") -> None:
        self.room.tell(RenewSubscription(node=node, epoch=epoch, offset=offset))
        await self.clock.settle()

    def told_to(self, node: str) -> list[LiveEvent]:
        """What was announced to this node by its name."""
        return [live_event for live_event, to in self.told if to is not None and node in to]

    def changes(self, event: str) -> list[dict[str, Any]]:
        return [
            live_event.body
            for live_event in self.events
            if isinstance(live_event, ChatChange) and live_event.event == event
        ]

    async def open(self) -> None:
        await self.rooms.create(room_id=self.room_id, owner_id=self.owner.id, log_epoch="e1")
        await self.node.start()

    async def close(self) -> None:
        stopping = asyncio.ensure_future(self.node.stop(budget_s=1.0))
        await self.clock.advance(10.0)
        await stopping
