"""What a message costs: this runtime's actors against a task and an asyncio.Queue each, in one run, on uvloop.

Both do the same work: count. Rounds are interleaved, so that a slow moment of the machine hits both. Supervision, the
clock read around each handler, deadlines, bounds and an observer are on, as in the server.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import time
import tracemalloc
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import uvloop

from actors.runtime import (
    Actor,
    ActorId,
    Ask,
    LocalDirectory,
    LocalTransport,
    LoopClock,
    Message,
    Node,
    Ref,
    handles,
)
from bench import report
from bench.report import Better, Figure, figure

BURST: Final = 1_000
MANY: Final = 1_000
IDLE: Final = 10_000
PEER: Final = "a task and an asyncio.Queue"


class Add(Message, frozen=True, gc=False):
    n: int


class Total(Ask[int], frozen=True, gc=False):
    pass


class Counter(Actor):
    __slots__ = ("total",)

    def __init__(self) -> None:
        self.total = 0

    @handles(Add)
    def add(self, message: Add) -> None:
        self.total += message.n

    @handles(Total)
    def tell_total(self, _: Total) -> int:
        return self.total


class Handled:
    """An observer, so that the price of being watched is in the figures."""

    def __init__(self) -> None:
        self.messages = 0

    def activated(self, actor_id: ActorId) -> None: ...

    def passivated(self, actor_id: ActorId) -> None: ...

    def crashed(self, actor_id: ActorId, error: BaseException) -> None: ...

    def parked(self, actor_id: ActorId) -> None: ...

    def handled(self, kind: str, messages: int) -> None:
        self.messages += messages

    def dead_letter(self, actor_id: ActorId, message: str, reason: str) -> None: ...


class QueueCounter:
    """The alternative: one task and one asyncio.Queue, nothing else. It knows no bound, deadline or crash."""

    def __init__(self) -> None:
        self.total = 0
        self.queue: asyncio.Queue[Add | tuple[Total, asyncio.Future[int]]] = asyncio.Queue()
        self.task = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        while True:
            item = await self.queue.get()
            if isinstance(item, Add):
                self.total += item.n
            else:
                item[1].set_result(self.total)

    def tell(self, message: Add) -> None:
        self.queue.put_nowait(message)

    async def ask(self, message: Total) -> int:
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.queue.put_nowait((message, future))
        return await future


@dataclass(frozen=True)
class Question:
    """One row: what is measured, in which unit, the bar, and how both sides do it."""

    name: str
    unit: str
    bar: float
    more_is_better: bool
    ours: Callable[[], Awaitable[float]]
    theirs: Callable[[], Awaitable[float]]


def _node() -> Node:
    node = Node(
        name="bench",
        clock=LoopClock(),
        directory=LocalDirectory(node="bench"),
        transport=LocalTransport(),
        observer=Handled(),
    )
    node.register("counter", lambda _: Counter(), mailbox=20 * BURST, idle_after_s=None)
    return node


class Bench:
    """Both sides, warm, and the ways to drive them."""

    def __init__(self, *, messages: int) -> None:
        self._messages = messages
        self._node = _node()
        self._refs: list[Ref] = []
        self._queues: list[QueueCounter] = []

    async def start(self) -> None:
        await self._node.start()
        self._refs = [self._node.ref("counter", str(number)) for number in range(MANY)]
        self._queues = [QueueCounter() for _ in range(MANY)]
        await asyncio.gather(*(ref.ask(Total()) for ref in self._refs))

    async def stop(self) -> None:
        await self._node.stop(budget_s=5)
        for queue in self._queues:
            queue.task.cancel()
        await asyncio.gather(*(queue.task for queue in self._queues), return_exceptions=True)

    def questions(self) -> list[Question]:
        refs, queues = self._refs, self._queues
        one, other = refs[:1], queues[:1]
        return [
            Question(
                "tell, bursts of 1,000 to one", "M/s", 4.0, True, lambda: self._tell(one), lambda: self._tell(other)
            ),
            Question("tell, spread over 1,000", "M/s", 1.0, True, lambda: self._tell(refs), lambda: self._tell(queues)),
            Question("ask, one after another", "µs", 4.0, False, lambda: self._ask(refs), lambda: self._ask(queues)),
        ]

    async def _tell(self, to: list[Ref] | list[QueueCounter]) -> float:
        """Millions a second, from the first tell until the last is handled, with BURST tells between two yields."""
        message = Add(n=1)
        verbs = [target.tell for target in to] * (BURST // len(to))
        before = await self._handled(to)
        began = time.perf_counter()
        for _ in range(self._messages // BURST):
            for tell in verbs:
                tell(message)
            await asyncio.sleep(0)
        after = await self._handled(to)
        elapsed = time.perf_counter() - began
        if after - before != self._messages // BURST * BURST:
            raise AssertionError(f"{after - before} of {self._messages} messages arrived")
        return self._messages / elapsed / 1e6

    async def _handled(self, to: list[Ref] | list[QueueCounter]) -> int:
        return sum(await asyncio.gather(*(target.ask(Total()) for target in to)))

    async def _ask(self, to: list[Ref] | list[QueueCounter]) -> float:
        """Microseconds an ask, each awaited before the next."""
        message = Total()
        times = self._messages // 10
        ask = to[0].ask
        began = time.perf_counter()
        for _ in range(times):
            await ask(message)
        return (time.perf_counter() - began) / times * 1e6


async def _settled(node: Node) -> None:
    """Idle as a node has it after its sweep."""
    rounds = IDLE // 1_000 + 3
    await asyncio.sleep(0.5 * rounds)
    if any(actor.unread for actor in node.actors(most=IDLE)):
        raise AssertionError("not idle")


async def _idle_actor_kb() -> float:
    node = _node()
    await node.start()
    gc.collect()
    tracemalloc.start()
    try:
        for number in range(IDLE):
            node.ref("counter", f"key-{number}").tell(Add(n=1))
        await _settled(node)
        gc.collect()
        return tracemalloc.get_traced_memory()[0] / IDLE / 1024
    finally:
        tracemalloc.stop()
        await node.stop(budget_s=5)


async def _idle_queue_kb() -> float:
    gc.collect()
    tracemalloc.start()
    queues = [QueueCounter() for _ in range(IDLE)]
    for queue in queues:
        queue.tell(Add(n=1))
    await asyncio.sleep(0.1)
    gc.collect()
    used = tracemalloc.get_traced_memory()[0] / IDLE / 1024
    tracemalloc.stop()
    for queue in queues:
        queue.task.cancel()
    await asyncio.gather(*(queue.task for queue in queues), return_exceptions=True)
    return used


def _figure(question: Question, ours: list[float], theirs: list[float]) -> Figure:
    better: Better = "higher" if question.more_is_better else "lower"
    return figure(
        "actors", question.name, ours, question.unit, better=better, bar=question.bar, peer=PEER, against=theirs
    )


async def _measure(rounds: int, messages: int, with_memory: bool) -> list[Figure]:
    bench = Bench(messages=messages)
    await bench.start()
    figures = []
    for question in bench.questions():
        await question.ours()
        await question.theirs()
        pairs = [(await question.ours(), await question.theirs()) for _ in range(rounds)]
        figures.append(_figure(question, [a for a, _ in pairs], [b for _, b in pairs]))
    await bench.stop()
    if with_memory:
        memory = Question("memory of an idle actor", "KB", 1.5, False, _idle_actor_kb, _idle_queue_kb)
        figures.append(_figure(memory, [await _idle_actor_kb()], [await _idle_queue_kb()]))
    return figures


def main(argv: list[str]) -> int:
    """Prints a row a question: median, spread, the alternative, the bar."""
    parser = argparse.ArgumentParser(prog="bench actors", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7, help="interleaved rounds a question")
    parser.add_argument("--messages", type=int, default=200_000, help="messages a round")
    parser.add_argument("--no-memory", action="store_true", help="leave out the memory of an idle actor (10 s)")
    report.options(parser)
    options = parser.parse_args(argv)
    figures = uvloop.run(_measure(max(5, options.rounds), options.messages, not options.no_memory))
    report.hand_over(figures, options.json)
    return 0


if __name__ == "__main__":
    import sys

    sys.exit(main(sys.argv[1:]))
