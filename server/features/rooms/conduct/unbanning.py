"""Requests to lift a ban: a person asks once a ban, the room's moderators answer, both are told."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Any, Final

from actors.chat_messages import SanctionPerson
from actors.chat_rules import Author
from actors.runtime import DomainError, Node
from server.features.rooms.conduct import queries
from server.features.rooms.conduct.shapes import DECIDED, MAX_REQUEST, REQUESTED, State, request_shown
from server.features.rooms.seats import require_decider, seat_of
from server.features.rooms.texts import cleaned
from server.publish import Publish
from storage.audit import AuditLog
from storage.ids import Ids
from storage.postgres import Database, Reads, Transaction

MAX_WAITING: Final = 500
"""Requests of one room that nobody has answered."""


class Unbanning:
    """A ban that was replaced by another one may be asked about again."""

    def __init__(
        self,
        *,
        db: Database,
        node: Node,
        audit: AuditLog,
        ids: Ids,
        now: Callable[[], datetime],
        publish: Publish,
    ) -> None:
        self._db = db
        self._node = node
        self._audit = audit
        self._ids = ids
        self._now = now
        self._publish = publish

    async def ask(self, room_id: str, text: str, *, by: str) -> dict[str, Any]:
        """Raises ``not_found``, ``not_banned``, ``already_asked``, ``too_many_waiting``, ``invalid``."""
        line = cleaned(text, "text", MAX_REQUEST)
        now = self._now()
        request_id = self._ids.uuid7(now.timestamp())
        async with self._db.transaction() as tx:
            await seat_of(tx, room_id, by)
            await tx.execute(queries.ALONE, room_id)
            banned_at = await self._require_ban(tx, room_id, by, now)
            if await tx.fetchval(queries.ASKED, room_id, by, banned_at):
                raise DomainError("already_asked", "You have asked about this ban already.")
            if await tx.fetchval(queries.COUNT_WAITING, room_id) >= MAX_WAITING:
                raise DomainError("rate_limited", "Too many wait for an answer already.", retry_after_s=3_600.0)
            await tx.execute(queries.ASK, request_id, room_id, by, banned_at, line, now)
            await self._tell(tx, room_id, REQUESTED.name, {"room_id": room_id, "id": request_id})
            row = await tx.fetchrow(queries.REQUEST, room_id, request_id)
        assert row is not None
        return request_shown(row)

    async def listed(
        self,
        room_id: str,
        *,
        state: State | None,
        before: str | None,
        limit: int,
        by: str,
        roles: Collection[str],
    ) -> list[dict[str, Any]]:
        """The newest first. Raises ``not_found``, ``forbidden``."""
        require_decider(await seat_of(self._db, room_id, by), by, roles)
        rows = await self._db.fetch(queries.LIST, room_id, state, before, limit)
        return [request_shown(row) for row in rows]

    async def decide(
        self, room_id: str, request_id: str, *, allow: bool, by: str, roles: Sequence[str]
    ) -> dict[str, Any]:
        """Lift the ban, or leave it. The first answer counts; the same again changes nothing. In the audit log.

        Raises ``not_found``, ``forbidden``, ``already_decided``, and what the room's actor raises.
        """
        require_decider(await seat_of(self._db, room_id, by), by, roles)
        asked = await self._db.fetchrow(queries.REQUEST, room_id, request_id)
        if asked is None:
            raise DomainError("not_found", "There is no such request.")
        wanted: State = "granted" if allow else "refused"
        if asked["state"] == "waiting" and allow:
            author = await self._author(self._db, by, roles)
            lift = SanctionPerson(by=author, user_id=asked["person_id"], seconds=0, reason="unban request")
            await self._node.ref("chat", room_id).ask(lift)
        async with self._db.transaction() as tx:
            if await tx.fetchval(queries.DECIDE, room_id, request_id, wanted, self._now()) is not None:
                await self._decided(tx, room_id, request_id, asked["person_id"], by=by, allow=allow)
            row = await tx.fetchrow(queries.REQUEST, room_id, request_id)
        if row is None or row["state"] != wanted:
            raise DomainError("already_decided", "It was decided otherwise already.")
        return request_shown(row)

    async def _decided(
        self, tx: Transaction, room_id: str, request_id: str, person_id: str, *, by: str, allow: bool
    ) -> None:
        detail = {"room_id": room_id, "allow": allow}
        await self._audit.add(tx, "chat.unban_request", actor_id=by, subject=person_id, detail=detail)
        body = {"room_id": room_id, "id": request_id, "allow": allow}
        await self._tell(tx, room_id, DECIDED.name, body, also=[person_id])

    async def _tell(
        self, tx: Transaction, room_id: str, event: str, body: dict[str, Any], *, also: Sequence[str] = ()
    ) -> None:
        people = [row["id"] for row in await tx.fetch(queries.DECIDERS, room_id)] + list(also)
        tx.after_commit(lambda: self._publish.to_people(people, event, body))

    async def _require_ban(self, tx: Transaction, room_id: str, person_id: str, now: datetime) -> datetime:
        banned_at: datetime | None = await tx.fetchval(queries.BAN, room_id, person_id, now)
        if banned_at is None:
            raise DomainError("not_banned", "You may write in this room.")
        return banned_at

    async def _author(self, where: Reads, person_id: str, roles: Sequence[str]) -> Author:
        row = await where.fetchrow(queries.NAME, person_id)
        if row is None:
            raise DomainError("forbidden", "The account is no more.")
        return Author(id=person_id, username=row["username"], display_name=row["display_name"], roles=tuple(roles))
