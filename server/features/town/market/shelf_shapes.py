"""The shelf of a stream as clients see it: what its streamer shows for sale."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Annotated, Final

import msgspec
from pydantic import Field

from server.http.shapes import Body, Shape
from server.socket_events import ServerEvent

MAX_SHOWN: Final = 10
MAX_OPENS_IN_S: Final = 86_400


class ShelfBody(Body):
    """``opens_in_s`` makes a drop of it: nobody can buy it before."""

    opens_in_s: Annotated[
        int | None,
        Field(ge=0, le=MAX_OPENS_IN_S, description="Seconds until it can be bought; without it, that stays as it is"),
    ] = None


class ShownShape(Shape):
    listing_id: uuid.UUID
    title: str
    price: int
    currency: str
    shipping: int
    stock: int
    opens_at: Annotated[datetime | None, Field(description="It cannot be bought before")]
    picture_url: str | None
    picture_alt: str


class ShelfShape(Shape):
    """What is for sale, in the order in which it was shown."""

    items: list[ShownShape]


class ShownListing(msgspec.Struct, frozen=True, kw_only=True):
    listing_id: str
    title: str
    price: int
    currency: str
    shipping: int
    stock: int
    opens_at: str | None
    picture_url: str | None
    picture_alt: str


class ShelfChanged(msgspec.Struct, frozen=True, kw_only=True):
    """``items``: all that there is on it now, as in ``GET /streams/{id}/shelf``."""

    stream_id: str
    items: list[ShownListing]


SHELF: Final = ServerEvent(
    name="market:shelf",
    summary="What a streamer shows for sale has changed, or how many there are, or the price",
    body=ShelfChanged,
    to="the sockets in the room of the stream",
)
