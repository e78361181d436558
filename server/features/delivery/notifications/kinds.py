"""What there is to be notified of, and a notice: something that happened, for those whom it concerns."""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal

import msgspec

from server.outbound.push import Urgency

Channel = Literal["in_app", "push", "email"]
DAY_S: Final = 86_400


class NotificationKind(msgspec.Struct, frozen=True, kw_only=True):
    """``name`` is on the wire and in rows, for good.

    ``push``: whether it is pushed until the person decides; mails are only sent to who asked for them.
    ``is_told_again``: whether it is pushed once more when another person joins it while it is unread.
    ``may_be_strangers``: whether the person may have it from people whom they do not follow, and so keep it among the
    requests.
    ``is_own``: it is of the person's own affairs, so its actor is the person and the only one notified.
    ``is_between``: it is of an affair that two sides have with each other, which neither mutes nor blocks hide.
    """

    name: str
    summary: str
    push: bool = True
    urgency: Urgency = "normal"
    ttl_s: int = DAY_S
    is_told_again: bool = False
    may_be_strangers: bool = False
    is_own: bool = False
    is_between: bool = False


FOLLOW: Final = NotificationKind(name="follow", summary="Somebody follows you")
FOLLOW_REQUEST: Final = NotificationKind(name="follow_request", summary="Somebody asks to follow you")
FOLLOW_APPROVED: Final = NotificationKind(name="follow_approved", summary="Somebody lets you follow them")
MENTION: Final = NotificationKind(
    name="mention",
    summary="Somebody mentions you in a chat or a post",
    urgency="high",
    is_told_again=True,
    may_be_strangers=True,
)
REPLY: Final = NotificationKind(
    name="reply",
    summary="Somebody replies to a post of yours",
    urgency="high",
    is_told_again=True,
    may_be_strangers=True,
)
QUOTE: Final = NotificationKind(
    name="quote", summary="Somebody quotes a post of yours", is_told_again=True, may_be_strangers=True
)
REPOST: Final = NotificationKind(
    name="repost", summary="Somebody reposts a post of yours", push=False, urgency="low", may_be_strangers=True
)
REACTION: Final = NotificationKind(
    name="reaction", summary="Somebody reacts to a post of yours", push=False, urgency="low", may_be_strangers=True
)
STREAM_STARTED: Final = NotificationKind(
    name="stream_started", summary="Somebody whom you follow is live", urgency="high", ttl_s=3_600
)
STREAM_SCHEDULED: Final = NotificationKind(
    name="stream_scheduled", summary="Somebody whom you follow has announced a stream"
)
STREAM_REMINDER: Final = NotificationKind(
    name="stream_reminder",
    summary="A stream that somebody whom you follow has announced begins soon",
    urgency="high",
    ttl_s=3_600,
)
CONVERSATION_REQUEST: Final = NotificationKind(
    name="conversation_request", summary="Somebody whom you do not follow writes to you"
)
MESSAGE: Final = NotificationKind(
    name="message", summary="Somebody writes to you in a conversation", urgency="high", is_told_again=True
)
COMMUNITY: Final = NotificationKind(name="community", summary="Something concerns you in a community")
OWN_EVENT: Final = NotificationKind(name=COMMUNITY.name, summary="An event that you announced begins soon", is_own=True)
WEBHOOK_DISABLED: Final = NotificationKind(
    name="webhook_disabled", summary="A webhook of yours was switched off after a day of failures", is_own=True
)
RECORDING_EXPIRING: Final = NotificationKind(
    name="recording_expiring",
    summary="A recording of yours will be removed by its age",
    push=False,
    urgency="low",
    is_own=True,
)
SUBSCRIPTION_UNPAID: Final = NotificationKind(
    name="subscription_unpaid", summary="The next month of a subscription of yours was not paid", is_own=True
)
MODERATION: Final = NotificationKind(
    name="moderation",
    summary="Moderators have decided about you or something of yours, or taken that back",
    urgency="high",
    is_told_again=True,
    is_own=True,
)
ORDER: Final = NotificationKind(
    name="order",
    summary="An order that you gave or got is paid, shipped, received, called off or in dispute",
    is_between=True,
)
MATCH: Final = NotificationKind(
    name="match",
    summary="A work of another is found in something of yours, or there is news of such a match",
    urgency="high",
    is_between=True,
)

KINDS: Final = (
    FOLLOW,
    FOLLOW_REQUEST,
    FOLLOW_APPROVED,
    MENTION,
    REPLY,
    QUOTE,
    REPOST,
    REACTION,
    STREAM_STARTED,
    STREAM_SCHEDULED,
    STREAM_REMINDER,
    CONVERSATION_REQUEST,
    MESSAGE,
    COMMUNITY,
    WEBHOOK_DISABLED,
    RECORDING_EXPIRING,
    SUBSCRIPTION_UNPAID,
    MODERATION,
    ORDER,
    MATCH,
)
BETWEEN: Final = tuple(kind.name for kind in KINDS if kind.is_between)
BY_NAME: Final = {kind.name: kind for kind in KINDS}


class Subject(msgspec.Struct, frozen=True):
    """What a notification is about: ``type`` says which of the neighbours' verbs finds its title."""

    type: str
    id: str


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """``actor_id`` has done it. Notices of one kind and subject are one notification until it is read.

    ``happened_at`` None: a state that either holds or does not, as that one person follows another; the same again
    changes nothing while it is unread. Else an occurrence, which is told again only if it happened later.
    """

    kind: NotificationKind
    actor_id: str
    subject: Subject | None = None
    happened_at: datetime | None = None
