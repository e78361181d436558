"""Messages that wait for a moderator, and what was decided: rows of rooms, written under the fence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from actors.chat_review import Decision, HeldMessage
from actors.chat_rules import Author
from actors.runtime import Fence
from storage.audit import AuditLog
from storage.facts import Fact, publish
from storage.leases import hold
from storage.postgres import Database, Row


class ChatHeld(Fact, frozen=True, kw_only=True, tag="chat.held"):
    """A message of a room waits for a moderator."""

    room_id: str
    message_id: str


class HeldMessages:
    """``actors.chat_review.HeldStore``."""

    def __init__(self, *, db: Database, audit: AuditLog) -> None:
        self._db = db
        self._audit = audit

    async def waiting(self, room_id: str) -> Sequence[HeldMessage]:
        return [_message(row) for row in await self._db.fetch(_WAITING, room_id)]

    async def find(self, room_id: str, user_id: str, client_id: str) -> Decision | None:
        row = await self._db.fetchrow(_FIND, room_id, user_id, client_id)
        return None if row is None else Decision(**dict(row))

    async def hold(self, room_id: str, message: HeldMessage, *, fence: Fence) -> None:
        async with self._db.transaction() as tx:
            await hold(tx, fence)
            await tx.execute(
                _HOLD,
                message.id,
                room_id,
                message.author.id,
                message.client_id,
                message.text,
                message.reply_to,
                message.held_at,
                message.reason,
            )
            await publish(tx, ChatHeld(room_id=room_id, message_id=message.id))

    async def decide(self, room_id: str, message_id: str, *, allow: bool, by: str, fence: Fence) -> None:
        async with self._db.transaction() as tx:
            await hold(tx, fence)
            state = "allowed" if allow else "refused"
            author = await tx.fetchval(_DECIDE, room_id, message_id, state, by)
            if author is not None:
                detail = {"room_id": room_id, "author": author, "allow": allow}
                await self._audit.add(tx, "chat.review", actor_id=by, subject=message_id, detail=detail)

    async def withdraw(self, room_id: str, user_id: str | None, *, fence: Fence) -> None:
        async with self._db.transaction() as tx:
            await hold(tx, fence)
            await tx.execute(_WITHDRAW, room_id, user_id)


def _message(row: Row) -> HeldMessage:
    author = Author(id=row["user_id"], username=row["username"], display_name=row["display_name"])
    return HeldMessage(
        id=row["id"],
        author=author,
        client_id=row["client_id"],
        text=row["text"],
        held_at=row["held_at"],
        reason=row["reason"],
        reply_to=row["reply_to"],
    )


_WAITING: Final = """
select h.id, h.user_id, u.username, u.display_name, h.client_id, h.text, h.held_at, h.reason, h.reply_to
from chat_held h join users u on u.id = h.user_id and u.deleted_at is null
where h.room_id = $1 and h.state = 'held' order by h.held_at, h.id
"""
_FIND: Final = "select id, state from chat_held where room_id = $1 and user_id = $2 and client_id = $3"
_HOLD: Final = """
insert into chat_held (id, room_id, user_id, client_id, text, reply_to, held_at, reason)
values ($1, $2, $3, $4, $5, $6, $7, $8)
"""
_DECIDE: Final = """
update chat_held set state = $3, decided_by = $4, decided_at = now(), text = ''
where room_id = $1 and id = $2 and state = 'held' returning user_id
"""
_WITHDRAW: Final = """
update chat_held set state = 'refused', decided_at = now(), text = ''
where room_id = $1 and state = 'held' and ($2::uuid is null or user_id = $2)
"""
