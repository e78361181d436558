"""What becomes of orders: their buyers and sellers are notified."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from server.features.delivery.notifications.kinds import ORDER, Notice, Subject
from server.features.delivery.notifications.notifications import Notifications
from server.features.town.market.facts import OrderMoved
from server.features.town.market.rules import Party, State
from storage.facts import Consumer
from storage.postgres import Transaction

_TOLD: Final[Mapping[State, Mapping[Party, str]]] = {
    "paid": {"buyer": "order_paid", "seller": "order_sold"},
    "shipped": {"buyer": "order_shipped"},
    "received": {"buyer": "order_received", "seller": "order_received"},
    "cancelled": {"buyer": "order_cancelled", "seller": "order_cancelled"},
    "refunded": {"buyer": "order_refunded", "seller": "order_refunded"},
    "disputed": {"seller": "order_disputed"},
    "contested": {"buyer": "order_contested"},
}


class OrderConsumers:
    def __init__(self, *, notifications: Notifications) -> None:
        self._notifications = notifications

    def all(self) -> Sequence[Consumer[Any]]:
        return (Consumer(OrderMoved, self._moved),)

    async def _moved(self, tx: Transaction, fact: OrderMoved) -> None:
        """Both but who did it. It names the other side, also for what the server or a moderator does between them."""
        people: dict[Party, str] = {"buyer": fact.buyer_id, "seller": fact.seller_id}
        for party, about in told_of(fact).items():
            if (person_id := people[party]) != fact.by_id:
                other_id = people["seller" if party == "buyer" else "buyer"]
                subject = Subject(about, fact.order_id)
                notice = Notice(kind=ORDER, actor_id=other_id, subject=subject, happened_at=fact.at)
                await self._notifications.notify(tx, notice, [person_id])


def told_of(fact: OrderMoved) -> Mapping[Party, str]:
    """By party: the type of the subject that it is notified of. A seller knows nothing of orders that nobody paid."""
    if fact.act in ("uphold", "dismiss"):
        return {"buyer": "order_decided", "seller": "order_decided"}
    if fact.before == "cancelled":
        return {"buyer": "order_refunded"}
    told = _TOLD[fact.after]
    return {"buyer": told["buyer"]} if fact.before == "pending" and fact.after == "cancelled" else told
