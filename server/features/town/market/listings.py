"""Listings: made, changed, removed, found. Their pictures are uploads of the seller, kept as long as they are shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from server.features.money.currencies import fault_in
from server.features.town.market import queries
from server.features.town.market.refusals import no_listing
from server.features.town.market.shapes import (
    ListingShape,
    ListingsQuery,
    NewListing,
    PictureBody,
    PictureShape,
    RatingShape,
)
from server.features.town.market.shelf import Shelf
from server.features.town.people import person_of
from server.features.town.places import PlaceBody, PlaceShape, boxes_around, point_of, rounded
from server.features.town.texts import Fold, pattern_of
from server.features.videos.uploads import Uploads
from server.http.cursors import after_id, decode_cursor, page_of
from server.http.errors import Problem, invalid_field
from storage.ids import Ids
from storage.postgres import Database, Row, Transaction

_Place = tuple[float | None, float | None, float | None, str]
_NOWHERE: Final[_Place] = (None, None, None, "")


class Listings:
    """``fold``: gives texts one spelling. ``most``: of one seller. ``most_paid``: the largest payment, in dollars."""

    def __init__(
        self,
        *,
        db: Database,
        ids: Ids,
        now: Callable[[], datetime],
        uploads: Uploads,
        shelf: Shelf,
        fold: Fold,
        most: int,
        most_paid: int,
    ) -> None:
        self._db = db
        self._ids = ids
        self._now = now
        self._uploads = uploads
        self._shelf = shelf
        self._fold = fold
        self._most = most
        self._most_paid = most_paid

    async def make(self, me: str, body: NewListing) -> ListingShape:
        """Raises a 422, and a 409 for one too many."""
        self._require_payable(body.price, body.currency)
        listing_id = self._ids.uuid7(self._now().timestamp())
        async with self._db.transaction() as tx:
            await tx.fetchval(queries.LOCK_SELLER, me)
            if await tx.fetchval(queries.COUNT, me) >= self._most:
                raise Problem(409, f"An account has at most {self._most} listings", slug="too-many-listings")
            await tx.execute(
                queries.ADD, listing_id, me, body.title, body.description, body.category,
                self._search(body.title, body.category), body.price, body.currency, body.shipping, body.stock,
                *_stored(body.place), self._now(),
            )  # fmt: skip
            await self._show(tx, me, listing_id, body.pictures)
        return await self.one(me, listing_id)

    async def one(self, viewer_id: str | None, listing_id: str) -> ListingShape:
        """Raises a 404."""
        row = await self._db.fetchrow(queries.ONE, viewer_id, listing_id)
        if row is None:
            raise no_listing()
        return shape_of(row)

    async def page(self, viewer_id: str | None, query: ListingsQuery) -> tuple[list[ListingShape], str | None]:
        wanted = viewer_id, pattern_of(self._fold(query.q.strip())), query.category.strip(), query.seller.strip()
        if query.near is None:
            rows = await self._db.fetch(queries.PAGE, *wanted, after_id(query.cursor), query.limit + 1)
        else:
            rows = await self._nearest(wanted, query, query.near)
        shown, following = page_of(rows, query.limit, lambda row: (row["metres"] or 0, row["id"]))
        return [shape_of(row) for row in shown], following

    async def change(self, me: str, listing_id: str, given: dict[str, Any]) -> ListingShape:
        """``given``: the fields that change. Orders that were made keep their price. Raises a 404 and a 422."""
        async with self._db.transaction() as tx:
            row = await self._held(tx, me, listing_id)
            new = {**dict(row), **given}
            self._require_payable(new["price"], row["currency"])
            place = _stored(given["place"]) if "place" in given else _kept(row)
            await tx.execute(
                queries.CHANGE, listing_id, new["title"], new["description"], new["category"],
                self._search(new["title"], new["category"]), new["price"], new["shipping"], new["stock"], new["state"],
                *place,
            )  # fmt: skip
            if "pictures" in given:
                await self._show(tx, me, listing_id, given["pictures"])
            await self._shelf.tell(tx, listing_id)
        return await self.one(me, listing_id)

    async def remove(self, me: str, listing_id: str) -> None:
        """With its pictures and reviews; orders of it go on. Raises a 404."""
        async with self._db.transaction() as tx:
            await self._held(tx, me, listing_id)
            await self._show(tx, me, listing_id, [])
            await self._shelf.remove(tx, listing_id)
            await tx.execute(queries.DELETE, listing_id)

    async def erase(self, tx: Transaction, person_id: str) -> None:
        """All that the person sells. Their uploads go with their account."""
        await tx.execute(queries.DELETE_LISTINGS, person_id)

    async def _nearest(self, wanted: Sequence[Any], query: ListingsQuery, near: str) -> list[Row]:
        at = point_of(near)
        boxes = boxes_around(at, query.radius_km)
        after = (None, None) if query.cursor is None else decode_cursor(query.cursor, tuple[int, UUID])
        return await self._db.fetch(
            queries.NEAREST, *wanted, at.lat, at.lon, *boxes, int(query.radius_km * 1000), after[0],
            None if after[1] is None else str(after[1]), query.limit + 1,
        )  # fmt: skip

    async def _held(self, tx: Transaction, me: str, listing_id: str) -> Row:
        row = await tx.fetchrow(queries.HOLD, listing_id, me)
        if row is None:
            raise no_listing()
        return row

    async def _show(self, tx: Transaction, me: str, listing_id: str, pictures: Sequence[PictureBody]) -> None:
        """Have it show these pictures and no others: those that it has already, and unused uploads."""
        wanted = [picture.upload_id.lower() for picture in pictures]
        if len(set(wanted)) < len(wanted):
            raise invalid_field("pictures", "has an upload twice")
        had = {row["id"]: row for row in await tx.fetch(queries.PICTURES, listing_id)}
        fresh = [(place, one) for place, one in enumerate(wanted) if one not in had]
        claimed = await self._claim(tx, me, fresh)
        await tx.execute(queries.REMOVE_PICTURES, listing_id)
        await self._uploads.release(tx, [one for one in had if one not in wanted])
        for place, picture in enumerate(pictures):
            found = had.get(wanted[place]) or claimed[wanted[place]]
            await tx.execute(
                queries.ADD_PICTURE, listing_id, place, wanted[place], found["url"], found["preview_url"],
                found["width"], found["height"], picture.alt,
            )  # fmt: skip

    async def _claim(self, tx: Transaction, me: str, fresh: Sequence[tuple[int, str]]) -> dict[str, Any]:
        fields = [f"pictures.{place}.upload_id" for place, _ in fresh]
        claimed = await self._uploads.claim(tx, me, [one for _, one in fresh], by="listing", fields=fields)
        for field, media in zip(fields, claimed, strict=True):
            if media.kind != "image":
                raise invalid_field(field, "is no picture")
        return {
            one.id: {"url": one.url, "preview_url": one.preview_url, "width": one.width, "height": one.height}
            for one in claimed
        }

    def _search(self, title: str, category: str) -> str:
        return self._fold(f"{title} {category}")

    def _require_payable(self, price: int, currency: str) -> None:
        if (fault := fault_in(price, currency, most=self._most_paid)) is not None:
            field, message = fault
            raise invalid_field("price" if field == "amount" else field, message)


def shape_of(row: Row) -> ListingShape:
    metres = row["metres"]
    return ListingShape(
        id=row["id"],
        seller=person_of(row, "seller_id"),
        title=row["title"],
        description=row["description"],
        category=row["category"],
        price=row["price"],
        currency=row["currency"],
        shipping=row["shipping"],
        stock=row["stock"],
        state=row["state"],
        opens_at=row["opens_at"],
        pictures=[PictureShape.model_validate(one) for one in row["pictures"]],
        place=_shown(row),
        distance_km=None if metres is None else round(metres / 1000, 1),
        rating=RatingShape(
            stars=round(row["stars"] / row["reviews"], 2) if row["reviews"] else None, count=row["reviews"]
        ),
        created_at=row["created_at"],
    )


def _stored(place: PlaceBody | None) -> _Place:
    if place is None:
        return _NOWHERE
    at = rounded(place.lat, place.lon, place.precision_km)
    return at.lat, at.lon, place.precision_km, place.name


def _kept(row: Row) -> _Place:
    return row["lat"], row["lon"], row["precision_km"], row["place_name"]


def _shown(row: Row) -> PlaceShape | None:
    if row["lat"] is None:
        return None
    return PlaceShape(lat=row["lat"], lon=row["lon"], precision_km=row["precision_km"], name=row["place_name"])
