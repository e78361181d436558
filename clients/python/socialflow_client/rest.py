"""Calls of the REST interface: signed, repeated after what passes, and carried out once."""

from __future__ import annotations

import asyncio
import ssl as tls
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import aiohttp

from socialflow_client.backoff import pause_s
from socialflow_client.errors import (
    ConnectionLost,
    DeadlineExceeded,
    FieldError,
    HttpRefused,
    MisshapenAnswer,
    SocialFlowError,
)
from socialflow_client.tokens import Tokens

PASSING: Final = {429, 503}


@dataclass(frozen=True, slots=True)
class _Call:
    method: str
    path: str
    body: Any
    query: Mapping[str, str | int] | None
    headers: Mapping[str, str]


class Rest:
    """``/api/v1`` of one server. A POST carries an ``Idempotency-Key``, so that it can be repeated."""

    def __init__(self, *, url: str, tokens: Tokens, ssl: tls.SSLContext | bool) -> None:
        self._url = f"{url}/api/v1"
        self._tokens = tokens
        self._ssl = ssl
        self._http: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        if self._http is not None:
            await self._http.close()

    async def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: Mapping[str, str | int] | None = None,
        deadline_s: float = 30.0,
        is_signed: bool = True,
    ) -> Any:
        """The answer's document, None for an empty one. A refusal for now (429, 503) and a lost connection are tried
        again within the deadline. Raises ``HttpRefused``, ``SignInRequired``, ``DeadlineExceeded``.
        """
        loop = asyncio.get_running_loop()
        ends_at, attempt = loop.time() + deadline_s, 0
        headers = {"Idempotency-Key": str(uuid.uuid4())} if method == "POST" else {}
        call = _Call(method, path, body, query, headers)
        reason: SocialFlowError = ConnectionLost("the server did not answer")
        try:
            async with asyncio.timeout_at(ends_at):
                while True:
                    try:
                        return await self._signed(call) if is_signed else await self._once(call, None)
                    except HttpRefused as refusal:
                        if refusal.status not in PASSING:
                            raise
                        reason, wait_s = refusal, refusal.retry_after_s or pause_s(attempt)
                        if loop.time() + wait_s > ends_at:
                            raise
                    except ConnectionLost as lost:
                        reason, wait_s = lost, pause_s(attempt)
                    attempt += 1
                    await asyncio.sleep(wait_s)
        except TimeoutError:
            raise DeadlineExceeded(f"{method} {path}: {reason}") from reason

    async def _signed(self, call: _Call) -> Any:
        """Once more with a new token when the present one is not taken."""
        token = await self._tokens.current()
        try:
            return await self._once(call, token)
        except HttpRefused as refusal:
            if refusal.status != 401 or token is None:
                raise
            token = await self._tokens.renewed(token)
        return await self._once(call, token)

    async def _once(self, call: _Call, token: str | None) -> Any:
        if self._http is None:
            self._http = aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=self._ssl))
        headers = {**call.headers, **({} if token is None else {"Authorization": f"Bearer {token}"})}
        try:
            async with self._http.request(
                call.method,
                self._url + call.path,
                json=call.body,
                params=call.query,
                headers=headers,
                allow_redirects=False,
            ) as answer:
                return await _document(answer)
        except (aiohttp.ClientError, OSError) as error:
            raise ConnectionLost(str(error) or type(error).__name__) from error


async def _document(answer: aiohttp.ClientResponse) -> Any:
    text = await answer.text()
    try:
        document = await answer.json(content_type=None) if text else None
    except ValueError:
        document = None
        if answer.status < 300:
            raise MisshapenAnswer(f"{answer.url} answered no JSON") from None
    if answer.status < 300:
        return document
    raise _refusal(answer, document if isinstance(document, dict) else {})


def _refusal(answer: aiohttp.ClientResponse, problem: dict[str, Any]) -> HttpRefused:
    errors = tuple(FieldError(one["field"], one["message"]) for one in problem.get("errors", ()))
    wait = answer.headers.get("Retry-After", "")
    return HttpRefused(
        answer.status,
        str(problem.get("type", "")).rpartition("/")[2] or str(answer.status),
        problem.get("detail") or problem.get("title") or f"{answer.status} {answer.reason}",
        errors=errors,
        retry_after_s=float(wait) if wait.isdigit() else None,
    )
