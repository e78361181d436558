"""``/api/v1/listings`` and ``/api/v1/orders``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from server.features.town.market.listings import Listings
from server.features.town.market.orders import Orders, shape_of
from server.features.town.market.reviews import Reviews
from server.features.town.market.rules import Act
from server.features.town.market.shapes import (
    ListingChange,
    ListingShape,
    ListingsQuery,
    ListingsShape,
    MadeListing,
    NewListing,
    OneOrder,
    OneReview,
    OpenedOrder,
    OrderBody,
    OrderShape,
    OrdersQuery,
    OrdersShape,
    ReasonBody,
    ReviewBody,
    ReviewsShape,
    ShipBody,
)
from server.http.cursors import after_id, page_of
from server.http.limits import CallRate, hourly
from server.http.operation import Answer, Call, Operation
from server.http.shapes import PageQuery
from storage.postgres import Row

TAG: Final = "market"
LISTING: Final = "/api/v1/listings/{listing_id}"
ORDER: Final = "/api/v1/orders/{order_id}"
SELLING: Final = hourly("listings", 600)
BUYING: Final = CallRate("orders", per_s=0.5, burst=30)
MODERATORS: Final = frozenset({"admin", "moderator"})


class MarketRoutes:
    def __init__(self, *, listings: Listings, orders: Orders, reviews: Reviews) -> None:
        self._listings = listings
        self._orders = orders
        self._reviews = reviews

    def operations(self) -> Sequence[Operation]:
        return [*self._of_listings(), *self._of_orders(), *self._of_disputes()]

    def _of_listings(self) -> Sequence[Operation]:
        mine: dict[str, Any] = {"tag": TAG, "auth": "required", "account_rate": SELLING}
        return [
            Operation(
                method="GET", path="/api/v1/listings", handler=self._list, name="listListings", tag=TAG,
                auth="optional", query=ListingsQuery, answers={200: ListingsShape},
                summary="What is for sale: the newest first, or the nearest",
            ),
            Operation(
                method="POST", path="/api/v1/listings", handler=self._make, name="makeListing", body=NewListing,
                answers={201: MadeListing}, problems=frozenset({409}), idempotent_key=True, summary="Sell something",
                **mine,
            ),
            Operation(
                method="GET", path=LISTING, handler=self._one, name="getListing", tag=TAG, auth="optional",
                answers={200: ListingShape}, problems=frozenset({404}), summary="A listing",
            ),
            Operation(
                method="PATCH", path=LISTING, handler=self._change, name="changeListing", body=ListingChange,
                answers={200: ListingShape}, problems=frozenset({404}), summary="Change a listing of yours", **mine,
            ),
            Operation(
                method="DELETE", path=LISTING, handler=self._remove, name="deleteListing", answers={204: None},
                problems=frozenset({404}), summary="Remove a listing of yours; orders of it go on", **mine,
            ),
            Operation(
                method="GET", path=f"{LISTING}/reviews", handler=self._list_reviews, name="listReviews", tag=TAG,
                auth="optional", query=PageQuery, answers={200: ReviewsShape}, problems=frozenset({404}),
                summary="What buyers say of a listing, the newest first",
            ),
        ]  # fmt: skip

    def _of_orders(self) -> Sequence[Operation]:
        mine: dict[str, Any] = {"tag": TAG, "auth": "required", "scope": "money"}
        acts: dict[str, Any] = {
            **mine, "answers": {200: OneOrder}, "problems": frozenset({403, 404, 409}), "account_rate": BUYING,
            "idempotent_key": True,
        }  # fmt: skip
        return [
            Operation(
                method="POST", path="/api/v1/orders", handler=self._order, name="makeOrder", body=OrderBody,
                answers={201: OpenedOrder}, problems=frozenset({404, 409, 503}), idempotent_key=True,
                account_rate=BUYING, summary="Buy of a listing; the money is held until it is received", **mine,
            ),
            Operation(
                method="GET", path="/api/v1/orders", handler=self._list_orders, name="listOrders", query=OrdersQuery,
                answers={200: OrdersShape}, summary="Your orders, the newest first", **mine,
            ),
            Operation(
                method="GET", path=ORDER, handler=self._order_of, name="getOrder", answers={200: OrderShape},
                problems=frozenset({404}), summary="An order that you gave or got", **mine,
            ),
            Operation(
                method="POST", path=f"{ORDER}/ship", handler=self._ship, name="shipOrder", body=ShipBody,
                body_required=False, summary="Say, as its seller, that a paid order was shipped", **acts,
            ),
            Operation(
                method="POST", path=f"{ORDER}/receive", handler=self._receive, name="receiveOrder",
                summary="Say, as its buyer, that it has come: the seller has the money", **acts,
            ),
            Operation(
                method="POST", path=f"{ORDER}/cancel", handler=self._cancel, name="cancelOrder",
                summary="Call it off before it is shipped, or as its seller give in to a dispute: the money goes back",
                **acts,
            ),
            Operation(
                method="POST", path=f"{ORDER}/dispute", handler=self._dispute, name="disputeOrder", body=ReasonBody,
                body_required=False, summary="Say, as its buyer, what is wrong; the money stays where it is", **acts,
            ),
            Operation(
                method="POST", path=f"{ORDER}/answer", handler=self._answer, name="answerDispute", body=ReasonBody,
                body_required=False, summary="Answer, as its seller, a dispute, which goes to the buyer otherwise",
                **acts,
            ),
            Operation(
                method="PUT", path=f"{ORDER}/review", handler=self._review, name="reviewOrder", body=ReviewBody,
                answers={200: OneReview}, problems=frozenset({403, 404, 409}), account_rate=BUYING,
                summary="Review, as its buyer, what you have received", tag=TAG, auth="required",
            ),
        ]  # fmt: skip

    def _of_disputes(self) -> Sequence[Operation]:
        theirs: dict[str, Any] = {
            "tag": "moderation", "auth": "required", "roles": MODERATORS, "scope": "moderate",
        }  # fmt: skip
        acts: dict[str, Any] = {
            **theirs, "answers": {200: OneOrder}, "problems": frozenset({403, 404, 409}), "account_rate": BUYING,
            "idempotent_key": True,
        }  # fmt: skip
        return [
            Operation(
                method="GET", path="/api/v1/moderation/orders", handler=self._disputed, name="listDisputedOrders",
                query=PageQuery, answers={200: OrdersShape}, problems=frozenset({403}),
                summary="Orders in dispute, the newest first", **theirs,
            ),
            Operation(
                method="POST", path="/api/v1/moderation/orders/{order_id}/uphold", handler=self._uphold,
                name="upholdDispute", summary="The buyer is right: the money goes back", **acts,
            ),
            Operation(
                method="POST", path="/api/v1/moderation/orders/{order_id}/dismiss", handler=self._dismiss,
                name="dismissDispute", summary="The seller is right: the money is theirs", **acts,
            ),
        ]  # fmt: skip

    async def _list(self, call: Call[None, ListingsQuery]) -> Answer:
        items, following = await self._listings.page(_viewer(call), call.query)
        return Answer(body=ListingsShape(items=items, next=following))

    async def _make(self, call: Call[NewListing, None]) -> Answer:
        return Answer(201, MadeListing(listing=await self._listings.make(call.me.id, call.body)))

    async def _one(self, call: Call[None, None]) -> Answer:
        return Answer(body=await self._listings.one(_viewer(call), call.path["listing_id"]))

    async def _change(self, call: Call[ListingChange, None]) -> Answer:
        given = {name: getattr(call.body, name) for name in call.body.model_fields_set}
        return Answer(body=await self._listings.change(call.me.id, call.path["listing_id"], given))

    async def _remove(self, call: Call[None, None]) -> Answer:
        await self._listings.remove(call.me.id, call.path["listing_id"])
        return Answer(204)

    async def _list_reviews(self, call: Call[None, PageQuery]) -> Answer:
        items, following = await self._reviews.page(_viewer(call), call.path["listing_id"], call.query)
        return Answer(body=ReviewsShape(items=items, next=following))

    async def _order(self, call: Call[OrderBody, None]) -> Answer:
        return Answer(201, OpenedOrder.model_validate(await self._orders.open(call.me.id, call.body)))

    async def _list_orders(self, call: Call[None, OrdersQuery]) -> Answer:
        query = call.query
        read = self._orders.given if query.role == "buyer" else self._orders.got
        return _page(await read(call.me.id, after_id(query.cursor), query.limit + 1), query.limit)

    async def _order_of(self, call: Call[None, None]) -> Answer:
        is_moderator = bool(MODERATORS & set(call.me.roles))
        return Answer(body=await self._orders.one(call.me.id, call.path["order_id"], is_moderator=is_moderator))

    async def _ship(self, call: Call[ShipBody | None, None]) -> Answer:
        return await self._act(call, "ship", tracking=call.body.tracking if call.body else "")

    async def _receive(self, call: Call[None, None]) -> Answer:
        return await self._act(call, "receive")

    async def _cancel(self, call: Call[None, None]) -> Answer:
        return await self._act(call, "cancel")

    async def _dispute(self, call: Call[ReasonBody | None, None]) -> Answer:
        return await self._act(call, "dispute", reason=call.body.reason if call.body else "")

    async def _answer(self, call: Call[ReasonBody | None, None]) -> Answer:
        return await self._act(call, "answer", answer=call.body.reason if call.body else "")

    async def _act(self, call: Call[Any, None], act: Act, **texts: str) -> Answer:
        return Answer(body=OneOrder(order=await self._orders.act(call.me.id, call.path["order_id"], act, **texts)))

    async def _review(self, call: Call[ReviewBody, None]) -> Answer:
        review = await self._reviews.put(call.me.id, call.path["order_id"], call.body)
        return Answer(body=OneReview(review=review))

    async def _disputed(self, call: Call[None, PageQuery]) -> Answer:
        query = call.query
        return _page(await self._orders.disputed(after_id(query.cursor), query.limit + 1), query.limit)

    async def _uphold(self, call: Call[None, None]) -> Answer:
        return await self._decide(call, "uphold")

    async def _dismiss(self, call: Call[None, None]) -> Answer:
        return await self._decide(call, "dismiss")

    async def _decide(self, call: Call[None, None], act: Act) -> Answer:
        order = await self._orders.decide(call.path["order_id"], act, by=call.me.id)
        return Answer(body=OneOrder(order=order))


def _page(rows: Sequence[Row], limit: int) -> Answer:
    shown, following = page_of(rows, limit, lambda row: (0, row["id"]))
    return Answer(body=OrdersShape(items=[shape_of(row) for row in shown], next=following))


def _viewer(call: Call[Any, Any]) -> str | None:
    return call.person.id if call.person is not None else None
