"""The devices of a person that notifications are pushed to."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Final, Literal

import msgspec

from server.features.delivery.notifications import delivery_queries as queries
from server.http.encryption import Encryption
from server.http.errors import invalid_field
from server.outbound.public_addresses import NotPublic, PublicAddresses, Unresolved
from server.outbound.push import BadSubscription, WebTarget
from server.outbound.urls import BadUrl, host_of
from storage.ids import Ids
from storage.postgres import Database, Row

DeviceKind = Literal["web", "fcm"]

NO_FCM: Final = "this server has no account of Firebase"


class FcmTarget(msgspec.Struct, frozen=True, kw_only=True):
    token: str


Target = WebTarget | FcmTarget


class Devices:
    """What reaches a device is sealed in Postgres: who has it could push to the device.

    A target belongs to one person, the last who gave it: a browser has one for all who sign in.
    """

    def __init__(
        self,
        *,
        db: Database,
        encryption: Encryption,
        addresses: PublicAddresses,
        ids: Ids,
        wall: Callable[[], float],
        per_person: int,
        has_fcm: bool,
    ) -> None:
        self._db = db
        self._encryption = encryption
        self._addresses = addresses
        self._ids = ids
        self._wall = wall
        self._per_person = per_person
        self._has_fcm = has_fcm

    async def add(self, person_id: str, target: Target, device: str, *, session_id: str) -> Row:
        """The subscription, which ends with the session; the oldest of too many go. Raises a 422 that names what is
        wrong.
        """
        await self._check(target)
        subscription_id = self._ids.uuid7(self._wall())
        kind, sealed = await self._sealed(target)
        async with self._db.transaction() as tx:
            row = await tx.fetchrow(
                queries.SUBSCRIBE, subscription_id, person_id, kind, target_hash(target), sealed, device, session_id
            )
            await tx.execute(queries.DROP_OLDEST, person_id, self._per_person)
        assert row is not None
        return row

    async def all(self, person_id: str) -> list[Row]:
        return await self._db.fetch(queries.SUBSCRIPTIONS, person_id)

    async def remove(self, person_id: str, subscription_id: str) -> bool:
        return await self._db.fetchval(queries.UNSUBSCRIBE, person_id, subscription_id) is not None

    async def remove_target(self, person_id: str, hashed: bytes) -> bool:
        return await self._db.fetchval(queries.UNSUBSCRIBE_TARGET, person_id, hashed) is not None

    async def open(self, kind: str, sealed: bytes) -> Target:
        """Raises a 503 ``Problem`` when the server's key was lost."""
        text = await self._encryption.open(sealed, context=_context(kind))
        if kind == "web":
            return msgspec.json.decode(text, type=WebTarget)
        return msgspec.json.decode(text, type=FcmTarget)

    async def _sealed(self, target: Target) -> tuple[DeviceKind, bytes]:
        kind: DeviceKind = "web" if isinstance(target, WebTarget) else "fcm"
        text = msgspec.json.encode(target).decode()
        return kind, await self._encryption.seal(text, context=_context(kind))

    async def _check(self, target: Target) -> None:
        """A host that is not found now may be there later; what it is then is looked at with each message."""
        if isinstance(target, FcmTarget):
            if not self._has_fcm:
                raise invalid_field("fcm_token", NO_FCM)
            return
        try:
            target.checked()
            await self._addresses.of(*host_of(target.endpoint))
        except BadSubscription as error:
            raise invalid_field(error.field, str(error)) from None
        except BadUrl as error:
            raise invalid_field("endpoint", str(error)) from None
        except NotPublic:
            raise invalid_field("endpoint", "must be a public address") from None
        except Unresolved:
            return


def target_hash(target: Target) -> bytes:
    """What tells targets apart: the endpoint, or the token."""
    return hash_of(target.endpoint if isinstance(target, WebTarget) else target.token)


def hash_of(address: str) -> bytes:
    return hashlib.sha256(address.encode()).digest()


def _context(kind: str) -> str:
    return f"push target {kind}"
