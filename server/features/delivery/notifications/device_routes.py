"""``/api/v1/me/push-subscriptions``: a person's devices; and the log of deliveries for operators."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from pydantic import Field, model_validator

from server.features.delivery.notifications import delivery_queries as queries
from server.features.delivery.notifications.devices import DeviceKind, Devices, FcmTarget, Target, hash_of
from server.features.delivery.notifications.preferences import Preferences
from server.features.people.rules import username_key
from server.http.cursors import after_id, page_of
from server.http.errors import not_found
from server.http.limits import CallRate
from server.http.operation import Answer, Call, Operation
from server.http.shapes import Body, Page, PageQuery, Query, Shape, Text
from server.outbound.push import VapidKeys, WebTarget
from server.outbound.urls import MAX_URL
from storage.postgres import Database, Row

TAG: Final = "notifications"
MAX_DEVICE_CHARS: Final = 200
MAX_TOKEN_CHARS: Final = 4_096

State = Literal["waiting", "sending", "sent", "cancelled", "failed", "gone", "unsure"]


class KeysBody(Body):
    p256dh: Annotated[str, Field(min_length=1, max_length=200, description="A point of P-256, in base64url")]
    auth: Annotated[str, Field(min_length=1, max_length=64, description="16 bytes, in base64url")]


class SubscriptionBody(Body):
    """What ``PushSubscription.toJSON()`` of a browser gives, or the token of a program with Firebase."""

    endpoint: Annotated[Text | None, Field(min_length=1, max_length=MAX_URL)] = None
    expirationTime: Annotated[float | None, Field(description="Ignored")] = None  # noqa: N815 - the Push API's name
    keys: KeysBody | None = None
    fcm_token: Annotated[Text | None, Field(min_length=1, max_length=MAX_TOKEN_CHARS)] = None

    @model_validator(mode="after")
    def _one_of_both(self) -> SubscriptionBody:
        is_web = self.endpoint is not None and self.keys is not None
        if is_web == (self.fcm_token is not None) or (self.endpoint is None) != (self.keys is None):
            raise ValueError("give either endpoint and keys, or fcm_token")
        return self

    def target(self) -> Target:
        if self.endpoint is None or self.keys is None:
            return FcmTarget(token=self.fcm_token or "")
        return WebTarget(endpoint=self.endpoint, p256dh=self.keys.p256dh, auth=self.keys.auth)


class SubscriptionShape(Shape):
    id: UUID
    kind: DeviceKind
    device: Annotated[str, Field(description="What it said that it is")]
    created_at: datetime
    sent_at: Annotated[datetime | None, Field(description="When something was last pushed to it")]


class SubscriptionsShape(Shape):
    items: list[SubscriptionShape]
    public_key: Annotated[str, Field(description="The `applicationServerKey` for a browser to subscribe with")]


class TargetQuery(Query):
    endpoint: Annotated[str | None, Field(max_length=MAX_URL, description="Of the browser's subscription")] = None
    fcm_token: Annotated[str | None, Field(max_length=MAX_TOKEN_CHARS)] = None


class TargetBody(Body):
    endpoint: Annotated[Text | None, Field(max_length=MAX_URL)] = None
    fcm_token: Annotated[Text | None, Field(max_length=MAX_TOKEN_CHARS)] = None


class UnsubscribeQuery(Query):
    token: Annotated[str, Field(max_length=100)] = ""
    kind: Annotated[str, Field(max_length=40, description="A kind of notifications, `digest`, or `all`")] = "all"


class DeliveryShape(Shape):
    id: UUID
    person_id: UUID
    username: str
    notification_id: UUID
    kind: str
    channel: Literal["push", "email"]
    state: Annotated[
        State,
        Field(
            description="`sent`: taken by the push service, or by the outbox of mails. `gone`: the device takes no "
            "more, and is forgotten. `unsure`: it may have been sent, and is not sent again"
        ),
    ]
    reason: str
    tries: int
    created_at: datetime
    ended_at: datetime | None


class DeliveriesQuery(PageQuery):
    state: Annotated[State | None, Field(description="Only those in this state")] = None
    username: Annotated[Text | None, Field(max_length=64, description="Only those of this person")] = None


class DeviceRoutes:
    def __init__(
        self, *, db: Database, devices: Devices, keys: VapidKeys, preferences: Preferences, rate: CallRate
    ) -> None:
        self._db = db
        self._devices = devices
        self._keys = keys
        self._preferences = preferences
        self._rate = rate

    def operations(self) -> Sequence[Operation]:
        mine: dict[str, Any] = {"tag": TAG, "auth": "required"}
        path = "/api/v1/me/push-subscriptions"
        return [
            Operation(
                method="GET", path=path, handler=self._list, name="listPushSubscriptions",
                summary="The devices that notifications are pushed to", answers={200: SubscriptionsShape}, **mine,
            ),
            Operation(
                method="POST", path=path, handler=self._add, name="addPushSubscription",
                summary="Have notifications pushed to this device", body=SubscriptionBody,
                answers={201: SubscriptionShape}, account_rate=self._rate, **mine,
            ),
            Operation(
                method="DELETE", path=path, handler=self._remove_target, name="removePushTarget",
                summary="Push no more to a device, by what it subscribed with", query=TargetQuery, body=TargetBody,
                body_required=False, answers={204: None}, account_rate=self._rate,
                problems=frozenset({404}), **mine,
            ),
            Operation(
                method="DELETE", path=f"{path}/{{id}}", handler=self._remove, name="removePushSubscription",
                summary="Push no more to a device", answers={204: None}, problems=frozenset({404}),
                account_rate=self._rate, **mine,
            ),
            Operation(
                method="POST", path="/unsubscribe", handler=self._unsubscribe, name="unsubscribeMails", tag=TAG,
                summary="Switch off the mails that a link in one of them is about (RFC 8058)", query=UnsubscribeQuery,
                body=bytes, consumes=("application/x-www-form-urlencoded", "multipart/form-data"),
                body_required=False, max_body=1_024, answers={204: None}, problems=frozenset({404}), rate=self._rate,
            ),
            Operation(
                method="GET", path="/api/v1/admin/notification-deliveries", handler=self._log,
                name="listNotificationDeliveries", summary="What was pushed and mailed, the newest first",
                query=DeliveriesQuery, answers={200: Page[DeliveryShape]}, tag="admin", auth="required",
                roles=frozenset({"admin"}),
            ),
        ]  # fmt: skip

    async def _list(self, call: Call[None, None]) -> Answer:
        items = [SubscriptionShape(**dict(row)) for row in await self._devices.all(call.me.id)]
        return Answer(body=SubscriptionsShape(items=items, public_key=await self._keys.public_key()))

    async def _add(self, call: Call[SubscriptionBody, None]) -> Answer:
        device = call.request.headers.get("User-Agent", "")[:MAX_DEVICE_CHARS].replace("\x00", "")
        row = await self._devices.add(call.me.id, call.body.target(), device, session_id=call.me.session_id)
        return Answer(201, SubscriptionShape(**dict(row)))

    async def _remove_target(self, call: Call[TargetBody | None, TargetQuery]) -> Answer:
        given = [
            one
            for source in (call.query, call.body)
            if source is not None
            for one in (source.endpoint, source.fcm_token)
            if one
        ]
        if not given or not await self._devices.remove_target(call.me.id, hash_of(given[0])):
            raise not_found()
        return Answer(204)

    async def _remove(self, call: Call[None, None]) -> Answer:
        if not await self._devices.remove(call.me.id, call.path["id"]):
            raise not_found()
        return Answer(204)

    async def _unsubscribe(self, call: Call[bytes, UnsubscribeQuery]) -> Answer:
        if not await self._preferences.unsubscribe(call.query.token, call.query.kind):
            raise not_found()
        return Answer(204)

    async def _log(self, call: Call[None, DeliveriesQuery]) -> Answer:
        rows = await self._logged(call.query)
        shown, following = page_of(rows, call.query.limit, lambda row: (0, row["id"]))
        return Answer(body=Page[DeliveryShape](items=[DeliveryShape(**dict(row)) for row in shown], next=following))

    async def _logged(self, query: DeliveriesQuery) -> list[Row]:
        before, limit = after_id(query.cursor), query.limit + 1
        if query.username is not None:
            return await self._db.fetch(queries.LOG_OF_PERSON, before, limit, username_key(query.username), query.state)
        if query.state is not None:
            return await self._db.fetch(queries.LOG_OF_STATE, before, limit, query.state)
        return await self._db.fetch(queries.LOG, before, limit)
