"""The audit log: who did what to whom. A row is written in the transaction of what it tells of."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from storage.ids import Ids
from storage.postgres import Transaction


class AuditLog:
    def __init__(self, *, ids: Ids, wall: Callable[[], float] = time.time) -> None:
        self._ids = ids
        self._wall = wall

    async def add(
        self, tx: Transaction, action: str, *, actor_id: str, subject: str, detail: Mapping[str, Any] | None = None
    ) -> None:
        """``actor_id``: the person who acts. ``subject``: the id of whom or what it concerns."""
        await tx.execute(ADD, self._ids.uuid7(self._wall()), actor_id, action, subject, dict(detail or {}))


ADD: Final = "insert into audit_log (id, actor_id, action, subject, detail) values ($1, $2, $3, $4, $5)"
