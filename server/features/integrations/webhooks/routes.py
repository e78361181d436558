"""``/api/v1/me/webhooks``."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC
from typing import Any, Final

from server.features.integrations.webhooks.shapes import (
    DeliveriesShape,
    DeliveryShape,
    NewWebhookBody,
    ShownWebhook,
    WebhookChanges,
    WebhookShape,
    WebhooksShape,
)
from server.features.integrations.webhooks.webhooks import Webhooks
from server.http.cursors import after_id, page_of
from server.http.limits import CallRate
from server.http.operation import Answer, Call, Operation
from server.http.shapes import PageQuery
from storage.postgres import Row

RATE: Final = CallRate("webhooks", per_s=0.5, burst=30)


class WebhookRoutes:
    def __init__(self, *, webhooks: Webhooks) -> None:
        self._webhooks = webhooks

    def operations(self) -> Sequence[Operation]:
        base = "/api/v1/me/webhooks"
        one = f"{base}/{{webhook_id}}"
        own: dict[str, Any] = {"tag": "webhooks", "auth": "required", "scope": "stream"}
        writes: dict[str, Any] = {**own, "account_rate": RATE}
        return [
            Operation(
                method="POST", path=base, handler=self._add, name="addWebhook",
                summary="Have events of mine sent to an address, signed", body=NewWebhookBody,
                answers={201: ShownWebhook}, problems=frozenset({409, 422}), idempotent_key=True, **writes,
            ),
            Operation(
                method="GET", path=base, handler=self._list, name="listWebhooks", summary="My webhooks",
                query=PageQuery, answers={200: WebhooksShape}, **own,
            ),
            Operation(
                method="GET", path=one, handler=self._one, name="getWebhook", summary="One of my webhooks",
                answers={200: WebhookShape}, **own,
            ),
            Operation(
                method="PATCH", path=one, handler=self._change, name="changeWebhook",
                summary="Choose its events, or switch it off or on", body=WebhookChanges,
                answers={200: WebhookShape}, **writes,
            ),
            Operation(
                method="DELETE", path=one, handler=self._remove, name="removeWebhook",
                summary="Remove a webhook with the log of its deliveries", answers={204: None}, **writes,
            ),
            Operation(
                method="GET", path=f"{one}/deliveries", handler=self._deliveries, name="listDeliveries",
                summary="What it was sent, and what came of it; the newest first", query=PageQuery,
                answers={200: DeliveriesShape}, **own,
            ),
            Operation(
                method="POST", path=f"{one}/deliveries/{{delivery_id}}/replay", handler=self._replay,
                name="replayDelivery", summary="Send an event again", answers={202: DeliveryShape},
                problems=frozenset({409}), idempotent_key=True, **writes,
            ),
            Operation(
                method="POST", path=f"{one}/ping", handler=self._ping, name="pingWebhook",
                summary="Send the event `ping`, as a test", answers={202: DeliveryShape}, problems=frozenset({409}),
                idempotent_key=True, **writes,
            ),
        ]  # fmt: skip

    async def _add(self, call: Call[NewWebhookBody, None]) -> Answer:
        row, secret = await self._webhooks.add(call.me.id, call.body.url, call.body.events)
        headers = {"Location": f"/api/v1/me/webhooks/{row['id']}"}
        return Answer(201, ShownWebhook(**_fields(row), secret=secret), headers)

    async def _list(self, call: Call[None, PageQuery]) -> Answer:
        limit = call.query.limit
        rows = await self._webhooks.listed(call.me.id, after=after_id(call.query.cursor), limit=limit + 1)
        shown, following = page_of(rows, limit, lambda row: (0, row["id"]))
        return Answer(200, WebhooksShape(items=[_shape(row) for row in shown], next=following))

    async def _one(self, call: Call[None, None]) -> Answer:
        return Answer(200, _shape(await self._webhooks.one(call.me.id, _id(call))))

    async def _change(self, call: Call[WebhookChanges, None]) -> Answer:
        asked = call.body
        row = await self._webhooks.change(call.me.id, _id(call), events=asked.events, is_active=asked.active)
        return Answer(200, _shape(row))

    async def _remove(self, call: Call[None, None]) -> Answer:
        await self._webhooks.remove(call.me.id, _id(call))
        return Answer(204)

    async def _deliveries(self, call: Call[None, PageQuery]) -> Answer:
        limit, before = call.query.limit, after_id(call.query.cursor)
        rows = await self._webhooks.deliveries(call.me.id, _id(call), before=before, limit=limit + 1)
        shown, following = page_of(rows, limit, lambda row: (0, row["id"]))
        return Answer(200, DeliveriesShape(items=[_delivery(row) for row in shown], next=following))

    async def _replay(self, call: Call[None, None]) -> Answer:
        row = await self._webhooks.replay(call.me.id, _id(call), call.path["delivery_id"].lower())
        return Answer(202, _delivery(row))

    async def _ping(self, call: Call[None, None]) -> Answer:
        return Answer(202, _delivery(await self._webhooks.ping(call.me.id, _id(call))))


def _id(call: Call[Any, Any]) -> str:
    return call.path["webhook_id"].lower()


def _fields(row: Row) -> dict[str, Any]:
    return {**_in_utc(row), "active": row["disabled_at"] is None}


def _shape(row: Row) -> WebhookShape:
    return WebhookShape(**_fields(row))


def _delivery(row: Row) -> DeliveryShape:
    return DeliveryShape(**_in_utc(row))


def _in_utc(row: Row) -> dict[str, Any]:
    return {name: value.astimezone(UTC) if hasattr(value, "astimezone") else value for name, value in row.items()}
