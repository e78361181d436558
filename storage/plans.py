"""Which plan a statement runs with: one for the values of each call, or one that its connection keeps.

Postgres decides by a setting of the session at the moment a prepared statement runs, so a ``Session`` is switched where
the one who has it now needs the other way.
"""

from __future__ import annotations

from typing import Final

PLANNED_EACH_TIME: Final = {"plan_cache_mode": "force_custom_plan", "enable_seqscan": "on"}
"""Plans follow the values, and the size that a table has now: a plan kept from when it was empty can be ruinous."""
PLANNED_ONCE: Final = {
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "max_parallel_workers_per_gather": "0",
}
"""A plan that is kept must be good for tables of any size, so tables are read by index whatever the planner knew. That
goes for the look-up of each foreign key, too, which is planned for every row that is written otherwise. Without values
the planner takes few rows for many: parallel workers would cost more than the rest."""
STATEMENTS_KEPT: Final = 256
"""Prepared statements of a connection: more than the rooms that are asked the most have."""


class PlannedOnce(str):
    """SQL that looks rows up by key, whatever its parameters say: planning it costs as much as running it, or more.

    Outside of a transaction it runs with a plan that the connection keeps; within one as the transaction does.
    """

    __slots__ = ()


def _switched(settings: dict[str, str]) -> str:
    return "; ".join(f"set {name} = {value}" for name, value in settings.items())


SWITCH: Final[dict[bool, str]] = {
    False: _switched(PLANNED_EACH_TIME) + "; reset max_parallel_workers_per_gather",
    True: _switched(PLANNED_ONCE),
}
"""What switches a session, by whether it is to plan once."""


def text_of(sql: str) -> str:
    """The driver takes no kinds of ``str``."""
    return str(sql) if isinstance(sql, PlannedOnce) else sql
