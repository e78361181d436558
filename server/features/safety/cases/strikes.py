"""Strikes, which expire, and appeals against them, which another moderator decides than who acted."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Literal

from server.features.safety.cases import queries
from server.features.safety.cases.moderation import Moderation
from server.features.safety.cases.rules import APPEAL_DUE
from server.features.safety.cases.shapes import (
    AppealedShape,
    AppealShape,
    DecisionBody,
    NamedPerson,
    StrikeShape,
)
from server.http.caller import Caller
from server.http.cursors import after_id, after_time, page_of
from server.http.errors import Problem, not_found
from storage.audit import AuditLog
from storage.ids import Ids
from storage.postgres import Database, Row


class Strikes:
    def __init__(
        self, *, db: Database, moderation: Moderation, audit: AuditLog, ids: Ids, now: Callable[[], datetime]
    ) -> None:
        self._db = db
        self._moderation = moderation
        self._audit = audit
        self._ids = ids
        self._now = now

    async def mine(self, me: str, cursor: str | None, limit: int) -> tuple[list[StrikeShape], str | None]:
        """The newest first, with those that count no more."""
        rows = await self._db.fetch(queries.MY_STRIKES, me, after_id(cursor), limit + 1)
        shown, following = page_of(rows, limit, lambda row: (0, row["id"]))
        return [self._shape(row) for row in shown], following

    async def appeal(self, me: str, strike_id: str, text: str) -> AppealShape:
        """Once a strike. Raises a 404, and a 409 for one that counts no more or was appealed against before."""
        async with self._db.transaction() as tx:
            row = await tx.fetchrow(queries.MY_STRIKE, me, strike_id)
            if row is None:
                raise not_found("There is no such strike")
            now = self._now()
            if row["revoked_at"] is not None or row["expires_at"] <= now:
                raise Problem(409, "The strike counts no more", slug="strike-over")
            made = await tx.fetchval(
                queries.APPEAL, self._ids.uuid7(now.timestamp()), strike_id, me, text, now, now + APPEAL_DUE
            )
            if made is None:
                raise Problem(409, "You have appealed against it already", slug="appealed")
            shown = await tx.fetchrow(queries.MY_STRIKE, me, strike_id)
        assert shown is not None
        return _appeal(shown)

    async def waiting(self, me: Caller, cursor: str | None, limit: int) -> tuple[list[AppealedShape], str | None]:
        """Those that are due first first."""
        at, appeal_id = after_time(cursor) or (None, None)
        rows = await self._db.fetch(queries.APPEALS, at, appeal_id, limit + 1)
        shown, following = page_of(rows, limit, lambda row: (row["due_at"], row["id"]))
        return [_appealed(row, me) for row in shown], following

    async def decide(self, me: Caller, appeal_id: str, body: DecisionBody, *, ip: str) -> AppealedShape:
        """Raises a 404, a 403 for who has acted or is concerned, a 409 when it was decided before."""
        async with self._db.transaction() as tx:
            row = await tx.fetchrow(queries.ONE_APPEAL, appeal_id)
            if row is None:
                raise not_found("There is no such appeal")
            if row["state"] != "open":
                raise Problem(409, "The appeal was decided already", slug="decided")
            if me.id in (row["actor_id"], row["person_id"]):
                raise Problem(403, "Somebody else has to decide about this appeal")
            state = "overturned" if body.overturn else "upheld"
            await tx.execute(queries.DECIDE, appeal_id, state, body.note, me.id, self._now())
            await self._audit.add(
                tx, f"appeal.{state}", actor_id=me.id, subject=appeal_id, ip=ip, why=body.note,
                detail={"person_id": row["person_id"], "case_id": row["case_id"]},
            )  # fmt: skip
            act = await tx.fetchrow(queries.ACT, row["case_id"], row["act_id"]) if body.overturn else None
            if act is not None:
                case = await self._moderation.locked(tx, row["case_id"])
                await self._moderation.take_back(tx, case, act, by=me.id, reason=body.note, ip=ip)
            decided = await tx.fetchrow(queries.ONE_APPEAL, appeal_id)
        await self._moderation.settled(row["act_id"])
        assert decided is not None
        return _appealed(decided, me)

    def _shape(self, row: Row) -> StrikeShape:
        same = ("id", "action", "rule", "reason", "kind", "subject_id", "evidence", "until", "created_at", "expires_at")
        return StrikeShape(
            **{name: row[name] for name in same},
            state=self._state(row),
            appeal=_appeal(row) if row["appeal_id"] is not None else None,
        )

    def _state(self, row: Row) -> Literal["active", "expired", "revoked"]:
        if row["revoked_at"] is not None:
            return "revoked"
        return "active" if row["expires_at"] > self._now() else "expired"


def _appeal(row: Row) -> AppealShape:
    """Of a strike's row."""
    return AppealShape(
        id=row["appeal_id"],
        text=row["appeal_text"],
        state=row["appeal_state"],
        note=row["appeal_note"],
        created_at=row["appealed_at"],
        due_at=row["due_at"],
        decided_at=row["decided_at"],
    )


def _appealed(row: Row, me: Caller) -> AppealedShape:
    given = {name: row[name] for name in AppealedShape.model_fields if name not in ("person", "may_decide")}
    return AppealedShape(
        **given,
        person=NamedPerson(id=row["person_id"], username=row["username"]),
        may_decide=row["state"] == "open" and me.id not in (row["actor_id"], row["person_id"]),
    )
