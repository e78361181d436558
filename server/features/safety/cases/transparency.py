"""``GET /api/v1/admin/transparency.csv``: what was reported and decided in a time, as figures without persons."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Final

from aiohttp import web
from pydantic import Field

from server.http.errors import invalid_field
from server.http.operation import Call, MediaType, Operation
from server.http.shapes import Day, Query
from storage.postgres import Database, Row

DAYS: Final = timedelta(days=30)
A_DAY: Final = timedelta(days=1)
HEAD: Final = ("figure", "kind", "of", "count")
CSV: Final = MediaType(media_type="text/csv", description=f"`{','.join(HEAD)}`, a line a figure")

# Each figure counts what began in the time, but for what was decided, which counts when it was.
_FIGURES: Final = """
select 'reports' as figure, c.kind, r.reason as "of", count(*) as count from reports r join cases c on c.id = r.case_id
where r.reporter_id is not null and r.created_at >= $1 and r.created_at < $2 group by 2, 3
union all
select 'cases', kind, reason, count(*) from cases where created_at >= $1 and created_at < $2 group by 2, 3
union all
select 'found_by_screening', c.kind, a.action, count(*) from case_acts a join cases c on c.id = a.case_id
where a.undo ->> 'by' = 'screening' and a.created_at >= $1 and a.created_at < $2 group by 2, 3
union all
select 'decisions', c.kind, a.action, count(*) from case_acts a join cases c on c.id = a.case_id
where a.undo ->> 'by' is distinct from 'screening' and a.created_at >= $1 and a.created_at < $2 group by 2, 3
union all
select 'taken_back', c.kind, a.action, count(*) from case_acts a join cases c on c.id = a.case_id
where a.reverted_at >= $1 and a.reverted_at < $2 group by 2, 3
union all
select 'appeals', c.kind, p.state, count(*) from appeals p join strikes s on s.id = p.strike_id
join case_acts a on a.id = s.act_id join cases c on c.id = a.case_id
where p.created_at >= $1 and p.created_at < $2 group by 2, 3
union all
select 'closed_late', kind, severity, count(*) from cases
where closed_at >= $1 and closed_at < $2 and closed_at > due_at group by 2, 3
order by 1, 2, 3
"""


class TimeQuery(Query):
    """Days in UTC, both with what happened on them."""

    since: Annotated[Day | None, Field(alias="from", description="The first day; 30 days before the last")] = None
    to: Annotated[Day | None, Field(description="The last day; today")] = None


class Transparency:
    """Its cells are words of ours and numbers: none begins as a formula does."""

    def __init__(self, *, db: Database, now: Callable[[], datetime]) -> None:
        self._db = db
        self._now = now

    def operations(self) -> Sequence[Operation]:
        return [
            Operation(
                method="GET", path="/api/v1/admin/transparency.csv", handler=self._export, name="exportTransparency",
                tag="safety", summary="What was reported and decided in a time, as figures without persons",
                query=TimeQuery, answers={200: CSV}, auth="required", roles=frozenset({"admin"}), scope="admin",
            ),
        ]  # fmt: skip

    async def _export(self, call: Call[None, TimeQuery]) -> web.Response:
        last = call.query.to or self._now().date()
        first = call.query.since or last - DAYS
        if first > last:
            raise invalid_field("from", "must not be after to")
        rows = await self._db.fetch(_FIGURES, _midnight(first), _midnight(last) + A_DAY)
        headers = {"Content-Disposition": 'attachment; filename="transparency.csv"', "Cache-Control": "no-store"}
        return web.Response(text=as_csv(rows), content_type="text/csv", charset="utf-8", headers=headers)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=UTC)


def as_csv(rows: Sequence[Row]) -> str:
    written = io.StringIO()
    writer = csv.writer(written)
    writer.writerow(HEAD)
    writer.writerows([row[name] for name in HEAD] for row in rows)
    return written.getvalue()
