"""Whatever happens to an actor: every ask is answered, and one sender's messages keep their order."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress

import pytest

from actors.runtime import ActorError, DomainError, LocalTransport, ManualClock, Message, Node, Ref, RestartPolicy
from tests.actors.runtime.sample_actors import (
    BeFenced,
    Crash,
    CrashAsked,
    Echo,
    Keep,
    Promise,
    Put,
    Refuse,
    Remind,
    ShardTable,
    Spawn,
    Stage,
    StopNow,
    Values,
    Wait,
)

ASKS = (Values, Promise, Refuse, CrashAsked, BeFenced)
TOLD = (StopNow, Crash)
KEYS = ("a", "b", "c")


class Sender:
    """Tells numbers, in order, and asks all sorts of things in between."""

    def __init__(self, refs: list[Ref], number: int, dice: random.Random) -> None:
        self._refs = refs
        self._number = number
        self._dice = dice
        self._next = 0
        self.asks: list[asyncio.Task[object]] = []

    def step(self) -> None:
        ref = self._dice.choice(self._refs)
        roll = self._dice.random()
        if roll < 0.5:
            self._next += 1
            self._tell(ref, Put(value=self._number * 1_000_000 + self._next))
        elif roll < 0.6:
            told = self._dice.choice(
                [*(message() for message in TOLD), Keep(value=1), Spawn(is_failing=True), Spawn(),
                 Remind(after_s=self._dice.random() * 5, value=-1)]
            )  # fmt: skip
            self._tell(ref, told)
        else:
            self._ask(ref)

    def _tell(self, ref: Ref, message: Message) -> None:
        with suppress(ActorError):
            ref.tell(message)

    def _ask(self, ref: Ref) -> None:
        asked = self._dice.choice([*(ask() for ask in ASKS), Echo(value=1), Wait(value=-1)])
        task = asyncio.create_task(ref.ask(asked, timeout_s=self._dice.choice((0.1, 1.0, 30.0))))
        self.asks.append(task)
        if self._dice.random() < 0.05:
            asyncio.get_running_loop().call_soon(task.cancel)


def _in_order(values: list[int]) -> bool:
    seen: dict[int, int] = {}
    for value in values:
        if value >= 0:
            if value <= seen.get(value // 1_000_000, -1):
                return False
            seen[value // 1_000_000] = value
    return True


def _nodes(stage: Stage, clock: ManualClock, dice: random.Random) -> tuple[ShardTable, list[Node]]:
    transport, table = LocalTransport(), ShardTable(owner="n0")
    nodes = [Node(name=f"n{index}", clock=clock, directory=table, transport=transport) for index in range(2)]
    for node in nodes:
        node.register(
            "recorder",
            stage.actor,
            mailbox=dice.choice((2, 20, 200)),
            policy=dice.choice(("refuse", "drop_oldest", "latest")),
            idle_after_s=dice.choice((0.5, 5.0)),
            patience_s=3.0,
            restarts=RestartPolicy(restarts=dice.choice((0, 2, 10)), backoff_s=0.2, cooldown_s=2),
        )
    return table, nodes


def _disturb(stage: Stage, table: ShardTable, dice: random.Random, *, is_moving: bool) -> None:
    for event in (stage.gate, stage.flush_gate, table.known):
        event.set() if dice.random() < 0.7 else event.clear()
    stage.failures_to_activate = dice.choice((0, 0, 0, 1, 3))
    table.is_failing = dice.random() < 0.1
    if is_moving and dice.random() < 0.1:
        table.owner = dice.choice(("n0", "n1"))


@pytest.mark.parametrize("seed", range(40))
async def test_every_ask_is_answered_and_order_is_kept(seed: int, stage: Stage, clock: ManualClock) -> None:
    """With owners that move between nodes (odd seeds) order is not promised, answers are."""
    dice = random.Random(seed)
    is_moving = seed % 2 == 1
    table, nodes = _nodes(stage, clock, dice)
    for node in nodes:
        await node.start()
    senders = [
        Sender([node.ref("recorder", key) for key in KEYS], number, dice)
        for number, node in enumerate(dice.choice(nodes) for _ in range(4))
    ]
    for _ in range(60):
        for _ in range(dice.randrange(30)):
            dice.choice(senders).step()
        _disturb(stage, table, dice, is_moving=is_moving)
        await clock.advance(dice.choice((0.0, 0.05, 0.6)))
    stopping = [asyncio.create_task(node.stop(budget_s=2)) for node in nodes]
    await clock.advance(2.5)
    await asyncio.gather(*stopping)
    await clock.advance(31)
    asks = [ask for sender in senders for ask in sender.asks]
    assert all(ask.done() for ask in asks)
    errors = [ask.exception() for ask in asks if not ask.cancelled()]
    assert all(error is None or isinstance(error, (ActorError, DomainError)) for error in errors)
    assert is_moving or all(_in_order(values) for values in stage.saved.values())
    assert all(node.actors() == [] and node.cell_count == 0 and node.remote.open_asks == 0 for node in nodes)
    assert all(task.done() for task in stage.spawned)
