"""The durable facts of the market."""

from __future__ import annotations

from datetime import datetime

from server.features.town.market.rules import Act, State
from storage.facts import Fact


class OrderMoved(Fact, frozen=True, kw_only=True, tag="order.moved"):
    """An order that was ``before`` is ``after`` by this act. ``by_id``: who did it; None is the server."""

    order_id: str
    buyer_id: str
    seller_id: str
    before: State
    act: Act
    after: State
    by_id: str | None
    at: datetime
