"""Messages between two processes over Redis: how many one way, and how long an ask takes at a steady rate.

Beside it, in the same run and interleaved, the same messages with one XADD each, from 32 senders side by side. Redis
is the embedded one in a fresh folder; both ends run on uvloop; the messages are the runtime's own, through its refs.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import uvloop

from actors.runtime import (
    Actor,
    ActorId,
    Ask,
    LoopClock,
    Message,
    Node,
    Placement,
    Unavailable,
    handles,
)
from bench import report
from bench.report import Figure, figure
from storage.bus import Bus
from storage.bus_entry import VERSION
from storage.embedded.redis import EmbeddedRedis
from storage.members import Keys
from storage.redis import Redis
from storage.redis_streams import RedisStreams

BAR_MESSAGES_S: Final = 200_000
BAR_P50_MS: Final = 1.5
BAR_P99_MS: Final = 10.0
KEYS: Final = Keys.of("bench")
NEAR, FAR = "near", "far"
SENDERS: Final = 32
BURST: Final = 500


class Post(Message, frozen=True, gc=False):
    text: str


class Count(Ask[int], frozen=True, gc=False):
    pass


class Echo(Ask[str], frozen=True, gc=False):
    text: str


TEXT: Final = "what people say to one another while they watch " * 3


class Counter(Actor):
    def __init__(self) -> None:
        self.count = 0

    @handles(Post)
    def post(self, _: Post) -> None:
        self.count += 1

    @handles(Count)
    def tell_count(self, _: Count) -> int:
        return self.count

    @handles(Echo)
    def echo(self, message: Echo) -> str:
        return message.text


class FarAway:
    """Every actor lives at the far end."""

    def cached(self, actor_id: ActorId) -> Placement:
        return Placement(FAR, 1)

    async def find(self, actor_id: ActorId) -> Placement:
        return Placement(FAR, 1)

    def invalidate(self, actor_id: ActorId) -> None: ...


class Everyone:
    """``Peers``: every node can be written to."""

    def knows(self, node: str) -> bool:
        return True

    def reads(self, node: str) -> int:
        return VERSION

    def meet(self, node: str) -> None: ...


class End:
    """A node on the bus."""

    def __init__(self, name: str, redis: Redis, reader: Redis) -> None:
        self.redis, self._reader = redis, reader
        self.bus = Bus(
            name=name,
            incarnation=str(time.time_ns()),
            keys=KEYS,
            streams=RedisStreams(writer=redis, reader=reader),
            clock=LoopClock(),
            peers=Everyone(),
            on_signal=lambda *_: None,
        )
        self.node = Node(name=name, clock=LoopClock(), directory=FarAway(), transport=self.bus)
        self.node.register("counter", lambda _: Counter(), mailbox=1_000_000)

    @classmethod
    async def open(cls, name: str, url: str) -> End:
        end = cls(name, await Redis.connect(url, max_connections=64), await Redis.connect(url, max_connections=1))
        await end.node.start()
        end.bus.start()
        return end

    async def close(self) -> None:
        await self.node.stop(budget_s=1)
        await self.bus.stop()
        await self.redis.close()
        await self._reader.close()


def serve(url: str, is_ready: Any, is_over: Any) -> None:
    async def run() -> None:
        end = await End.open(FAR, url)
        is_ready.set()
        while not is_over.is_set():  # noqa: ASYNC110 - the flag of another process
            await asyncio.sleep(0.1)
        await end.close()

    uvloop.run(run())


async def one_way(end: End, messages: int) -> float:
    """Messages a second, from the first sent to the last counted by the actor at the other end."""
    ref = end.node.ref("counter", "one way")
    before = await ref.ask(Count(), timeout_s=10)
    started = time.perf_counter()
    sent = 0
    while sent < messages:
        try:
            for _ in range(BURST):
                ref.tell(Post(text=TEXT))
                sent += 1
        except Unavailable:
            await asyncio.sleep(0.001)  # the queue is full: the other end or Redis is behind
        else:
            await asyncio.sleep(0)
    while await ref.ask(Count(), timeout_s=30) - before < messages:  # noqa: ASYNC110 - another process counts
        await asyncio.sleep(0.001)
    return messages / (time.perf_counter() - started)


async def one_by_one(redis: Redis, messages: int) -> float:
    """XADDs a second with one message each; no node reads them."""
    entry = ("XADD", KEYS.inbox("nobody"), "MAXLEN", "~", 4096, "*", "m", TEXT)

    async def send() -> None:
        for _ in range(messages // SENDERS):
            await redis.command(*entry)

    started = time.perf_counter()
    await asyncio.gather(*(send() for _ in range(SENDERS)))
    return messages / (time.perf_counter() - started)


async def asks(end: End, rate: int, seconds: float) -> list[float]:
    """Milliseconds of each ask, at a steady rate, timed from when it was due and not from when it could be sent."""
    ref = end.node.ref("counter", "asked")
    times: list[float] = []

    async def ask(due: float) -> None:
        await ref.ask(Echo(text=TEXT), timeout_s=10)
        times.append((time.perf_counter() - due) * 1000)

    started, number = time.perf_counter(), 0
    async with asyncio.TaskGroup() as group:
        while number < rate * seconds:
            while (due := started + number / rate) <= time.perf_counter() and number < rate * seconds:
                group.create_task(ask(due))
                number += 1
            await asyncio.sleep(0.0005)
    return sorted(times)


async def measure(url: str, options: argparse.Namespace) -> list[Figure]:
    end = await End.open(NEAR, url)
    await end.node.ref("counter", "warm").ask(Echo(text=""), timeout_s=20)
    ways, plain = [], []
    for _ in range(options.rounds):
        ways.append(await one_way(end, options.messages))
        plain.append(await one_by_one(end.redis, options.messages // 20))
    times = await asks(end, options.rate, options.seconds)
    p50, p99 = times[len(times) // 2], times[int(len(times) * 0.99)]
    entries = end.bus.counters.entries_out
    await end.close()
    each = end.bus.counters.frames_out / entries
    name, peer, ask = f"one way, {len(TEXT)} bytes", "one XADD each, read by nobody", f"ask at {options.rate:,}/s"
    return [
        figure("bus", name, ways, "messages/s", better="higher", bar=BAR_MESSAGES_S, peer=peer, against=plain),
        figure("bus", "messages an entry", [each], "", better="higher"),
        figure("bus", f"{ask}, p50", [p50], "ms", better="lower", bar=BAR_P50_MS),
        figure("bus", f"{ask}, p99", [p99], "ms", better="lower", bar=BAR_P99_MS),
        figure("bus", f"{ask}, worst", [times[-1]], "ms", better="lower"),
    ]


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="bench bus", description=__doc__)
    parser.add_argument("--messages", type=int, default=400_000, help="a round, one way")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rate", type=int, default=5_000, help="asks a second")
    parser.add_argument("--seconds", type=float, default=5)
    report.options(parser)
    options = parser.parse_args(argv)
    spawn = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory(prefix="sf-bus-") as folder:
        engine = EmbeddedRedis(data_dir=Path(folder))
        url = engine.start()
        is_ready, is_over = spawn.Event(), spawn.Event()
        far = spawn.Process(target=serve, args=(url, is_ready, is_over), daemon=True)
        far.start()
        try:
            is_ready.wait(30)
            figures = uvloop.run(measure(url, options))
        finally:
            is_over.set()
            far.join(10)
            engine.stop()
    report.hand_over(figures, options.json)
    return 0
