"""What operators see of mails, and what they do about one.

What a mail says is shown only where no SMTP server is set, so that every flow works on a laptop: links in it are as
good as a password. Reading it is a privileged act then and lands in the audit log.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from pydantic import Field

from server.http.cursors import after_id, page_of
from server.http.errors import Problem, not_found
from server.http.operation import Answer, Call, Operation
from server.http.shapes import Page, PageQuery, Shape, Text
from server.outbound.mail import queries
from server.outbound.mail.outbox import MAX_ADDRESS_CHARS, Outbox
from server.outbound.mail.templates import Templates
from storage.audit import AuditLog
from storage.postgres import Database, Row

TAG: Final = "admin"

State = Literal["queued", "sent", "kept", "bounced", "failed"]


class MailShape(Shape):
    id: UUID
    person_id: Annotated[UUID | None, Field(description="The account that it is about")]
    address: str
    name: str
    template: str
    language: str
    subject: str
    state: Annotated[
        State,
        Field(
            description="`kept`: no SMTP server was set. `bounced`: the server refused it for good. "
            "`failed`: it was given up after two days"
        ),
    ]
    attempts: int
    reason: Annotated[str | None, Field(description="What the server said last, or why it could not be reached")]
    created_at: datetime
    attempted_at: datetime | None
    ended_at: datetime | None


class MailContentShape(MailShape):
    text: Annotated[str | None, Field(description="Of a kept mail; else null")]
    html: Annotated[str | None, Field(description="Of a kept mail; else null")]


class MailQuery(PageQuery):
    state: Annotated[State | None, Field(description="Only mails in this state")] = None
    address: Annotated[
        Text | None, Field(max_length=MAX_ADDRESS_CHARS, description="Only mails to this address, in any case")
    ] = None


class MailRoutes:
    """Every act lands in the audit log."""

    def __init__(self, *, db: Database, outbox: Outbox, templates: Templates, audit: AuditLog) -> None:
        self._db = db
        self._outbox = outbox
        self._templates = templates
        self._audit = audit

    def operations(self) -> Sequence[Operation]:
        by_admins: dict[str, Any] = {"tag": TAG, "auth": "required", "roles": frozenset({"admin"})}
        return [
            Operation(
                method="GET", path="/api/v1/admin/mail", handler=self._list, name="listMails",
                summary="Outgoing mails, the newest first", query=MailQuery, answers={200: Page[MailShape]},
                **by_admins,
            ),
            Operation(
                method="GET", path="/api/v1/admin/mail/{id}", handler=self._read, name="readMail",
                summary="A mail; what it says if it was kept because no SMTP server is set",
                answers={200: MailContentShape}, problems=frozenset({404}), **by_admins,
            ),
            Operation(
                method="POST", path="/api/v1/admin/mail/{id}/retry", handler=self._retry, name="retryMail",
                summary="Deliver a mail that was kept, bounced or given up", answers={200: MailShape},
                problems=frozenset({404, 409}), **by_admins,
            ),
        ]  # fmt: skip

    async def _list(self, call: Call[None, MailQuery]) -> Answer:
        query = call.query
        rows = await self._page(query)
        shown, following = page_of(rows, query.limit, lambda row: (0, row["id"]))
        return Answer(body=Page[MailShape](items=[MailShape(**row) for row in shown], next=following))

    async def _page(self, query: MailQuery) -> list[Row]:
        before = after_id(query.cursor)
        if query.address is not None:
            return await self._db.fetch(queries.PAGE_OF_ADDRESS, before, query.limit + 1, query.address, query.state)
        if query.state is not None:
            return await self._db.fetch(queries.PAGE_OF_STATE, before, query.limit + 1, query.state)
        return await self._db.fetch(queries.PAGE, before, query.limit + 1)

    async def _read(self, call: Call[None, None]) -> Answer:
        row = await self._find(call)
        if row["state"] != "kept":
            return Answer(body=MailContentShape(**row, text=None, html=None))
        async with self._db.transaction() as tx:
            told = {"address": row["address"]}
            await self._audit.add(tx, "mail.read", actor_id=call.me.id, subject=row["id"], ip=call.address, detail=told)
        said = self._templates.render(row["template"], row["language"], row["name"], row["data"])
        return Answer(body=MailContentShape(**row, text=said.text, html=said.html))

    async def _retry(self, call: Call[None, None]) -> Answer:
        async with self._db.transaction() as tx:
            is_queued = await self._outbox.retry(tx, call.path["id"].lower())
            if is_queued:
                await self._audit.add(
                    tx, "mail.retried", actor_id=call.me.id, subject=call.path["id"].lower(), ip=call.address
                )
        row = await self._find(call)
        if not is_queued:
            raise Problem(409, "Only a mail that was kept, bounced or given up is delivered anew", slug="mail-state")
        return Answer(body=MailShape(**row))

    async def _find(self, call: Call[None, None]) -> Row:
        row = await self._db.fetchrow(queries.FIND, call.path["id"].lower())
        if row is None:
            raise not_found("There is no such mail, or it is no longer kept")
        return row
