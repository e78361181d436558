"""``/api/v1/admin/objects``: what there is in the object store, which rules hold, and what is left over."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Final, Literal
from uuid import UUID

import msgspec
from pydantic import Field

from server.features.operations.objects import queries
from server.features.operations.objects.leftovers import GB, Leftovers, Limits
from server.http.cursors import after_time, page_of
from server.http.operation import Answer, Call, Operation
from server.http.shapes import Page, PageQuery, Shape
from server.jobs import Jobs
from server.jobs.kinds import Nothing
from storage.audit import AuditLog
from storage.objects.lifecycle import ClassRule
from storage.postgres import Database

TAG: Final = "admin"
LEFTOVER: Final = ("id", "prefix", "objects", "bytes", "found_at", "due_at")


class KindShape(Shape):
    kind: str
    objects: int
    bytes: int


class ClassRuleShape(Shape):
    prefix: str
    days: int
    storage_class: str


class ObjectsShape(Shape):
    """As the last look found it; ``scanned_at`` null: there was none yet."""

    store: Annotated[Literal["files", "s3"], Field(description="Files have no storage classes")]
    rules: list[ClassRuleShape]
    unfinished_days: int
    leftover_days: Annotated[int, Field(description="0: they are never removed by age")]
    leftover_gb: Annotated[int, Field(description="0: they are never removed by space")]
    scanned_at: datetime | None
    written: Annotated[bool, Field(description="Whether the bucket carries the rules out; else a job does")]
    moved: Annotated[int, Field(description="Objects that the last look gave another class")]
    kinds: list[KindShape]
    leftover_folders: int
    leftover_bytes: int


class LeftoverShape(Shape):
    id: UUID
    prefix: str
    objects: int
    bytes: int
    found_at: datetime
    due_at: Annotated[datetime | None, Field(description="From then on it is removed, if no row names it even then")]


class LeftoversShape(Page[LeftoverShape]):
    """What would be removed, the oldest first."""


class ObjectRoutes:
    def __init__(
        self,
        *,
        db: Database,
        jobs: Jobs,
        audit: AuditLog,
        leftovers: Leftovers,
        has_classes: bool,
        rules: Sequence[ClassRule],
        unfinished_days: int,
        limits: Limits,
    ) -> None:
        self._db = db
        self._jobs = jobs
        self._audit = audit
        self._leftovers = leftovers
        self._limits = limits
        self._fixed: dict[str, Any] = {
            "store": "s3" if has_classes else "files",
            "rules": [ClassRuleShape(**msgspec.structs.asdict(rule)) for rule in rules],
            "unfinished_days": unfinished_days,
            "leftover_days": limits.days,
            "leftover_gb": limits.bytes // GB,
        }

    def operations(self) -> Sequence[Operation]:
        by_admins: dict[str, Any] = {"tag": TAG, "auth": "required", "roles": frozenset({"admin"})}
        return [
            Operation(
                method="GET", path="/api/v1/admin/objects", handler=self._get, name="getObjects",
                summary="What there is in the object store, and which rules hold", answers={200: ObjectsShape},
                **by_admins,
            ),
            Operation(
                method="GET", path="/api/v1/admin/objects/leftovers", handler=self._list, name="listLeftovers",
                summary="Objects that no row names, and when they go: nothing is deleted by asking", query=PageQuery,
                answers={200: LeftoversShape}, **by_admins,
            ),
            Operation(
                method="POST", path="/api/v1/admin/objects/look", handler=self._look, name="lookThroughObjects",
                summary="Look through all objects now, and remove what is due", answers={202: None}, **by_admins,
            ),
        ]  # fmt: skip

    async def _get(self, call: Call[None, None]) -> Answer:
        scan, total = await self._db.fetchrow(queries.SCAN), await self._db.fetchrow(queries.TOTAL)
        assert total is not None
        return Answer(
            200,
            ObjectsShape(
                **self._fixed,
                scanned_at=scan["scanned_at"] if scan else None,
                written=scan["is_written"] if scan else False,
                moved=scan["moved"] if scan else 0,
                kinds=[KindShape(**kind) for kind in scan["kinds"]] if scan else [],
                leftover_folders=total["folders"],
                leftover_bytes=total["bytes"],
            ),
        )

    async def _list(self, call: Call[None, PageQuery]) -> Answer:
        at, row_id = after_time(call.query.cursor) or (None, None)
        limit = call.query.limit
        rows = await self._db.fetch(queries.PAGE, self._limits.bytes, self._limits.days, at, row_id, limit + 1)
        shown, following = page_of(rows, limit, lambda row: (row["found_at"], row["id"]))
        items = [LeftoverShape(**{name: row[name] for name in LEFTOVER}) for row in shown]
        return Answer(200, LeftoversShape(items=items, next=following))

    async def _look(self, call: Call[None, None]) -> Answer:
        async with self._db.transaction() as tx:
            await self._jobs.enqueue(tx, self._leftovers.job, Nothing())
            await self._audit.add(tx, "objects.look", actor_id=call.me.id, subject="", ip=call.address)
        return Answer(202)
