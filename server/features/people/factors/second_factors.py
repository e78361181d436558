"""One-time passwords and recovery codes as a second factor: enrolled, confirmed, checked, removed."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from server.features.people.accounts import Device, FactorGuesses, SecurityChanges, wrong_code
from server.features.people.factors import queries, totp
from server.http.encryption import Encryption
from server.http.errors import Problem
from storage.audit import AuditLog
from storage.postgres import Database, Transaction

TOTP: Final = {"kind": "totp"}


@dataclass(frozen=True, kw_only=True)
class Enrolment:
    """Shown once. ``secret`` is in base 32."""

    secret: str
    otpauth_uri: str


@dataclass(frozen=True, kw_only=True)
class TotpState:
    """A person's confirmed factor."""

    created_at: datetime
    confirmed_at: datetime
    codes_left: int


class SecondFactors:
    """A person has at most one TOTP secret. ``tx`` is the caller's: what is spent in it is spent if it commits."""

    def __init__(
        self,
        *,
        database: Database,
        encryption: Encryption,
        guesses: FactorGuesses,
        audit: AuditLog,
        changes: SecurityChanges,
        issuer: str,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """``issuer``: the server's name, as authenticator apps show it."""
        self._db = database
        self._encryption = encryption
        self._guesses = guesses
        self._audit = audit
        self._changes = changes
        self._issuer = issuer
        self._wall = wall

    async def is_due(self, person_id: str) -> bool:
        """Whether the person has to give a code beside their password."""
        return bool(await self._db.fetchval(queries.IS_DUE, person_id))

    async def prove(self, person_id: str, code: str | None, device: Device) -> bool:
        """At a sign-in; False when the person has no second factor. Raises a 401 without a code, which is not counted
        as a guess, and for a wrong one; a 429.
        """
        if not await self.is_due(person_id):
            return False
        if not code:
            raise totp_required()
        async with self._guesses.of_device(person_id, device), self._db.transaction() as tx:
            if not await self.spend(tx, person_id, code, device):
                raise wrong_code(401)
        return True

    async def reprove(self, tx: Transaction, person_id: str, code: str, device: Device) -> None:
        """Of a person who is signed in. Raises a 403 for a wrong code."""
        if not await self.spend(tx, person_id, code, device):
            raise wrong_code(403)

    async def state(self, person_id: str) -> TotpState | None:
        row = await self._db.fetchrow(queries.STATE, person_id)
        return TotpState(**dict(row)) if row is not None else None

    async def spend(self, tx: Transaction, person_id: str, code: str, device: Device) -> bool:
        """Use up a one-time password or a recovery code; False for one that is wrong or was used. Of two calls with
        one code at the same time one is True.
        """
        row = await tx.fetchrow(queries.FACTOR, person_id)
        if row is None or not row["is_confirmed"]:
            return False
        normal = totp.normal_code(code)
        step = await self._step(person_id, bytes(row["secret"]), normal, row["last_step"])
        if step is not None:
            await tx.execute(queries.SPEND_STEP, person_id, step)
            return True
        if not await tx.execute(queries.SPEND_RECOVERY_CODE, person_id, _digest(person_id, normal)):
            return False
        await self._audit.add(
            tx,
            "factor.recovery_code_used",
            actor_id=person_id,
            subject=person_id,
            ip=device.address,
            detail={"user_agent": device.agent},
        )
        return True

    async def enroll(self, *, person_id: str, username: str) -> Enrolment:
        """A new secret, in place of one that was not confirmed. Raises a 409 when there is a confirmed one."""
        secret = totp.new_secret()
        sealed = await self._encryption.seal(secret, context=_context(person_id))
        if not await self._db.execute(queries.ENROLL, person_id, sealed):
            raise Problem(409, "There is a second factor already: remove it first", slug="already-enrolled")
        uri = totp.otpauth_uri(secret, account=username, issuer=self._issuer)
        return Enrolment(secret=secret, otpauth_uri=uri)

    async def confirm(self, tx: Transaction, person_id: str, code: str, device: Device) -> list[str]:
        """The factor is due from now on; the recovery codes are shown this once. Raises a 403 for a wrong code, and a
        409 when nothing waits to be confirmed.
        """
        row = await tx.fetchrow(queries.FACTOR, person_id)
        if row is None or row["is_confirmed"]:
            raise Problem(409, "No second factor waits to be confirmed", slug="not-enrolled")
        step = await self._step(person_id, bytes(row["secret"]), totp.normal_code(code), row["last_step"])
        if step is None:
            raise wrong_code(403)
        await tx.execute(queries.CONFIRM, person_id, step)
        await self._changes.note(tx, "factor.added", person_id=person_id, device=device, detail=TOTP)
        return await self._replace_codes(tx, person_id)

    async def renew_codes(self, tx: Transaction, person_id: str, device: Device) -> list[str]:
        """New recovery codes; those until now are void. Raises a 409 without a confirmed factor."""
        row = await tx.fetchrow(queries.FACTOR, person_id)
        if row is None or not row["is_confirmed"]:
            raise _not_enrolled()
        await self._changes.note(tx, "factor.codes_renewed", person_id=person_id, device=device)
        return await self._replace_codes(tx, person_id)

    async def remove(self, tx: Transaction, person_id: str, device: Device) -> None:
        """Raises a 409 without a confirmed factor."""
        if not await tx.execute(queries.REMOVE_CONFIRMED, person_id):
            raise _not_enrolled()
        await tx.execute(queries.REMOVE_RECOVERY_CODES, person_id)
        await self._changes.note(tx, "factor.removed", person_id=person_id, device=device, detail=TOTP)

    async def _step(self, person_id: str, sealed: bytes, code: str, last_step: int) -> int | None:
        secret = await self._encryption.open(sealed, context=_context(person_id))
        return totp.matching_step(secret, code, at=self._wall(), last_step=last_step)

    async def _replace_codes(self, tx: Transaction, person_id: str) -> list[str]:
        codes = totp.new_recovery_codes()
        await tx.execute(queries.REMOVE_RECOVERY_CODES, person_id)
        rows = [(person_id, _digest(person_id, totp.normal_code(code))) for code in codes]
        await tx.executemany(queries.ADD_RECOVERY_CODE, rows)
        return codes


def totp_required() -> Problem:
    headers = {"WWW-Authenticate": "Bearer"}
    return Problem(401, "Give a code of the second factor too", slug="totp-required", headers=headers)


def _not_enrolled() -> Problem:
    return Problem(409, "There is no second factor", slug="not-enrolled")


def _context(person_id: str) -> str:
    return f"totp {person_id}"


def _digest(person_id: str, normal: str) -> bytes:
    """A code has 79 random bits, so a plain hash is enough; the person in it is the salt."""
    return hashlib.sha256(f"{person_id} {normal}".encode()).digest()
