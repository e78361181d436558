"""What there is to be notified of, and a notice: something that happened, for those whom it concerns."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import msgspec


class NotificationKind(msgspec.Struct, frozen=True, kw_only=True):
    """``name`` is on the wire and in rows, for good."""

    name: str
    summary: str


FOLLOW: Final = NotificationKind(name="follow", summary="Somebody follows you")
FOLLOW_REQUEST: Final = NotificationKind(name="follow_request", summary="Somebody asks to follow you")
FOLLOW_APPROVED: Final = NotificationKind(name="follow_approved", summary="Somebody lets you follow them")
MENTION: Final = NotificationKind(name="mention", summary="Somebody mentions you in a chat")
STREAM_STARTED: Final = NotificationKind(name="stream_started", summary="Somebody whom you follow is live")

KINDS: Final = (FOLLOW, FOLLOW_REQUEST, FOLLOW_APPROVED, MENTION, STREAM_STARTED)


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
