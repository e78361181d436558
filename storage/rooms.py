"""Rooms: their row, their moderators and sanctions, and what moderators do to the log. Writes are fenced."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from actors.chat_log import RoomRecord
from actors.chat_rules import ChatMode, Sanction
from actors.runtime import DomainError, Fence
from storage.errors import Conflict, StorageError
from storage.ids import is_uuid
from storage.leases import hold
from storage.postgres import Database, Row, Transaction


class UnknownPerson(StorageError, DomainError):
    """There is no such person."""

    def __init__(self) -> None:
        DomainError.__init__(self, "not_found", "There is no such person.", field="user_id")


class Rooms:
    """The rows of rooms. Fenced writes raise ``Fenced`` when the shard has another owner by now."""

    def __init__(self, *, db: Database) -> None:
        self._db = db

    async def create(self, *, room_id: str, owner_id: str, log_epoch: str, stream_id: str | None = None) -> None:
        """Open an empty room. Raises ``Conflict`` if it exists or the owner does not."""
        await insert_room(self._db, room_id=room_id, owner_id=owner_id, log_epoch=log_epoch, stream_id=stream_id)

    async def load(self, room_id: str) -> RoomRecord | None:
        """The room with its moderators and the sanctions that still hold."""
        if not is_uuid(room_id):
            return None
        row = await self._db.fetchrow(_LOAD, room_id)
        if row is None:
            return None
        sanctions = await self._db.fetch(_SANCTIONS, room_id)
        return _room(row, sanctions)

    async def set_mode(self, room_id: str, mode: ChatMode, *, fence: Fence) -> None:
        await self._fenced(fence, "update chat_rooms set mode = $2 where id = $1", room_id, msgspec.to_builtins(mode))

    async def set_pinned(self, room_id: str, message_id: str | None, *, fence: Fence) -> None:
        await self._fenced(fence, "update chat_rooms set pinned_id = $2 where id = $1", room_id, message_id)

    async def add_moderator(self, room_id: str, user_id: str, *, fence: Fence) -> None:
        """Idempotent."""
        await self._fenced(fence, _ADD_MODERATOR, room_id, user_id)

    async def remove_moderator(self, room_id: str, user_id: str, *, fence: Fence) -> None:
        """Idempotent."""
        await self._fenced(fence, "delete from chat_moderators where room_id = $1 and user_id = $2", room_id, user_id)

    async def put_sanction(
        self, room_id: str, user_id: str, sanction: Sanction, *, reason: str, by: str, fence: Fence
    ) -> None:
        """Set or replace what a person may not do. Raises ``UnknownPerson``."""
        _require_id(user_id)
        try:
            await self._fenced(fence, _PUT_SANCTION, room_id, user_id, sanction.until, reason, by)
        except Conflict:
            raise UnknownPerson from None

    async def lift_sanction(self, room_id: str, user_id: str, *, fence: Fence) -> None:
        """Idempotent. Raises ``UnknownPerson`` for what is no id."""
        _require_id(user_id)
        await self._fenced(fence, "delete from chat_sanctions where room_id = $1 and user_id = $2", room_id, user_id)

    async def delete_message(self, room_id: str, message_id: str, *, by: str, fence: Fence) -> int | None:
        """Mark a message as deleted and return its offset; None if the room has no such message. Idempotent."""
        if not is_uuid(message_id):
            return None
        async with self._db.transaction() as tx:
            await hold(tx, fence)
            offset: int | None = await tx.fetchval(_DELETE_MESSAGE, room_id, message_id, by)
            return offset

    async def _fenced(self, fence: Fence, sql: str, *args: object) -> int:
        async with self._db.transaction() as tx:
            await hold(tx, fence)
            return await tx.execute(sql, *args)


async def insert_room(
    where: Database | Transaction, *, room_id: str, owner_id: str, log_epoch: str, stream_id: str | None
) -> None:
    """Add the row of an empty room, in a transaction of the caller's if it has one."""
    await where.execute(_INSERT, room_id, stream_id, owner_id, log_epoch)


def _require_id(user_id: str) -> None:
    if not is_uuid(user_id):
        raise UnknownPerson


def _room(row: Row, sanctions: Sequence[Row]) -> RoomRecord:
    return RoomRecord(
        id=row["id"],
        stream_id=row["stream_id"],
        owner_id=row["owner_id"],
        log_epoch=row["log_epoch"],
        last_offset=row["last_offset"],
        mode=msgspec.convert(row["mode"], ChatMode),
        pinned_id=row["pinned_id"],
        moderators=frozenset(row["moderators"]),
        sanctions={found["user_id"]: Sanction(until=found["until"]) for found in sanctions},
    )


_INSERT: Final = "insert into chat_rooms (id, stream_id, owner_id, log_epoch) values ($1, $2, $3, $4)"
_LOAD: Final = """
select r.id, r.stream_id, r.owner_id, r.log_epoch, r.last_offset, r.mode, r.pinned_id,
    array(select user_id from chat_moderators m where m.room_id = r.id) as moderators
from chat_rooms r where r.id = $1
"""
_SANCTIONS: Final = """
select user_id, until from chat_sanctions where room_id = $1 and (until is null or until > now())
"""
_ADD_MODERATOR: Final = "insert into chat_moderators (room_id, user_id) values ($1, $2) on conflict do nothing"
_PUT_SANCTION: Final = """
insert into chat_sanctions (room_id, user_id, until, reason, by_id) values ($1, $2, $3, $4, $5)
on conflict (room_id, user_id)
do update set until = excluded.until, reason = excluded.reason, by_id = excluded.by_id, created_at = now()
"""
_DELETE_MESSAGE: Final = """
update chat_messages set deleted_at = coalesce(deleted_at, now()), deleted_by = coalesce(deleted_by, $3)
where room_id = $1 and id = $2 returning "offset"
"""
