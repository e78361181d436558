"""What moderators write for one another: notes on cases, and texts to begin an answer with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Annotated, Any, Final
from uuid import UUID

from pydantic import AfterValidator, Field

from server.features.safety.cases.queries import ALONE
from server.features.safety.cases.shapes import NoteShape, Words
from server.http.errors import Problem, not_found
from server.http.limits import CallRate
from server.http.operation import Answer, Call, Operation
from server.http.shapes import Body, Shape, Text, one_line
from storage.audit import AuditLog
from storage.ids import Ids
from storage.postgres import Database

MAX_NOTES: Final = 200
"""Of one case."""
MAX_TEMPLATES: Final = 100
MAX_TITLE: Final = 80
MODERATORS: Final = frozenset({"moderator", "admin"})

_NOTE: Final = """
insert into case_notes (id, case_id, author_id, text, created_at)
select $1, c.id, $3, $4, $5 from cases c
where c.id = $2 and (select count(*) from case_notes n where n.case_id = c.id) < $6
"""
_IS_CASE: Final = "select exists (select from cases where id = $1)"
_TEMPLATES: Final = "select id, title, text, created_at from case_templates order by title, id limit $1"
_COUNT: Final = "select count(*) from case_templates"
_ADD_TEMPLATE: Final = "insert into case_templates (id, title, text, created_at) values ($1, $2, $3, $4)"
_DROP_TEMPLATE: Final = "delete from case_templates where id = $1"


class NoteBody(Body):
    text: Words


class MadeNote(Shape):
    note: NoteShape


class TemplateBody(Body):
    title: Annotated[
        Text,
        Field(min_length=1, max_length=MAX_TITLE),
        AfterValidator(partial(one_line, at_least=1, at_most=MAX_TITLE)),
    ]
    text: Words


class TemplateShape(Shape):
    id: UUID
    title: str
    text: str
    created_at: datetime


class MadeTemplate(Shape):
    template: TemplateShape


class TemplatesShape(Shape):
    items: Annotated[list[TemplateShape], Field(max_length=MAX_TEMPLATES)]


class Notes:
    """Notes are seen by moderators alone; templates are the admins' to write."""

    def __init__(self, *, db: Database, audit: AuditLog, ids: Ids, now: Callable[[], datetime], rate: CallRate) -> None:
        self._db = db
        self._audit = audit
        self._ids = ids
        self._now = now
        self._rate = rate

    def operations(self) -> Sequence[Operation]:
        tagged: dict[str, Any] = {"tag": "safety", "auth": "required", "scope": "moderate"}
        admins = {**tagged, "roles": frozenset({"admin"}), "account_rate": self._rate}
        templates = "/api/v1/moderation/templates"
        return [
            Operation(
                method="POST", path="/api/v1/moderation/cases/{case_id}/notes", handler=self._note, name="noteOnCase",
                summary="Write a note on a case for other moderators", body=NoteBody, answers={201: MadeNote},
                problems=frozenset({404, 409}), roles=MODERATORS, account_rate=self._rate, **tagged,
            ),
            Operation(
                method="GET", path=templates, handler=self._templates, name="listTemplates", roles=MODERATORS,
                summary="Texts to begin an answer with, by title", answers={200: TemplatesShape}, **tagged,
            ),
            Operation(
                method="POST", path=templates, handler=self._add, name="addTemplate", body=TemplateBody,
                summary="Add a text to begin an answer with", answers={201: MadeTemplate},
                problems=frozenset({409}), **admins,
            ),
            Operation(
                method="DELETE", path=f"{templates}/{{template_id}}", handler=self._drop, name="dropTemplate",
                summary="Remove a text to begin an answer with", answers={204: None}, problems=frozenset({404}),
                **admins,
            ),
        ]  # fmt: skip

    async def _note(self, call: Call[NoteBody, None]) -> Answer:
        case_id, now = call.path["case_id"], self._now()
        note_id = self._ids.uuid7(now.timestamp())
        async with self._db.transaction() as tx:
            await tx.execute(ALONE, case_id)
            if not await tx.execute(_NOTE, note_id, case_id, call.me.id, call.body.text, now, MAX_NOTES):
                if not await tx.fetchval(_IS_CASE, case_id):
                    raise not_found("There is no such case")
                raise Problem(409, f"A case has {MAX_NOTES} notes at most", slug="too-many-notes")
        note = NoteShape(id=UUID(note_id), author=call.me.username, text=call.body.text, created_at=now)
        return Answer(201, MadeNote(note=note))

    async def _templates(self, call: Call[None, None]) -> Answer:
        rows = await self._db.fetch(_TEMPLATES, MAX_TEMPLATES)
        return Answer(body=TemplatesShape(items=[TemplateShape(**dict(row)) for row in rows]))

    async def _add(self, call: Call[TemplateBody, None]) -> Answer:
        body, now = call.body, self._now()
        template_id = self._ids.uuid7(now.timestamp())
        async with self._db.transaction() as tx:
            await tx.execute(ALONE, "templates")
            if await tx.fetchval(_COUNT) >= MAX_TEMPLATES:
                raise Problem(409, f"There are {MAX_TEMPLATES} templates already", slug="too-many-templates")
            await tx.execute(_ADD_TEMPLATE, template_id, body.title, body.text, now)
            await self._audit.add(
                tx, "template.added", actor_id=call.me.id, subject=template_id, ip=call.address
            )  # fmt: skip
        shown = TemplateShape(id=UUID(template_id), title=body.title, text=body.text, created_at=now)
        return Answer(201, MadeTemplate(template=shown))

    async def _drop(self, call: Call[None, None]) -> Answer:
        template_id = call.path["template_id"]
        async with self._db.transaction() as tx:
            if not await tx.execute(_DROP_TEMPLATE, template_id):
                raise not_found("There is no such template")
            await self._audit.add(
                tx, "template.removed", actor_id=call.me.id, subject=template_id, ip=call.address
            )  # fmt: skip
        return Answer(204)
