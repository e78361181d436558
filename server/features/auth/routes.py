"""``/api/v1/auth``: registration, sign-in and sessions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from pydantic import Field

from server.features.auth.accounts import Accounts, Device, SignedIn
from server.features.auth.rules import Email, Password, Username, email_key
from server.features.users import Me
from server.http.addresses import is_loopback
from server.http.cursors import decode_cursor, encode_cursor
from server.http.errors import Problem
from server.http.feature import Answer, Call, Operation
from server.http.limits import Rate, RateLimiter
from server.http.shapes import Body, Page, PageQuery, Shape, Text

TAG: Final = "accounts"


class Registration(Body):
    username: Username
    email: Email
    password: Password


class Login(Body):
    login: Annotated[Text, Field(min_length=1, max_length=254, description="Username or e-mail", examples=["ada"])]
    password: Annotated[Text, Field(min_length=1, max_length=256, examples=["correct horse battery staple"])]
    totp: Annotated[Text, Field(max_length=64)] | None = Field(
        None, description="Of the second factor; not looked at for accounts without one"
    )


class Refresh(Body):
    refresh_token: Annotated[Text, Field(min_length=1, max_length=256)]


class Tokens(Shape):
    user: Me
    access_token: str
    refresh_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105  # RFC 6749's name of a kind
    expires_in: Annotated[int, Field(description="Seconds that the access token lives")]


class Session(Shape):
    id: UUID
    user_agent: str
    ip: str
    created_at: datetime
    last_seen_at: datetime
    current: Annotated[bool, Field(description="Whether it is the session of this very call")]


@dataclass(frozen=True, kw_only=True)
class AuthRates:
    """By address, but for ``guesses``, which is by the name that is signed in to, from wherever."""

    register: Rate = field(default=Rate("register", per_s=1 / 60, burst=10))
    login: Rate = field(default=Rate("login", per_s=0.5, burst=20))
    refresh: Rate = field(default=Rate("refresh", per_s=1, burst=30))
    guesses: Rate = field(default=Rate("guesses", per_s=1 / 6, burst=20))


class Auth:
    """The operations of ``Accounts`` that everybody may call on their own account."""

    name = "auth"

    def __init__(
        self, *, accounts: Accounts, limiter: RateLimiter, rates: AuthRates, limit_loopback: bool = False
    ) -> None:
        self._accounts = accounts
        self._limiter = limiter
        self._rates = rates
        self._limit_loopback = limit_loopback

    def operations(self) -> Sequence[Operation]:
        return [*self._entrances(), *self._sessions_operations()]

    def _entrances(self) -> list[Operation]:
        return [
            Operation(
                method="POST", path="/api/v1/auth/register", handler=self._register, name="register", tag=TAG,
                summary="Make an account and sign in", body=Registration, max_body=16 * 1024, answers={201: Tokens},
                problems=frozenset({409}), rate=self._rates.register,
            ),
            Operation(
                method="POST", path="/api/v1/auth/login", handler=self._login, name="login", tag=TAG,
                summary="Sign in", body=Login, max_body=16 * 1024, answers={200: Tokens},
                problems=frozenset({401, 403}), rate=self._rates.login,
            ),
            Operation(
                method="POST", path="/api/v1/auth/refresh", handler=self._refresh, name="refresh", tag=TAG,
                summary="Exchange a refresh token for a new pair",
                description="Each refresh token works once. One that is presented again ends its session.",
                body=Refresh, max_body=16 * 1024, answers={200: Tokens},
                problems=frozenset({401, 403}), rate=self._rates.refresh,
            ),
        ]  # fmt: skip

    def _sessions_operations(self) -> list[Operation]:
        return [
            Operation(
                method="POST", path="/api/v1/auth/logout", handler=self._logout, name="logout", tag=TAG,
                summary="End this session", answers={204: None}, auth="required",
            ),
            Operation(
                method="GET", path="/api/v1/auth/sessions", handler=self._list, name="listSessions", tag=TAG,
                summary="The devices that are signed in", query=PageQuery, answers={200: Page[Session]},
                auth="required",
            ),
            Operation(
                method="DELETE", path="/api/v1/auth/sessions/{session_id}", handler=self._end, name="endSession",
                tag=TAG, summary="Sign a device out; its sockets are closed", answers={204: None}, auth="required",
            ),
        ]  # fmt: skip

    async def _register(self, call: Call[Registration, None]) -> Answer:
        body = call.body
        signed_in = await self._accounts.register(
            username=body.username, email=body.email, password=body.password, device=device_of(call)
        )
        return Answer(201, _tokens(signed_in), {"Location": f"/api/v1/users/{body.username}"})

    async def _login(self, call: Call[Login, None]) -> Answer:
        await self._limit_guesses(call)
        signed_in = await self._accounts.login(
            login=call.body.login, password=call.body.password, device=device_of(call)
        )
        return Answer(200, _tokens(signed_in))

    async def _refresh(self, call: Call[Refresh, None]) -> Answer:
        signed_in = await self._accounts.refresh(refresh_token=call.body.refresh_token, device=device_of(call))
        return Answer(200, _tokens(signed_in))

    async def _logout(self, call: Call[None, None]) -> Answer:
        await self._accounts.logout(person=call.me, device=device_of(call))
        return Answer(204)

    async def _list(self, call: Call[None, PageQuery]) -> Answer:
        rows = await self._accounts.sessions(
            person=call.me, after=_after(call.query.cursor), limit=call.query.limit + 1
        )
        shown = rows[: call.query.limit]
        items = [Session(**dict(row), current=row["id"] == call.me.session_id) for row in shown]
        last = encode_cursor((shown[-1]["created_at"], shown[-1]["id"])) if len(rows) > len(shown) else None
        return Answer(200, Page[Session](items=items, next=last))

    async def _end(self, call: Call[None, None]) -> Answer:
        await self._accounts.end_session(person=call.me, session_id=call.path["session_id"], device=device_of(call))
        return Answer(204)

    async def _limit_guesses(self, call: Call[Login, None]) -> None:
        if is_loopback(call.address) and not self._limit_loopback:
            return
        wait_s = await self._limiter.take(email_key(call.body.login), self._rates.guesses)
        if wait_s > 0:
            raise Problem(429, "Too many attempts to sign in to this account", retry_after_s=wait_s)


def device_of(call: Call[Any, Any]) -> Device:
    return Device(address=call.address, user_agent=call.request.headers.get("User-Agent", ""))


def _tokens(signed_in: SignedIn) -> Tokens:
    return Tokens(
        user=signed_in.user,
        access_token=signed_in.access_token,
        refresh_token=signed_in.refresh_token,
        expires_in=signed_in.expires_in,
    )


def _after(cursor: str | None) -> tuple[datetime, str] | None:
    if cursor is None:
        return None
    at, session_id = decode_cursor(cursor, tuple[datetime, UUID])
    return at, str(session_id)
