"""Emotes: small pictures of a room's owner, written as ``:name:`` in their rooms."""

from __future__ import annotations

from typing import Final

from server.feature import Feature, PersonalData, Platform, rows_by_id
from server.features.people.pictures import Reencode
from server.features.rooms.emotes import queries
from server.features.rooms.emotes.emotes import Emotes
from server.features.rooms.emotes.routes import EmoteRoutes
from server.features.rooms.emotes.rules import NOUN
from server.features.rooms.picture_folders import MAX_FRAMES, PictureFolders, doom_picture
from server.features.rooms.settings import RoomSettings
from server.http.limits import hourly
from storage.postgres import Transaction

__all__ = ["build"]


def build(platform: Platform, *, settings: RoomSettings, reencode: Reencode) -> Feature:
    folders = PictureFolders(noun=NOUN, db=platform.db, objects=platform.objects, reencode=reencode)
    emotes = Emotes(
        db=platform.db,
        audit=platform.audit,
        folders=folders,
        ids=platform.ids,
        now=platform.now,
        max_emotes=settings.max_emotes,
    )
    routes = EmoteRoutes(
        emotes=emotes,
        folders=folders,
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
        await doom_picture(tx, NOUN, row["id"])
