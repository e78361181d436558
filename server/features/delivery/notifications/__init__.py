"""Notifications: what others did that concerns a person, in the application.

Rooms below publish facts, of which ``consumers`` makes notices; rooms above call ``notify``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from server.feature import ExportSection, Feature, PersonalData, Platform, rows_by_id
from server.features.delivery.notifications import queries
from server.features.delivery.notifications.consumers import Consumers
from server.features.delivery.notifications.fan_out import StreamFanOut
from server.features.delivery.notifications.kinds import Notice, NotificationKind, Subject
from server.features.delivery.notifications.notifications import Notifications
from server.features.delivery.notifications.routes import NotificationRoutes
from server.features.delivery.notifications.rules import MAX_MENTIONED
from server.features.delivery.notifications.shapes import NOTIFICATION, READ
from server.features.delivery.settings import NotificationSettings
from server.features.people.audience import Audience
from server.http.limits import hourly
from server.jobs import repeated
from storage.postgres import Transaction
from storage.stream_titles import StreamTitles

__all__ = ["Notice", "NotificationKind", "NotificationsRoom", "Notify", "Subject", "build"]

PRUNE_S: Final = 3_600.0
CHANGES_PER_HOUR: Final = 3_600

Notify = Callable[[Transaction, Notice, Sequence[str]], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class NotificationsRoom:
    feature: Feature
    notify: Notify


def build(
    platform: Platform, *, settings: NotificationSettings, audience: Audience, streams: StreamTitles
) -> NotificationsRoom:
    notifications = Notifications(
        db=platform.db,
        people=audience,
        streams=streams,
        publish=platform.publish,
        ids=platform.ids,
        now=platform.now,
        kept=settings.max_notifications,
        days=settings.notification_days,
    )
    fan_out = StreamFanOut(notifications=notifications, followers=audience, jobs=platform.jobs)
    consumers = Consumers(
        notifications=notifications, fan_out=fan_out, names=audience, streams=streams, jobs=platform.jobs
    )
    routes = NotificationRoutes(
        notifications=notifications, db=platform.db, rate=hourly("notifications", CHANGES_PER_HOUR)
    )
    feature = Feature(
        name="notifications",
        operations=routes.operations(),
        sent=(NOTIFICATION, READ),
        consumers=consumers.all(),
        jobs=[fan_out.job, consumers.job],
        schedules=[repeated("notifications.prune", notifications.prune, every_s=PRUNE_S)],
        personal_data=PersonalData(
            tables=frozenset({"notifications", "notification_settings"}),
            sections=SECTIONS,
            erase=_erase,
            erase_large=notifications.forget_actor,
        ),
        limits={
            "notifications_kept": settings.max_notifications,
            "notification_days": settings.notification_days,
            "notification_people": queries.MAX_PEOPLE,
            "mentions_per_message": MAX_MENTIONED,
        },
        gauges=lambda: {"notifications_total": ("Notifications made or added to on this node", notifications.made)},
    )
    return NotificationsRoom(feature=feature, notify=notifications.notify)


SECTIONS: Final = (
    rows_by_id(
        "notifications",
        "id, kind, subject_type, subject_id, count, created_at, read_at",
        "notifications where person_id = $1",
    ),
    ExportSection(
        name="notification_settings",
        sql="select kind, in_app from notification_settings where person_id = $1 and kind > $2 order by kind limit $3",
        key=("kind",),
        start=("",),
    ),
)


async def _erase(tx: Transaction, person_id: str) -> None:
    for sql in queries.ERASE:
        await tx.execute(sql, person_id)
