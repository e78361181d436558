"""Encryption at rest: AES-256-GCM with a key of the server's own.

The key comes from ``secrets_key``, the operator's, or else from Postgres, where every node finds the same. A sealed
text is ``kid`` (8 bytes), nonce (12 bytes), ciphertext and tag; ``kid`` names the key, so that what an earlier key has
sealed opens as long as that key is in Postgres, or is ``other_secrets_key``.
"""

from __future__ import annotations

import hashlib
import os
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from server.http.errors import Problem
from storage.postgres import Database

KID_BYTES: Final = 8
NONCE_BYTES: Final = 12
KEY_BYTES: Final = 32


class Encryption:
    """``context`` says what a text is and whose: sealed for one, it opens for no other."""

    def __init__(
        self, *, database: Database, secrets_key: str | None = None, other_secrets_key: str | None = None
    ) -> None:
        """``other_secrets_key`` opens, and seals nothing."""
        self._db = database
        self._own = _key(secrets_key) if secrets_key else None
        self._keys: dict[bytes, AESGCM] = {}
        if other_secrets_key:
            self._add(_key(other_secrets_key))

    async def seal(self, text: str, *, context: str) -> bytes:
        kid = await self._current()
        nonce = os.urandom(NONCE_BYTES)
        return kid + nonce + self._keys[kid].encrypt(nonce, text.encode(), context.encode())

    async def open(self, sealed: bytes, *, context: str) -> str:
        """Raises a 503 for what none of the known keys has sealed: the operator has lost or changed ``secrets_key``."""
        kid, rest = sealed[:KID_BYTES], sealed[KID_BYTES:]
        if kid not in self._keys:
            await self._load()
        try:
            return self._keys[kid].decrypt(rest[:NONCE_BYTES], rest[NONCE_BYTES:], context.encode()).decode()
        except (KeyError, InvalidTag) as error:
            raise Problem(503, "What the server has stored cannot be decrypted", slug="key-lost") from error

    async def _current(self) -> bytes:
        if self._own is not None:
            return self._add(self._own)
        await self._load()
        return next(reversed(self._keys))

    async def _load(self) -> None:
        """The keys in Postgres, of which the first is made here; the newest comes last."""
        await self._db.execute(_FIRST_KEY, os.urandom(KEY_BYTES))
        for row in await self._db.fetch(_KEYS):
            self._add(bytes(row["secret"]))
        if self._own is not None:
            self._add(self._own)

    def _add(self, key: bytes) -> bytes:
        kid = hashlib.sha256(b"kid\0" + key).digest()[:KID_BYTES]
        self._keys.setdefault(kid, AESGCM(key))
        return kid


def _key(text: str) -> bytes:
    return hashlib.sha256(b"socialflow secrets\0" + text.encode()).digest()


_FIRST_KEY: Final = "insert into encryption_keys (kid, secret) values ('e1', $1) on conflict (kid) do nothing"
_KEYS: Final = "select secret from encryption_keys order by created_at, kid"
