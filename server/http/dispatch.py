"""One request through one operation: who, how often, what, then the handler."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import msgspec
from aiohttp import web
from pydantic import BaseModel

from server.http.addresses import LOOPBACK, ClientAddresses, is_loopback, limiting_key
from server.http.errors import FieldError, Problem, Unauthorized, invalid
from server.http.idempotency import HEADER, IdempotencyKeys
from server.http.identity import Caller, Forged, Identity
from server.http.intake import (
    check_path,
    path_formats,
    read_body,
    require_content_type,
    validate_body,
    validate_query,
)
from server.http.limits import RateLimiter, untouched
from server.http.middleware import ALWAYS, note_limit
from server.http.operation import Answer, Call, Operation, Streamed

log = logging.getLogger(__name__)


OnForged = Callable[[str, str], Awaitable[None]]
"""Called with the address and the user agent that a forged access token came from."""


class UnnamedProxy:
    """Warns, once, of a proxy on this machine that ``trusted_proxies`` does not name."""

    def __init__(self) -> None:
        self._is_told = False

    def look(self, peer: str, *, says: bool, is_named: bool) -> None:
        """``says``: the request carries what proxies write about its client."""
        if says and not is_named and not self._is_told and is_loopback(peer or LOOPBACK):
            self._is_told = True
            log.warning("a proxy on this machine is not in trusted_proxies: all who come through it count as one")


@dataclass(frozen=True, kw_only=True)
class Intake:
    """What every operation shares."""

    identity: Identity
    limiter: RateLimiter
    addresses: ClientAddresses
    idempotency: IdempotencyKeys
    body_timeout_s: float
    limit_loopback: bool
    on_forged: OnForged | None = None
    unnamed: UnnamedProxy = field(default_factory=UnnamedProxy)


class Dispatch:
    """One operation; ``answer`` is its handler. Raises Problem; never answers an error itself."""

    def __init__(self, *, operation: Operation, intake: Intake) -> None:
        self._operation = operation
        self._intake = intake
        self._formats = path_formats(operation)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        operation = self._operation
        request[ALWAYS] = operation.always
        address = self._address(request)
        await self._limit(request, address)
        person, token = await self._known_caller(request, address)
        if person is not None and person.has_one_time_password and not operation.takes_one_time_password:
            await self._intake.identity.require_own_password(person)
        path = check_path(self._formats, request.match_info)
        raw = await self._raw_body(request)
        body, query = self._validated(request, raw)
        await self._limit_account(request, person)
        call: Call[Any, Any] = Call(request, body, query, path, person, address, token)
        run = partial(self._run, call)
        key = request.headers.get(HEADER)
        if not operation.idempotent_key or key is None or person is None:
            return await run()
        return await self._intake.idempotency.once(
            person_id=person.id, key=key, operation=f"{operation.method} {request.path}", body=raw, run=run
        )

    def _address(self, request: web.Request) -> str:
        peer = request.remote or ""
        forwarded_for = request.headers.getall("X-Forwarded-For", [])
        forwarded = request.headers.getall("Forwarded", [])
        addresses = self._intake.addresses
        self._intake.unnamed.look(peer, says=bool(forwarded_for or forwarded), is_named=addresses.is_proxy(peer))
        return addresses.of(peer, forwarded_for=forwarded_for, forwarded=forwarded)

    async def _run(self, call: Call[Any, Any]) -> web.StreamResponse:
        answer = await self._operation.handler(call)
        return _response(answer) if isinstance(answer, Answer) else answer

    async def _limit(self, request: web.Request, address: str) -> None:
        rate = self._operation.rate
        if rate is None:
            return
        is_free = is_loopback(address) and not self._intake.limit_loopback
        taken = untouched(rate) if is_free else await self._intake.limiter.take(limiting_key(address), rate)
        note_limit(request, rate, taken)
        if taken.wait_s > 0:
            raise Problem(429, "Too many calls from this address", retry_after_s=taken.wait_s)

    async def _limit_account(self, request: web.Request, person: Caller | None) -> None:
        """What is created counts for the account, so loopback is no exception."""
        rate = self._operation.account_rate
        if rate is None or person is None:
            return
        taken = await self._intake.limiter.take(person.id, rate)
        note_limit(request, rate, taken)
        if taken.wait_s > 0:
            raise Problem(429, "Your account has done this too often", retry_after_s=taken.wait_s)

    async def _known_caller(self, request: web.Request, address: str) -> tuple[Caller | None, str | None]:
        try:
            return self._caller(request)
        except Forged:
            if self._intake.on_forged is not None:
                await self._intake.on_forged(address, request.headers.get("User-Agent", ""))
            raise

    def _caller(self, request: web.Request) -> tuple[Caller | None, str | None]:
        auth = self._operation.auth
        if auth == "none":
            return None, None
        token = bearer(request)
        if token is None:
            if auth == "optional":
                return None, None
            raise Unauthorized("token_missing", "Send a bearer token in the Authorization header")
        if auth == "stream_key":
            return None, token
        person = self._intake.identity.verify(token)
        if self._operation.roles and not self._operation.roles & person.roles:
            raise Problem(403, "This takes another role")
        self._require_scope(person)
        return person, token

    def _require_scope(self, person: Caller) -> None:
        """An API token does what its scopes say, and nothing that takes a session."""
        if person.scopes is None or person.scopes.intersection(self._operation.scopes):
            return
        needed = self._operation.needed_scope
        detail = "This takes a session" if needed is None else f"The API token lacks the scope {needed!r}"
        raise Problem(403, detail, slug="missing-scope", extra={"scope": needed} if needed else None)

    async def _raw_body(self, request: web.Request) -> bytes:
        operation = self._operation
        if operation.body is None:
            return b""
        if not request.can_read_body and not operation.body_required:
            return b""
        if not request.can_read_body and "Content-Type" not in request.headers:
            raise Problem(400, "A body is needed")
        require_content_type(request, operation.consumes)
        if operation.body is Streamed:
            return b""
        timeout_s = operation.body_timeout_s or self._intake.body_timeout_s
        raw = await read_body(request, max_bytes=operation.max_body, timeout_s=timeout_s)
        if not raw and operation.body_required:
            raise Problem(400, "A body is needed")
        return raw

    def _validated(self, request: web.Request, raw: bytes) -> tuple[Any, BaseModel | None]:
        operation = self._operation
        errors: list[FieldError] = []
        body: Any = None
        query: BaseModel | None = None
        if operation.body is bytes:
            body = raw
        elif operation.body is not None and raw:
            body, errors = validate_body(operation.body, raw)  # type: ignore[arg-type]  # bytes is handled above
        if operation.query is not None:
            query, query_errors = validate_query(operation.query, request)
            errors = [*errors, *query_errors]
        if errors:
            raise invalid(*errors)
        return body, query


def bearer(request: web.Request) -> str | None:
    """The bearer secret, None without an Authorization header. Raises Unauthorized for another scheme."""
    header = request.headers.get("Authorization")
    if header is None:
        return None
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthorized("token_invalid", "The Authorization header is not a bearer token")
    return token.strip()


def _response(answer: Answer) -> web.Response:
    response = _without_cookies(answer)
    for cookie in answer.cookies:
        response.headers.add("Set-Cookie", cookie)
    return response


def _without_cookies(answer: Answer) -> web.Response:
    if answer.body is None:
        return web.Response(status=answer.status, headers=answer.headers)
    body = (
        answer.body.model_dump_json().encode()
        if isinstance(answer.body, BaseModel)
        else msgspec.json.encode(answer.body)
    )
    headers = {"Cache-Control": "no-store", **answer.headers}
    return web.Response(status=answer.status, body=body, content_type="application/json", headers=headers)
