"""Push messages to devices: Web Push (RFC 8030) and Firebase Cloud Messaging, what other rooms may use."""

from __future__ import annotations

from server.outbound.push.encryption import MAX_PLAINTEXT
from server.outbound.push.fcm import Fcm, ServiceAccount, service_account
from server.outbound.push.message import Outcome, PushMessage, Urgency
from server.outbound.push.vapid import VapidKeys
from server.outbound.push.web_push import BadSubscription, WebPush, WebTarget

__all__ = [
    "MAX_PLAINTEXT",
    "BadSubscription",
    "Fcm",
    "Outcome",
    "PushMessage",
    "ServiceAccount",
    "Urgency",
    "VapidKeys",
    "WebPush",
    "WebTarget",
    "service_account",
]
