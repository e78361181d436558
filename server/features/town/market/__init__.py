"""The market: listings with pictures and stock; orders, whose money is held on the ledger until they are received."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Final

from server.feature import Feature, PersonalData, Platform, rows_by_id
from server.features.money.payments import Payments
from server.features.town.market.listings import Listings
from server.features.town.market.orders import Orders, OrderTitles
from server.features.town.market.reviews import Reviews
from server.features.town.market.routes import MarketRoutes
from server.features.town.market.shapes import MAX_PICTURES, MAX_QUANTITY, MAX_STOCK, ORDER
from server.features.town.market.shelf import Shelf
from server.features.town.market.shelf_routes import ShelfRoutes
from server.features.town.market.shelf_shapes import MAX_SHOWN, SHELF
from server.features.town.settings import OptionalRoomSettings
from server.features.town.texts import Fold
from server.features.videos.uploads import Uploads
from server.jobs import repeated
from server.live.addresses import MediaAddresses
from server.outbound.settings import Site
from storage.postgres import Transaction

__all__ = ["MarketRoom", "OrderTitles", "build"]

CLOCK_S: Final = 60.0


@dataclass(frozen=True, kw_only=True)
class MarketRoom:
    feature: Feature
    orders: Orders


def build(
    platform: Platform,
    *,
    settings: OptionalRoomSettings,
    payments: Payments,
    uploads: Uploads,
    addresses: MediaAddresses,
    most_paid: int,
    site: Site,
    fold: Fold,
) -> MarketRoom:
    """``most_paid``: the largest payment, in dollars."""
    shelf = Shelf(db=platform.db, now=platform.now, publish=platform.publish)
    listings = Listings(
        db=platform.db,
        ids=platform.ids,
        now=platform.now,
        uploads=uploads,
        shelf=shelf,
        fold=fold,
        most=settings.max_listings,
        most_paid=most_paid,
    )
    orders = Orders(
        db=platform.db,
        ids=platform.ids,
        now=platform.now,
        payments=payments,
        publish=platform.publish,
        shelf=shelf,
        audit=platform.audit,
        clocks={
            "pay": timedelta(minutes=settings.order_pay_minutes),
            "ship": timedelta(days=settings.order_ship_days),
            "receive": timedelta(days=settings.order_receive_days),
            "dispute": timedelta(days=settings.order_dispute_days),
        },
        origin=site.origin,
    )
    reviews = Reviews(db=platform.db, now=platform.now)
    feature = Feature(
        name="market",
        operations=[
            *MarketRoutes(listings=listings, orders=orders, reviews=reviews).operations(),
            *ShelfRoutes(shelf=shelf, addresses=addresses).operations(),
        ],
        sent=(ORDER, SHELF),
        consumers=orders.consumers(),
        schedules=[repeated("market.clock", orders.lapse, every_s=CLOCK_S)],
        personal_data=PersonalData(
            tables=frozenset({"market_listings", "market_orders", "market_reviews"}),
            sections=SECTIONS,
            erase=partial(_erase, listings, orders, reviews),
            kept={"market_orders": "the books name what was paid for; texts go, and the ids of the accounts stay"},
        ),
        limits={
            "listings": settings.max_listings,
            "listing_pictures": MAX_PICTURES,
            "listing_stock": MAX_STOCK,
            "shelf_listings": MAX_SHOWN,
            "order_quantity": MAX_QUANTITY,
        },
    )
    return MarketRoom(feature=feature, orders=orders)


SECTIONS: Final = (
    rows_by_id(
        "listings", "id, title, description, price, currency, stock, state, created_at",
        "market_listings where seller_id = $1",
    ),
    rows_by_id(
        "orders_given", "id, title, quantity, amount, currency, state, deliver_to, reason, created_at",
        "market_orders where buyer_id = $1",
    ),
    rows_by_id(
        "orders_got", "id, title, quantity, amount, currency, state, tracking, answer, created_at",
        "market_orders where seller_id = $1",
    ),
    rows_by_id("reviews", "id, listing_id, stars, text, created_at", "market_reviews where author_id = $1"),
)  # fmt: skip


async def _erase(listings: Listings, orders: Orders, reviews: Reviews, tx: Transaction, person_id: str) -> None:
    await orders.erase(tx, person_id)
    await reviews.erase(tx, person_id)
    await listings.erase(tx, person_id)
