"""Offers of a place: goods, jobs, help and events near somewhere. Their owners are reached by a conversation."""

from __future__ import annotations

from typing import Final

from server.feature import Feature, PersonalData, Platform, rows_by_id
from server.features.town.local import queries
from server.features.town.local.offers import Offers
from server.features.town.local.routes import OfferRoutes
from server.features.town.local.shapes import MAX_DAYS
from server.features.town.places import MAX_RADIUS_KM
from server.features.town.settings import OptionalRoomSettings
from server.features.town.texts import Fold
from server.jobs import repeated
from storage.postgres import Transaction

__all__ = ["build"]

PRUNE_S: Final = 3_600.0


def build(platform: Platform, *, settings: OptionalRoomSettings, fold: Fold) -> Feature:
    offers = Offers(db=platform.db, ids=platform.ids, now=platform.now, fold=fold, most=settings.max_offers)
    return Feature(
        name="local",
        operations=OfferRoutes(offers=offers).operations(),
        schedules=[repeated("local.prune", offers.prune, every_s=PRUNE_S)],
        personal_data=PersonalData(tables=frozenset({"local_offers"}), sections=SECTIONS, erase=_erase),
        limits={"offers": settings.max_offers, "offer_days": MAX_DAYS, "radius_km": MAX_RADIUS_KM},
    )


SECTIONS: Final = (
    rows_by_id(
        "offers",
        "id, kind, title, text, lat, lon, place_name, starts_at, expires_at, created_at",
        "local_offers where owner_id = $1",
    ),
)


async def _erase(tx: Transaction, person_id: str) -> None:
    await tx.execute(queries.ERASE, person_id)
