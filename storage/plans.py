"""Which plan a statement runs with: one for the values of each call, or one that its connection keeps.

Postgres decides by a setting of the session at the moment a prepared statement runs, so a connection of the pool is
switched where the one who has it now needs the other way.
"""

from __future__ import annotations

from typing import Final

import asyncpg

PLANNED_EACH_TIME: Final = {"plan_cache_mode": "force_custom_plan", "enable_seqscan": "on"}
"""Plans follow the values, and the size that a table has now: a plan kept from when it was empty can be ruinous."""
PLANNED_ONCE: Final = {"plan_cache_mode": "force_generic_plan", "enable_seqscan": "off"}
"""A plan that is kept must be good for tables of any size, so tables are read by index whatever the planner knew."""
STATEMENTS_KEPT: Final = 256
"""Prepared statements of a connection: more than the rooms that are asked the most have."""


class PlannedOnce(str):
    """SQL that looks rows up by key, whatever its parameters say: planning it costs as much as running it, or more.

    Outside of a transaction it runs with a plan that the connection keeps; within one as the transaction does.
    """

    __slots__ = ()


class Session(asyncpg.Connection):
    """A connection of the pool."""

    _plans_once: bool | None = False

    async def plan(self, *, once: bool) -> None:
        """Have what follows planned once, or each time. Not within a transaction."""
        if self._plans_once is once:
            return
        self._plans_once = None  # not known until the server has answered
        await self.execute(_SWITCH[once])
        self._plans_once = once


def _switched(settings: dict[str, str]) -> str:
    return "; ".join(f"set {name} = {value}" for name, value in settings.items())


_SWITCH: Final[dict[bool, str]] = {False: _switched(PLANNED_EACH_TIME), True: _switched(PLANNED_ONCE)}


def text_of(sql: str) -> str:
    """The driver takes no kinds of ``str``."""
    return str(sql) if isinstance(sql, PlannedOnce) else sql
