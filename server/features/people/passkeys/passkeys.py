"""Passkeys: registered by a person who is signed in, and a sign-in of their own."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from server.features.people.accounts import Device, SecurityChanges
from server.features.people.passkeys import ceremonies, queries
from server.features.people.passkeys.ceremonies import Json, Refused
from server.http.errors import Problem, invalid_field, not_found
from server.http.identity import Caller
from server.http.own_address import OwnAddress
from storage.audit import AuditLog
from storage.errors import Conflict
from storage.ids import Ids
from storage.postgres import Database, Row, Transaction

MAX_PASSKEYS: Final = 20
CHALLENGE_S: Final = 300.0
_CHALLENGE_BYTES: Final = 32


@dataclass(frozen=True, kw_only=True)
class Shown:
    """Who has shown a passkey, and whether the authenticator knew them (by a PIN, a finger, a face)."""

    person_id: str
    is_user_verified: bool


class Passkeys:
    """A challenge is good for five minutes and one answer, right or wrong."""

    def __init__(
        self,
        *,
        database: Database,
        audit: AuditLog,
        changes: SecurityChanges,
        ids: Ids,
        server_name: str,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._db = database
        self._audit = audit
        self._changes = changes
        self._ids = ids
        self._server_name = server_name
        self._wall = wall

    async def creation_options(self, person: Caller, party: OwnAddress) -> Json:
        challenge = secrets.token_bytes(_CHALLENGE_BYTES)
        known = await self._db.fetch(queries.CREDENTIALS, person.id, party.host)
        await self._db.execute(queries.ADD_CHALLENGE, _digest(challenge), challenge, person.id, CHALLENGE_S)
        return ceremonies.creation_options(
            party,
            server_name=self._server_name,
            person_id=person.id,
            username=person.username,
            display_name=person.display_name,
            challenge=challenge,
            known=[(bytes(row["credential_id"]), row["transports"]) for row in known],
        )

    async def register(self, person: Caller, party: OwnAddress, *, name: str, credential: Json, device: Device) -> Row:
        """Raises a 422 for what does not answer a challenge of this person, a 409 for a credential that is known or
        one too many.
        """
        try:
            challenge = await self._take(_digest(ceremonies.challenge_in(credential)), person.id)
            new = ceremonies.register(credential, party, challenge=challenge)
        except Refused as error:
            raise invalid_field("credential", f"was refused: {error}") from error
        values = (new.public_key, party.host, new.sign_count, list(new.transports), new.is_backed_up, name)
        async with self._db.transaction() as tx:
            await tx.execute(queries.LOCK_OWNER, person.id)
            if await tx.fetchval(queries.COUNT, person.id) >= MAX_PASSKEYS:
                raise Problem(409, f"There are {MAX_PASSKEYS} passkeys already", slug="too-many-passkeys")
            row = await self._added(tx, self._ids.uuid7(self._wall()), person.id, new.credential_id, *values)
            await self._note(tx, "passkey.added", person, passkey_id=row["id"], name=name, device=device)
        return row

    async def request_options(self, party: OwnAddress) -> tuple[str, Json]:
        """A ticket, and the options for a person who is not known yet."""
        ticket, challenge = secrets.token_urlsafe(_CHALLENGE_BYTES), secrets.token_bytes(_CHALLENGE_BYTES)
        await self._db.execute(queries.ADD_CHALLENGE, _digest(ticket.encode()), challenge, None, CHALLENGE_S)
        return ticket, ceremonies.request_options(party, challenge=challenge)

    async def show(self, party: OwnAddress, *, ticket: str, credential: Json, device: Device) -> Shown:
        """Who answers the challenge of a ticket. Raises a 401, the same for each reason; what a known credential is
        refused for is in the audit log.
        """
        try:
            challenge = await self._take(_digest(ticket.encode()), None)
            credential_id = ceremonies.credential_id_in(credential)
        except Refused as error:
            raise _refused() from error
        async with self._db.transaction() as tx:
            row = await tx.fetchrow(queries.BY_CREDENTIAL, credential_id, party.host)
            reason, shown = await self._checked(tx, row, party, challenge, credential)
            if row is not None and reason:
                detail = {"reason": reason[:200], "user_agent": device.agent}
                await self._audit.add(
                    tx,
                    "passkey.refused",
                    actor_id=row["user_id"],
                    subject=row["id"],
                    ip=device.address,
                    detail=detail,
                )
        if shown is None:
            raise _refused()
        return shown

    async def list(self, person: Caller, *, after: tuple[datetime, str] | None, limit: int) -> list[Row]:
        at, passkey_id = after or (None, None)
        return await self._db.fetch(queries.OF_PERSON, person.id, at, passkey_id, limit)

    async def remove(self, person: Caller, passkey_id: str, device: Device) -> None:
        """Raises a 404 unless it is theirs."""
        async with self._db.transaction() as tx:
            name = await tx.fetchval(queries.REMOVE, passkey_id, person.id)
            if name is None:
                raise not_found("You have no such passkey")
            await self._note(tx, "passkey.removed", person, passkey_id=passkey_id, name=name, device=device)

    async def prune(self) -> None:
        await self._db.execute(queries.PRUNE_CHALLENGES)

    async def _note(
        self,
        tx: Transaction,
        action: Literal["passkey.added", "passkey.removed"],
        person: Caller,
        *,
        passkey_id: str,
        name: str,
        device: Device,
    ) -> None:
        detail = {"name": name}
        await self._changes.note(
            tx, action, person_id=person.id, device=device, subject=passkey_id, name=name, detail=detail
        )

    async def _checked(
        self, tx: Transaction, row: Row | None, party: OwnAddress, challenge: bytes, credential: Json
    ) -> tuple[str, Shown | None]:
        """The reason of a refusal, or who it is."""
        if row is None:
            return "It is not known", None
        try:
            if ceremonies.user_handle_in(credential) != row["user_id"]:
                return "It is of another person", None
            found = ceremonies.authenticate(
                credential,
                party,
                challenge=challenge,
                public_key=bytes(row["public_key"]),
                sign_count=row["sign_count"],
            )
        except Refused as error:
            return str(error), None
        await tx.execute(queries.USED, row["id"], found.sign_count, found.is_backed_up)
        return "", Shown(person_id=row["user_id"], is_user_verified=found.is_user_verified)

    async def _take(self, key: bytes, person_id: str | None) -> bytes:
        row = await self._db.fetchrow(queries.TAKE_CHALLENGE, key, person_id)
        if row is None or not row["is_open"]:
            raise Refused("it answers no challenge that is open")
        return bytes(row["challenge"])

    async def _added(self, tx: Transaction, *values: Any) -> Row:
        try:
            row = await tx.fetchrow(queries.ADD, *values)
        except Conflict as error:
            raise Problem(409, "This passkey is known already", slug="taken") from error
        assert row is not None
        return row


def _refused() -> Problem:
    return Problem(401, "The passkey was refused", slug="passkey-refused", headers={"WWW-Authenticate": "Bearer"})


def _digest(text: bytes) -> bytes:
    return hashlib.sha256(text).digest()
