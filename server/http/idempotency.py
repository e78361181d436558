"""``Idempotency-Key``: a POST that is sent twice is carried out once and answered twice."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, Protocol

import msgspec
from aiohttp import web

from server.http.errors import Problem, invalid_field

HEADER: Final = "Idempotency-Key"
KEY_PATTERN: Final = "^[!-~]{1,255}$"
KEPT_S: Final = 24 * 3600
UNFINISHED_S: Final = 60

# A row without a status is a call under way, or one whose node died: after UNFINISHED_S another may take its place.
_CLAIM_SQL = """
insert into idempotency_keys as held (user_id, key, operation, body_hash) values ($1, $2, $3, $4)
on conflict (user_id, key) do update
    set operation = excluded.operation, body_hash = excluded.body_hash, status = null, answer = null, created_at = now()
    where held.created_at < now() - make_interval(secs => $5)
       or (held.status is null and held.created_at < now() - make_interval(secs => $6)
           and held.operation = excluded.operation and held.body_hash = excluded.body_hash)
returning key
"""
_HELD_SQL = "select operation, body_hash, status, answer from idempotency_keys where user_id = $1 and key = $2"
_KEEP_SQL = "update idempotency_keys set status = $3, answer = $4 where user_id = $1 and key = $2"
_DROP_SQL = "delete from idempotency_keys where user_id = $1 and key = $2 and status is null"
_PURGE_SQL = "delete from idempotency_keys where created_at < now() - make_interval(secs => $1)"


class IdempotencyRows(Protocol):
    """What the store needs of Postgres; jsonb comes and goes as Python objects."""

    async def fetch(self, sql: str, /, *args: Any) -> Sequence[Any]: ...

    async def execute(self, sql: str, /, *args: Any) -> Any: ...


class IdempotencyKeys:
    """Answers of successful calls, kept for 24 hours.

    The same key with the same operation and body gives the first answer again; with another one it is a 422; while
    the first call is under way it is a 409 with ``Retry-After``. A call that fails leaves nothing, and may be repeated.
    """

    def __init__(self, *, rows: IdempotencyRows) -> None:
        self._rows = rows

    async def once(
        self, *, person_id: str, key: str, operation: str, body: bytes, run: Callable[[], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        if re.fullmatch(KEY_PATTERN, key) is None:
            raise invalid_field(HEADER, "must be 1 to 255 visible ASCII characters")
        digest = hashlib.sha256(body).digest()
        claimed = await self._rows.fetch(
            _CLAIM_SQL, person_id, key, operation, digest, float(KEPT_S), float(UNFINISHED_S)
        )
        if not claimed:
            return await self._held(person_id, key, operation, digest)
        return await self._first(person_id, key, run)

    async def purge(self) -> None:
        """Forget what is older than a day."""
        await self._rows.execute(_PURGE_SQL, float(KEPT_S))

    async def _first(
        self, person_id: str, key: str, run: Callable[[], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        try:
            response = await run()
        except BaseException:
            await self._rows.execute(_DROP_SQL, person_id, key)
            raise
        await self._rows.execute(_KEEP_SQL, person_id, key, response.status, _kept(response))
        return response

    async def _held(self, person_id: str, key: str, operation: str, digest: bytes) -> web.StreamResponse:
        rows = await self._rows.fetch(_HELD_SQL, person_id, key)
        if not rows or (rows[0]["status"] is None and rows[0]["body_hash"] == digest):
            raise Problem(409, "A call with this key is under way", slug="call-under-way", retry_after_s=1)
        held = rows[0]
        if held["operation"] != operation or bytes(held["body_hash"]) != digest:
            raise invalid_field(HEADER, "was used for another request")
        return _response(held["status"], held["answer"])


def _kept(response: web.StreamResponse) -> Mapping[str, Any]:
    body = response.body if isinstance(response, web.Response) else None
    headers = {name: response.headers[name] for name in ("Location", "ETag") if name in response.headers}
    return {"body": msgspec.json.decode(body) if isinstance(body, bytes) and body else None, "headers": headers}


def _response(status: int, answer: Mapping[str, Any]) -> web.Response:
    if answer["body"] is None:
        return web.Response(status=status, headers=answer["headers"])
    body = msgspec.json.encode(answer["body"])
    return web.Response(status=status, body=body, content_type="application/json", headers=answer["headers"])
