"""The webhooks of people: made with a secret that is shown once, changed, removed; what they were sent."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from server.features.integrations.webhooks import queries
from server.features.integrations.webhooks.kinds import PING, PingEvent
from server.features.integrations.webhooks.outbox import Event, Outbox
from server.features.integrations.webhooks.sending import context_of
from server.http.encryption import Encryption
from server.http.errors import Problem, invalid_field, not_found
from server.outbound.public_addresses import NotPublic, PublicAddresses, Unresolved
from server.outbound.urls import BadUrl, host_of
from storage.postgres import Database, Row, Transaction

SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - what secrets begin with


class Webhooks:
    """A webhook is there for its owner alone; anybody else is answered a 404."""

    def __init__(
        self, *, db: Database, outbox: Outbox, encryption: Encryption, addresses: PublicAddresses, per_person: int
    ) -> None:
        self._db = db
        self._outbox = outbox
        self._encryption = encryption
        self._addresses = addresses
        self._per_person = per_person

    async def add(self, owner_id: str, url: str, events: Sequence[str]) -> tuple[Row, str]:
        """The webhook and its secret. Raises a 422 for an address that is not public, a 409 for one too many."""
        await self._require_public(url)
        webhook_id, secret = self._outbox.new_id(), SECRET_PREFIX + secrets.token_urlsafe(32)
        sealed = await self._encryption.seal(secret, context=context_of(webhook_id))
        async with self._db.transaction() as tx:
            await tx.execute(queries.LOCK_OWNER, owner_id)
            if await tx.fetchval(queries.COUNT, owner_id) >= self._per_person:
                raise Problem(409, f"A person has at most {self._per_person} webhooks", slug="too-many-webhooks")
            row = await tx.fetchrow(queries.ADD, webhook_id, owner_id, url, sorted(set(events)), sealed)
            await tx.execute(queries.BEGIN_ROOMS, webhook_id, owner_id)
        assert row is not None
        return row, secret

    async def listed(self, owner_id: str, *, after: str | None, limit: int) -> Sequence[Row]:
        return await self._db.fetch(queries.LIST, owner_id, after, limit)

    async def one(self, owner_id: str, webhook_id: str) -> Row:
        return _found(await self._db.fetchrow(queries.ONE, owner_id, webhook_id))

    async def change(
        self, owner_id: str, webhook_id: str, *, events: Sequence[str] | None, is_active: bool | None
    ) -> Row:
        """Chat is sent from where it stands when the webhook begins to listen for it, or is switched on."""
        wanted = sorted(set(events)) if events is not None else None
        async with self._db.transaction() as tx:
            before = _found(await tx.fetchrow(queries.ONE, owner_id, webhook_id))
            row = _found(await tx.fetchrow(queries.CHANGE, owner_id, webhook_id, wanted, is_active))
            if _hears_chat(row) and not _hears_chat(before):
                await tx.execute(queries.BEGIN_ROOMS, webhook_id, owner_id)
            if row["disabled_at"] is not None:
                await tx.execute(queries.GIVE_UP, webhook_id)
        return row

    async def remove(self, owner_id: str, webhook_id: str) -> None:
        if not await self._db.execute(queries.REMOVE, owner_id, webhook_id):
            raise not_found("You have no such webhook")

    async def deliveries(self, owner_id: str, webhook_id: str, *, before: str | None, limit: int) -> Sequence[Row]:
        await self.one(owner_id, webhook_id)
        return await self._db.fetch(queries.DELIVERIES, webhook_id, before, limit)

    async def replay(self, owner_id: str, webhook_id: str, delivery_id: str) -> Row:
        """The same event again, as a delivery of its own."""
        async with self._db.transaction() as tx:
            await self._require_on(tx, owner_id, webhook_id)
            row = await tx.fetchrow(queries.REPLAY, self._outbox.new_id(), webhook_id, delivery_id)
            if row is None:
                raise not_found("There is no such delivery any more")
            await self._outbox.send(tx, webhook_id)
        return row

    async def ping(self, owner_id: str, webhook_id: str) -> Row:
        async with self._db.transaction() as tx:
            await self._require_on(tx, owner_id, webhook_id)
            data = PingEvent(webhook_id=UUID(webhook_id))
            event = Event(id=self._outbox.new_id(), name=PING.name, data=data)
            (row,) = await self._outbox.put(tx, {webhook_id: [event]})
        return row

    async def _require_on(self, tx: Transaction, owner_id: str, webhook_id: str) -> None:
        row = _found(await tx.fetchrow(queries.ONE, owner_id, webhook_id))
        if row["disabled_at"] is not None:
            raise Problem(409, "The webhook is switched off", slug="webhook-off")

    async def _require_public(self, url: str) -> None:
        """A host that is not found now may be there later; what it is then is looked at with each delivery."""
        try:
            await self._addresses.of(*host_of(url))
        except BadUrl as error:
            raise invalid_field("url", str(error)) from None
        except NotPublic:
            raise invalid_field("url", "must be a public address") from None
        except Unresolved:
            return


def _found(row: Row | None) -> Row:
    if row is None:
        raise not_found("You have no such webhook")
    return row


def _hears_chat(row: Row) -> bool:
    return row["disabled_at"] is None and "chat.message" in row["events"]


async def erase(tx: Transaction, person_id: str) -> None:
    await tx.execute(queries.ERASE, person_id)
