"""Webhooks: what happens to a person's streams, rooms and followers is posted to addresses of theirs, signed.

An event is a row in the transaction of its cause and is delivered at least once, in no order that is promised.
"""

from __future__ import annotations

import time
from functools import partial
from typing import Final

from server.feature import Feature, PersonalData, Platform, rows_by_id
from server.features.delivery.notifications import Notice, Notify, Subject
from server.features.delivery.notifications.kinds import WEBHOOK_DISABLED
from server.features.delivery.notifications.subjects import WEBHOOK
from server.features.integrations.settings import WebhookSettings
from server.features.integrations.webhooks.chat import READER, ChatTail
from server.features.integrations.webhooks.consumers import Consumers, StateOf, SubscriptionOf
from server.features.integrations.webhooks.kinds import SENT
from server.features.integrations.webhooks.outbox import MAX_WAITING, Outbox, Send
from server.features.integrations.webhooks.routes import WebhookRoutes
from server.features.integrations.webhooks.sending import Claimed, Sending
from server.features.integrations.webhooks.webhooks import Webhooks, erase
from server.features.people.accounts import AccountMails
from server.http.encryption import Encryption
from server.http.outgoing import OutgoingCall
from server.jobs import Job, repeated
from server.outbound.http import PublicHttp
from server.outbound.public_addresses import PublicAddresses
from server.outbound.urls import MAX_URL
from storage.postgres import Transaction

__all__ = ["build"]

AT_ONCE_ON_NODE: Final = 8
"""Of the slots of a node: receivers that are slow must not keep all other jobs waiting."""
TRIES: Final = 20
"""Of a job, which fails only with its worker or the database."""


def build(
    platform: Platform,
    *,
    settings: WebhookSettings,
    encryption: Encryption,
    mails: AccountMails,
    notify: Notify,
    poll: StateOf,
    prediction: StateOf,
    tip: StateOf,
    subscription: SubscriptionOf,
) -> Feature:
    addresses = PublicAddresses(allow_private=settings.allow_private_targets)
    http = PublicHttp(addresses=addresses)

    async def disabled(tx: Transaction, claimed: Claimed, host: str) -> None:
        await mails.webhook_disabled(tx, claimed.owner_id, host)
        subject = Subject(WEBHOOK, claimed.webhook_id)
        notice = Notice(kind=WEBHOOK_DISABLED, actor_id=claimed.owner_id, subject=subject, happened_at=platform.now())
        await notify(tx, notice, [claimed.owner_id])

    sending = Sending(
        db=platform.db,
        http=http,
        encryption=encryption,
        outbox=lambda: outbox,
        disabled=disabled,
        wall=time.time,
    )
    job = Job(
        name="webhooks.send", body=Send, run=sending.run, timeout_s=45.0, tries=TRIES, at_once_on_node=AT_ONCE_ON_NODE
    )
    outbox = Outbox(jobs=platform.jobs, job=job, ids=platform.ids, now=platform.now)
    webhooks = Webhooks(
        db=platform.db,
        outbox=outbox,
        encryption=encryption,
        addresses=addresses,
        per_person=settings.max_webhooks_per_person,
    )
    prune = partial(sending.prune, days=settings.webhook_delivery_days, kept=settings.max_webhook_deliveries)
    return Feature(
        name="webhooks",
        operations=WebhookRoutes(webhooks=webhooks).operations(),
        outgoing=[OutgoingCall(name=kind.name, summary=kind.summary, body=kind.body) for kind in SENT],
        consumers=Consumers(outbox=outbox, poll=poll, prediction=prediction, tip=tip, subscription=subscription).all(),
        logs={READER: ChatTail(db=platform.db, outbox=outbox)},
        jobs=[job],
        schedules=[
            repeated("webhooks.sweep", sending.sweep, every_s=60.0),
            repeated("webhooks.prune", prune, every_s=600.0),
        ],
        personal_data=PersonalData(
            tables=frozenset({"webhooks"}),
            sections=(
                rows_by_id("webhooks", "id, url, events, created_at, disabled_at", "webhooks where owner_id = $1"),
            ),
            erase=erase,
        ),
        limits={
            "webhooks_per_person": settings.max_webhooks_per_person,
            "webhook_deliveries_kept": settings.max_webhook_deliveries,
            "webhook_delivery_days": settings.webhook_delivery_days,
            "webhook_deliveries_waiting": MAX_WAITING,
            "webhook_url_chars": MAX_URL,
        },
        close=http.close,
    )
