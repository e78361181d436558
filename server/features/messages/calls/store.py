"""``actors.call_store.CallStore``: the rows of calls."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from datetime import datetime
from typing import Final

from actors.call_messages import Seat
from actors.call_store import CallMember, CallRecord
from actors.events import Person
from actors.runtime import Fence
from server.features.messages.calls import queries
from storage.leases import hold
from storage.postgres import Database, Row

MAX_UNUSED: Final = 20
"""Invitations of one call that nobody has used yet."""

Apart = Callable[[str, Collection[str]], Awaitable[frozenset[str]]]
"""A person and others: those of the others who block the person, or whom the person blocks."""


class CallRows:
    def __init__(self, *, db: Database, apart: Apart) -> None:
        self._db = db
        self._apart = apart

    async def load(self, call_id: str) -> CallRecord | None:
        row = await self._db.fetchrow(queries.CALL, call_id)
        if row is None:
            return None
        members = tuple(_member(member) for member in await self._db.fetch(queries.MEMBERS, call_id))
        return CallRecord(**dict(row), members=members)

    async def admit(
        self, call_id: str, person_id: str, seat: Seat, *, token_hash: bytes | None, at: datetime, fence: Fence
    ) -> bool:
        async with self._db.transaction() as tx:
            await hold(tx, fence)
            if token_hash is not None and await tx.fetchval(queries.USE_UP, token_hash, call_id, at) is None:
                return False
            await tx.execute(queries.SEAT, call_id, person_id, seat.node, seat.socket, at)
        return True

    async def leave(self, call_id: str, person_id: str, seat: Seat, *, fence: Fence) -> None:
        async with self._db.transaction() as tx:
            await hold(tx, fence)
            await tx.execute(queries.LEAVE, call_id, person_id, seat.node, seat.socket)

    async def end(self, call_id: str, *, at: datetime, fence: Fence) -> None:
        async with self._db.transaction() as tx:
            await hold(tx, fence)
            await tx.execute(queries.END, call_id, at)

    async def invite(self, call_id: str, token_hash: bytes, *, fence: Fence) -> bool:
        async with self._db.transaction() as tx:
            await hold(tx, fence)
            return await tx.fetchval(queries.INVITE, token_hash, call_id, MAX_UNUSED) is not None

    async def apart(self, person_id: str, others: Collection[str]) -> frozenset[str]:
        return await self._apart(person_id, others)


def _member(row: Row) -> CallMember:
    person = Person(id=row["person_id"], username=row["username"], display_name=row["display_name"])
    seat = None if row["node"] is None else Seat(node=row["node"], socket=row["socket"])
    return CallMember(person=person, seat=seat)
