"""``/api/v1/auth``: registration, sign-in and sign-out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from server.features.people.accounts.accounts import Accounts
from server.features.people.accounts.cookies import Cookies, device_of, kept_device, refresh_token_of
from server.features.people.accounts.devices import Device
from server.features.people.accounts.methods import SignInMethods
from server.features.people.accounts.sessions import Sessions, SignedIn
from server.features.people.profiles import Me
from server.features.people.rules import Email, Password, Username
from server.http.errors import Problem, Unauthorized
from server.http.limits import CallRate
from server.http.operation import Answer, Call, Operation
from server.http.shapes import Body, Shape, Text

TAG: Final = "accounts"

SessionMode = Annotated[
    Literal["cookie"] | None,
    Field(description="`cookie`: the refresh token comes as an HttpOnly cookie, and not in the answer"),
]


class Registration(Body):
    username: Username
    email: Email
    password: Password
    session: SessionMode = None


class Login(Body):
    login: Annotated[Text, Field(min_length=1, max_length=254, description="Username or e-mail", examples=["ada"])]
    password: Annotated[Text, Field(min_length=1, max_length=256, examples=["correct horse battery staple"])]
    totp: Annotated[Text, Field(max_length=64)] | None = Field(
        None,
        description="A code of the second factor, or a recovery code; not looked at for accounts without one. "
        "Missing where one is due: 401 with the type `…/totp-required`",
    )
    session: SessionMode = None


class Logout(Body):
    refresh_token: Annotated[Text, Field(min_length=1, max_length=256)]


class Refresh(Logout):
    session: SessionMode = None


CurrentPassword = Annotated[
    Text | None,
    Field(
        min_length=1,
        max_length=256,
        description="Left out for an account without one, which needs a proof of who it is of the last 10 minutes",
    ),
]


class DeleteAccount(Body):
    password: CurrentPassword = None


class Tokens(Shape):
    user: Me
    access_token: str
    refresh_token: Annotated[str | None, Field(description="Not there where it comes as a cookie")] = None
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105  # RFC 6749's name of a kind
    expires_in: Annotated[int, Field(description="Seconds that the access token lives")]


class ProviderShape(Shape):
    provider: str
    name: str


class MethodsShape(Shape):
    password: bool
    passkeys: bool
    oauth: list[ProviderShape]


@dataclass(frozen=True, kw_only=True)
class AuthRates:
    """By address, ``mail`` by account. Guesses of passwords have rates of their own (``guesses``)."""

    register: CallRate = field(default=CallRate("register", per_s=1 / 60, burst=10))
    login: CallRate = field(default=CallRate("login", per_s=0.5, burst=20))
    refresh: CallRate = field(default=CallRate("refresh", per_s=1, burst=30))
    change: CallRate = field(default=CallRate("change_password", per_s=0.5, burst=20))
    sessions: CallRate = field(default=CallRate("sessions", per_s=2, burst=60))
    link: CallRate = field(default=CallRate("mail_links", per_s=0.2, burst=20))
    forgot: CallRate = field(default=CallRate("forgot_password", per_s=1 / 60, burst=10))
    mail: CallRate = field(default=CallRate("account_mails", per_s=1 / 120, burst=5))


class AuthRoutes:
    """How a device gets its session, and ends it."""

    def __init__(
        self, *, accounts: Accounts, sessions: Sessions, methods: SignInMethods, cookies: Cookies, rates: AuthRates
    ) -> None:
        self._accounts = accounts
        self._sessions = sessions
        self._methods = methods
        self._cookies = cookies
        self._rates = rates

    def operations(self) -> Sequence[Operation]:
        return [*self._entrances(), *self._account_operations()]

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
                "user agent within 10 seconds, which gets another pair. Without a body the token is taken from the "
                "cookie of a `cookie` session, from the server's own page only, and the next one comes as a cookie.",
                body=Refresh, body_required=False, max_body=16 * 1024, answers={200: Tokens},
                problems=frozenset({401, 403}), rate=self._rates.refresh,
            ),
            Operation(
                method="GET", path="/api/v1/auth/methods", handler=self._list_methods, name="listSignInMethods",
                tag=TAG, summary="What a sign-in page may offer", answers={200: MethodsShape},
                rate=self._rates.sessions,
            ),
        ]  # fmt: skip

    def _account_operations(self) -> list[Operation]:
        return [
            Operation(
                method="POST", path="/api/v1/auth/logout", handler=self._logout, name="logout", tag=TAG,
                summary="End this session",
                description="That of the access token, or without one that of the refresh token in the body or in the "
                "cookie, which only the server's own page may use.",
                body=Logout, body_required=False, max_body=16 * 1024, answers={204: None},
                problems=frozenset({401, 403}), auth="optional", rate=self._rates.refresh,
                takes_one_time_password=True,
            ),
            Operation(
                method="DELETE", path="/api/v1/me", handler=self._delete, name="deleteMe", tag="people",
                summary="Delete my account",
                description="Hidden at once and wiped after the days of grace; until then signing in takes it back.",
                body=DeleteAccount, body_required=False, max_body=16 * 1024, answers={204: None},
                problems=frozenset({401, 403, 429}), auth="required", rate=self._rates.change,
            ),
        ]  # fmt: skip

    async def _register(self, call: Call[Registration, None]) -> Answer:
        body, device = call.body, kept_device(call)
        signed_in = await self._accounts.register(
            username=body.username, email=body.email, password=body.password, device=device
        )
        answer = signed_in_answer(signed_in, call, device, self._cookies, as_cookie=body.session == "cookie")
        return replace(answer, status=201, headers={"Location": f"/api/v1/users/{body.username}"})

    async def _login(self, call: Call[Login, None]) -> Answer:
        body, device = call.body, kept_device(call)
        signed_in = await self._accounts.login(login=body.login, password=body.password, device=device, code=body.totp)
        return signed_in_answer(signed_in, call, device, self._cookies, as_cookie=body.session == "cookie")

    async def _refresh(self, call: Call[Refresh | None, None]) -> Answer:
        token = call.body.refresh_token if call.body else refresh_token_of(call)
        if token is None:
            raise Problem(400, "A body with a refresh_token is needed, or the cookie of a session")
        pair = await self._sessions.refresh(refresh_token=token, device=device_of(call))
        as_cookie = call.body is None or call.body.session == "cookie"
        cookies = [self._cookies.refresh(call, pair.refresh_token)] if as_cookie else []
        return _answer(pair, cookies, as_cookie=as_cookie)

    async def _logout(self, call: Call[Logout | None, None]) -> Answer:
        device, token = device_of(call), call.body.refresh_token if call.body else refresh_token_of(call)
        if call.person is not None:
            await self._sessions.logout(person=call.person, device=device)
        elif token is not None:
            await self._sessions.logout_by_refresh(refresh_token=token, device=device)
        else:
            raise Unauthorized("token_missing", "Send the access token, or the refresh token")
        return Answer(204, cookies=[self._cookies.no_refresh(call)])

    async def _list_methods(self, call: Call[None, None]) -> Answer:
        providers = [ProviderShape(provider=one.provider, name=one.name) for one in self._methods.providers]
        return Answer(200, MethodsShape(password=True, passkeys=self._methods.has_passkeys, oauth=providers))

    async def _delete(self, call: Call[DeleteAccount | None, None]) -> Answer:
        password = call.body.password if call.body else None
        await self._accounts.delete(person=call.me, password=password, device=device_of(call))
        return Answer(204)


def signed_in_answer(
    signed_in: SignedIn, call: Call[Any, Any], device: Device, cookies: Cookies, *, as_cookie: bool
) -> Answer:
    """What a sign-in answers, whatever it was made by. ``as_cookie``: the refresh token comes as a cookie."""
    set_cookies = [cookies.device(call, device)]
    if as_cookie:
        set_cookies.append(cookies.refresh(call, signed_in.refresh_token))
    return _answer(signed_in, set_cookies, as_cookie=as_cookie)


def _answer(signed_in: SignedIn, cookies: Sequence[str], *, as_cookie: bool) -> Answer:
    tokens = Tokens(
        user=signed_in.user,
        access_token=signed_in.access_token,
        refresh_token=signed_in.refresh_token,
        expires_in=signed_in.expires_in,
    )
    hidden = {"refresh_token"} if as_cookie else set()
    return Answer(200, tokens.model_dump(mode="json", exclude=hidden), cookies=cookies)
