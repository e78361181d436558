"""Offers: made, changed, found near a place, gone when they expire."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any, Final
from uuid import UUID

from server.features.town.local import queries
from server.features.town.local.shapes import DEFAULT_DAYS, MAX_DAYS, NewOffer, OfferShape, OffersQuery
from server.features.town.people import person_of
from server.features.town.places import PlaceBody, PlaceShape, boxes_around, point_of, radii_up_to, rounded
from server.features.town.texts import Fold, pattern_of
from server.http.cursors import after_id, decode_cursor, page_of
from server.http.errors import Problem, invalid_field, not_found
from storage.ids import Ids
from storage.postgres import Database, Row

PRUNE_BATCH: Final = 5_000


class Offers:
    """``most``: of one person at a time. ``fold``: gives texts one spelling."""

    def __init__(self, *, db: Database, ids: Ids, now: Callable[[], dt.datetime], fold: Fold, most: int) -> None:
        self._db = db
        self._ids = ids
        self._now = now
        self._fold = fold
        self._most = most

    async def make(self, me: str, body: NewOffer) -> OfferShape:
        """Raises a 422 for a time that cannot be, and a 409 for one too many."""
        now = self._now()
        expires_at = self._expiry(body.expires_at, body.starts_at)
        offer_id = self._ids.uuid7(now.timestamp())
        async with self._db.transaction() as tx:
            await tx.fetchval(queries.LOCK_OWNER, me)
            if await tx.fetchval(queries.COUNT, me, now) >= self._most:
                raise Problem(409, f"An account has at most {self._most} offers", slug="too-many-offers")
            await tx.execute(
                queries.ADD, offer_id, me, body.kind, body.title, body.text, self._search(body.title, body.text),
                *_stored(body.place), body.starts_at, expires_at, now,
            )  # fmt: skip
        return await self.one(me, offer_id)

    async def one(self, viewer_id: str | None, offer_id: str) -> OfferShape:
        """Raises a 404, also for one that has expired."""
        row = await self._db.fetchrow(queries.ONE, viewer_id, offer_id, self._now())
        if row is None:
            raise no_offer()
        return _shape_of(row)

    async def page(self, viewer_id: str | None, query: OffersQuery) -> tuple[list[OfferShape], str | None]:
        wanted = viewer_id, self._now(), query.kind, pattern_of(self._fold(query.q.strip())), query.owner.strip()
        if query.near is None:
            rows = await self._db.fetch(queries.PAGE, *wanted, after_id(query.cursor), query.limit + 1)
        else:
            rows = await self._nearest(wanted, query, query.near)
        shown, following = page_of(rows, query.limit, lambda row: (row["metres"] or 0, row["id"]))
        return [_shape_of(row) for row in shown], following

    async def change(self, me: str, offer_id: str, given: dict[str, Any]) -> OfferShape:
        """``given``: the fields that change. Raises a 404 and a 422."""
        async with self._db.transaction() as tx:
            row = await tx.fetchrow(queries.HOLD, offer_id, me, self._now())
            if row is None:
                raise no_offer()
            new = {**dict(row), **given}
            if "expires_at" in given:
                self._expiry(new["expires_at"], new["starts_at"])
            place = _stored(given["place"]) if "place" in given else _kept(row)
            await tx.execute(
                queries.CHANGE, offer_id, new["title"], new["text"], self._search(new["title"], new["text"]), *place,
                new["starts_at"], new["expires_at"],
            )  # fmt: skip
        return await self.one(me, offer_id)

    async def remove(self, me: str, offer_id: str) -> None:
        """Raises a 404."""
        if not await self._db.execute(queries.DELETE, offer_id, me):
            raise no_offer()

    async def prune(self) -> None:
        while await self._db.execute(queries.PRUNE, self._now()) == PRUNE_BATCH:
            pass

    async def _nearest(self, wanted: Sequence[Any], query: OffersQuery, near: str) -> list[Row]:
        """Looked for in growing circles: where there are many, a small one has enough."""
        at = point_of(near)
        after = (None, None) if query.cursor is None else decode_cursor(query.cursor, tuple[int, UUID])
        rows: list[Row] = []
        for radius_km in radii_up_to(query.radius_km, beyond_km=(after[0] or 0) / 1000):
            rows = await self._db.fetch(
                queries.NEAREST, *wanted, at.lat, at.lon, *boxes_around(at, radius_km), int(radius_km * 1000),
                after[0], None if after[1] is None else str(after[1]), query.limit + 1,
            )  # fmt: skip
            if len(rows) > query.limit:
                break
        return rows

    def _expiry(self, wanted: dt.datetime | None, starts_at: dt.datetime | None) -> dt.datetime:
        now = self._now()
        expires_at = wanted or starts_at or now + dt.timedelta(days=DEFAULT_DAYS)
        if not now < expires_at <= now + dt.timedelta(days=MAX_DAYS):
            field = "expires_at" if wanted is not None else "starts_at"
            raise invalid_field(field, f"must lie ahead, by at most {MAX_DAYS} days")
        return expires_at

    def _search(self, title: str, text: str) -> str:
        return self._fold(f"{title} {text}")


def no_offer() -> Problem:
    return not_found("There is no such offer")


def _stored(place: PlaceBody) -> tuple[float, float, float, str]:
    at = rounded(place.lat, place.lon, place.precision_km)
    return at.lat, at.lon, place.precision_km, place.name


def _kept(row: Row) -> tuple[float, float, float, str]:
    return row["lat"], row["lon"], row["precision_km"], row["place_name"]


def _shape_of(row: Row) -> OfferShape:
    place = PlaceShape(lat=row["lat"], lon=row["lon"], precision_km=row["precision_km"], name=row["place_name"])
    return OfferShape(
        id=row["id"],
        kind=row["kind"],
        title=row["title"],
        text=row["text"],
        owner=person_of(row, "owner_id"),
        place=place,
        distance_km=None if row["metres"] is None else round(row["metres"] / 1000, 1),
        starts_at=row["starts_at"],
        expires_at=row["expires_at"],
        created_at=row["created_at"],
    )
