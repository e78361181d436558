"""``/api/v1/me/tiers`` and ``/api/v1/subscriptions``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from server.features.money.memberships.changes import Changes
from server.features.money.memberships.shapes import (
    ChangeBody,
    OpenedSubscriptionShape,
    PortalShape,
    SubscriptionBody,
    SubscriptionShape,
    SubscriptionsShape,
    TiersBody,
    TiersShape,
)
from server.features.money.memberships.subscriptions import Subscriptions
from server.features.money.memberships.tiers import Tiers
from server.http.cursors import after_id, page_of
from server.http.limits import CallRate
from server.http.operation import USERNAME, UUID, Answer, Call, Operation
from server.http.shapes import PageQuery
from storage.postgres import Database

RATE: Final = CallRate("subscriptions", per_s=0.5, burst=20)
TAG: Final = "money"


class MembershipRoutes:
    def __init__(self, *, db: Database, tiers: Tiers, subscriptions: Subscriptions, changes: Changes) -> None:
        self._db = db
        self._tiers = tiers
        self._subscriptions = subscriptions
        self._changes = changes

    def operations(self) -> Sequence[Operation]:
        mine: dict[str, Any] = {"tag": TAG, "auth": "required", "scope": "money"}
        return [
            Operation(
                method="GET", path="/api/v1/me/tiers", handler=self._mine, name="getMyTiers",
                summary="What you offer to subscribers", answers={200: TiersShape}, **mine,
            ),
            Operation(
                method="PUT", path="/api/v1/me/tiers", handler=self._put, name="putMyTiers", body=TiersBody,
                summary="Offer these tiers to subscribers, and no others", answers={200: TiersShape},
                account_rate=RATE, **mine,
            ),
            Operation(
                method="GET", path="/api/v1/users/{username}/tiers", handler=self._of_user, name="getTiers",
                tag=TAG, auth="optional", paths={"username": USERNAME}, answers={200: TiersShape},
                summary="What a creator offers to subscribers",
            ),
            Operation(
                method="POST", path="/api/v1/subscriptions", handler=self._begin, name="subscribe",
                body=SubscriptionBody, answers={201: OpenedSubscriptionShape},
                problems=frozenset({404, 409, 503}), idempotent_key=True, account_rate=RATE,
                summary="Subscribe to a tier of a creator, or give a month of it to another person", **mine,
            ),
            Operation(
                method="GET", path="/api/v1/subscriptions", handler=self._list, name="listSubscriptions",
                query=PageQuery, answers={200: SubscriptionsShape},
                summary="The subscriptions that you have or have given, the newest first", **mine,
            ),
            Operation(
                method="GET", path="/api/v1/me/subscribers", handler=self._supporters, name="listSubscribers",
                query=PageQuery, answers={200: SubscriptionsShape},
                summary="The subscriptions to your tiers that are paid, the newest first", **mine,
            ),
            Operation(
                method="PATCH", path="/api/v1/subscriptions/{subscription_id}", handler=self._change,
                name="changeSubscription", paths={"subscription_id": UUID}, body=ChangeBody,
                answers={200: SubscriptionShape}, problems=frozenset({404, 409, 503}), account_rate=RATE,
                summary="Have a subscription in another tier of its creator, from now on", **mine,
            ),
            Operation(
                method="POST", path="/api/v1/me/billing-portal", handler=self._portal, name="openBillingPortal",
                answers={200: PortalShape}, problems=frozenset({409, 503}), account_rate=RATE,
                summary="Manage your cards, invoices and subscriptions with the provider", **mine,
            ),
            Operation(
                method="DELETE", path="/api/v1/subscriptions/{subscription_id}", handler=self._cancel,
                name="cancelSubscription", paths={"subscription_id": UUID}, answers={204: None},
                problems=frozenset({404, 503}), account_rate=RATE,
                summary="Have a subscription end when what was paid is over", **mine,
            ),
        ]  # fmt: skip

    async def _mine(self, call: Call[None, None]) -> Answer:
        return Answer(200, {"tiers": await self._tiers.listed(self._db, call.me.id)})

    async def _put(self, call: Call[TiersBody, None]) -> Answer:
        return Answer(200, {"tiers": await self._tiers.put(call.me.id, call.body.tiers)})

    async def _of_user(self, call: Call[None, None]) -> Answer:
        viewer_id = call.person.id if call.person else None
        return Answer(200, {"tiers": await self._tiers.of_user(call.path["username"], viewer_id)})

    async def _begin(self, call: Call[SubscriptionBody, None]) -> Answer:
        return Answer(201, await self._subscriptions.begin(call.me.id, call.body))

    async def _list(self, call: Call[None, PageQuery]) -> Answer:
        query = call.query
        rows = await self._subscriptions.mine(call.me.id, before=after_id(query.cursor), limit=query.limit + 1)
        return _page(rows, query.limit)

    async def _supporters(self, call: Call[None, PageQuery]) -> Answer:
        query = call.query
        rows = await self._subscriptions.supporters(call.me.id, before=after_id(query.cursor), limit=query.limit + 1)
        return _page(rows, query.limit)

    async def _change(self, call: Call[ChangeBody, None]) -> Answer:
        return Answer(200, await self._changes.change(call.me.id, call.path["subscription_id"], call.body.tier))

    async def _portal(self, call: Call[None, None]) -> Answer:
        return Answer(200, {"url": await self._changes.portal(call.me.id)})

    async def _cancel(self, call: Call[None, None]) -> Answer:
        await self._subscriptions.cancel(call.me.id, call.path["subscription_id"])
        return Answer(204)


def _page(rows: Sequence[dict[str, Any]], limit: int) -> Answer:
    shown, following = page_of(rows, limit, lambda row: (0, row["id"]))
    return Answer(200, {"items": shown, "next": following})
