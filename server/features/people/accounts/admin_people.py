"""``/api/v1/admin/people``: accounts as admins find them, and what admins do about one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, date, datetime
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field, field_validator

from server.features.people.accounts import queries
from server.features.people.accounts.new_accounts import EVERYBODY
from server.features.people.accounts.suspensions import Suspensions
from server.features.people.facts import BirthDateChanged
from server.features.people.rules import BirthDate
from server.http.cursors import after_id, page_of
from server.http.errors import Problem, invalid_field, not_found
from server.http.identity import Identity
from server.http.operation import Answer, Call, Operation
from server.http.shapes import Body, Page, PageQuery, Shape, Text
from storage.audit import AuditLog
from storage.facts import publish
from storage.postgres import Database, Row, Transaction
from storage.rights import note_change

TAG: Final = "admin"
ONLY_ADMINS: Final = frozenset({"admin"})
CHANGED: Final = frozenset({"roles", "suspended_until", "birth_date"})
Role = Literal["viewer", "creator", "moderator", "support", "admin"]
State = Literal["active", "suspended", "leaving"]


class PersonChange(Body):
    """Only what is given changes; ``suspended_until`` null, or a moment that has passed, lets the person back in."""

    roles: Annotated[list[Role], Field(max_length=8)] | None = Field(None, description="All roles from now on")
    suspended_until: Annotated[AwareDatetime | None, Field(strict=False)] = None
    birth_date: BirthDate | None = Field(None, description="The right one; admins are not shown what was given")
    reason: Annotated[Text, Field(max_length=500)] = ""

    @field_validator("suspended_until", mode="before")
    @classmethod
    def _as_text(cls, value: object) -> object:
        if value is not None and not isinstance(value, str):
            raise ValueError("must be a date and time as RFC 3339 writes it")
        return value


class PeopleQuery(PageQuery):
    q: Annotated[Text, Field(max_length=254)] | None = Field(
        None, description="How the username, or with an @ the e-mail address, begins"
    )
    role: Role | None = None
    state: State | None = None


class AdminPerson(Shape):
    """A person as admins see them. ``leaving``: the deletion of the account was asked for."""

    id: UUID
    username: str
    display_name: str
    email: str
    email_verified: bool
    roles: list[str]
    state: State
    suspended_until: datetime | None
    created_at: datetime
    last_seen_at: datetime | None


class AdminPeopleRoutes:
    """A suspended person is signed out everywhere, taken off the air, and hidden, until the suspension ends. A person
    who loses a role that not everybody has is signed out too, since access tokens carry roles.
    """

    def __init__(
        self,
        *,
        database: Database,
        identity: Identity,
        audit: AuditLog,
        suspensions: Suspensions,
        when_changed: Callable[[], Awaitable[None]],
    ) -> None:
        """``when_changed``: rights are others now, and this node need not wait to find out."""
        self._db = database
        self._identity = identity
        self._audit = audit
        self._suspensions = suspensions
        self._when_changed = when_changed

    def operations(self) -> Sequence[Operation]:
        return [
            Operation(
                method="GET", path="/api/v1/admin/people", handler=self._list, name="listPeople", tag=TAG,
                summary="Accounts, the newest first", query=PeopleQuery, answers={200: Page[AdminPerson]},
                auth="required", roles=ONLY_ADMINS,
            ),
            Operation(
                method="PATCH", path="/api/v1/admin/people/{person_id}", handler=self._change, name="changePerson",
                tag=TAG, summary="Change a person's roles or birth date, suspend them, or let them back in",
                body=PersonChange, answers={200: AdminPerson}, problems=frozenset({403, 404, 409}), auth="required",
                roles=ONLY_ADMINS,
            ),
        ]  # fmt: skip

    async def _list(self, call: Call[None, PeopleQuery]) -> Answer:
        query = call.query
        sql = queries.PEOPLE
        given: list[Any] = [after_id(query.cursor), query.limit + 1]
        for clause, value in _filters(query):
            given = given if value is None else [*given, value]
            sql = f"{sql} and {clause.format(f'${len(given)}')}"
        rows = await self._db.fetch(sql + queries.PEOPLE_END, *given)
        shown, following = page_of(rows, query.limit, lambda row: (0, row["id"]))
        return Answer(200, Page[AdminPerson](items=[_shape(row) for row in shown], next=following))

    async def _change(self, call: Call[PersonChange, None]) -> Answer:
        person_id, given = call.path["person_id"].lower(), call.body.model_fields_set
        if not given & CHANGED:
            raise invalid_field("roles", "either this, suspended_until or birth_date is to be changed")
        for name in ("roles", "birth_date"):
            if name in given and getattr(call.body, name) is None:
                raise invalid_field(name, "must not be null")
        if person_id == call.me.id:
            raise Problem(409, "Another admin has to do that", slug="yourself")
        ended: list[Row] = []
        async with self._db.transaction() as tx:
            if "suspended_until" in given:
                await self._suspend(tx, call, person_id)
            if call.body.birth_date is not None:
                await self._correct_birth_date(tx, call, person_id, call.body.birth_date)
            if call.body.roles is not None:
                ended += await self._set_roles(tx, call, person_id, ["viewer", *call.body.roles])
        for row in ended:
            self._identity.revoke(row["id"], "ended_by_admin")
        await self._when_changed()
        changed = await self._db.fetchrow(queries.ADMIN_PERSON, person_id)
        return Answer(200, _shape(changed) if changed is not None else None)

    async def _suspend(self, tx: Transaction, call: Call[PersonChange, None], person_id: str) -> None:
        given, why = call.body.suspended_until, call.body.reason
        until = given.astimezone(UTC) if given is not None else None
        if not await self._suspensions.suspend(
            tx, person_id, until, actor_id=call.me.id, ip=call.address, why=why, reason=why
        ):
            raise not_found("There is no such person")

    async def _correct_birth_date(
        self, tx: Transaction, call: Call[PersonChange, None], person_id: str, born: date
    ) -> None:
        """The log, which is kept for ever, does not say when that was."""
        was_known = await tx.fetchval(queries.CORRECT_BIRTH_DATE, person_id, born)
        if was_known is None:
            raise not_found("There is no such person")
        await note_change(tx, "account", person_id)
        await publish(tx, BirthDateChanged(person_id=person_id))
        await self._note(tx, call, "person.birth_date_corrected", person_id, {"was_known": was_known})

    async def _set_roles(
        self, tx: Transaction, call: Call[PersonChange, None], person_id: str, roles: Sequence[str]
    ) -> list[Row]:
        """The sessions that ended with it."""
        row = await tx.fetchrow(queries.ROLES_LOCKED, person_id)
        if row is None:
            raise not_found("There is no such person")
        after = sorted(set(roles))
        if set(row["roles"]) == set(after):
            return []
        await tx.execute(queries.SET_ROLES, person_id, after)
        await self._note(tx, call, "person.roles_changed", person_id, {"before": row["roles"], "after": after})
        if set(row["roles"]) <= {*after, *EVERYBODY}:  # what every new account has allows nothing that others may not
            return []
        return list(await tx.fetch(queries.END_ALL_SESSIONS, person_id, "roles_changed"))

    async def _note(
        self, tx: Transaction, call: Call[PersonChange, None], action: str, person_id: str, detail: dict[str, Any]
    ) -> None:
        why = call.body.reason
        await self._audit.add(
            tx, action, actor_id=call.me.id, subject=person_id, ip=call.address, why=why, detail=detail
        )


def _filters(query: PeopleQuery) -> list[tuple[str, str | list[str] | None]]:
    """Conditions with the place of their value, if they have one."""
    found: list[tuple[str, str | list[str] | None]] = []
    if query.q:
        column = "email_key" if "@" in query.q else "username_key"
        found.append((f"{column} like {{}}", _prefix(query.q)))
    if query.role is not None:
        found.append(("roles @> {}", [query.role]))
    if query.state is not None:
        found.append((queries.OF_STATE[query.state], None))
    return found


def _prefix(text: str) -> str:
    for sign in "\\%_":
        text = text.replace(sign, f"\\{sign}")
    return text.lower() + "%"


def _shape(row: Row) -> AdminPerson:
    return AdminPerson(**dict(row))
