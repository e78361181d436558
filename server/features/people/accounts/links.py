"""The links that accounts send: their tokens are used up in one transaction with what they allow."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from server.features.people.accounts.devices import Device
from server.features.people.accounts.suspicions import Suspicions
from server.http.errors import FieldError, Problem
from server.outbound.tokens import Grant, LinkTokens, Purpose
from storage.postgres import Database, Transaction

FIELD = FieldError("token", "is unknown, was used, or has expired: ask for another mail")


class LinkInvalid(Problem):
    def __init__(self) -> None:
        super().__init__(422, f"{FIELD.field}: {FIELD.message}", slug="link-invalid", errors=[FIELD])


class Links:
    def __init__(self, *, database: Database, tokens: LinkTokens, suspicions: Suspicions) -> None:
        self._db = database
        self._tokens = tokens
        self._suspicions = suspicions

    async def look(self, token: str, purpose: Purpose, device: Device) -> Grant:
        """What the token allows; it stays. Raises ``LinkInvalid``."""
        grant = await self._tokens.look(token, purpose=purpose)
        if grant is None:
            await self._suspect(token, device)
            raise LinkInvalid
        return grant

    @asynccontextmanager
    async def redeeming(
        self, token: str, purposes: Sequence[Purpose], device: Device
    ) -> AsyncIterator[tuple[Transaction, Purpose, Grant]]:
        """A transaction that uses the token up. Raises ``LinkInvalid`` for one that is for none of the purposes."""
        async with self._db.transaction() as tx:
            for purpose in purposes:
                grant = await self._tokens.redeem(tx, token, purpose=purpose)
                if grant is not None:
                    yield tx, purpose, grant
                    return
        await self._suspect(token, device)
        raise LinkInvalid

    async def void(self, tx: Transaction, person_id: str, *purposes: Purpose) -> None:
        await self._tokens.void(tx, person_id, *purposes)

    async def _suspect(self, token: str, device: Device) -> None:
        """A good token of another purpose: its bearer was led to the wrong page."""
        found = await self._tokens.purpose_of(token)
        if found is not None:
            person_id, purpose = found
            await self._suspicions.note(
                "link.of_another_purpose", device=device, subject=person_id, detail={"purpose": purpose}
            )
