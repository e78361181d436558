"""When the reader of a feature's facts reads: woken, batch after batch, with rests after failures."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from actors.reader import READER, FactReader, Wake
from actors.runtime import Fence, LocalDirectory, LocalTransport, ManualClock, Node, Unavailable
from storage.facts import Advance


class Steps:
    """``FactLog``: answers what it was given, one after the other, and then that nothing waits."""

    def __init__(self) -> None:
        self.answers: list[Advance | Unavailable] = []
        self.taken = 0
        self.opened = 0
        self.gate = asyncio.Event()
        self.gate.set()

    async def open(self) -> None:
        self.opened += 1

    async def advance(self, *, fence: Fence) -> Advance:
        self.taken += 1
        await self.gate.wait()
        answer = self.answers.pop(0) if self.answers else Advance()
        if isinstance(answer, Unavailable):
            raise answer
        return answer


class Library:
    def __init__(self) -> None:
        self.clock = ManualClock()
        self.steps = Steps()
        self.node = Node(name="n1", clock=self.clock, directory=LocalDirectory(node="n1"), transport=LocalTransport())
        self.node.register(READER, lambda _: FactReader(log=self.steps))

    async def wake(self) -> None:
        self.node.ref(READER, "diary").tell(Wake())
        await self.clock.settle()


@pytest.fixture
async def library() -> AsyncIterator[Library]:
    made = Library()
    await made.node.start()
    yield made
    await made.node.stop(budget_s=1)


async def test_it_reads_until_no_fact_waits(library: Library) -> None:
    library.steps.answers = [Advance(again_after_s=0.0, read=100), Advance(again_after_s=0.0, read=3), Advance()]
    await library.wake()
    assert (library.steps.opened, library.steps.taken) == (1, 3)


async def test_wakes_during_a_batch_count_as_one(library: Library) -> None:
    library.steps.gate.clear()
    for _ in range(3):
        await library.wake()
    assert library.steps.taken == 1
    library.steps.gate.set()
    await library.clock.settle()
    assert library.steps.taken == 2


async def test_after_a_failure_it_rests_whoever_wakes_it(library: Library) -> None:
    library.steps.answers = [Advance(again_after_s=6.4, error="Refused: no")]
    await library.wake()
    await library.wake()
    assert library.steps.taken == 1
    await library.clock.advance(6.3)
    await library.clock.settle()
    assert library.steps.taken == 1
    await library.clock.advance(0.2)
    await library.clock.settle()
    assert library.steps.taken == 2


async def test_while_the_database_is_away_it_waits_for_the_next_wake(library: Library) -> None:
    library.steps.answers = [Unavailable("postgres", "it is away")]
    await library.wake()
    assert library.steps.taken == 1
    await library.wake()
    assert library.steps.taken == 2
