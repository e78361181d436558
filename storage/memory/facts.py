"""The memory version of ``Facts``, and of transactions as far as facts need them."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from actors.runtime import Fence
from storage.errors import StorageError
from storage.facts import BATCH, MAX_FAILURES, Advance, Aside, ConsumerFailed, Consumers, ReaderState, consume, pause_s
from storage.memory.tables import FactRow, Tables


class _Reader(msgspec.Struct, kw_only=True):
    position: int = 0
    failures: int = 0
    error: str = ""


class MemoryTransaction:
    """Keeps what is written until its end. ``execute`` is ``publish``'s statement."""

    def __init__(self) -> None:
        self._writes: list[Callable[[], None]] = []
        self.facts: list[tuple[str, dict[str, Any]]] = []

    async def execute(self, sql: str, /, *args: Any) -> int:
        """Raises ``StorageError`` for another statement than that of ``publish``."""
        if "into facts" not in sql:
            raise StorageError("memory transactions hold facts and writes alone")
        self.facts += zip(*args, strict=True)
        return len(args[0])

    def write(self, what: Callable[[], None]) -> None:
        """Have something done when the transaction is committed."""
        self._writes.append(what)

    def commit(self) -> None:
        for write in self._writes:
            write()


class MemoryFacts:
    """As ``Facts``. Facts are in the order of the commits."""

    def __init__(self, *, tables: Tables, limit: int = BATCH) -> None:
        self._tables = tables
        self._limit = limit
        self._readers: dict[str, _Reader] = {}
        self._aside: list[Aside] = []
        self._last_aside = 0

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[MemoryTransaction]:
        """Committed at the end of the block, dropped if the block raises."""
        self._tables.reach()
        tx = MemoryTransaction()
        yield tx
        self._tables.reach()
        self._commit(tx)

    def _commit(self, tx: MemoryTransaction) -> None:
        tx.commit()
        for name, body in tx.facts:
            self._tables.add_fact(name, body, at=dt.datetime.now(dt.UTC))

    async def open(self, reader: str) -> None:
        self._tables.reach()
        self._readers.setdefault(reader, _Reader())

    async def advance(self, reader: str, consumers: Consumers, *, fence: Fence) -> Advance:
        self._tables.reach()
        state = self._readers.get(reader)
        if state is None or not self._after(state.position):
            return Advance()
        limit = self._limit
        while True:
            self._tables.hold(fence)
            try:
                return Advance(again_after_s=0.0, read=await self._read(reader, state, consumers, limit))
            except ConsumerFailed as failed:
                if failed.place == 0:
                    return self._fail(reader, state, failed)
                limit = failed.place

    async def _read(self, reader: str, state: _Reader, consumers: Consumers, limit: int) -> int:
        rows, tx = self._after(state.position)[:limit], MemoryTransaction()
        for place, row in enumerate(rows):
            wanted = consumers.get(row.name, ()) if row.reader in ("", reader) else ()
            try:
                await consume(tx, wanted, row.body)
            except Exception as error:
                raise ConsumerFailed(place, row.id, error) from error
        self._move(state, rows[-1].id)
        self._commit(tx)
        return len(rows)

    def _fail(self, reader: str, state: _Reader, failed: ConsumerFailed) -> Advance:
        state.failures, state.error = state.failures + 1, failed.said
        if state.failures < MAX_FAILURES:
            return Advance(again_after_s=pause_s(state.failures), error=failed.said)
        row = self._after(state.position)[0]
        fields = {name: getattr(row, name) for name in ("name", "body", "at")}
        now = dt.datetime.now(dt.UTC)
        self._last_aside += 1
        self._aside.append(Aside(id=self._last_aside, reader=reader, error=failed.said, aside_at=now, **fields))
        self._move(state, row.id)
        return Advance(again_after_s=0.0, error=failed.said, aside=row.name)

    def _move(self, state: _Reader, position: int) -> None:
        state.position, state.failures, state.error = position, 0, ""

    def _after(self, position: int) -> list[FactRow]:
        return [row for row in self._tables.facts if row.id > position]

    async def waiting(self, readers: Mapping[str, Consumers], *, at_least: int) -> list[str]:
        self._tables.reach()
        return [name for name, consumers in readers.items() if self._waits(name, consumers, at_least)]

    def _waits(self, name: str, consumers: Consumers, at_least: int) -> bool:
        state = self._readers.get(name)
        next_rows = self._after(state.position)[:BATCH] if state is not None else []
        return state is None or len(next_rows) >= at_least or any(row.name in consumers for row in next_rows)

    async def readers(self) -> list[ReaderState]:
        self._tables.reach()
        return [self._state(name, state) for name, state in sorted(self._readers.items())]

    def _state(self, name: str, state: _Reader) -> ReaderState:
        waiting = self._after(state.position)
        return ReaderState(
            name=name,
            behind=len(waiting),
            waiting_since=waiting[0].at if waiting else None,
            failures=state.failures,
            error=state.error,
            aside=sum(fact.reader == name for fact in self._aside),
        )

    async def aside(self, *, reader: str | None = None, before: int | None = None, limit: int = 100) -> list[Aside]:
        self._tables.reach()
        found = [fact for fact in reversed(self._aside) if reader in (None, fact.reader)]
        return [fact for fact in found if before is None or fact.id < before][:limit]

    async def retry(self, aside_id: int) -> bool:
        self._tables.reach()
        found = [fact for fact in self._aside if fact.id == aside_id]
        self._aside = [fact for fact in self._aside if fact.id != aside_id]
        for fact in found:
            self._tables.add_fact(fact.name, fact.body, at=fact.at, reader=fact.reader)
        return bool(found)

    async def prune(self, readers: Sequence[str]) -> int:
        self._tables.reach()
        if not self._readers:
            return 0
        passed = min(state.position for state in self._readers.values())
        before = len(self._tables.facts)
        self._tables.facts = self._after(passed)
        return before - len(self._tables.facts)
