"""Who pushes: the server's key pair (RFC 8292), one for the cluster, made at first use and sealed in Postgres."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from server.http.encryption import Encryption
from server.outbound.push.encryption import point
from storage.postgres import Database

CONTEXT: Final = "vapid key"
GOOD_S: Final = 12 * 3_600
"""Of a token; a push service may refuse more than 24 hours (RFC 8292, 2)."""
RENEWED_S: Final = 3_600
MAX_ORIGINS: Final = 200

_KEY: Final = "select sealed_private from push_keys where id = 1"
_ADD: Final = "insert into push_keys (id, sealed_private) values (1, $1) on conflict (id) do nothing"


def b64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class VapidKeys:
    """``subject``: how a push service reaches the operator, as ``mailto:`` or ``https:``."""

    def __init__(
        self, *, db: Database, encryption: Encryption, subject: str, wall: Callable[[], float] = time.time
    ) -> None:
        self._db = db
        self._encryption = encryption
        self._subject = subject
        self._wall = wall
        self._private: ec.EllipticCurvePrivateKey | None = None
        self._tokens: dict[str, tuple[str, float]] = {}

    async def public_key(self) -> str:
        """As ``applicationServerKey`` of the Push API takes it: an uncompressed point in base64url."""
        return b64url(point((await self._key()).public_key()))

    async def authorization(self, endpoint: str) -> str:
        """The value of ``Authorization`` for a push service: a token for its origin (RFC 8292, 3)."""
        parts = urlsplit(endpoint)
        origin, now = f"{parts.scheme}://{parts.netloc}", self._wall()
        token, good_until = self._tokens.get(origin, ("", 0.0))
        if good_until - now < RENEWED_S:
            if len(self._tokens) >= MAX_ORIGINS:
                self._tokens.clear()
            good_until = now + GOOD_S
            claims = {"aud": origin, "exp": int(good_until), "sub": self._subject}
            token = jwt.encode(claims, await self._key(), algorithm="ES256")
            self._tokens[origin] = token, good_until
        return f"vapid t={token}, k={await self.public_key()}"

    async def _key(self) -> ec.EllipticCurvePrivateKey:
        """Of two nodes that make one at the same time, both take the first."""
        if self._private is None:
            sealed = await self._db.fetchval(_KEY)
            if sealed is None:
                await self._db.execute(_ADD, await self._encryption.seal(_new_key(), context=CONTEXT))
                sealed = await self._db.fetchval(_KEY)
            pem = await self._encryption.open(bytes(sealed), context=CONTEXT)
            private = load_pem_private_key(pem.encode(), password=None)
            assert isinstance(private, ec.EllipticCurvePrivateKey)
            self._private = private
        return self._private


def _new_key() -> str:
    private = ec.generate_private_key(ec.SECP256R1())
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
