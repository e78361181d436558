"""How people conduct themselves in rooms: what moderators see and note of a person, and requests to lift a ban."""

from __future__ import annotations

from typing import Final

from server.feature import Feature, PersonalData, Platform, rows_by_id
from server.features.rooms.conduct import queries
from server.features.rooms.conduct.cards import MAX_NOTES, Cards
from server.features.rooms.conduct.routes import ConductRoutes
from server.features.rooms.conduct.shapes import DECIDED, REQUESTED
from server.features.rooms.conduct.unbanning import MAX_WAITING, Unbanning
from storage.postgres import Transaction

__all__ = ["build"]


def build(platform: Platform) -> Feature:
    cards = Cards(db=platform.db, audit=platform.audit, ids=platform.ids, now=platform.now)
    unbanning = Unbanning(
        db=platform.db,
        node=platform.node,
        audit=platform.audit,
        ids=platform.ids,
        now=platform.now,
        publish=platform.publish,
    )
    return Feature(
        name="conduct",
        operations=ConductRoutes(cards=cards, unbanning=unbanning).operations(),
        sent=(REQUESTED, DECIDED),
        personal_data=PersonalData(
            tables=frozenset({"unban_requests", "moderator_notes"}), sections=SECTIONS, erase=_erase
        ),
        codes={"not_banned": 409, "already_asked": 409, "already_decided": 409, "too_many_notes": 409},
        limits={"unban_requests_waiting": MAX_WAITING, "moderator_notes": MAX_NOTES},
    )


SECTIONS: Final = (
    rows_by_id(
        "unban_requests", "id, room_id, text, state, created_at, decided_at", "unban_requests where person_id = $1"
    ),
    rows_by_id("notes_on_you", "id, text, created_at", "moderator_notes where person_id = $1"),
    rows_by_id("notes_by_you", "id, person_id, text, created_at", "moderator_notes where author_id = $1"),
)


async def _erase(tx: Transaction, person_id: str) -> None:
    for sql in queries.ERASE:
        await tx.execute(sql, person_id)
