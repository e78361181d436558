"""Cards: what a room shows of a person, and what its moderators have noted of them."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime
from typing import Any, Final

from actors.runtime import DomainError
from server.features.rooms.conduct import queries
from server.features.rooms.conduct.shapes import MAX_NOTE, note_shown
from server.features.rooms.seats import Seat, is_decider, require_decider, seat_of
from server.features.rooms.shapes import named
from server.features.rooms.texts import cleaned
from storage.audit import AuditLog
from storage.ids import Ids
from storage.postgres import Database, Reads, Row

MAX_NOTES: Final = 50
"""Of one person, in the rooms of one owner."""
HISTORY: Final = 20


class Cards:
    """``roles``: those of the account of who asks. Notes are shared by the moderators of all rooms of an owner."""

    def __init__(self, *, db: Database, audit: AuditLog, ids: Ids, now: Callable[[], datetime]) -> None:
        self._db = db
        self._audit = audit
        self._ids = ids
        self._now = now

    async def card(self, room_id: str, user_id: str, *, by: str, roles: Collection[str]) -> dict[str, Any]:
        """Raises ``not_found``."""
        seat = await seat_of(self._db, room_id, by)
        row = await self._db.fetchrow(queries.PERSON, seat.owner_id, room_id, user_id)
        if row is None:
            raise _nobody()
        messages = await self._db.fetch(queries.MESSAGES, room_id, user_id, HISTORY)
        card = {
            "user": named(row, person_id="id"),
            "role": _role(seat, row),
            "created_at": row["created_at"],
            "following_since": row["following_since"],
            "messages": [dict(message) for message in messages],
        }
        if not is_decider(seat, by, roles):
            return {**card, "sanction": None, "notes": None}
        sanction = await self._db.fetchrow(queries.SANCTION, room_id, user_id, self._now())
        notes = await self._notes(self._db, seat, user_id)
        return {**card, "sanction": None if sanction is None else dict(sanction), "notes": notes}

    async def note(
        self, room_id: str, user_id: str, text: str, *, by: str, roles: Collection[str]
    ) -> list[dict[str, Any]]:
        """All notes, with the new one. In the audit log. Raises ``not_found``, ``forbidden``, ``too_many_notes``."""
        line = cleaned(text, "text", MAX_NOTE)
        now = self._now()
        async with self._db.transaction() as tx:
            seat = await seat_of(tx, room_id, by)
            require_decider(seat, by, roles)
            await tx.execute(queries.ALONE, seat.owner_id)
            if await tx.fetchval(queries.COUNT_NOTES, seat.owner_id, user_id) >= MAX_NOTES:
                raise DomainError("too_many_notes", f"There are at most {MAX_NOTES} notes on a person.")
            note_id = self._ids.uuid7(now.timestamp())
            if await tx.fetchval(queries.ADD_NOTE, note_id, seat.owner_id, user_id, by, line, now) is None:
                raise _nobody()
            await self._audit.add(tx, "chat.note", actor_id=by, subject=user_id, detail={"room_id": room_id})
            return await self._notes(tx, seat, user_id)

    async def remove_note(self, room_id: str, note_id: str, *, by: str, roles: Collection[str]) -> None:
        """In the audit log. Raises ``not_found``, ``forbidden``."""
        async with self._db.transaction() as tx:
            seat = await seat_of(tx, room_id, by)
            require_decider(seat, by, roles)
            person_id = await tx.fetchval(queries.REMOVE_NOTE, seat.owner_id, note_id)
            if person_id is None:
                raise DomainError("not_found", "There is no such note.")
            await self._audit.add(tx, "chat.note_remove", actor_id=by, subject=person_id, detail={"room_id": room_id})

    async def _notes(self, where: Reads, seat: Seat, user_id: str) -> list[dict[str, Any]]:
        return [note_shown(row) for row in await where.fetch(queries.NOTES, seat.owner_id, user_id, MAX_NOTES)]


def _role(seat: Seat, row: Row) -> str | None:
    if row["id"] == seat.owner_id:
        return "owner"
    return "moderator" if row["is_moderator"] else "vip" if row["is_vip"] else None


def _nobody() -> DomainError:
    return DomainError("not_found", "There is no such person.", field="user_id")
