"""The log of a community's moderators: those entries of the audit log that are about it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from server.features.people.audience import Audience
from server.features.social.communities.shapes import ActShape
from server.http.cursors import after_id, page_of
from storage.audit import AuditLog
from storage.postgres import Database, Row, Transaction

_NOTE: Final = "insert into community_acts (community_id, entry_id) values ($1, $2)"
_PAGE: Final = """
select a.id, a.at, a.actor_id, a.action, a.subject, d.body
from community_acts c join audit_log a on a.id = c.entry_id left join audit_details d on d.entry_id = a.id
where c.community_id = $1 and ($2::uuid is null or c.entry_id < $2)
order by c.entry_id desc limit $3
"""
_TOLD: Final = ("role", "before", "title", "fields")
"""Of the detail of an entry."""


class Acts:
    def __init__(self, *, db: Database, audit: AuditLog, people: Audience) -> None:
        self._db = db
        self._audit = audit
        self._people = people

    async def note(
        self, tx: Transaction, action: str, community_id: str, *, by: str, subject: str, why: str = "", **detail: Any
    ) -> None:
        """``subject``: the id of a person, a post or an event, or of the community."""
        told = {"community_id": community_id, **detail}
        entry_id = await self._audit.add(tx, f"community.{action}", actor_id=by, subject=subject, why=why, detail=told)
        await tx.execute(_NOTE, community_id, entry_id)

    async def page(self, community_id: str, cursor: str | None, limit: int) -> tuple[list[ActShape], str | None]:
        """The newest first."""
        rows = await self._db.fetch(_PAGE, community_id, after_id(cursor), limit + 1)
        shown, following = page_of(rows, limit, lambda row: (0, row["id"]))
        return await self._shapes(shown), following

    async def _shapes(self, rows: Sequence[Row]) -> list[ActShape]:
        ids = {one for row in rows for one in (row["actor_id"], row["subject"]) if one is not None}
        people = await self._people.persons(self._db, ids)
        return [
            ActShape(
                id=row["id"],
                at=row["at"],
                action=row["action"].removeprefix("community."),
                by=people.get(row["actor_id"]),
                person=people.get(row["subject"]),
                why=str(told.get("why", "")),
                detail={name: told[name] for name in _TOLD if told.get(name) is not None},
            )
            for row in rows
            for told in [msgspec.json.decode(row["body"]) if row["body"] is not None else {}]
        ]
