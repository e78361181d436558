"""Reviews: by who has bought, once an order, when it is received."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from server.features.town.market import queries
from server.features.town.market.refusals import no_listing, no_order
from server.features.town.market.shapes import ReviewBody, ReviewShape
from server.features.town.people import person_of
from server.http.cursors import after_id, page_of
from server.http.errors import Problem
from server.http.shapes import PageQuery
from storage.postgres import Database, Row, Transaction


class Reviews:
    def __init__(self, *, db: Database, now: Callable[[], datetime]) -> None:
        self._db = db
        self._now = now

    async def put(self, me: str, order_id: str, body: ReviewBody) -> ReviewShape:
        """Raises a 404 for who has no part in the order, a 403 for its seller, a 409 before it is received."""
        async with self._db.transaction() as tx:
            order = await tx.fetchrow(queries.HOLD_ORDER, order_id)
            if order is None or me not in (order["buyer_id"], order["seller_id"]):
                raise no_order()
            _require_reviewable(order, me)
            listing_id = order["listing_id"]
            await tx.execute(queries.PUT_REVIEW, order_id, listing_id, me, body.stars, body.text, self._now())
            await tx.execute(queries.COUNT_REVIEWS, listing_id)
            row = await tx.fetchrow(queries.REVIEW, order_id)
        assert row is not None
        return _shape_of(row)

    async def page(
        self, viewer_id: str | None, listing_id: str, query: PageQuery
    ) -> tuple[list[ReviewShape], str | None]:
        """Raises a 404 for a listing that the viewer may not see."""
        if await self._db.fetchrow(queries.ONE, viewer_id, listing_id) is None:
            raise no_listing()
        rows = await self._db.fetch(queries.REVIEWS, viewer_id, listing_id, after_id(query.cursor), query.limit + 1)
        shown, following = page_of(rows, query.limit, lambda row: (0, row["id"]))
        return [_shape_of(row) for row in shown], following

    async def erase(self, tx: Transaction, person_id: str) -> None:
        for row in await tx.fetch(queries.DELETE_REVIEWS, person_id):
            await tx.execute(queries.COUNT_REVIEWS, row["listing_id"])


def _require_reviewable(order: Row, me: str) -> None:
    if order["buyer_id"] != me:
        raise Problem(403, "Only who has bought reviews")
    if order["state"] != "received":
        raise Problem(409, "An order can be reviewed once it is received", slug="order-state")
    if order["listing_id"] is None:
        raise Problem(409, "The listing has gone", slug="listing-gone")


def _shape_of(row: Row) -> ReviewShape:
    author = person_of(row, "author_id")
    return ReviewShape(id=row["id"], author=author, stars=row["stars"], text=row["text"], created_at=row["created_at"])
