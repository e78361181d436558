"""Rooms: their row, their moderators and sanctions, and what moderators do to the log.

Writes are fenced, and each act of a moderator is in the audit log with the change itself.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Final

import msgspec

from actors.chat_log import RoomRecord
from actors.chat_private import MAX_EMOJI, MAX_REACTIONS
from actors.chat_rules import ChatMode, RoomRole, Sanction
from actors.events import Reactions
from actors.runtime import DomainError, Fence
from storage.audit import AuditLog
from storage.chat_rows import REACTIONS
from storage.conversation_facts import ConversationMessageDeleted
from storage.errors import Conflict, StorageError
from storage.facts import publish
from storage.ids import is_uuid
from storage.leases import hold
from storage.postgres import Database, Row, Transaction

PURGE: Final = 2_000
"""Messages of one transaction."""


class UnknownPerson(StorageError, DomainError):
    """There is no such person."""

    def __init__(self) -> None:
        DomainError.__init__(self, "not_found", "There is no such person.", field="user_id")


class Rooms:
    """The rows of rooms. Fenced writes raise ``Fenced`` when the shard has another owner by now."""

    def __init__(self, *, db: Database, audit: AuditLog) -> None:
        self._db = db
        self._audit = audit

    async def create(self, *, room_id: str, owner_id: str | None, log_epoch: str, stream_id: str | None = None) -> None:
        """Open an empty room; a private one has no owner. Raises ``Conflict`` if it exists or the owner does not."""
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

    async def set_mode(self, room_id: str, mode: ChatMode, *, by: str, fence: Fence) -> None:
        chosen = msgspec.to_builtins(mode)
        async with self._act("chat.mode", room_id, subject=room_id, by=by, fence=fence, mode=chosen) as tx:
            await tx.execute("update chat_rooms set mode = $2 where id = $1", room_id, chosen)

    async def set_pinned(self, room_id: str, message_id: str | None, *, by: str, fence: Fence) -> None:
        async with self._act("chat.pin", room_id, subject=message_id or room_id, by=by, fence=fence) as tx:
            await tx.execute("update chat_rooms set pinned_id = $2 where id = $1", room_id, message_id)

    async def set_role(self, room_id: str, user_id: str, role: RoomRole | None, *, by: str, fence: Fence) -> None:
        """Idempotent. Raises ``UnknownPerson``."""
        _require_id(user_id)
        try:
            async with self._act("chat.role", room_id, subject=user_id, by=by, fence=fence, role=role) as tx:
                for table in ROLES.values():
                    await tx.execute(f"delete from {table} where room_id = $1 and user_id = $2", room_id, user_id)
                if role is not None:
                    await tx.execute(f"insert into {ROLES[role]} (room_id, user_id) values ($1, $2)", room_id, user_id)
        except Conflict:
            raise UnknownPerson from None

    async def put_sanction(
        self, room_id: str, user_id: str, sanction: Sanction, *, reason: str, by: str, fence: Fence
    ) -> None:
        """Set or replace what a person may not do. Raises ``UnknownPerson``."""
        _require_id(user_id)
        action = "chat.ban" if sanction.until is None else "chat.timeout"
        until = None if sanction.until is None else sanction.until.isoformat()
        try:
            async with self._act(action, room_id, subject=user_id, by=by, why=reason, fence=fence, until=until) as tx:
                await tx.execute(_PUT_SANCTION, room_id, user_id, sanction.until, reason, by)
        except Conflict:
            raise UnknownPerson from None

    async def lift_sanction(self, room_id: str, user_id: str, *, by: str, reason: str, fence: Fence) -> None:
        """Idempotent. Raises ``UnknownPerson`` for what is no id."""
        _require_id(user_id)
        async with self._act("chat.unban", room_id, subject=user_id, by=by, why=reason, fence=fence) as tx:
            await tx.execute("delete from chat_sanctions where room_id = $1 and user_id = $2", room_id, user_id)

    async def delete_message(
        self, room_id: str, message_id: str, *, by: str | None, reason: str, fence: Fence
    ) -> int | None:
        """Mark a message as deleted and return its offset; None if the room has no such message. Idempotent.

        What its own author deletes is no act of a moderator.
        """
        if not is_uuid(message_id):
            return None
        async with self._db.transaction() as tx:
            await hold(tx, fence)
            row = await tx.fetchrow(_DELETE_MESSAGE, room_id, message_id, by)
            if row is not None and row["is_private"]:
                await publish(tx, ConversationMessageDeleted(room_id=room_id, message_id=message_id))
            await tx.execute("delete from chat_reactions where message_id = $1", message_id)
            if row is not None and row["user_id"] != by:
                detail = {"room_id": room_id, "author": row["user_id"]}
                await self._audit.add(tx, "chat.delete", actor_id=by, subject=message_id, why=reason, detail=detail)
            return None if row is None else int(row["offset"])

    async def restore_message(
        self, room_id: str, message_id: str, *, by: str | None, reason: str, fence: Fence
    ) -> None:
        """Take back that ``by`` deleted a message. Its reactions and attachments stay gone. Idempotent."""
        if not is_uuid(message_id):
            return
        async with self._db.transaction() as tx:
            await hold(tx, fence)
            author = await tx.fetchval(_RESTORE_MESSAGE, room_id, message_id, by)
            if author is not None:
                detail = {"room_id": room_id, "author": author}
                await self._audit.add(tx, "chat.restore", actor_id=by, subject=message_id, why=reason, detail=detail)

    async def edit_message(self, room_id: str, message_id: str, text: str, *, at: datetime, fence: Fence) -> None:
        async with self._db.transaction() as tx:
            await hold(tx, fence)
            await tx.execute(_EDIT, room_id, message_id, text, at)

    async def react(
        self, room_id: str, message_id: str, person_id: str, emoji: str, *, is_on: bool, fence: Fence
    ) -> Reactions | None:
        async with self._db.transaction() as tx:
            await hold(tx, fence)
            if not is_on:
                await tx.execute(_UNREACT, message_id, person_id, emoji)
            elif not await tx.fetchval(_REACT, room_id, message_id, person_id, emoji, MAX_REACTIONS, MAX_EMOJI):
                return None
            found = await tx.fetchval(f"select ({REACTIONS}) from (select $1::uuid as id) m", message_id)
        return {emoji: tuple(ids) for emoji, ids in (found or {}).items()}

    async def purge(self, room_id: str, user_id: str, *, up_to: int, by: str, reason: str, fence: Fence) -> int:
        """Mark what the person wrote up to this offset as deleted: how many messages. Idempotent."""
        _require_id(user_id)
        async with self._act("chat.purge", room_id, subject=user_id, by=by, why=reason, fence=fence, up_to=up_to):
            pass
        total = 0
        while True:
            async with self._db.transaction() as tx:
                await hold(tx, fence)
                count = await tx.execute(_PURGE, room_id, user_id, up_to, by, PURGE)
            total += count
            if count < PURGE:
                return total

    async def clear(self, room_id: str, *, by: str, fence: Fence) -> int:
        """All that the log holds is deleted: up to which offset."""
        async with self._act("chat.clear", room_id, subject=room_id, by=by, fence=fence) as tx:
            return int(await tx.fetchval(_CLEAR, room_id))

    @asynccontextmanager
    async def _act(
        self, action: str, room_id: str, *, subject: str, by: str, fence: Fence, why: str = "", **detail: Any
    ) -> AsyncIterator[Transaction]:
        """A moderator's act: a transaction under the fence, with its entry in the audit log."""
        async with self._db.transaction() as tx:
            await hold(tx, fence)
            yield tx
            told = {"room_id": room_id, **detail}
            await self._audit.add(tx, action, actor_id=by, subject=subject, why=why, detail=told)


async def insert_room(
    where: Database | Transaction, *, room_id: str, owner_id: str | None, log_epoch: str, stream_id: str | None
) -> None:
    """Add the row of an empty room, in a transaction of the caller's if it has one; without an owner it is private."""
    await where.execute(_INSERT, room_id, stream_id, owner_id, log_epoch)


def _require_id(user_id: str) -> None:
    if not is_uuid(user_id):
        raise UnknownPerson


def _room(row: Row, sanctions: Sequence[Row]) -> RoomRecord:
    return RoomRecord(
        id=row["id"],
        stream_id=row["stream_id"],
        owner_id=row["owner_id"] or "",
        log_epoch=row["log_epoch"],
        last_offset=row["last_offset"],
        mode=msgspec.convert(row["mode"], ChatMode),
        pinned_id=row["pinned_id"],
        cleared_to=row["cleared_to"],
        moderators=frozenset(row["moderators"]),
        vips=frozenset(row["vips"]),
        sanctions={found["user_id"]: Sanction(until=found["until"]) for found in sanctions},
        is_private=row["is_private"],
    )


_INSERT: Final = (
    "insert into chat_rooms (id, stream_id, owner_id, log_epoch, is_private) values ($1, $2, $3, $4, $3::uuid is null)"
)
_LOAD: Final = """
select r.id, r.stream_id, r.owner_id, r.log_epoch, r.last_offset, r.mode, r.pinned_id, r.cleared_to, r.is_private,
    array(select user_id from chat_moderators m where m.room_id = r.id) as moderators,
    array(select user_id from chat_vips v where v.room_id = r.id) as vips
from chat_rooms r where r.id = $1
"""
_SANCTIONS: Final = """
select user_id, until from chat_sanctions where room_id = $1 and (until is null or until > now())
"""
ROLES: Final[dict[RoomRole, str]] = {"moderator": "chat_moderators", "vip": "chat_vips"}
"""The table of those who have the role."""
_PUT_SANCTION: Final = """
insert into chat_sanctions (room_id, user_id, until, reason, by_id) values ($1, $2, $3, $4, $5)
on conflict (room_id, user_id)
do update set until = excluded.until, reason = excluded.reason, by_id = excluded.by_id, created_at = now()
"""
_DELETE_MESSAGE: Final = """
update chat_messages m set deleted_at = coalesce(m.deleted_at, now()),
    deleted_by = case when m.deleted_at is null then $3 else m.deleted_by end
from chat_rooms r where r.id = m.room_id and m.room_id = $1 and m.id = $2 returning m."offset", m.user_id, r.is_private
"""
_RESTORE_MESSAGE: Final = """
update chat_messages set deleted_at = null, deleted_by = null
where room_id = $1 and id = $2 and deleted_at is not null and deleted_by is not distinct from $3 returning user_id
"""
_PURGE: Final = """
update chat_messages set deleted_at = now(), deleted_by = $4
where (room_id, "offset") in (
    select room_id, "offset" from chat_messages
    where user_id = $2 and room_id = $1 and "offset" <= $3 and deleted_at is null limit $5)
"""
_EDIT: Final = (
    "update chat_messages set text = $3, edited_at = $4 where room_id = $1 and id = $2 and deleted_at is null"
)
_UNREACT: Final = "delete from chat_reactions where message_id = $1 and person_id = $2 and emoji = $3"
_REACT: Final = """
with had as (select person_id, emoji from chat_reactions where message_id = $2),
judged as (
    select exists (select from had where person_id = $3 and emoji = $4) as is_there,
        (select count(*) from had where person_id = $3) < $5
        and (exists (select from had where emoji = $4) or (select count(distinct emoji) from had) < $6) as has_room),
added as (
    insert into chat_reactions (room_id, message_id, person_id, emoji)
    select $1, $2, $3, $4 from judged where has_room and not is_there)
select is_there or has_room from judged
"""
_CLEAR: Final = "update chat_rooms set cleared_to = last_offset where id = $1 returning cleared_to"
