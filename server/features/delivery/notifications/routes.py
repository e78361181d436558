"""``/api/v1/notifications`` and ``/api/v1/me/notification-settings``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from server.features.delivery.notifications.notifications import Notifications
from server.features.delivery.notifications.preferences import Preferences
from server.features.delivery.notifications.settings_shapes import SettingsBody, SettingsShape
from server.features.delivery.notifications.shapes import NotificationsQuery, NotificationsShape, ReadBody
from server.http.cursors import after_id
from server.http.limits import CallRate
from server.http.operation import Answer, Call, Operation
from storage.postgres import Database

TAG: Final = "notifications"


class NotificationRoutes:
    """A person's own; there is no way to anybody else's."""

    def __init__(self, *, notifications: Notifications, preferences: Preferences, db: Database, rate: CallRate) -> None:
        self._notifications = notifications
        self._preferences = preferences
        self._db = db
        self._rate = rate

    def operations(self) -> Sequence[Operation]:
        mine: dict[str, Any] = {"tag": TAG, "auth": "required"}
        return [
            Operation(
                method="GET", path="/api/v1/notifications", handler=self._list, name="listNotifications",
                summary="What happened that concerns you, the newest first", query=NotificationsQuery,
                answers={200: NotificationsShape}, **mine,
            ),
            Operation(
                method="POST", path="/api/v1/notifications/read", handler=self._read, name="readNotifications",
                summary="Mark notifications as read", body=ReadBody, answers={204: None}, account_rate=self._rate,
                **mine,
            ),
            Operation(
                method="GET", path="/api/v1/me/notification-settings", handler=self._settings,
                name="getNotificationSettings", summary="What you want to hear of", answers={200: SettingsShape},
                **mine,
            ),
            Operation(
                method="PUT", path="/api/v1/me/notification-settings", handler=self._change,
                name="setNotificationSettings", summary="Say what you want to hear of", body=SettingsBody,
                answers={200: SettingsShape}, account_rate=self._rate, **mine,
            ),
        ]  # fmt: skip

    async def _list(self, call: Call[None, NotificationsQuery]) -> Answer:
        query, me = call.query, call.me.id
        items, following = await self._notifications.page(
            me,
            before=after_id(query.cursor),
            limit=query.limit,
            only_unread=query.unread,
            requests=query.requests,
            kind=query.kind,
        )
        unread = await self._notifications.unread(self._db, me)
        return Answer(body=NotificationsShape(items=items, next=following, unread=unread))

    async def _read(self, call: Call[ReadBody, None]) -> Answer:
        body, me = call.body, call.me.id
        if "ids" in body.model_fields_set:
            await self._notifications.read(me, ids=[str(one) for one in body.ids])
        else:
            await self._notifications.read(me, until=str(body.until))
        return Answer(204)

    async def _settings(self, call: Call[None, None]) -> Answer:
        return Answer(body=await self._preferences.of(call.me.id))

    async def _change(self, call: Call[SettingsBody, None]) -> Answer:
        await self._preferences.replace(call.me.id, call.body)
        return Answer(body=await self._preferences.of(call.me.id))
