"""The audit log: who did what to whom, from where and why. A row is written in the transaction of what it tells of."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from storage.ids import Ids
from storage.postgres import Transaction


class AuditLog:
    """Appends. Nothing is changed or taken away afterwards: Postgres refuses it (``storage.audit_chain``)."""

    def __init__(self, *, ids: Ids, wall: Callable[[], float] = time.time) -> None:
        self._ids = ids
        self._wall = wall

    async def add(
        self,
        tx: Transaction,
        action: str,
        *,
        actor_id: str | None,
        subject: str,
        ip: str = "",
        why: str = "",
        detail: Mapping[str, Any] | None = None,
    ) -> None:
        """``actor_id``: the person who acts; None for the server itself, or for nobody known. ``subject``: the id of
        whom or what it concerns. ``ip``: where the person acts from; empty for what no request asked for. ``why``: the
        reason that was given.
        """
        told = {"ip": ip, "why": why, **(detail or {})}
        await tx.execute(ADD, self._ids.uuid7(self._wall()), actor_id, action, subject, told)


# A trigger moves ``detail`` into ``audit_details``.
ADD: Final = "insert into audit_log (id, actor_id, action, subject, detail) values ($1, $2, $3, $4, $5)"
