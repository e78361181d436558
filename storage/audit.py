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
    ) -> str:
        """The id of the entry. ``actor_id``: the person who acts; None for the server itself, or for nobody known.
        ``subject``: the id of whom or what it concerns. ``ip``: where the person acts from; empty for what no request
        asked for. ``why``: the reason that was given.
        """
        told = {"ip": ip, "why": why, **(detail or {})}
        values = self.values(action, actor_id=actor_id, subject=subject, detail=told)
        await tx.execute(ADD, *values)
        return values[0]

    def values(
        self, action: str, *, actor_id: str | None, subject: str, detail: Mapping[str, Any]
    ) -> tuple[str, str | None, str, str, Mapping[str, Any]]:
        """What ``ADD`` inserts, for a statement that inserts more: id, actor, action, subject, detail with its ``ip``
        and ``why``.
        """
        return self._ids.uuid7(self._wall()), actor_id, action, subject, detail


# A trigger moves ``detail`` into ``audit_details``.
ADD: Final = "insert into audit_log (id, actor_id, action, subject, detail) values ($1, $2, $3, $4, $5)"


def add_from(source: str, *, first: int) -> str:
    """The end of a statement: as ``ADD``, with the values ``$first`` and on, when the query ``source`` has a row."""
    values = ", ".join(f"${number}" for number in range(first, first + 5))
    return f"insert into audit_log (id, actor_id, action, subject, detail) select {values} from {source}"
