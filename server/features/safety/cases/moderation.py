"""The moderators' work: the queue of cases, who works on which, what is decided, and what is taken back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from server.features.safety.cases import queries
from server.features.safety.cases.effects import Effects
from server.features.safety.cases.evasion import Evasion
from server.features.safety.cases.facts import ModerationDecided
from server.features.safety.cases.reports import tell
from server.features.safety.cases.rules import (
    CLAIM_LASTS,
    NEEDS_UNTIL,
    OF_PEOPLE,
    STRIKE_LASTS,
    STRIKES,
    Action,
    actions_on,
)
from server.features.safety.cases.shapes import (
    ActionBody,
    ActShape,
    CaseReportShape,
    CaseShape,
    NamedPerson,
    NoteShape,
    QueueQuery,
    WholeCase,
)
from server.http.caller import Caller
from server.http.cursors import after_id, decode_cursor, page_of
from server.http.errors import Problem, invalid_field, not_found
from server.publish import Publish
from storage.audit import AuditLog
from storage.facts import publish
from storage.ids import Ids
from storage.postgres import Database, Reads, Row, Transaction

NEWEST_REPORTS: Final = 50
AT_MOST: Final = timedelta(days=36_525)


class Moderation:
    def __init__(
        self,
        *,
        db: Database,
        effects: Effects,
        evasion: Evasion,
        audit: AuditLog,
        publish: Publish,
        ids: Ids,
        now: Callable[[], datetime],
        when_changed: Callable[[], Awaitable[None]],
    ) -> None:
        """``when_changed``: this node need not wait to find out who may see what."""
        self._db = db
        self._effects = effects
        self._evasion = evasion
        self._audit = audit
        self._publish = publish
        self._ids = ids
        self._now = now
        self._when_changed = when_changed

    # reading

    async def queue(self, query: QueueQuery) -> tuple[list[CaseShape], str | None]:
        """The gravest first, and of those what waits longest; closed ones: the newest first."""
        if query.state == "closed":
            sql, after = queries.CLOSED, (after_id(query.cursor),)
            rows = await self._db.fetch(sql, self._now(), query.severity, query.kind, *after, query.limit + 1)
            shown, following = page_of(rows, query.limit, lambda row: (0, row["id"]))
        else:
            given = (query.severity, query.kind, query.state, *_place(query.cursor))
            rows = await self._db.fetch(queries.WAITING, self._now(), *given, query.limit + 1)
            shown, following = page_of(rows, query.limit, lambda row: (row["rank"], row["id"]))
        return [shape_of(row) for row in shown], following

    async def whole(self, case_id: str) -> WholeCase:
        """Raises a 404."""
        return await self._whole(self._db, case_id)

    async def _whole(self, reads: Reads, case_id: str) -> WholeCase:
        row = await reads.fetchrow(queries.ONE, self._now(), case_id)
        if row is None:
            raise no_case()
        reports = await reads.fetch(queries.CASE_REPORTS, case_id, NEWEST_REPORTS)
        acts = await reads.fetch(queries.ACTS, case_id)
        notes = await reads.fetch(queries.NOTES, case_id)
        return WholeCase(
            **shape_of(row).model_dump(),
            newest_reports=[CaseReportShape(**dict(one)) for one in reports],
            acts=[_act(one) for one in acts],
            notes=[NoteShape(**dict(one)) for one in notes],
            hints=await self._evasion.hints(reads, row["owner_id"]),
        )

    # working

    async def claim(self, me: Caller, case_id: str) -> CaseShape:
        """Nobody else acts on it for ``CLAIM_LASTS``; again: from now. Raises a 404, a 409 for another's."""
        async with self._db.transaction() as tx:
            await self._open_case(tx, me, case_id)
            await tx.execute(queries.CLAIM, case_id, me.id, self._now() + CLAIM_LASTS)
            await tell(tx, self._publish, case_id, self._now())
            return shape_of(await self._row(tx, case_id))

    async def release(self, me: Caller, case_id: str) -> None:
        """Idempotent; another's claim stays. Raises a 404."""
        async with self._db.transaction() as tx:
            case = await self._row(tx, case_id)
            if case["claimed_by"] == me.id:
                await tx.execute(queries.CLAIM, case_id, None, None)
                await tell(tx, self._publish, case_id, self._now())

    async def act(self, me: Caller, case_id: str, body: ActionBody, *, ip: str) -> WholeCase:
        """Raises a 404, a 403, a 409 when it is closed, claimed by another or one's own, a 422."""
        action = body.action
        until = self._effects.until(action, self._bounded(body))
        async with self._db.transaction() as tx:
            case = await self._open_case(tx, me, case_id)
            await self._require_allowed(tx, me, case, action)
            undone = await self._let_pass(tx, me, case, body.reason, ip) if action == "dismiss" else []
            undo = await self._effects.apply(tx, case, action, until=until, actor_id=me.id, reason=body.reason)
            act_id = self._ids.uuid7(self._now().timestamp())
            await tx.execute(queries.ADD_ACT, act_id, case_id, me.id, action, body.reason, until, undo, self._now())
            await self._effects.enqueue(tx, case, act_id, action)
            await self._conclude(tx, case_id, action)
            detail = {"kind": case["kind"], "id": case["subject_id"], "until": until.isoformat() if until else None}
            await self._audit.add(
                tx, f"case.{action}", actor_id=me.id, subject=case_id, ip=ip, why=body.reason, detail=detail
            )
            await self._strike(tx, case, act_id, body, until)
            await tell(tx, self._publish, case_id, self._now())
        for one in (*undone, act_id):
            await self.settled(one)
        return await self.whole(case_id)

    async def _let_pass(self, tx: Transaction, me: Caller, case: Row, reason: str, ip: str) -> list[str]:
        """What the server itself did about the thing is taken back; the ids of those acts."""
        acts = await tx.fetch(queries.AUTOMATIC, case["id"])
        for act in acts:
            await self.take_back(tx, case, act, by=me.id, reason=reason, ip=ip)
        return [act["id"] for act in acts]

    async def revert(self, me: Caller, case_id: str, act_id: str | None, *, reason: str, ip: str) -> WholeCase:
        """Take back an act, the last one that holds unless another is named, and open the case again.

        Raises a 404, a 403, a 409 when no act holds.
        """
        async with self._db.transaction() as tx:
            case = await self.locked(tx, case_id)
            if case["owner_id"] == me.id:
                raise Problem(409, "Another moderator has to decide about you", slug="yourself")
            named = act_id is not None
            act = await tx.fetchrow(queries.ACT if named else queries.LAST_ACT, case_id, *([act_id] if named else []))
            if act is None:
                raise Problem(409, "No act of this case holds that could be taken back", slug="nothing-to-revert")
            await self.take_back(tx, case, act, by=me.id, reason=reason, ip=ip)
            if not await tx.fetchval(queries.OPEN_CASE, case["kind"], case["subject_id"]):
                await tx.execute(queries.SET_STATE, case_id, "open", self._now())
            await tell(tx, self._publish, case_id, self._now())
        await self.settled(act["id"])
        return await self.whole(case_id)

    async def take_back(self, tx: Transaction, case: Row, act: Row, *, by: str, reason: str, ip: str) -> None:
        now = self._now()
        await self._effects.undo(tx, case, act, actor_id=by, reason=reason)
        await tx.execute(queries.REVERTED, act["id"], now)
        await tx.execute(queries.REVOKE, act["id"], now)
        await tx.execute(queries.OUTCOME, case["id"], None)
        await self._effects.enqueue(tx, case, act["id"], act["action"])
        detail = {"act_id": act["id"], "action": act["action"]}
        await self._audit.add(tx, "case.reverted", actor_id=by, subject=case["id"], ip=ip, why=reason, detail=detail)
        if act["action"] in STRIKES and case["owner_id"] is not None:
            await publish(tx, _decided(case, act["action"], reason, at=now, is_reverted=True))

    async def settled(self, act_id: str) -> None:
        await self._effects.settle_soon(act_id)
        await self._when_changed()

    async def _conclude(self, tx: Transaction, case_id: str, action: Action) -> None:
        state = "escalated" if action == "escalate" else "closed"
        await tx.execute(queries.SET_STATE, case_id, state, self._now())
        if state == "closed":
            await tx.execute(queries.OUTCOME, case_id, "dismissed" if action == "dismiss" else "acted")

    async def _strike(self, tx: Transaction, case: Row, act_id: str, body: ActionBody, until: datetime | None) -> None:
        if body.action not in STRIKES or case["owner_id"] is None:
            return
        now = self._now()
        strike_id = self._ids.uuid7(now.timestamp())
        await tx.execute(queries.STRIKE, strike_id, case["owner_id"], act_id, now, now + STRIKE_LASTS)
        await publish(tx, _decided(case, body.action, body.reason, at=now, strike_id=strike_id, until=until))

    # what may be done

    async def _row(self, reads: Reads, case_id: str) -> Row:
        row = await reads.fetchrow(queries.ONE, self._now(), case_id)
        if row is None:
            raise no_case()
        return row

    async def locked(self, tx: Transaction, case_id: str) -> Row:
        """No other transaction changes the case until this one ends. Raises a 404."""
        row = await tx.fetchrow(queries.LOCKED, self._now(), case_id)
        if row is None:
            raise no_case()
        return row

    async def _open_case(self, tx: Transaction, me: Caller, case_id: str) -> Row:
        case = await self.locked(tx, case_id)
        if case["state"] == "closed":
            raise Problem(409, "The case is closed: revert what was decided first", slug="case-closed")
        if case["claimed_by"] not in (None, me.id):
            raise Problem(409, f"@{case['claimed_by_username']} is at work on this case", slug="claimed")
        return case

    async def _require_allowed(self, tx: Transaction, me: Caller, case: Row, action: Action) -> None:
        is_admin = "admin" in me.roles
        if case["owner_id"] == me.id:
            raise Problem(409, "Another moderator has to decide about you", slug="yourself")
        if case["state"] == "escalated" and not is_admin:
            raise Problem(403, "Only admins decide what was escalated")
        if action not in actions_on(case["kind"], has_owner=case["owner_id"] is not None):
            raise invalid_field("action", f"cannot be done about a {case['kind']}")
        if action in STRIKES and not is_admin and await tx.fetchval(queries.IS_STAFF, case["owner_id"]):
            raise Problem(403, "Only admins act on moderators")
        if action in OF_PEOPLE and await tx.fetchval(queries.IS_ADMIN, case["owner_id"]):
            raise Problem(403, "Admins are not acted on: take the role away first")

    def _bounded(self, body: ActionBody) -> datetime | None:
        """Raises a 422."""
        if body.until is None:
            return None
        if body.action not in NEEDS_UNTIL:
            raise invalid_field("until", "is of restrict and suspend only")
        if not self._now() < body.until <= self._now() + AT_MOST:
            raise invalid_field("until", "must lie ahead, within a hundred years")
        return body.until


def _place(cursor: str | None) -> tuple[int, str] | tuple[None, None]:
    """Raises a 422."""
    if cursor is None:
        return None, None
    rank, case_id = decode_cursor(cursor, tuple[int, UUID])
    return rank, str(case_id)


def no_case() -> Problem:
    return not_found("There is no such case")


def _decided(
    case: Row,
    action: Action,
    reason: str,
    *,
    at: datetime,
    strike_id: str | None = None,
    until: datetime | None = None,
    is_reverted: bool = False,
) -> ModerationDecided:
    return ModerationDecided(
        case_id=case["id"],
        person_id=case["owner_id"],
        at=at,
        kind=case["kind"],
        subject_id=case["subject_id"],
        action=action,
        reason=reason,
        strike_id=strike_id,
        until=until,
        is_reverted=is_reverted,
    )


def shape_of(row: Row) -> CaseShape:
    return CaseShape(
        id=row["id"],
        kind=row["kind"],
        subject_id=row["subject_id"],
        owner=_named(row["owner_id"], row["owner_username"]),
        state=row["state"],
        severity=row["severity"],
        reason=row["reason"],
        evidence=row["evidence"],
        reports=row["reports"],
        strikes=row["strikes"],
        claimed_by=_named(row["claimed_by"], row["claimed_by_username"]),
        created_at=row["created_at"],
        reported_at=row["reported_at"],
        due_at=row["due_at"],
        overdue=row["overdue"],
        closed_at=row["closed_at"],
        actions=sorted(actions_on(row["kind"], has_owner=row["owner_id"] is not None)),
    )


def _named(person_id: str | None, username: str | None) -> NamedPerson | None:
    return None if person_id is None or username is None else NamedPerson(id=UUID(person_id), username=username)


def _act(row: Row) -> ActShape:
    return ActShape(**{name: row[name] for name in ActShape.model_fields})
