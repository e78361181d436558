"""``PATCH /api/v1/admin/people/{id}``: what admins do about somebody's account."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Final
from uuid import UUID

from pydantic import AwareDatetime, Field, field_validator

from server.features.people.accounts import queries
from server.features.people.facts import AccountSuspended
from server.http.errors import Problem, invalid_field, not_found
from server.http.identity import Identity
from server.http.operation import Answer, Call, Operation
from server.http.shapes import Body, Shape, Text
from storage.audit import AuditLog
from storage.facts import publish
from storage.postgres import Database
from storage.rights import note_change

TAG: Final = "admin"


class PersonChange(Body):
    """Only what is given changes; ``suspended_until`` null, or a moment that has passed, lets the person back in."""

    suspended_until: Annotated[AwareDatetime | None, Field(strict=False)] = None
    reason: Annotated[Text, Field(max_length=500)] = ""

    @field_validator("suspended_until", mode="before")
    @classmethod
    def _as_text(cls, value: object) -> object:
        if value is not None and not isinstance(value, str):
            raise ValueError("must be a date and time as RFC 3339 writes it")
        return value


class AdminPerson(Shape):
    """A person as admins see them."""

    id: UUID
    username: str
    display_name: str
    roles: list[str]
    suspended_until: datetime | None


class SuspensionRoutes:
    """A suspended person is signed out everywhere, taken off the air, and hidden, until the suspension ends."""

    def __init__(
        self, *, database: Database, identity: Identity, audit: AuditLog, when_changed: Callable[[], Awaitable[None]]
    ) -> None:
        """``when_changed``: rights are others now, and this node need not wait to find out."""
        self._db = database
        self._identity = identity
        self._audit = audit
        self._when_changed = when_changed

    def operations(self) -> Sequence[Operation]:
        return [
            Operation(
                method="PATCH", path="/api/v1/admin/people/{person_id}", handler=self._change, name="changePerson",
                tag=TAG, summary="Suspend a person, or let them back in", body=PersonChange,
                answers={200: AdminPerson}, problems=frozenset({403, 404, 409}), auth="required",
                roles=frozenset({"admin"}),
            ),
        ]  # fmt: skip

    async def _change(self, call: Call[PersonChange, None]) -> Answer:
        person_id, body = call.path["person_id"].lower(), call.body
        if "suspended_until" not in body.model_fields_set:
            raise invalid_field("suspended_until", "is the one thing that can be changed")
        if person_id == call.me.id:
            raise Problem(409, "Another admin has to do that", slug="yourself")
        until = body.suspended_until.astimezone(UTC) if body.suspended_until is not None else None
        ended = await self._suspend(call, person_id, until)
        for session_id in ended:
            self._identity.revoke(session_id, "suspended")
        await self._when_changed()
        row = await self._db.fetchrow(queries.ADMIN_PERSON, person_id)
        return Answer(200, AdminPerson(**dict(row)) if row is not None else None)

    async def _suspend(self, call: Call[PersonChange, None], person_id: str, until: datetime | None) -> list[str]:
        """The sessions that ended with it."""
        detail: dict[str, Any] = {"until": until.isoformat() if until else None, "reason": call.body.reason}
        async with self._db.transaction() as tx:
            is_suspended = await tx.fetchval(queries.SUSPEND, person_id, until)
            if is_suspended is None:
                raise not_found("There is no such person")
            ended = await tx.fetch(queries.END_ALL_SESSIONS, person_id, "suspended") if is_suspended else []
            action = "person.suspended" if is_suspended else "person.let_back_in"
            await self._audit.add(tx, action, actor_id=call.me.id, subject=person_id, detail=detail)
            await note_change(tx, "account", person_id)
            if is_suspended and until is not None:
                await publish(tx, AccountSuspended(person_id=person_id, until=until))
        return [row["id"] for row in ended]
