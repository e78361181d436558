"""Web Push (RFC 8030): one encrypted message to the push service that a browser has named."""

from __future__ import annotations

import base64
import binascii
import os
from typing import Final

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec

from server.outbound.http import PublicHttp
from server.outbound.push.encryption import AUTH_BYTES, SALT_BYTES, device_key, encrypted
from server.outbound.push.message import (
    CONNECT_S,
    MAX_ANSWER,
    TIMEOUT_S,
    Outcome,
    PushMessage,
    outcome_of,
    outcome_of_failure,
)
from server.outbound.push.vapid import VapidKeys

MAX_KEY_CHARS: Final = 200


class BadSubscription(ValueError):
    """The keys of a subscription are none. ``field`` is the wrong one."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class WebTarget(msgspec.Struct, frozen=True, kw_only=True):
    """A subscription of the Push API; its keys in base64url."""

    endpoint: str
    p256dh: str
    auth: str

    def checked(self) -> WebTarget:
        """Raises ``BadSubscription``."""
        try:
            device_key(_bytes(self.p256dh))
        except ValueError:
            raise BadSubscription("keys.p256dh", "must be a point of P-256, uncompressed, in base64url") from None
        try:
            length = len(_bytes(self.auth))
        except ValueError:
            length = 0
        if length != AUTH_BYTES:
            raise BadSubscription("keys.auth", f"must be {AUTH_BYTES} bytes in base64url")
        return self


class WebPush:
    """What goes wrong is in the outcome of ``send``, but for a 503 ``Problem`` when the server's key was lost."""

    def __init__(self, *, http: PublicHttp, keys: VapidKeys) -> None:
        self._http = http
        self._keys = keys

    async def send(self, target: WebTarget, message: PushMessage) -> Outcome:
        body = encrypted(
            msgspec.json.encode({"title": message.title, "body": message.body, **message.data}),
            p256dh=_bytes(target.p256dh),
            auth=_bytes(target.auth),
            private=ec.generate_private_key(ec.SECP256R1()),
            salt=os.urandom(SALT_BYTES),
        )
        headers = {
            "Authorization": await self._keys.authorization(target.endpoint),
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
            "TTL": str(message.ttl_s),
            "Topic": message.topic,
            "Urgency": message.urgency,
        }
        try:
            reply = await self._http.post(
                target.endpoint,
                body=body,
                headers=headers,
                timeout_s=TIMEOUT_S,
                connect_s=CONNECT_S,
                max_bytes=MAX_ANSWER,
            )
        except (OSError, TimeoutError) as error:
            return outcome_of_failure(error)
        return outcome_of(reply)


def _bytes(text: str) -> bytes:
    """Of base64url with or without padding. Raises ``ValueError``."""
    if len(text) > MAX_KEY_CHARS or not text.isascii():
        raise ValueError("no base64url")
    padded = text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4)
    try:
        return base64.b64decode(padded, altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError("no base64url") from error
