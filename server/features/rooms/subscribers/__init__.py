"""Subscribers: the rooms of a creator are sent who has subscribed, for which month, and from whom it is a gift."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from server.feature import Feature, Platform
from server.features.money.memberships import Subscriptions
from server.features.money.memberships.facts import SubscriptionPaid
from server.features.rooms.shapes import NamedPerson, instant
from server.live.events import Body
from server.live.room_mirror import topic_of
from server.publish import Publish
from server.socket_events import ServerEvent
from storage.facts import Consumer
from storage.postgres import Transaction

__all__ = ["build"]


class Subscribed(Body, frozen=True, kw_only=True):
    """``months``: how many were paid, with this one. ``room_id`` null: the creator is not live; for them alone."""

    room_id: str | None
    stream_id: str | None
    id: str
    user: NamedPerson
    to: NamedPerson
    gift_from: NamedPerson | None
    tier: str
    months: int
    is_test: bool
    paid_until: str


SUBSCRIPTION: Final = ServerEvent(
    name="subscription",
    summary="A month of a subscription was paid",
    body=Subscribed,
    to="the sockets in the creator's room, or those of the creator while there is none, and those of whose it is",
)
_ROOM: Final = """
select id, room_id from streams where owner_id = $1 and state in ('live', 'interrupted') and visibility <> 'private'
order by id desc limit 1
"""


def build(platform: Platform, *, subscriptions: Subscriptions) -> Feature:
    shower = _Shower(publish=platform.publish, subscriptions=subscriptions)
    return Feature(name="subscribers", sent=(SUBSCRIPTION,), consumers=[Consumer(SubscriptionPaid, shower.show)])


class _Shower:
    def __init__(self, *, publish: Publish, subscriptions: Subscriptions) -> None:
        self._publish = publish
        self._subscriptions = subscriptions

    async def show(self, tx: Transaction, fact: SubscriptionPaid) -> None:
        found = await self._subscriptions.one(tx, fact.subscription_id)
        if found is None or found["paid_until"] is None:
            return
        place = await tx.fetchrow(_ROOM, fact.owner_id)
        body = _body(found, fact.months, dict(place) if place is not None else {"id": None, "room_id": None})
        if place is None:
            people = (fact.owner_id, fact.person_id)
            tx.after_commit(partial(self._publish.to_people, people, SUBSCRIPTION.name, body))
        else:
            room, whose = topic_of(place["room_id"]), fact.person_id
            tx.after_commit(partial(self._publish.to_topic, room, SUBSCRIPTION.name, body, person_id=whose))


def _body(found: dict[str, Any], months: int, place: dict[str, Any]) -> dict[str, Any]:
    same = {name: found[name] for name in ("id", "user", "to", "gift_from", "tier", "is_test")}
    where = {"room_id": place["room_id"], "stream_id": place["id"]}
    return {**where, **same, "months": months, "paid_until": instant(found["paid_until"])}
