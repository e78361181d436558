"""How the statement that notifies many persons finds what they have."""

from __future__ import annotations

import re

from server.features.delivery.notifications.queries import NOTIFY
from storage.plans import PLANNED_ONCE
from storage.postgres import Database


async def test_a_plan_that_was_made_over_empty_tables_looks_each_recipient_up_by_key(database: Database) -> None:
    """What it read by the subject would grow with each batch of a fan-out."""
    async with database.transaction() as tx:
        for name, value in PLANNED_ONCE.items():
            await tx.execute(f"set local {name} = {value}")
        await tx.execute(f"prepare asked as {NOTIFY}")
        rows = await tx.fetch(f"explain execute asked({', '.join(['null'] * 12)})")
        await tx.execute("deallocate asked")
    plan = "\n".join(row[0] for row in rows)
    tables = set(re.findall(r"Scan using \w+ on (notification\w*)", plan))
    assert tables == {"notifications", "notification_settings", "notification_preferences"}, plan
    conditions = re.findall(r"Scan using \w+ on notification.*\n\s*Index Cond: (.*)", plan)
    assert len(conditions) == 3, plan
    assert all("person_id = " in one for one in conditions), plan
    assert "Seq Scan on notification" not in plan
