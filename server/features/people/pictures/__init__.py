"""Pictures of persons: avatars and banners, re-encoded, each under an address of its own that never changes.

Higher rooms take, re-encode and serve pictures as this one does: ``reencoder``, ``picture_in``, ``PICTURE_HEADERS``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from media.pictures.containers import MAX_FRAMES
from media.pictures.messages import PictureSize
from media.pictures.reencoder import Reencoder
from server.feature import Feature, PersonalData, Platform, rows_by_id
from server.features.people.picture_settings import PictureSettings
from server.features.people.pictures import queries
from server.features.people.pictures.pictures import Pictures, folder_of
from server.features.people.pictures.refusals import Refusals
from server.features.people.pictures.routes import HEADERS as PICTURE_HEADERS
from server.features.people.pictures.routes import PictureRoutes, picture_body, picture_in
from server.features.people.profiles import Profiles
from server.http.limits import hourly
from storage.doomed import doom
from storage.postgres import Transaction

__all__ = [
    "PICTURE_HEADERS",
    "PictureSize",
    "PicturesRoom",
    "Reencode",
    "build",
    "picture_body",
    "picture_in",
    "reencoder",
]

Reencode = Callable[[bytes, Sequence[PictureSize]], Awaitable[Sequence[bytes]]]
"""A WebP of each size, without metadata. Raises a ``Problem``: 415, 422, or 503 when too many pictures wait."""


def reencoder(*, max_pixels: int, max_frames: int) -> Refusals:
    """One that keeps up to ``max_frames`` of an animation, and refuses one with more. One process at a time."""
    return Refusals(reencoder=Reencoder(max_pixels=max_pixels, max_frames=max_frames, at_once=1))


@dataclass(frozen=True, kw_only=True)
class PicturesRoom:
    feature: Feature
    reencode: Reencode


def build(
    platform: Platform, *, settings: PictureSettings, when_changed: Callable[[], Awaitable[None]]
) -> PicturesRoom:
    refusals = Refusals(
        reencoder=Reencoder(max_pixels=settings.max_picture_pixels, at_once=settings.max_pictures_at_once)
    )
    pictures = Pictures(
        db=platform.db, objects=platform.objects, ids=platform.ids, now=platform.now, reencode=refusals.reencode
    )
    routes = PictureRoutes(
        pictures=pictures,
        profiles=Profiles(database=platform.db),
        objects=platform.objects,
        when_changed=when_changed,
        max_bytes=settings.max_picture_bytes,
        rate=hourly("pictures", settings.max_pictures_per_hour),
    )
    feature = Feature(
        name="pictures",
        operations=routes.operations(),
        personal_data=PersonalData(
            tables=frozenset({"pictures"}), sections=SECTIONS, erase=_erase, media=pictures.files
        ),
        limits={
            "picture_bytes": settings.max_picture_bytes,
            "picture_frames": MAX_FRAMES,
            "picture_pixels": settings.max_picture_pixels,
            "pictures_per_hour": settings.max_pictures_per_hour,
        },
    )
    return PicturesRoom(feature=feature, reencode=refusals.reencode)


SECTIONS: Final = (rows_by_id("pictures", "id, kind, created_at", "pictures where owner_id = $1"),)


async def _erase(tx: Transaction, person_id: str) -> None:
    for row in await tx.fetch(queries.REMOVE_ALL, person_id):
        await doom(tx, folder_of(row["id"]))
