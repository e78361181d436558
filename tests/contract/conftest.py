"""The two worlds that every port's suite runs in: the memory drivers and the real ones on Postgres."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Any

import msgspec
import pytest

from actors.runtime import Fence
from storage.audit import AuditLog
from storage.chat import PostgresChatLog
from storage.chat_held import HeldMessages
from storage.facts import Facts
from storage.ids import Ids
from storage.leases import Leases
from storage.memory.chat import MemoryChatLog
from storage.memory.chat_held import MemoryHeldMessages
from storage.memory.facts import MemoryFacts, MemoryTransaction
from storage.memory.leases import MemoryLeases
from storage.memory.recordings import MemoryRecordings
from storage.memory.rooms import MemoryRooms
from storage.memory.streams import MemoryStreams
from storage.memory.tables import MemoryPerson, Tables
from storage.memory.views import MemoryViews
from storage.postgres import Database, Transaction
from storage.recording import Recordings
from storage.rooms import Rooms
from storage.stream import Streams
from storage.stream_rows import NewStream, StreamRow
from storage.viewers import Views


class Drivers:
    """One set of drivers over the same rows, and the few rows that most tests begin with."""

    leases: Any
    log: Any
    rooms: Any
    held: Any
    streams: Any
    recordings: Any
    views: Any
    facts: Any

    def __init__(self) -> None:
        self._ids = Ids()
        self.fence = Fence(shard=0, epoch=0)

    def id(self) -> str:
        return self._ids.uuid7(time.time())

    async def prepare(self) -> None:
        pass

    async def person(self, username: str = "") -> str:
        raise NotImplementedError

    async def verify_address(self, person_id: str) -> None:
        raise NotImplementedError

    def transaction(self) -> AbstractAsyncContextManager[Any]:
        raise NotImplementedError

    async def note(self, tx: Any, number: int) -> None:
        """Write a number in a transaction."""
        raise NotImplementedError

    async def noted(self) -> list[int]:
        """The numbers that were written, in order."""
        raise NotImplementedError

    async def touch(self, tx: Any) -> None:
        """Spend a moment in a transaction, in which others go on."""
        raise NotImplementedError

    async def room(self) -> tuple[str, str]:
        """A new room and its owner."""
        owner, room = await self.person(), self.id()
        await self.rooms.create(room_id=room, owner_id=owner, log_epoch="e1")
        return room, owner

    async def stream(self, owner_id: str = "", **fields: Any) -> StreamRow:
        owner_id = owner_id or await self.person()
        given = {"id": self.id(), "room_id": self.id(), "title": "A stream", "stream_key": self.id(), "log_epoch": "e1"}
        row: StreamRow = await self.streams.create(NewStream(owner_id=owner_id, **{**given, **fields}))
        return row


class MemoryDrivers(Drivers):
    def __init__(self) -> None:
        super().__init__()
        self._tables = tables = Tables()
        self.leases, self.log = MemoryLeases(tables=tables), MemoryChatLog(tables=tables)
        self.rooms, self.streams = MemoryRooms(tables=tables), MemoryStreams(tables=tables)
        self.held = MemoryHeldMessages(tables=tables)
        self.recordings, self.views = MemoryRecordings(tables=tables), MemoryViews(tables=tables)
        self.facts = MemoryFacts(tables=tables)
        self._noted: list[int] = []

    def transaction(self) -> AbstractAsyncContextManager[MemoryTransaction]:
        return self.facts.transaction()  # type: ignore[no-any-return]

    async def note(self, tx: MemoryTransaction, number: int) -> None:
        tx.write(lambda: self._noted.append(number))

    async def noted(self) -> list[int]:
        return self._noted

    async def touch(self, tx: MemoryTransaction) -> None:
        await asyncio.sleep(0)

    async def person(self, username: str = "") -> str:
        person_id = self.id()
        name = username or f"u{person_id[-8:]}"
        self._tables.add_person(
            MemoryPerson(id=person_id, username=name, display_name=name.title(), stream_key=f"key-{name}")
        )
        return person_id

    async def verify_address(self, person_id: str) -> None:
        person = self._tables.people[person_id]
        self._tables.people[person_id] = msgspec.structs.replace(person, has_verified_address=True)


class PostgresDrivers(Drivers):
    def __init__(self, db: Database) -> None:
        super().__init__()
        self._db = db
        self.leases, self.log = Leases(db=db), PostgresChatLog(db=db)
        self.rooms, self.streams = Rooms(db=db, audit=AuditLog(ids=Ids())), Streams(db=db)
        self.held = HeldMessages(db=db, audit=AuditLog(ids=Ids()))
        self.recordings, self.views = Recordings(db=db), Views(db=db)
        self.facts = Facts(db=db)

    async def prepare(self) -> None:
        await self._db.execute("create table noted (place bigint generated always as identity, number int)")

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        return self._db.transaction(timeout_s=20)

    async def note(self, tx: Transaction, number: int) -> None:
        await tx.execute("insert into noted (number) values ($1)", number)

    async def noted(self) -> list[int]:
        return [row["number"] for row in await self._db.fetch("select number from noted order by place")]

    async def touch(self, tx: Transaction) -> None:
        await tx.execute("select 1")

    async def person(self, username: str = "") -> str:
        person_id = self.id()
        name = username or f"u{person_id[-8:]}"
        await self._db.execute(
            "insert into users (id, username, username_key, email, email_key, password_hash, display_name, stream_key)"
            " values ($1, $2, $2, $2, $2, '', $3, $4)",
            person_id,
            name,
            name.title(),
            f"key-{name}",
        )
        return person_id

    async def verify_address(self, person_id: str) -> None:
        await self._db.execute("update users set email_verified_at = now() where id = $1", person_id)


@pytest.fixture(params=["memory", "postgres"])
def wanted_db(request: pytest.FixtureRequest) -> Database | None:
    return request.getfixturevalue("db") if request.param == "postgres" else None


@pytest.fixture
async def drivers(wanted_db: Database | None) -> AsyncIterator[Drivers]:
    made = PostgresDrivers(wanted_db) if wanted_db else MemoryDrivers()
    await made.prepare()
    made.fence = Fence(shard=7, epoch=(await made.leases.take_all("n1"))[7])
    yield made
    await made.log.close()
