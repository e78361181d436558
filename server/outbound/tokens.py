"""Single-use tokens for the links in mails: who holds one has read the mail of its address.

A token is 256 random bits. The table has only its SHA-256, so that a copy of the database opens nothing. A token is
bound to a person and to a purpose, and ends with its use, its time, or a newer one of the same person and purpose.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Mapping
from typing import Any, Final, Literal

import msgspec

from storage.postgres import Database, Transaction

Purpose = Literal["verify_email", "reset_password", "change_email", "undo_email", "link_provider", "export"]

TOKEN: Final = re.compile("[A-Za-z0-9_-]{43}")
PRUNE_BATCH: Final = 5_000

_ISSUE: Final = """
insert into mail_tokens (person_id, purpose, token_hash, detail, expires_at)
values ($1, $2, $3, $4, now() + make_interval(secs => $5))
on conflict (person_id, purpose) do update set token_hash = excluded.token_hash, detail = excluded.detail,
    issued_at = excluded.issued_at, expires_at = excluded.expires_at, used_at = null
"""
_USABLE: Final = "token_hash = $1 and purpose = $2 and used_at is null and expires_at > clock_timestamp()"
_REDEEM: Final = f"update mail_tokens set used_at = clock_timestamp() where {_USABLE} returning person_id, detail"
_LOOK: Final = f"select person_id, detail from mail_tokens where {_USABLE}"
_PURPOSE: Final = "select person_id, purpose from mail_tokens where token_hash = $1"
_HOLDS: Final = """
select exists (select from mail_tokens
    where person_id = $1 and purpose = $2 and used_at is null and expires_at > clock_timestamp())
"""
_VOID: Final = "delete from mail_tokens where person_id = $1 and purpose = any($2)"
_PRUNE: Final = """
delete from mail_tokens where (person_id, purpose) in
    (select person_id, purpose from mail_tokens where expires_at < now() limit $1)
"""


class Grant(msgspec.Struct, frozen=True):
    """What a token was issued for. ``detail``: what the issuer noted with it, such as the address to change to."""

    person_id: str
    detail: dict[str, Any]


class LinkTokens:
    """``tx`` is a transaction of the caller's: a token is issued, or used up, if and only if that commits."""

    def __init__(self, *, db: Database) -> None:
        self._db = db

    async def issue(
        self,
        tx: Transaction,
        *,
        person_id: str,
        purpose: Purpose,
        valid_s: float,
        detail: Mapping[str, Any] | None = None,
    ) -> str:
        """A new token, 43 characters that need no quoting in a URL; the person's older one of the purpose is void."""
        token = secrets.token_urlsafe(32)
        await tx.execute(_ISSUE, person_id, purpose, _hash(token), dict(detail or {}), valid_s)
        return token

    async def redeem(self, tx: Transaction, token: str, *, purpose: Purpose) -> Grant | None:
        """Use the token up. None when it is unknown, used, void, expired or for another purpose.

        Of two who redeem it at the same time one gets None, once the transaction of the other has committed.
        """
        if not TOKEN.fullmatch(token):
            return None
        return _grant(await tx.fetchrow(_REDEEM, _hash(token), purpose))

    async def look(self, token: str, *, purpose: Purpose) -> Grant | None:
        """As ``redeem``, but the token stays: for a page that asks for more before the token is used."""
        if not TOKEN.fullmatch(token):
            return None
        return _grant(await self._db.fetchrow(_LOOK, _hash(token), purpose))

    async def purpose_of(self, token: str) -> tuple[str, str] | None:
        """Whom a token was issued for and to what purpose, whatever has become of it; None for an unknown one."""
        row = await self._db.fetchrow(_PURPOSE, _hash(token)) if TOKEN.fullmatch(token) else None
        return None if row is None else (row["person_id"], row["purpose"])

    async def holds(self, tx: Transaction, person_id: str, purpose: Purpose) -> bool:
        """Whether a token of the person and purpose is good still."""
        return bool(await tx.fetchval(_HOLDS, person_id, purpose))

    async def void(self, tx: Transaction, person_id: str, *purposes: Purpose) -> None:
        """End the person's tokens of these purposes."""
        await tx.execute(_VOID, person_id, list(purposes))

    async def prune(self) -> None:
        """Delete expired tokens."""
        while await self._db.execute(_PRUNE, PRUNE_BATCH) == PRUNE_BATCH:
            pass


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _grant(row: Any) -> Grant | None:
    return None if row is None else Grant(row["person_id"], row["detail"])
