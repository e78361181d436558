"""What operators do to second factors from the command line: for a person who has lost their phone and their codes."""

from __future__ import annotations

from typing import Final

from server.features.people.accounts import AccountMails
from server.features.people.factors import queries
from storage.audit import AuditLog
from storage.postgres import Database

WHY: Final = "an operator, at the command line"


class OperatorFactors:
    def __init__(self, *, database: Database, audit: AuditLog, mails: AccountMails) -> None:
        self._db = database
        self._audit = audit
        self._mails = mails

    async def remove(self, *, username_key: str) -> bool | None:
        """Remove the one-time passwords and recovery codes of a person; passkeys stay. None for nobody, False for a
        person who has none.
        """
        async with self._db.transaction() as tx:
            person_id = await tx.fetchval(queries.PERSON, username_key)
            if person_id is None:
                return None
            if not await tx.execute(queries.REMOVE_CONFIRMED, person_id):
                return False
            await tx.execute(queries.REMOVE_RECOVERY_CODES, person_id)
            await self._audit.add(
                tx, "factor.removed", actor_id=None, subject=person_id, why=WHY, detail={"kind": "totp"}
            )
            await self._mails.by_operator(tx, person_id, "operator_removed_factor")
        return True
