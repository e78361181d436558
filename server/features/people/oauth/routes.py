"""``/api/v1/auth/oauth`` and ``/api/v1/auth/links``."""

from __future__ import annotations

import hashlib
import logging
import re
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Final, Literal
from urllib.parse import quote

from pydantic import Field

from server.features.people.accounts import AccountsRoom, device_of, kept_device, refresh_token_of, signed_in_answer
from server.features.people.accounts.routes import Tokens
from server.features.people.oauth import queries
from server.features.people.oauth.client import ProviderClient
from server.features.people.oauth.links import Links
from server.features.people.oauth.providers import Provider, ProviderError
from server.features.people.oauth.return_to import MAX_CHARS, local_path
from server.http.errors import Problem, Unauthorized, invalid_field, not_found
from server.http.identity import Caller
from server.http.limits import OWN_SETTINGS, CallRate
from server.http.operation import NAME, Answer, Call, Operation
from server.http.own_address import OwnAddresses
from server.http.shapes import Body, Page, Query, Shape, Text
from storage.postgres import Database, Row

TAG: Final = "accounts"
MAX_BODY: Final = 4 * 1024
FLOW_S: Final = 600.0
CODE_S: Final = 60.0
FACTOR_S: Final = 300.0
"""A code that waits for a second factor, which takes a person longer."""
BROWSER_COOKIE: Final = "sf_oauth"
_BROWSER_VALUE: Final = re.compile("[A-Za-z0-9_-]{43}")

log = logging.getLogger(__name__)


class StartQuery(Query):
    return_to: Annotated[
        str, Field(max_length=MAX_CHARS, examples=["/settings"], description="A path of this server")
    ] = "/"
    mode: Annotated[
        Literal["cookie", "code"], Field(description="How the session comes: as a cookie, or by a code to exchange")
    ] = "cookie"
    link: Annotated[Literal["1"] | None, Field(description="Link the account that is signed in")] = None


class CallbackQuery(Query):
    state: Annotated[str, Field(max_length=256)] = ""
    code: Annotated[str, Field(max_length=4_096)] = ""
    error: Annotated[str, Field(max_length=256)] = ""


class Exchange(Body):
    code: Annotated[Text, Field(min_length=1, max_length=128)]
    totp: Annotated[Text, Field(max_length=64)] | None = None
    session: Literal["cookie"] | None = None


class Confirmation(Body):
    token: Annotated[Text, Field(min_length=1, max_length=128)]


class LinkShape(Shape):
    provider: str
    name: str
    email: str | None
    created_at: datetime
    last_used_at: datetime | None


class OAuthRoutes:
    def __init__(
        self,
        *,
        database: Database,
        clients: Mapping[str, ProviderClient],
        links: Links,
        people: AccountsRoom,
        addresses: OwnAddresses,
    ) -> None:
        self._db = database
        self._clients = clients
        self._links = links
        self._people = people
        self._addresses = addresses

    def operations(self) -> Sequence[Operation]:
        rate = CallRate("oauth", per_s=0.5, burst=30)
        paths = {"provider": NAME}
        return [
            Operation(
                method="GET", path="/api/v1/auth/oauth/{provider}/start", handler=self._start, name="startOAuth",
                tag=TAG, summary="Sign in by a provider: go there", query=StartQuery, paths=paths,
                description="To be opened by a browser. With `link=1` it takes the session of the page's cookie, or a "
                "bearer token.", answers={302: None}, problems=frozenset({401, 503}), auth="optional", rate=rate,
            ),
            Operation(
                method="GET", path="/api/v1/auth/oauth/{provider}/callback", handler=self._callback,
                name="finishOAuth", tag=TAG, summary="Come back from a provider",
                description="Leads to `return_to` with the session as a cookie or, for `mode=code`, to "
                "`return_to#code=…`. What went wrong is told as `#error=…`; where a second factor is due, or the "
                "sign-in failed, it leads to `/login`.",
                query=CallbackQuery, paths=paths, answers={302: None}, problems=frozenset({400}), rate=rate,
            ),
            Operation(
                method="POST", path="/api/v1/auth/oauth/exchange", handler=self._exchange, name="exchangeOAuth",
                tag=TAG, summary="Exchange the code of a callback for a session; once, within 60 seconds",
                body=Exchange, max_body=MAX_BODY, answers={200: Tokens}, problems=frozenset({401, 403}), rate=rate,
            ),
            Operation(
                method="POST", path="/api/v1/auth/oauth/confirm", handler=self._confirm, name="confirmOAuth", tag=TAG,
                summary="Link a provider by the token of a mail", body=Confirmation, max_body=MAX_BODY,
                answers={204: None}, problems=frozenset({409}), rate=rate,
            ),
            Operation(
                method="GET", path="/api/v1/auth/links", handler=self._list, name="listLinks", tag=TAG,
                summary="Providers that I sign in by", answers={200: Page[LinkShape]}, auth="required",
                rate=OWN_SETTINGS,
            ),
            Operation(
                method="DELETE", path="/api/v1/auth/links/{provider}", handler=self._unlink, name="removeLink",
                tag=TAG, summary="Do not sign in by a provider any more", paths=paths, answers={204: None},
                problems=frozenset({409}), auth="required", rate=OWN_SETTINGS,
            ),
        ]  # fmt: skip

    async def _start(self, call: Call[None, StartQuery]) -> Answer:
        client, query = self._client(call), call.query
        await self._check_return_to(call, client.provider)
        linked = await self._linker(call) if query.link else None
        browser = call.request.cookies.get(BROWSER_COOKIE, "")
        browser = browser if _BROWSER_VALUE.fullmatch(browser) else secrets.token_urlsafe(32)
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        own = self._addresses.of(call.request)
        redirect_uri = f"{own.origin}/api/v1/auth/oauth/{client.provider.id}/callback"
        try:
            address = await client.authorize_url(redirect_uri=redirect_uri, state=state, nonce=nonce, verifier=verifier)
        except ProviderError as error:
            log.warning("a provider cannot be used: %s %s", client.provider.id, error)
            raise Problem(503, "The provider cannot be reached", slug="provider-away", retry_after_s=10) from error
        await self._db.execute(
            queries.ADD_FLOW, _digest(state), client.provider.id, _digest(browser), nonce, verifier, redirect_uri,
            query.return_to, query.mode == "code", linked.id if linked else None,
            FLOW_S,
        )  # fmt: skip
        secure = "; Secure" if own.origin.startswith("https:") else ""
        cookie = f"{BROWSER_COOKIE}={browser}; Path=/api/v1/auth/oauth; HttpOnly; SameSite=Lax; Max-Age=600{secure}"
        return Answer(302, None, {"Location": address, **_UNCACHED}, cookies=[cookie])

    async def _callback(self, call: Call[None, CallbackQuery]) -> Answer:
        client = self._client(call)
        browser = call.request.cookies.get(BROWSER_COOKIE, "")
        values = (_digest(call.query.state), client.provider.id, _digest(browser))
        flow = await self._db.fetchrow(queries.TAKE_FLOW, *values)
        if flow is None or not flow["is_open"]:
            detail = {"provider": client.provider.id}
            await self._people.suspicions.note("oauth.state_refused", device=device_of(call), detail=detail)
            raise Problem(400, "This sign-in was not begun here, is over, or took too long", slug="state-invalid")
        try:
            return await self._finish(call, client, flow)
        except ProviderError as error:
            log.info("no sign-in by %s: %s", client.provider.id, error)
            return _led(_failure(flow, error.code))
        except Problem as problem:
            if problem.status not in (401, 403):
                raise
            return _led(_failure(flow, problem.slug))

    async def _finish(self, call: Call[None, CallbackQuery], client: ProviderClient, flow: Row) -> Answer:
        query, provider, device = call.query, client.provider, kept_device(call)
        if query.error:
            raise ProviderError("denied" if query.error == "access_denied" else "failed", query.error)
        if not query.code:
            raise ProviderError("failed", "it gives no code")
        claims = await client.claims(
            code=query.code, redirect_uri=flow["redirect_uri"], nonce=flow["nonce"], verifier=flow["verifier"]
        )
        if flow["link_user_id"] is not None:
            await self._links.link(provider.id, claims, flow["link_user_id"], device)
            return _led(f"{flow['return_to']}#linked={provider.id}")
        person_id = await self._links.person_of(provider, claims, device)
        if flow["as_code"]:
            return _led(f"{flow['return_to']}#code={await self._code(person_id, provider, CODE_S)}")
        if await self._people.methods.is_factor_due(person_id):
            browser = call.request.cookies.get(BROWSER_COOKIE, "")
            code = await self._code(person_id, provider, FACTOR_S, browser=browser)
            return _led(f"/login?next={quote(flow['return_to'], safe='')}#code={code}")
        signed_in = await self._people.accounts.sign_in(
            person_id=person_id, device=device, method=provider.id, has_factor=False
        )
        answer = signed_in_answer(signed_in, call, device, self._people.cookies, as_cookie=True)
        return _led(flow["return_to"], cookies=answer.cookies)

    async def _exchange(self, call: Call[Exchange, None]) -> Answer:
        device = kept_device(call)
        row, digest = await self._look_at(call)
        if row is None:
            raise _wrong_code()
        has_factor = await self._people.methods.prove_second(row["user_id"], call.body.totp, device)
        if await self._db.fetchval(queries.TAKE_CODE, digest) is None:
            raise _wrong_code()
        signed_in = await self._people.accounts.sign_in(
            person_id=row["user_id"], device=device, method=row["provider"], has_factor=has_factor
        )
        as_cookie = call.body.session == "cookie"
        return signed_in_answer(signed_in, call, device, self._people.cookies, as_cookie=as_cookie)

    async def _look_at(self, call: Call[Exchange, None]) -> tuple[Row | None, bytes]:
        """The code's row and digest. A cookie session is only for the browser that began the sign-in: else a link with
        a stranger's code would sign a person in to the stranger's account.
        """
        code, browser = call.body.code, call.request.cookies.get(BROWSER_COOKIE, "")
        digest = _digest(_bound(code, browser))
        row = await self._db.fetchrow(queries.LOOK_AT_CODE, digest)
        if row is None and call.body.session != "cookie":
            digest = _digest(code)
            row = await self._db.fetchrow(queries.LOOK_AT_CODE, digest)
        return row, digest

    async def _confirm(self, call: Call[Confirmation, None]) -> Answer:
        await self._links.confirm(call.body.token, device_of(call))
        return Answer(204)

    async def _list(self, call: Call[None, None]) -> Answer:
        rows = await self._links.list(call.me)
        items = [LinkShape(**dict(row), name=self._name(row["provider"])) for row in rows]
        return Answer(200, Page[LinkShape](items=items, next=None))

    async def _unlink(self, call: Call[None, None]) -> Answer:
        await self._people.reauthentication.require(call.me)
        await self._links.remove(call.me, call.path["provider"], device_of(call))
        return Answer(204)

    async def _check_return_to(self, call: Call[None, StartQuery], provider: Provider) -> None:
        """Raises a 422 for an address of another host, however it is written; that is noted."""
        try:
            local_path(call.query.return_to)
        except ValueError as error:
            detail = {"provider": provider.id, "return_to": call.query.return_to[:200]}
            await self._people.suspicions.note("oauth.return_to_refused", device=device_of(call), detail=detail)
            raise invalid_field("return_to", str(error)) from error

    async def _linker(self, call: Call[Any, Any]) -> Caller:
        """Who links: of a bearer token, or of the cookie that only the page's own navigation carries."""
        person = call.person
        if person is None:
            token = refresh_token_of(call)
            person = await self._people.sessions.caller_of(token) if token else None
        if person is None:
            raise Unauthorized("token_missing", "Sign in first")
        await self._people.reauthentication.require(person)
        return person

    async def _code(self, person_id: str, provider: Provider, valid_s: float, *, browser: str | None = None) -> str:
        """``browser``: the only one that may exchange it, by its cookie; None: a program that has no cookies."""
        code = secrets.token_urlsafe(32)
        digest = _digest(code if browser is None else _bound(code, browser))
        await self._db.execute(queries.ADD_CODE, digest, person_id, provider.id, valid_s)
        return code

    def _client(self, call: Call[Any, Any]) -> ProviderClient:
        client = self._clients.get(call.path["provider"])
        if client is None:
            raise not_found("Nobody signs in by this provider here")
        return client

    def _name(self, provider_id: str) -> str:
        client = self._clients.get(provider_id)
        return client.provider.name if client is not None else provider_id


_UNCACHED: Final = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}


def _led(address: str, cookies: Sequence[str] = ()) -> Answer:
    return Answer(302, None, {"Location": address, **_UNCACHED}, cookies=cookies)


def _failure(flow: Row, code: str) -> str:
    """To the program that asked, the settings that it was begun in, or the page that offers other ways."""
    if flow["as_code"] or flow["link_user_id"] is not None:
        return f"{flow['return_to']}#error={code}"
    return f"/login?next={quote(flow['return_to'], safe='')}#error={code}"


def _bound(code: str, browser: str) -> str:
    return f"{code}.{browser}"


def _wrong_code() -> Problem:
    headers = {"WWW-Authenticate": "Bearer"}
    return Problem(401, "The code has been used, or is too old", slug="code-invalid", headers=headers)


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "replace")).digest()
