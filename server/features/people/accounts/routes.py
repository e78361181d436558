"""``/api/v1/auth``: registration, sign-in and sessions."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from pydantic import Field

from server.features.people.accounts.accounts import Accounts, SignedIn
from server.features.people.accounts.guesses import Device
from server.features.people.profiles import Me
from server.features.people.rules import Email, Password, Username
from server.http.cursors import after_time, page_of
from server.http.limits import CallRate
from server.http.operation import Answer, Call, Operation
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


class DeleteAccount(Body):
    password: Annotated[Text, Field(min_length=1, max_length=256)]


class PasswordChange(Body):
    password: Annotated[Text, Field(min_length=1, max_length=256, description="The one until now")]
    new_password: Password


class Tokens(Shape):
    user: Me
    access_token: str
    refresh_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105  # RFC 6749's name of a kind
    expires_in: Annotated[int, Field(description="Seconds that the access token lives")]


class SessionShape(Shape):
    id: UUID
    user_agent: str
    ip: str
    created_at: datetime
    last_seen_at: datetime
    current: Annotated[bool, Field(description="Whether it is the session of this very call")]


@dataclass(frozen=True, kw_only=True)
class AuthRates:
    """By address. Guesses of passwords have rates of their own (``guesses``)."""

    register: CallRate = field(default=CallRate("register", per_s=1 / 60, burst=10))
    login: CallRate = field(default=CallRate("login", per_s=0.5, burst=20))
    refresh: CallRate = field(default=CallRate("refresh", per_s=1, burst=30))
    change: CallRate = field(default=CallRate("change_password", per_s=0.5, burst=20))


class Auth:
    """The operations of ``Accounts`` that everybody may call on their own account."""

    def __init__(self, *, accounts: Accounts, rates: AuthRates, is_secure: bool = False) -> None:
        """``is_secure``: people come over HTTPS, so that cookies need not travel otherwise."""
        self._accounts = accounts
        self._rates = rates
        self._is_secure = is_secure

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
                description="Each refresh token works once. Presented again it ends its session, but by the same "
                "user agent within 10 seconds, which gets another pair.",
                body=Refresh, max_body=16 * 1024, answers={200: Tokens},
                problems=frozenset({401, 403}), rate=self._rates.refresh,
            ),
        ]  # fmt: skip

    def _sessions_operations(self) -> list[Operation]:
        return [
            Operation(
                method="POST", path="/api/v1/auth/password/change", handler=self._change_password,
                name="changePassword", tag=TAG, summary="Change my password; my other sessions end",
                body=PasswordChange, max_body=16 * 1024, answers={204: None}, problems=frozenset({403, 429}),
                auth="required", rate=self._rates.change,
            ),
            Operation(
                method="POST", path="/api/v1/auth/logout", handler=self._logout, name="logout", tag=TAG,
                summary="End this session", answers={204: None}, auth="required",
            ),
            Operation(
                method="GET", path="/api/v1/auth/sessions", handler=self._list, name="listSessions", tag=TAG,
                summary="The devices that are signed in", query=PageQuery, answers={200: Page[SessionShape]},
                auth="required",
            ),
            Operation(
                method="DELETE", path="/api/v1/auth/sessions/{session_id}", handler=self._end, name="endSession",
                tag=TAG, summary="Sign a device out; its sockets are closed", answers={204: None}, auth="required",
            ),
            Operation(
                method="DELETE", path="/api/v1/me", handler=self._delete, name="deleteMe", tag="people",
                summary="Delete my account",
                description="Hidden at once and wiped after the days of grace; until then signing in takes it back.",
                body=DeleteAccount, max_body=16 * 1024, answers={204: None},
                problems=frozenset({403, 429}), auth="required",
            ),
        ]  # fmt: skip

    async def _register(self, call: Call[Registration, None]) -> Answer:
        body, device = call.body, self._device(call)
        signed_in = await self._accounts.register(
            username=body.username, email=body.email, password=body.password, device=device
        )
        headers = {"Location": f"/api/v1/users/{body.username}"}
        return Answer(201, _tokens(signed_in), headers, cookies=[self._device_cookie(call, device)])

    async def _login(self, call: Call[Login, None]) -> Answer:
        device = self._device(call)
        signed_in = await self._accounts.login(login=call.body.login, password=call.body.password, device=device)
        return Answer(200, _tokens(signed_in), cookies=[self._device_cookie(call, device)])

    def _device(self, call: Call[Any, Any]) -> Device:
        """The device, with a cookie that it is to keep if it has none."""
        device = device_of(call)
        return device if device.cookie else replace(device, cookie=secrets.token_urlsafe(_COOKIE_BYTES))

    def _device_cookie(self, call: Call[Any, Any], device: Device) -> str:
        secure = "; Secure" if self._is_secure or call.request.secure else ""
        return f"{DEVICE_COOKIE}={device.cookie}; {_COOKIE_FLAGS}; Max-Age={_DEVICE_S}{secure}"

    async def _refresh(self, call: Call[Refresh, None]) -> Answer:
        signed_in = await self._accounts.refresh(refresh_token=call.body.refresh_token, device=device_of(call))
        return Answer(200, _tokens(signed_in))

    async def _change_password(self, call: Call[PasswordChange, None]) -> Answer:
        await self._accounts.change_password(
            person=call.me,
            password=call.body.password,
            new_password=call.body.new_password,
            device=device_of(call),
        )
        return Answer(204)

    async def _logout(self, call: Call[None, None]) -> Answer:
        await self._accounts.logout(person=call.me, device=device_of(call))
        return Answer(204)

    async def _list(self, call: Call[None, PageQuery]) -> Answer:
        rows = await self._accounts.sessions(
            person=call.me, after=after_time(call.query.cursor), limit=call.query.limit + 1
        )
        shown, following = page_of(rows, call.query.limit, lambda row: (row["created_at"], row["id"]))
        items = [SessionShape(**dict(row), current=row["id"] == call.me.session_id) for row in shown]
        return Answer(200, Page[SessionShape](items=items, next=following))

    async def _end(self, call: Call[None, None]) -> Answer:
        await self._accounts.end_session(person=call.me, session_id=call.path["session_id"], device=device_of(call))
        return Answer(204)

    async def _delete(self, call: Call[DeleteAccount, None]) -> Answer:
        await self._accounts.delete(person=call.me, password=call.body.password)
        return Answer(204)


DEVICE_COOKIE: Final = "sf_device"
_COOKIE_BYTES: Final = 16
_COOKIE_FLAGS: Final = "Path=/api/v1/auth; HttpOnly; SameSite=Strict"
_DEVICE_S: Final = 400 * 24 * 3600  # as long as browsers keep one (RFC 6265bis section 5.5)
_COOKIE_VALUE: Final = re.compile("[A-Za-z0-9_-]{22}")


def device_of(call: Call[Any, Any]) -> Device:
    cookie = call.request.cookies.get(DEVICE_COOKIE, "")
    return Device(
        address=call.address,
        user_agent=call.request.headers.get("User-Agent", ""),
        cookie=cookie if _COOKIE_VALUE.fullmatch(cookie) else "",
    )


def _tokens(signed_in: SignedIn) -> Tokens:
    return Tokens(
        user=signed_in.user,
        access_token=signed_in.access_token,
        refresh_token=signed_in.refresh_token,
        expires_in=signed_in.expires_in,
    )
