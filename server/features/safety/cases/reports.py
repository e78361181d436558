"""Reports: each person's on a thing goes into the thing's open case, which is weighed anew."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from server.features.safety.cases import queries
from server.features.safety.cases.rules import RANKS, Reason, Record, Report, due_in, gravest, severity_of
from server.features.safety.cases.shapes import CASE, MAX_TEXT, ReportBody, ReportShape
from server.features.safety.cases.subjects import Subject, Subjects
from server.http.cursors import after_id, page_of
from server.http.errors import Problem, not_found
from server.publish import Publish
from storage.ids import Ids
from storage.postgres import Database, Row, Transaction


class Reports:
    def __init__(
        self, *, db: Database, subjects: Subjects, publish: Publish, ids: Ids, now: Callable[[], datetime]
    ) -> None:
        self._db = db
        self._subjects = subjects
        self._publish = publish
        self._ids = ids
        self._now = now

    async def make(self, me: str, body: ReportBody) -> ReportShape:
        """A person has one report in an open case: the same again changes its reason and adds to its detail.

        Raises a 404 for what they may not know of, a 409 for what is their own.
        """
        subject = await self._subjects.find(self._db, body.kind, str(body.id), me)
        if subject is None:
            raise not_found("There is no such thing to report")
        if subject.owner_id == me:
            raise Problem(409, "This is yours: delete it instead", slug="yourself")
        async with self._db.transaction() as tx:
            await tx.execute(queries.ALONE, subject.id)
            now = self._now()
            case_id = await tx.fetchval(queries.OPEN_CASE, subject.kind, subject.id)
            case_id = case_id or await self._open(tx, subject, body.reason, now)
            row = await tx.fetchrow(
                queries.REPORT, self._new_id(now), case_id, me, body.reason, body.detail, now, MAX_TEXT
            )
            assert row is not None
            await self._weigh(tx, case_id, subject, is_new=row["is_new"], now=now)
        return ReportShape(
            id=row["id"], kind=subject.kind, subject_id=UUID(subject.id), reason=body.reason, detail=row["detail"],
            state="open", outcome=None, created_at=row["created_at"], updated_at=row["updated_at"],
        )  # fmt: skip

    async def note(self, tx: Transaction, subject: Subject, reason: Reason, detail: str) -> str:
        """The id of the thing's open case, with a report of the server itself."""
        now = self._now()
        case_id = await tx.fetchval(queries.OPEN_CASE, subject.kind, subject.id)
        case_id = case_id or await self._open(tx, subject, reason, now)
        await tx.execute(queries.REPORT, self._new_id(now), case_id, None, reason, detail, now, MAX_TEXT)
        await self._weigh(tx, case_id, subject, is_new=True, now=now)
        return str(case_id)

    async def mine(self, me: str, cursor: str | None, limit: int) -> tuple[list[ReportShape], str | None]:
        """The newest first."""
        rows = await self._db.fetch(queries.MY_REPORTS, me, after_id(cursor), limit + 1)
        shown, following = page_of(rows, limit, lambda row: (0, row["id"]))
        return [_shape(row) for row in shown], following

    async def _open(self, tx: Transaction, subject: Subject, reason: Reason, now: datetime) -> str:
        case_id = self._new_id(now)
        await tx.execute(
            queries.ADD_CASE, case_id, subject.kind, subject.id, subject.room_id, subject.owner_id, reason,
            dict(subject.evidence), now,
        )  # fmt: skip
        return case_id

    async def _weigh(self, tx: Transaction, case_id: str, subject: Subject, *, is_new: bool, now: datetime) -> None:
        rows = await tx.fetch(queries.WEIGHED, case_id)
        reports = [_weighed(row) for row in rows]
        severity = severity_of(reports, is_on_air=subject.is_on_air)
        reason = gravest([one.reason for one in reports])
        await tx.execute(queries.WEIGH, case_id, severity, RANKS[severity], reason, int(is_new), now, due_in(severity))
        await tell(tx, self._publish, case_id, now)

    def _new_id(self, now: datetime) -> str:
        return self._ids.uuid7(now.timestamp())


async def tell(tx: Transaction, publish: Publish, case_id: str, now: datetime) -> None:
    """Every moderator's pages show the case as it is once this commits."""
    row = await tx.fetchrow(queries.ONE, now, case_id)
    people = [one["id"] for one in await tx.fetch(queries.MODERATORS)]
    if row is not None and people:
        body = {name: row[name] for name in ("id", "kind", "severity", "state", "reports")}
        tx.after_commit(lambda: publish.to_people(people, CASE.name, body))


def _weighed(row: Row) -> Report:
    return Report(reason=row["reason"], record=Record(acted=row["acted"], dismissed=row["dismissed"]))


def _shape(row: Row) -> ReportShape:
    return ReportShape(
        id=row["id"],
        kind=row["kind"],
        subject_id=row["subject_id"],
        reason=row["reason"],
        detail=row["detail"],
        state="closed" if row["case_state"] == "closed" else "open",
        outcome=row["outcome"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )
