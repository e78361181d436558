"""Notifications: what others did that concerns a person, in the application, on their devices and by mail.

Rooms below publish facts, of which ``consumers`` makes notices; rooms above call ``notify``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from server.feature import ExportSection, Feature, PersonalData, Platform, rows_by_id
from server.features.delivery.notifications import delivery_queries, queries, reminder_queries
from server.features.delivery.notifications.community_consumers import CommunityConsumers
from server.features.delivery.notifications.consumers import MAX_MENTIONED, Consumers
from server.features.delivery.notifications.conversation_consumers import ConversationConsumers, Conversations
from server.features.delivery.notifications.deliveries import Deliver, Deliveries, first_id_of
from server.features.delivery.notifications.device_routes import DeviceRoutes
from server.features.delivery.notifications.digests import EVERY_S, Digests
from server.features.delivery.notifications.fan_out import StreamFanOut
from server.features.delivery.notifications.kinds import Notice, NotificationKind, Subject
from server.features.delivery.notifications.mails import Mails
from server.features.delivery.notifications.match_consumers import MatchConsumers
from server.features.delivery.notifications.notifications import Notifications
from server.features.delivery.notifications.order_consumers import OrderConsumers
from server.features.delivery.notifications.post_consumers import PostConsumers
from server.features.delivery.notifications.preferences import HeldHours, Preferences
from server.features.delivery.notifications.push import open_push
from server.features.delivery.notifications.reminders import MOST as MAX_REMINDERS
from server.features.delivery.notifications.reminders import ReminderRoutes, Reminders
from server.features.delivery.notifications.routes import NotificationRoutes
from server.features.delivery.notifications.sending import Sending
from server.features.delivery.notifications.shapes import NOTIFICATION, READ
from server.features.delivery.notifications.subjects import Communities, Named, Posts, Subjects
from server.features.delivery.settings import NotificationSettings
from server.features.people.audience import Audience
from server.http.encryption import Encryption
from server.http.limits import hourly
from server.jobs import Job, repeated
from server.outbound.mail import Mail
from server.outbound.public_addresses import PublicAddresses
from server.outbound.push import MAX_PLAINTEXT
from server.outbound.settings import Site
from storage.postgres import Transaction
from storage.stream_titles import StreamTitles

__all__ = [
    "Notice",
    "NotificationKind",
    "NotificationsRoom",
    "Notify",
    "Subject",
    "build",
]

PRUNE_S: Final = 3_600.0
PRUNE_BATCH: Final = 5_000
CHANGES_PER_HOUR: Final = 3_600
AT_ONCE_ON_NODE: Final = 4
"""Of the slots of a node: push services that are slow must not keep all other jobs waiting."""

Notify = Callable[[Transaction, Notice, Sequence[str]], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class NotificationsRoom:
    feature: Feature
    notify: Notify
    preferences: Preferences


def build(
    platform: Platform,
    *,
    settings: NotificationSettings,
    audience: Audience,
    streams: StreamTitles,
    posts: Posts,
    conversations: Conversations,
    communities: Communities,
    orders: Named,
    matches: Named,
    hours: HeldHours,
    encryption: Encryption,
    mail: Mail,
    site: Site,
    addresses: PublicAddresses,
    needs_verified: bool,
    operator: str,
) -> NotificationsRoom:
    """``addresses``: where people's devices may be. ``needs_verified``: mails go only to addresses that were confirmed.
    ``operator``: the address that mails come from.
    """
    preferences = Preferences(db=platform.db, now=platform.now, hours=hours)
    subjects = Subjects(streams=streams, posts=posts, communities=communities, orders=orders, matches=matches)
    push = open_push(
        platform, settings=settings, encryption=encryption, site=site, operator=operator, addresses=addresses
    )
    deliveries = Deliveries(
        jobs=platform.jobs,
        job=lambda: job,
        ids=platform.ids,
        now=platform.now,
        push_delay_s=settings.push_delay_s,
        email_delay_s=settings.email_delay_s,
    )
    notifications = Notifications(
        db=platform.db,
        people=audience,
        subjects=subjects,
        deliveries=deliveries,
        publish=platform.publish,
        ids=platform.ids,
        now=platform.now,
        kept=settings.max_notifications,
        days=settings.notification_days,
    )
    mails = Mails(
        outbox=mail.outbox,
        preferences=preferences,
        per_day=settings.notification_mails_per_day,
        needs_verified=needs_verified,
    )
    sending = Sending(
        deliveries=deliveries,
        people=audience,
        subjects=subjects,
        devices=push.devices,
        web=push.web,
        fcm=push.fcm,
        mails=mails,
        now=platform.now,
    )
    job = Job(
        name="notifications.deliver", body=Deliver, run=sending.run, timeout_s=60.0, at_once_on_node=AT_ONCE_ON_NODE
    )
    digests = Digests(db=platform.db, people=audience, news=notifications, mails=mails, now=platform.now)
    reminders = Reminders(db=platform.db, streams=streams, now=platform.now)
    fan_out = StreamFanOut(
        notifications=notifications, followers=audience, streams=streams, reminders=reminders, jobs=platform.jobs
    )
    consumers = Consumers(
        notifications=notifications, fan_out=fan_out, names=audience, streams=streams, jobs=platform.jobs
    )
    rate = hourly("notifications", CHANGES_PER_HOUR)
    routes = NotificationRoutes(notifications=notifications, preferences=preferences, db=platform.db, rate=rate)
    device_routes = DeviceRoutes(
        db=platform.db, devices=push.devices, keys=push.keys, preferences=preferences, rate=rate
    )

    async def prune_log() -> None:
        before = first_id_of(platform.now() - timedelta(days=settings.notification_log_days))
        while await platform.db.execute(delivery_queries.PRUNE_LOG, before, PRUNE_BATCH):
            pass
        while await platform.db.execute(delivery_queries.PRUNE_ENDED, PRUNE_BATCH):
            pass

    feature = Feature(
        name="notifications",
        operations=[
            *routes.operations(),
            *device_routes.operations(),
            *ReminderRoutes(reminders=reminders, rate=rate).operations(),
        ],
        sent=(NOTIFICATION, READ),
        consumers=[
            *consumers.all(),
            *PostConsumers(notifications=notifications, posts=posts).all(),
            *ConversationConsumers(notifications=notifications, conversations=conversations).all(),
            *CommunityConsumers(notifications=notifications, communities=communities).all(),
            *OrderConsumers(notifications=notifications).all(),
            *MatchConsumers(notifications=notifications).all(),
        ],
        jobs=[fan_out.job, consumers.job, job],
        schedules=[
            repeated("notifications.prune", notifications.prune, every_s=PRUNE_S),
            repeated("notifications.prune_log", prune_log, every_s=PRUNE_S),
            repeated("notifications.digests", digests.run, every_s=EVERY_S),
        ],
        personal_data=PersonalData(
            tables=TABLES, sections=SECTIONS, erase=_erase, erase_large=notifications.forget_actor
        ),
        limits={
            "notifications_kept": settings.max_notifications,
            "notification_days": settings.notification_days,
            "notification_people": queries.MAX_PEOPLE,
            "mentions_per_message": MAX_MENTIONED,
            "push_subscriptions": settings.max_push_subscriptions,
            "notification_mails_per_day": settings.notification_mails_per_day,
            "push_message_bytes": MAX_PLAINTEXT,
            "stream_reminders": MAX_REMINDERS,
        },
        gauges=lambda: {"notifications_total": ("Notifications made or added to on this node", notifications.made)},
        close=push.close,
    )
    return NotificationsRoom(feature=feature, notify=notifications.notify, preferences=preferences)


TABLES: Final = frozenset(
    {
        "notifications",
        "notification_settings",
        "notification_preferences",
        "notification_deliveries",
        "push_subscriptions",
        "stream_reminders",
    }
)
SECTIONS: Final = (
    rows_by_id(
        "notifications",
        "id, kind, subject_type, subject_id, count, created_at, read_at",
        "notifications where person_id = $1",
    ),
    ExportSection(
        name="notification_settings",
        sql="select kind, in_app, push, email from notification_settings where person_id = $1 and kind > $2"
        " order by kind limit $3",
        key=("kind",),
        start=("",),
    ),
    rows_by_id(
        "notification_preferences",
        "person_id, time_zone, quiet_from, quiet_until, strangers, digest",
        "notification_preferences where person_id = $1",
        key="person_id",
    ),
    rows_by_id(
        "push_subscriptions", "id, kind, device, created_at, sent_at", "push_subscriptions where person_id = $1"
    ),
    rows_by_id("stream_reminders", "stream_id, created_at", "stream_reminders where person_id = $1", key="stream_id"),
    rows_by_id(
        "notification_deliveries",
        "id, notification_id, kind, channel, state, reason, created_at, ended_at",
        "notification_deliveries where person_id = $1",
    ),
)


async def _erase(tx: Transaction, person_id: str) -> None:
    for sql in (*queries.ERASE, *reminder_queries.ERASE):
        await tx.execute(sql, person_id)
