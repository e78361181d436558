"""What lies between a process and the engines: the ports of the real logic, over lines that are slow, cut and lossy."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from actors.runtime import Fence
from storage.errors import StorageError, Unavailable
from storage.facts import Advance, Consumers
from storage.leases import ShardEpoch
from storage.redis import Script, Word
from tests.sim.engines import PostgresModel, RedisModel, TableRow, Waiter
from tests.sim.simulation import Loop, Simulation

REDIS_S = (0.0002, 0.002)
POSTGRES_S = (0.0005, 0.004)
POSTGRES_TIMEOUT_S = 2.0
FACTS_AT_ONCE = 3


def settle(answer: asyncio.Future[Any], value: Any) -> None:
    if not answer.done():
        answer.set_result(value)


def fail(answer: asyncio.Future[Any], error: Exception) -> None:
    if not answer.done():
        answer.set_exception(error)
        answer.exception()  # seen: a dead process never looks


def lose(answer: asyncio.Future[Any], engine: str, reason: str) -> None:
    if not answer.done():
        fail(answer, Unavailable(engine, reason))


class RedisLink:
    """`Scripts` and `Streams` of one process. Cut, it holds what is sent: that arrives late, or never."""

    def __init__(self, simulation: Simulation, loop: Loop, redis: RedisModel) -> None:
        self._simulation = simulation
        self._loop = loop
        self._redis = redis
        self._rng = simulation.rng(f"redis of {loop.name}")
        self._held: list[Callable[[], None]] = []
        self.is_cut = False
        self.slow_s = 0.0
        self.breaks = 0.0

    def cut(self) -> None:
        self.is_cut = True

    def mend(self) -> None:
        self.is_cut = False
        held, self._held = self._held, []
        for deliver in held:
            if self._rng.random() < 0.5:
                deliver()

    # Scripts.

    async def run(
        self, script: Script, *, keys: Sequence[str], args: Sequence[Word] = (), timeout_s: float | None = None
    ) -> Any:
        return await self._call(partial(self._redis.run, script.digest, keys, args), timeout_s or 2.0)

    # Streams.

    async def append(self, entries: Sequence[tuple[str, bytes]], *, most: int) -> None:
        await self._call(partial(self._append, entries, most), 1.0)

    def _append(self, entries: Sequence[tuple[str, bytes]], most: int) -> None:
        for stream, data in entries:
            self._redis.append(stream, data, most)

    async def last_id(self, stream: str) -> str:
        return str(await self._call(partial(self._redis.last_id, stream), 1.0))

    async def trim(self, stream: str, *, before: str) -> None:
        await self._call(partial(self._redis.trim, stream, before), 1.0)

    async def read(self, stream: str, after: str, *, count: int, block_s: float) -> list[tuple[str, bytes]]:
        answer = self._loop.create_future()
        blocked: list[Waiter] = []
        self._simulation.after(self._delay(), self._arrive, answer, self._read, stream, after, count, block_s, blocked)
        alarm = self._loop.call_later(block_s + 1.0, lose, answer, "redis", "no answer")
        try:
            batch: list[tuple[str, bytes]] = await answer
        finally:
            alarm.cancel()
            for waiter in blocked:
                self._redis.forget(stream, waiter)
        return batch

    def _read(
        self,
        answer: asyncio.Future[Any],
        stream: str,
        after: str,
        count: int,
        block_s: float,
        blocked: list[Waiter],
    ) -> None:
        if answer.done():
            return
        give, lost = partial(self._answer, answer), partial(lose, answer, "redis", "connection lost")
        waiter = self._redis.read(stream, after, count, block_s, give=give, lose=lost)
        if waiter is not None:
            blocked.append(waiter)

    # The way there and back.

    def _delay(self) -> float:
        return self._rng.uniform(*REDIS_S) + (self._rng.uniform(0, self.slow_s) if self.slow_s else 0.0)

    async def _call(self, what: Callable[[], Any], timeout_s: float) -> Any:
        answer = self._loop.create_future()
        self._simulation.after(self._delay(), self._arrive, answer, self._execute, what)
        alarm = self._loop.call_later(timeout_s, lose, answer, "redis", "no answer within the deadline")
        try:
            return await answer
        finally:
            alarm.cancel()

    def _arrive(self, answer: asyncio.Future[Any], do: Callable[..., None], *args: Any) -> None:
        if self.is_cut:
            self._held.append(partial(self._arrive, answer, do, *args))
        elif self._redis.is_paused:
            self._redis.held.append(partial(self._arrive, answer, do, *args))
        elif not self._redis.is_up:
            lose(answer, "redis", "connection refused")
        else:
            do(answer, *args)

    def _execute(self, answer: asyncio.Future[Any], what: Callable[[], Any]) -> None:
        value = what()
        if self.breaks and self._rng.random() < self.breaks:
            lose(answer, "redis", "connection lost")
        else:
            self._answer(answer, value)

    def _answer(self, answer: asyncio.Future[Any], value: Any) -> None:
        self._simulation.after(self._delay(), self._return, answer, value)

    def _return(self, answer: asyncio.Future[Any], value: Any) -> None:
        if not self.is_cut:
            settle(answer, value)


class PostgresLink:
    """`Epochs` and the rooms' log of one process.

    An error within the deadline says nothing about the write; after the deadline nothing is written any more, unless
    the process could not say so, being frozen or dead.
    """

    def __init__(self, simulation: Simulation, loop: Loop, postgres: PostgresModel, *, writer: str) -> None:
        self._simulation = simulation
        self._loop = loop
        self._postgres = postgres
        self._rng = simulation.rng(f"postgres of {loop.name}")
        self._writer = writer
        self.breaks = 0.0
        self.stumble: Callable[[], None] | None = None

    # Epochs.

    async def read(self, shards: Sequence[int]) -> dict[int, ShardEpoch]:
        taken: dict[int, ShardEpoch] = await self._call(partial(self._postgres.read_epochs, list(shards)))
        return taken

    async def raise_from(self, epochs: Mapping[int, int], node: str) -> dict[int, int]:
        raised: dict[int, int] = await self._call(partial(self._postgres.raise_from, dict(epochs), node))
        return raised

    # The log.

    async def append(self, room: str, client_id: str, *, offset: int, epoch: int) -> int:
        """Raises Fenced, or Unavailable, after which the row may be there."""
        write = partial(self._postgres.append, room, client_id, offset, epoch, self._writer)
        return int(await self._call(write))

    # The facts.

    async def open(self, reader: str) -> None:
        await self._call(lambda: None)

    async def advance(self, reader: str, consumers: Consumers, *, fence: Fence) -> Advance:
        """Raises Fenced, or Unavailable, after which the position may have moved."""
        read = await self._call(partial(self._postgres.advance, reader, fence.epoch, self._writer, FACTS_AT_ONCE))
        return Advance(again_after_s=0.0 if read else None, read=read)

    async def waiting(self, readers: Mapping[str, Consumers], *, at_least: int) -> Sequence[str]:
        return list(readers)

    async def prune(self, readers: Sequence[str]) -> int:
        return 0

    async def since(self, room: str, offset: int) -> list[TableRow]:
        rows: list[TableRow] = await self._call(partial(self._postgres.since, room, offset))
        return rows

    async def _call(self, what: Callable[[], Any]) -> Any:
        answer = self._loop.create_future()
        self._simulation.after(self._delay(), self._execute, answer, what)
        alarm = self._loop.call_later(POSTGRES_TIMEOUT_S, lose, answer, "postgres", "too slow")
        try:
            return await answer
        finally:
            alarm.cancel()

    def _delay(self) -> float:
        slow_s = self._postgres.slow_s
        return self._rng.uniform(*POSTGRES_S) + (self._rng.uniform(0, slow_s) if slow_s else 0.0)

    def _execute(self, answer: asyncio.Future[Any], what: Callable[[], Any]) -> None:
        if answer.done():
            return
        if self.stumble is not None:
            stumble, self.stumble = self.stumble, None
            stumble()
        if not self._postgres.is_up:
            lose(answer, "postgres", "connection refused")
            return
        try:
            value = what()
        except StorageError as error:
            self._simulation.after(self._delay(), fail, answer, error)
            return
        if self.breaks and self._rng.random() < self.breaks:
            lose(answer, "postgres", "connection lost")
        else:
            self._simulation.after(self._delay(), settle, answer, value)
