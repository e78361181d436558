"""What is withheld of payouts for taxes, by the operator's rules, and where that goes.

It lies in an account of the person's own until an operator releases it to them or remits it to the tax office.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from server.features.money.ledger import Account, Ledger, available
from server.features.money.payouts import queries
from server.features.money.payouts.shapes import RulesBody, SettleBody
from server.features.money.payouts.tax import Taxes
from server.http.errors import Problem, invalid_field, not_found
from storage.audit import AuditLog
from storage.ids import Ids
from storage.postgres import Database, Transaction

BANK: Final = Account("bank")
KIND: Final = "withholding"
MAX_HELD: Final = 1_000


def withheld(person_id: str) -> Account:
    return Account("withheld", person_id)


class Withholding:
    def __init__(
        self, *, db: Database, ids: Ids, now: Callable[[], datetime], ledger: Ledger, taxes: Taxes, audit: AuditLog
    ) -> None:
        self._db = db
        self._ids = ids
        self._now = now
        self._ledger = ledger
        self._taxes = taxes
        self._audit = audit

    async def shown(self) -> dict[str, Any]:
        rules = [dict(row) for row in await self._db.fetch(queries.RULES)]
        held = [dict(row) for row in await self._db.fetch(queries.HELD, None, MAX_HELD)]
        return {"rules": rules, "held": held}

    async def put(self, body: RulesBody, *, by: str, address: str) -> dict[str, Any]:
        """Replace the rules, for payouts from now on. Raises a 422 for two rules of one country."""
        countries = [rule.country for rule in body.rules]
        if len(set(countries)) < len(countries):
            raise invalid_field("rules", "has two rules of one country")
        async with self._db.transaction() as tx:
            await tx.execute(queries.LOCK_RULES)
            await tx.execute(queries.DELETE_RULES)
            await tx.execute(queries.ADD_RULES, countries, [rule.percent for rule in body.rules])
            detail = {"rules": [rule.model_dump() for rule in body.rules]}
            await self._audit.add(tx, "withholding.rules", actor_id=by, subject="rules", ip=address, detail=detail)
        return await self.shown()

    async def percent_of(self, person_id: str) -> int:
        """What is withheld of each payout to the person, by the country of their tax details or their lack."""
        found: int | None = await self._db.fetchval(queries.PERCENT, await self._taxes.country_of(person_id))
        return found or 0

    async def settle(self, body: SettleBody, *, by: str, address: str) -> dict[str, int]:
        """Release or remit what was withheld. Raises a 404, a 409 where nothing is, a 422 for more than there is."""
        async with self._db.transaction() as tx:
            person_id = await tx.fetchval(queries.NAMED, body.user)
            if person_id is None:
                raise not_found("There is nobody of this name")
            held = await self._ledger.locked_balance(tx, withheld(person_id), body.currency)
            amount = _bounded(body.amount, held)
            await self._move(tx, person_id, body, amount)
            detail = {"to": body.to, "amount": amount, "currency": body.currency}
            await self._audit.add(tx, "withholding.settled", actor_id=by, subject=person_id, ip=address, detail=detail)
        return {"amount": amount, "left": held - amount}

    async def _move(self, tx: Transaction, person_id: str, body: SettleBody, amount: int) -> None:
        number = self._ids.uuid7(self._now().timestamp())
        to = available(person_id) if body.to == "release" else BANK
        await self._ledger.post(
            tx, {withheld(person_id): -amount, to: amount}, key=f"withholding:{number}", kind=KIND,
            currency=body.currency, subject=number,
        )  # fmt: skip


def part_of(amount: int, percent: int) -> int:
    """Rounded down, as the person's advantage is."""
    return amount * percent // 100


def _bounded(wanted: int | None, held: int) -> int:
    if held <= 0:
        raise Problem(409, "Nothing is withheld of this person in this currency")
    if wanted is not None and wanted > held:
        raise invalid_field("amount", f"must be at most {held}, which is what is withheld")
    return held if wanted is None else wanted
