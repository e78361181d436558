"""Emotes: small pictures of a room's owner, written as ``:name:`` in their rooms."""

from __future__ import annotations

from typing import Final

from server.feature import Feature, PersonalData, Platform, rows_by_id
from server.features.people.pictures import reencoder
from server.features.rooms.emotes import queries
from server.features.rooms.emotes.emotes import Emotes, folder_of
from server.features.rooms.emotes.routes import EmoteRoutes
from server.features.rooms.emotes.rules import MAX_FRAMES
from server.features.rooms.settings import RoomSettings
from server.http.limits import hourly
from storage.doomed import doom
from storage.postgres import Transaction

__all__ = ["build"]


def build(platform: Platform, *, settings: RoomSettings) -> Feature:
    emotes = Emotes(
        db=platform.db,
        audit=platform.audit,
        objects=platform.objects,
        ids=platform.ids,
        now=platform.now,
        reencode=reencoder(max_pixels=settings.max_emote_pixels, max_frames=MAX_FRAMES),
        max_emotes=settings.max_emotes,
    )
    routes = EmoteRoutes(
        emotes=emotes,
        objects=platform.objects,
        max_bytes=settings.max_emote_bytes,
        rate=hourly("emotes", settings.max_emotes_per_hour),
    )
    return Feature(
        name="emotes",
        operations=routes.operations(),
        personal_data=PersonalData(tables=frozenset({"emotes"}), sections=SECTIONS, erase=_erase, media=emotes.files),
        codes={"too_many_emotes": 409, "emote_exists": 409},
        limits={
            "emotes": settings.max_emotes,
            "emote_bytes": settings.max_emote_bytes,
            "emote_pixels": settings.max_emote_pixels,
            "emote_frames": MAX_FRAMES,
            "emotes_per_hour": settings.max_emotes_per_hour,
        },
    )


SECTIONS: Final = (rows_by_id("emotes", "id, name, created_at", "emotes where owner_id = $1"),)


async def _erase(tx: Transaction, person_id: str) -> None:
    for row in await tx.fetch(queries.REMOVE_ALL, person_id):
        await doom(tx, folder_of(row["id"]))
