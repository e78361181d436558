"""The market as clients see it: listings, orders, reviews."""

from __future__ import annotations

import uuid
from datetime import datetime
from functools import partial
from typing import Annotated, Any, Final, Literal

import msgspec
from pydantic import AfterValidator, Field, StringConstraints

from server.features.money.currencies import CurrencyCode
from server.features.people.relations import PersonShape
from server.features.town.market.rules import State
from server.features.town.places import NearQuery, PlaceBody, PlaceShape
from server.http.operation import UUID_PATTERN
from server.http.shapes import Body, Page, PageQuery, Shape, Text, one_line, several_lines
from server.socket_events import ServerEvent

MAX_TITLE: Final = 120
MAX_DESCRIPTION: Final = 5_000
MAX_CATEGORY: Final = 40
MAX_PICTURES: Final = 8
MAX_STOCK: Final = 1_000_000
MAX_QUANTITY: Final = 100
MAX_LINE: Final = 300
MAX_NOTE: Final = 1_000

Id = Annotated[str, StringConstraints(pattern=UUID_PATTERN)]
Title = Annotated[
    Text, AfterValidator(partial(one_line, at_least=1, at_most=MAX_TITLE)), Field(min_length=1, max_length=MAX_TITLE)
]
Description = Annotated[
    Text, AfterValidator(partial(several_lines, at_most=MAX_DESCRIPTION)), Field(max_length=MAX_DESCRIPTION)
]
Category = Annotated[Text, AfterValidator(partial(one_line, at_most=MAX_CATEGORY)), Field(max_length=MAX_CATEGORY)]
Line = Annotated[Text, AfterValidator(partial(one_line, at_most=MAX_LINE)), Field(max_length=MAX_LINE)]
Note = Annotated[Text, AfterValidator(partial(several_lines, at_most=MAX_NOTE)), Field(max_length=MAX_NOTE)]
Price = Annotated[int, Field(ge=1, le=2**53, description="Of one, in minor units of the currency")]
Shipping = Annotated[int, Field(ge=0, le=2**53, description="Of an order, in minor units of the currency")]
Stock = Annotated[int, Field(ge=0, le=MAX_STOCK, description="How many there are to be sold")]
Openness = Literal["open", "closed"]


class PictureBody(Body):
    upload_id: Id
    alt: Line = ""


Pictures = Annotated[list[PictureBody], Field(max_length=MAX_PICTURES)]


class NewListing(Body):
    title: Title
    description: Description = ""
    category: Category = ""
    price: Price
    currency: CurrencyCode
    shipping: Shipping = 0
    stock: Stock = 1
    pictures: Annotated[Pictures, Field(default_factory=list)]
    place: PlaceBody | None = None


def _nothing() -> Any:
    return None


class ListingChange(Body):
    """What is left out stays. ``pictures``: all that there are to be, by the ids of those that stay and new uploads."""

    title: Annotated[Title, Field(default_factory=str)]
    description: Annotated[Description, Field(default_factory=str)]
    category: Annotated[Category, Field(default_factory=str)]
    price: Annotated[Price, Field(default_factory=int)]
    shipping: Annotated[Shipping, Field(default_factory=int)]
    stock: Annotated[Stock, Field(default_factory=int)]
    pictures: Annotated[Pictures, Field(default_factory=list)]
    place: Annotated[PlaceBody | None, Field(default_factory=_nothing)]
    state: Annotated[Openness, Field(default_factory=lambda: "open")]


class PictureShape(Shape):
    id: uuid.UUID
    url: str
    preview_url: str
    width: int | None
    height: int | None
    alt: str


class RatingShape(Shape):
    stars: Annotated[float | None, Field(description="The mean of the reviews; null without any")]
    count: int


class ListingShape(Shape):
    id: uuid.UUID
    seller: PersonShape
    title: str
    description: str
    category: str
    price: int
    currency: str
    shipping: int
    stock: int
    state: Openness
    opens_at: Annotated[datetime | None, Field(description="It cannot be bought before")]
    pictures: list[PictureShape]
    place: PlaceShape | None
    distance_km: Annotated[float | None, Field(description="From `near`, between the rounded places")]
    rating: RatingShape
    created_at: datetime


class MadeListing(Shape):
    listing: ListingShape


class ListingsShape(Page[ListingShape]):
    """The newest first; with ``near`` the nearest."""


class ListingsQuery(NearQuery):
    q: Annotated[str, StringConstraints(max_length=100), Field(description="In the title or the category")] = ""
    category: Annotated[str, StringConstraints(max_length=MAX_CATEGORY)] = ""
    seller: Annotated[str, StringConstraints(max_length=64), Field(description="A username")] = ""


class OrderBody(Body):
    listing_id: Id
    quantity: Annotated[int, Field(ge=1, le=MAX_QUANTITY)] = 1
    price: Annotated[
        Price | None, Field(description="That the buyer has seen, of one: another one is refused with a 409")
    ] = None
    deliver_to: Annotated[Note, Field(description="Seen by the seller alone")] = ""


class ShipBody(Body):
    tracking: Line = ""


class ReasonBody(Body):
    reason: Note = ""


class OrderShape(Shape):
    """The price is that of the moment at which it was ordered."""

    id: uuid.UUID
    listing_id: Annotated[uuid.UUID | None, Field(description="null: the listing has gone")]
    title: str
    buyer: PersonShape
    seller: PersonShape
    quantity: int
    price: int
    shipping: int
    amount: Annotated[int, Field(description="What is paid, in minor units of the currency")]
    currency: str
    state: State
    is_test: Annotated[bool, Field(description="Test money: nobody has paid anything")]
    deliver_to: str
    tracking: str
    reason: Annotated[str, Field(description="Of the dispute")]
    answer: Annotated[str, Field(description="Of the seller to it")]
    created_at: datetime
    paid_at: datetime | None
    shipped_at: datetime | None
    ended_at: datetime | None
    due_at: Annotated[datetime | None, Field(description="When the clock goes on with it, unless somebody does")]


class OneOrder(Shape):
    order: OrderShape


class OpenedOrder(Shape):
    order: OrderShape
    client_secret: Annotated[str, Field(description="Of the provider of payments, for a client that confirms it")]
    checkout_url: Annotated[str | None, Field(description="The page to pay on instead, where there is one")]


class OrdersShape(Page[OrderShape]):
    """The newest first."""


class OrdersQuery(PageQuery):
    role: Annotated[Literal["buyer", "seller"], Field(description="Whose orders: those you gave, or those you got")] = (
        "buyer"
    )


class ReviewBody(Body):
    stars: Annotated[int, Field(ge=1, le=5)]
    text: Note = ""


class ReviewShape(Shape):
    id: Annotated[uuid.UUID, Field(description="That of the order")]
    author: PersonShape
    stars: int
    text: str
    created_at: datetime


class OneReview(Shape):
    review: ReviewShape


class ReviewsShape(Page[ReviewShape]):
    """The newest order first."""


class OrderChanged(msgspec.Struct, frozen=True, kw_only=True):
    order_id: str
    state: State


ORDER: Final = ServerEvent(
    name="market:order",
    summary="An order of yours, or from you, is in another state",
    body=OrderChanged,
    to="the sockets of its buyer and its seller",
)
