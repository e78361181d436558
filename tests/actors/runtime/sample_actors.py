"""The actors and ports that the runtime's tests use."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from actors.runtime import (
    Actor,
    ActorId,
    Ask,
    DomainError,
    Fenced,
    Later,
    LocalDirectory,
    LocalTransport,
    ManualClock,
    Message,
    Node,
    Placement,
    Unavailable,
    handles,
    shard_of,
)


class Put(Message, frozen=True):
    value: int


class Values(Ask[list[int]], frozen=True):
    pass


class Echo(Ask[int], frozen=True):
    value: int


class Wait(Ask[int], frozen=True):
    """Answered when the gate is opened; the mailbox waits."""

    value: int


class Promise(Ask[int], frozen=True):
    """Answered by Keep; the mailbox goes on."""


class PromiseAgain(Promise, frozen=True):
    """The same, and may be asked twice."""

    is_repeatable = True


class Keep(Message, frozen=True):
    value: int


class Refuse(Ask[None], frozen=True):
    pass


class Crash(Message, frozen=True):
    pass


class CrashAsked(Ask[None], frozen=True):
    pass


class BeFenced(Ask[None], frozen=True):
    pass


class StopNow(Message, frozen=True):
    pass


class Remind(Message, frozen=True):
    after_s: float
    value: int
    is_repeated: bool = False


class Spawn(Message, frozen=True):
    is_failing: bool = False


class Epoch(Ask[int], frozen=True):
    pass


class Unknown(Ask[int], frozen=True):
    pass


class Stage:
    """What outlives the actors of a test: their saved state, the gate, and a diary of their lives."""

    def __init__(self) -> None:
        self.saved: dict[str, list[int]] = {}
        self.diary: list[str] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.flush_gate = asyncio.Event()
        self.flush_gate.set()
        self.failures_to_activate = 0
        self.spawned: list[asyncio.Task[Any]] = []

    def actor(self, actor_id: ActorId) -> Recorder:
        return Recorder(self, actor_id.key)


class Recorder(Actor):
    """Keeps the values it was told, saves them on passivation, restores them on activation."""

    def __init__(self, stage: Stage, key: str) -> None:
        self._stage = stage
        self._key = key
        self._values: list[int] = []
        self._promised: list[Later[int]] = []

    async def activate(self) -> None:
        if self._stage.failures_to_activate:
            self._stage.failures_to_activate -= 1
            raise OSError("nothing to restore from")
        self._values = list(self._stage.saved.get(self._key, []))
        self._stage.diary.append("activate")

    async def passivate(self) -> None:
        await self._stage.flush_gate.wait()
        self._stage.saved[self._key] = list(self._values)
        self._stage.diary.append("passivate")

    @handles(Put)
    def put(self, message: Put) -> None:
        self._values.append(message.value)

    @handles(Values)
    def values(self, _: Values) -> list[int]:
        return list(self._values)

    @handles(Echo)
    def echo(self, message: Echo) -> int:
        return message.value

    @handles(Wait)
    async def wait(self, message: Wait) -> int:
        await self._stage.gate.wait()
        self._values.append(message.value)
        return message.value

    @handles(PromiseAgain)
    def promise_again(self, message: PromiseAgain) -> Later[int]:
        return self.promise(message)

    @handles(Promise)
    def promise(self, _: Promise) -> Later[int]:
        later: Later[int] = self.context.later()
        self._promised.append(later)
        return later

    @handles(Keep)
    def keep(self, message: Keep) -> None:
        for later in self._promised:
            later.resolve(message.value)

    @handles(Refuse)
    def refuse(self, _: Refuse) -> None:
        raise DomainError("too_soon", "wait a little", retry_after_s=1.5, field="value")

    @handles(Crash)
    def crash(self, _: Crash) -> None:
        raise ValueError("on purpose")

    @handles(CrashAsked)
    def crash_asked(self, _: CrashAsked) -> None:
        raise ValueError("on purpose")

    @handles(BeFenced)
    def be_fenced(self, _: BeFenced) -> None:
        raise Fenced(self.context.id)

    @handles(StopNow)
    def stop_now(self, _: StopNow) -> None:
        self.context.stop()

    @handles(Remind)
    def remind(self, message: Remind) -> None:
        set_timer = self.context.every if message.is_repeated else self.context.timer
        set_timer(message.after_s, Put(value=message.value))

    @handles(Spawn)
    def spawn(self, message: Spawn) -> None:
        self._stage.spawned.append(self.context.spawn(self._side_task(message.is_failing), name="side"))

    @handles(Epoch)
    def epoch(self, _: Epoch) -> int:
        return self.context.epoch

    async def _side_task(self, is_failing: bool) -> None:
        await self._stage.gate.wait()
        if is_failing:
            raise ValueError("on purpose")
        await asyncio.Event().wait()


class ShardTable:
    """A directory whose owners a test sets by hand. `find` waits for `known`."""

    def __init__(self, *, owner: str) -> None:
        self.owner = owner
        self.moved: dict[int, str] = {}
        self.known = asyncio.Event()
        self.known.set()
        self.is_failing = False
        self.invalidated: list[ActorId] = []

    def cached(self, actor_id: ActorId) -> Placement | None:
        return self._placement(actor_id) if self.known.is_set() else None

    async def find(self, actor_id: ActorId) -> Placement:
        await self.known.wait()
        if self.is_failing:
            raise Unavailable(actor_id, "no quorum", retry_after_s=2.0)
        return self._placement(actor_id)

    def invalidate(self, actor_id: ActorId) -> None:
        self.invalidated.append(actor_id)

    def _placement(self, actor_id: ActorId) -> Placement:
        return Placement(self.moved.get(shard_of(actor_id), self.owner), 7)


@asynccontextmanager
async def running(stage: Stage, clock: ManualClock, **options: Any) -> AsyncIterator[Node]:
    """A started node with the kind `recorder`, stopped at the end."""
    node = Node(name="n1", clock=clock, directory=LocalDirectory(node="n1", epoch=7), transport=LocalTransport())
    node.register("recorder", stage.actor, **options)
    await node.start()
    try:
        yield node
    finally:
        stage.gate.set()
        stage.flush_gate.set()
        stopping = asyncio.create_task(node.stop(budget_s=1.0))
        await clock.advance(1.0)
        await stopping
