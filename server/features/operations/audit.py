"""The audit log as the data of the people who acted."""

from __future__ import annotations

from typing import Final

from server.feature import Feature, PersonalData, rows_by_id
from storage.postgres import Transaction

SECTIONS: Final = (rows_by_id("log", "id, at, action, subject, detail", "audit_log where actor_id = $1"),)


def build() -> Feature:
    return Feature(
        name="audit",
        personal_data=PersonalData(
            tables=frozenset({"audit_log"}),
            sections=SECTIONS,
            erase=_erase,
            kept={"audit_log": "who did what stays, by id and without details"},
        ),
    )


async def _erase(tx: Transaction, person_id: str) -> None:
    await tx.execute("update audit_log set detail = '{}' where actor_id = $1", person_id)
