"""What smells of an attack, for the audit log."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from server.features.people.accounts.devices import Device
from server.http.addresses import limiting_key
from server.http.limits import CallRate, RateLimiter
from storage.audit import AuditLog
from storage.postgres import Database

RATE: Final = CallRate("suspicions", per_s=1 / 300, burst=5)
"""Of one kind from one address: an attack leaves a trace, and does not fill the log."""


class Suspicions:
    def __init__(self, *, database: Database, audit: AuditLog, limiter: RateLimiter) -> None:
        self._db = database
        self._audit = audit
        self._limiter = limiter

    async def note(
        self, action: str, *, device: Device, subject: str = "", detail: Mapping[str, Any] | None = None
    ) -> None:
        """An entry without an actor, in a transaction of its own. ``subject``: whom it is aimed at, if known."""
        taken = await self._limiter.take(f"{action} {limiting_key(device.address)}", RATE)
        if taken.wait_s > 0:
            return
        async with self._db.transaction() as tx:
            await self._audit.add(
                tx,
                action,
                actor_id=None,
                subject=subject,
                ip=device.address,
                detail={"user_agent": device.agent, **(detail or {})},
            )

    async def forged_token(self, address: str, user_agent: str) -> None:
        """An access token that was made up or tampered with."""
        await self.note("access_token.forged", device=Device(address=address, user_agent=user_agent))
