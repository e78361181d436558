"""Badges: small pictures that an owner gives the moderators, VIPs, subscribers and long followers of their rooms."""

from __future__ import annotations

from typing import Final

from server.feature import Feature, PersonalData, Platform, rows_by_id
from server.features.people.pictures import Reencode
from server.features.rooms.badges import queries
from server.features.rooms.badges.badges import Badges
from server.features.rooms.badges.routes import BadgeRoutes
from server.features.rooms.badges.rules import NOUN
from server.features.rooms.picture_folders import PictureFolders, doom_picture
from server.features.rooms.settings import RoomSettings
from server.http.limits import hourly
from storage.postgres import Transaction

__all__ = ["build"]


def build(platform: Platform, *, settings: RoomSettings, reencode: Reencode) -> Feature:
    """A badge is bounded as an emote is."""
    folders = PictureFolders(noun=NOUN, db=platform.db, objects=platform.objects, reencode=reencode)
    badges = Badges(db=platform.db, audit=platform.audit, folders=folders, ids=platform.ids, now=platform.now)
    routes = BadgeRoutes(
        badges=badges,
        folders=folders,
        max_bytes=settings.max_emote_bytes,
        rate=hourly("badges", settings.max_emotes_per_hour),
    )
    return Feature(
        name="badges",
        operations=routes.operations(),
        personal_data=PersonalData(tables=frozenset({"badges"}), sections=SECTIONS, erase=_erase, media=badges.files),
    )


SECTIONS: Final = (rows_by_id("badges", "id, kind, created_at", "badges where owner_id = $1"),)


async def _erase(tx: Transaction, person_id: str) -> None:
    for row in await tx.fetch(queries.REMOVE_ALL, person_id):
        await doom_picture(tx, NOUN, row["id"])
