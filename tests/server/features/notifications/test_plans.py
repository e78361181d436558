"""How the statements that notify many persons find what they have."""

from __future__ import annotations

import re

import pytest

from server.features.delivery.notifications.queries import NOTIFY
from server.features.people.audience import _REACHED
from storage.plans import PLANNED_ONCE
from storage.postgres import Database

TABLES = {
    NOTIFY: {"notifications", "notification_settings", "notification_preferences"},
    _REACHED: {"users", "mutes", "blocks"},
}


@pytest.mark.parametrize("sql", [pytest.param(NOTIFY, id="notify"), pytest.param(_REACHED, id="reached")])
async def test_a_plan_that_was_made_over_empty_tables_looks_each_recipient_up_by_key(
    database: Database, sql: str
) -> None:
    """What it read by the subject or by the author alone would be read again for each recipient of a fan-out."""
    async with database.transaction() as tx:
        for name, value in PLANNED_ONCE.items():
            await tx.execute(f"set local {name} = {value}")
        await tx.execute(f"prepare asked as {sql}")
        count = await tx.fetchval(
            "select cardinality(parameter_types) from pg_prepared_statements where name = 'asked'"
        )
        rows = await tx.fetch(f"explain execute asked({', '.join(['null'] * count)})")
        await tx.execute("deallocate asked")
    plan = "\n".join(row[0] for row in rows)
    read = re.findall(r"(?:Scan using \w+|Scan) on (\w+).*\n\s*Index Cond: (.*)", plan)
    assert {table.removesuffix("_pkey") for table, _ in read} == TABLES[sql], plan
    assert all(re.search(r"id = (ANY|\w+\.)", condition) for _, condition in read), plan
    assert "Seq Scan" not in plan
