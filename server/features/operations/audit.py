"""``/api/v1/admin/audit``: who did what to whom, for admins to read and to verify; and the data of those who acted."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from pydantic import Field

from server.feature import Feature, PersonalData, Platform, rows_by_id
from server.http.cursors import after_id, page_of
from server.http.limits import CallRate
from server.http.operation import UUID_PATTERN, Answer, Call, Operation
from server.http.shapes import Page, PageQuery, Shape, Text
from server.jobs import Attempt, Job, Nothing, Schedule, repeated
from storage.audit_chain import AuditChain, Verdict, erase
from storage.postgres import Database, Row

TAG: Final = "admin"
ADMINS: Final = frozenset({"admin"})
CHAIN_S: Final = 30.0
VERIFY_S: Final = 3_600.0
EVERY_NIGHT: Final = "17 3 * * *"
VERIFICATIONS: Final = CallRate("audit_verifications", per_s=1 / 60, burst=20)
_UUID: Final = re.compile(UUID_PATTERN)

log = logging.getLogger("server.audit")

SECTIONS: Final = (
    rows_by_id(
        "log",
        "a.id, a.at, a.action, a.subject, d.body::jsonb as detail",
        "audit_log a left join audit_details d on d.entry_id = a.id where a.actor_id = $1",
        key="a.id",
    ),
)

_COLUMNS: Final = """
select a.id, a.at, a.actor_id, u.username as actor, a.action, a.subject, d.body, a.position, a.previous_hash, a.hash
from audit_log a left join audit_details d on d.entry_id = a.id left join users u on u.id = a.actor_id
where ($1::uuid is null or a.id < $1)
"""
_END: Final = " order by a.id desc limit $2"
_OF_ACTOR: Final = " and a.actor_id = $3"
_ACTOR_ID: Final = "select id from users where username_key = lower($1)"


class AuditEntry(Shape):
    """``previous_hash`` and ``hash``: as hexadecimal digits; null for the moment until the entry is chained."""

    id: UUID
    at: datetime
    actor_id: Annotated[UUID | None, Field(description="null: the server, or nobody known")]
    actor: str | None
    action: str
    subject: str
    ip: str
    why: str
    detail: Annotated[dict[str, Any] | None, Field(description="null once the person it told of is wiped")]
    position: int | None
    previous_hash: str | None
    hash: str | None


class AuditQuery(PageQuery):
    actor: Annotated[Text, Field(min_length=1, max_length=64)] | None = Field(
        None, description="The username or the id of who acted"
    )
    action: Annotated[Text, Field(pattern="^[a-z0-9_.]{1,80}$")] | None = Field(
        None, description="An action, as `person.suspended`, or all of a kind, as `person`"
    )


class Verification(Shape):
    valid: bool
    entries: int
    first_invalid: Annotated[UUID | None, Field(description="The first entry that does not fit the chain")]


class AuditRoutes:
    def __init__(self, *, db: Database, chain: AuditChain) -> None:
        self._db = db
        self._chain = chain

    def operations(self) -> Sequence[Operation]:
        return [
            Operation(
                method="GET", path="/api/v1/admin/audit", handler=self._list, name="listAudit", tag=TAG,
                summary="Who did what to whom, the newest first", query=AuditQuery, answers={200: Page[AuditEntry]},
                auth="required", roles=ADMINS,
            ),
            Operation(
                method="GET", path="/api/v1/admin/audit/verify", handler=self._verify, name="verifyAudit", tag=TAG,
                summary="Whether every entry is as it was written, and none is missing",
                answers={200: Verification}, auth="required", roles=ADMINS, account_rate=VERIFICATIONS,
            ),
        ]  # fmt: skip

    async def _list(self, call: Call[None, AuditQuery]) -> Answer:
        await self._chain.chain()
        rows = await self._rows(call.query)
        shown, following = page_of(rows, call.query.limit, lambda row: (0, row["id"]))
        return Answer(200, Page[AuditEntry](items=[_shape(row) for row in shown], next=following))

    async def _rows(self, query: AuditQuery) -> Sequence[Row]:
        sql, given = _COLUMNS, [after_id(query.cursor), query.limit + 1]
        if query.actor is not None:
            actor_id = await self._actor_id(query.actor)
            if actor_id is None:
                return []
            sql, given = sql + _OF_ACTOR, [*given, actor_id]
        if query.action is not None:
            column = "a.action" if "." in query.action else "split_part(a.action, '.', 1)"
            sql, given = f"{sql} and {column} = ${len(given) + 1}", [*given, query.action]
        return await self._db.fetch(sql + _END, *given)

    async def _actor_id(self, actor: str) -> str | None:
        return actor if _UUID.match(actor) else await self._db.fetchval(_ACTOR_ID, actor)

    async def _verify(self, call: Call[None, None]) -> Answer:
        found = await self._chain.verify()
        first = UUID(found.first_invalid) if found.first_invalid else None
        return Answer(200, Verification(valid=found.valid, entries=found.entries, first_invalid=first))


def _shape(row: Row) -> AuditEntry:
    detail = None if row["body"] is None else msgspec.json.decode(row["body"])
    said = detail or {}
    return AuditEntry(
        **{name: row[name] for name in ("id", "at", "actor_id", "actor", "action", "subject", "position")},
        ip=str(said.pop("ip", "")),
        why=str(said.pop("why", "")),
        detail=detail,
        previous_hash=row["previous_hash"].hex() if row["previous_hash"] is not None else None,
        hash=row["hash"].hex() if row["hash"] is not None else None,
    )


def build(platform: Platform) -> Feature:
    chain = AuditChain(db=platform.db)

    async def verify(_: Attempt[Nothing]) -> None:
        _tell(await chain.verify())

    nightly = Job(name="audit.verify", body=Nothing, run=verify, timeout_s=VERIFY_S, tries=3, at_once=1)
    return Feature(
        name="audit",
        operations=AuditRoutes(db=platform.db, chain=chain).operations(),
        jobs=[nightly],
        schedules=[
            repeated("audit.chain", chain.chain, every_s=CHAIN_S),
            Schedule(name="audit.verify", job=nightly, cron=EVERY_NIGHT),
        ],
        personal_data=PersonalData(
            tables=frozenset({"audit_log"}),
            sections=SECTIONS,
            erase=erase,
            kept={"audit_log": "who did what stays, by id and without details"},
        ),
    )


def _tell(found: Verdict) -> None:
    if found.valid:
        log.info("the audit log is whole: %d entries", found.entries)
    else:
        log.error("the audit log was tampered with: entry %s does not fit the chain", found.first_invalid)
