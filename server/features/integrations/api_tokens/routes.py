"""``/api/v1/auth/tokens``."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Final
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, Field, field_validator

from server.features.integrations.api_tokens.tokens import ApiTokens, Wanted
from server.features.people.accounts import Reauthentication, device_of
from server.http.cursors import decode_cursor, encode_cursor
from server.http.identity import Identity
from server.http.limits import OWN_SETTINGS, CallRate
from server.http.operation import Answer, Call, Operation
from server.http.shapes import Body, Page, PageQuery, Shape, Text, one_line
from server.scopes import SCOPES, Scope

TAG: Final = "accounts"
MAX_NAME: Final = 64


class NewTokenBody(Body):
    name: Annotated[
        Text,
        Field(min_length=1, max_length=MAX_NAME, examples=["My bot"]),
        AfterValidator(partial(one_line, at_least=1, at_most=MAX_NAME)),
    ]
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=len(SCOPES), examples=[["read", "chat"]])]
    expires_at: Annotated[AwareDatetime | None, Field(strict=False)] = None

    @field_validator("expires_at", mode="before")
    @classmethod
    def _as_text(cls, value: object) -> object:
        if value is not None and not isinstance(value, str):
            raise ValueError("must be a date and time as RFC 3339 writes it")
        return value


class TokenShape(Shape):
    id: UUID
    name: str
    scopes: list[str]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: Annotated[datetime | None, Field(description="To the minute")]


class ShownToken(TokenShape):
    token: Annotated[str, Field(description="Shown this once")]


class ApiTokenRoutes:
    def __init__(self, *, tokens: ApiTokens, identity: Identity, reauthentication: Reauthentication) -> None:
        self._tokens = tokens
        self._identity = identity
        self._reauthentication = reauthentication

    def operations(self) -> Sequence[Operation]:
        return [
            Operation(
                method="POST", path="/api/v1/auth/tokens", handler=self._add, name="addToken", tag=TAG,
                summary="Make an API token for a program",
                description="It works wherever an access token does, within its scopes; on the other nodes within a "
                "second. Needs a proof of who it is of the last 10 minutes; else 401 with the type "
                "`…/reauthentication-required`.",
                body=NewTokenBody, max_body=4 * 1024, answers={201: ShownToken}, problems=frozenset({409}),
                auth="required", rate=CallRate("tokens", per_s=0.5, burst=20),
            ),
            Operation(
                method="GET", path="/api/v1/auth/tokens", handler=self._list, name="listTokens", tag=TAG,
                summary="My API tokens", query=PageQuery, answers={200: Page[TokenShape]}, auth="required",
                rate=OWN_SETTINGS,
            ),
            Operation(
                method="DELETE", path="/api/v1/auth/tokens/{token_id}", handler=self._delete, name="deleteToken",
                tag=TAG, summary="Delete an API token; its sockets are closed", answers={204: None}, auth="required",
                rate=OWN_SETTINGS,
            ),
        ]  # fmt: skip

    async def _add(self, call: Call[NewTokenBody, None]) -> Answer:
        await self._reauthentication.require(call.me)
        body = call.body
        new = await self._tokens.add(
            person_id=call.me.id,
            roles=call.me.roles,
            wanted=Wanted(
                name=body.name,
                scopes=body.scopes,
                expires_at=body.expires_at.astimezone(UTC) if body.expires_at is not None else None,
            ),
            device=device_of(call),
        )
        await self._identity.refresh()
        headers = {"Location": f"/api/v1/auth/tokens/{new.row['id']}"}
        return Answer(201, ShownToken(**dict(new.row), token=new.token), headers)

    async def _list(self, call: Call[None, PageQuery]) -> Answer:
        limit = call.query.limit
        rows = await self._tokens.list(call.me.id, after=_after(call.query.cursor), limit=limit + 1)
        shown = rows[:limit]
        last = encode_cursor((shown[-1]["created_at"], shown[-1]["id"])) if len(rows) > limit else None
        return Answer(200, Page[TokenShape](items=[TokenShape(**dict(row)) for row in shown], next=last))

    async def _delete(self, call: Call[None, None]) -> Answer:
        token_id = call.path["token_id"].lower()
        await self._tokens.revoke(call.me.id, token_id, device_of(call))
        self._identity.revoke(token_id, "token_deleted")
        return Answer(204)


def _after(cursor: str | None) -> tuple[datetime, str] | None:
    if cursor is None:
        return None
    at, token_id = decode_cursor(cursor, tuple[datetime, UUID])
    return at, str(token_id)
