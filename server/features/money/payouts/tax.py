"""Tax details, encrypted at rest, and what each recipient was paid in a year."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from server.features.money.payouts import queries
from server.features.money.payouts.shapes import TaxBody
from server.http.encryption import Encryption
from server.http.errors import not_found
from storage.audit import AuditLog
from storage.postgres import Database

MAX_RECIPIENTS: Final = 50_000
PAID: Final = ("person_id", "username", "currency", "payouts", "amount", "withheld")


class Taxes:
    def __init__(self, *, db: Database, now: Callable[[], datetime], encryption: Encryption, audit: AuditLog) -> None:
        self._db = db
        self._now = now
        self._encryption = encryption
        self._audit = audit

    async def put(self, person_id: str, body: TaxBody, *, address: str) -> dict[str, Any]:
        """Replace the details. The log says that, and not what they are."""
        sealed = await self._encryption.seal(body.model_dump_json(), context=_context(person_id))
        now = self._now()
        async with self._db.transaction() as tx:
            await tx.execute(queries.PUT_TAX, person_id, sealed, now)
            await self._audit.add(tx, "tax.details", actor_id=person_id, subject=person_id, ip=address)
        return {**body.model_dump(), "changed_at": now}

    async def of(self, person_id: str) -> dict[str, Any]:
        """Raises a 404 where none were given, a 503 where the key was lost."""
        row = await self._db.fetchrow(queries.TAX, person_id)
        if row is None:
            raise not_found("You have given no tax details")
        return {**await self._opened(person_id, row["sealed"]), "changed_at": row["changed_at"]}

    async def country_of(self, person_id: str) -> str | None:
        """None for who has given no details. Raises a 503 where the key was lost."""
        row = await self._db.fetchrow(queries.TAX, person_id)
        return None if row is None else str((await self._opened(person_id, row["sealed"]))["country"])

    async def mine(self, person_id: str, year: int | None) -> dict[str, Any]:
        """By currency, what was paid out in the year, which is this one without one."""
        first, after, year = self._year(year)
        rows = await self._db.fetch(queries.PAID_IN, first, after, person_id, MAX_RECIPIENTS)
        totals = [{name: row[name] for name in ("currency", "payouts", "amount", "withheld")} for row in rows]
        return {"year": year, "totals": totals}

    async def totals(self, year: int | None, *, by: str, address: str) -> list[dict[str, Any]]:
        """Of each recipient, with the details that they gave. Reading them is in the log."""
        first, after, year = self._year(year)
        rows: Sequence[Any] = await self._db.fetch(queries.PAID_IN, first, after, None, MAX_RECIPIENTS, timeout_s=60.0)
        async with self._db.transaction() as tx:
            await self._audit.add(tx, "tax.totals", actor_id=by, subject=str(year), ip=address)
        nothing = dict.fromkeys(TaxBody.model_fields, "")
        return [
            {**nothing, **(await self._opened(row["person_id"], row["sealed"]) if row["sealed"] else {}),
             **{name: row[name] for name in PAID}, "year": year}
            for row in rows
        ]  # fmt: skip

    async def _opened(self, person_id: str, sealed: bytes) -> dict[str, Any]:
        found: dict[str, Any] = msgspec.json.decode(await self._encryption.open(sealed, context=_context(person_id)))
        return found

    def _year(self, year: int | None) -> tuple[datetime, datetime, int]:
        found = year or self._now().astimezone(UTC).year
        return datetime(found, 1, 1, tzinfo=UTC), datetime(found + 1, 1, 1, tzinfo=UTC), found


def _context(person_id: str) -> str:
    return f"tax details of {person_id}"
