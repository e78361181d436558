"""Bodies that no client sends: each auth call answers them with a problem, and nothing comes of them."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from aiohttp import ClientResponse
from pydantic import BaseModel

from server.http.operation import Operation
from tests.server.conftest import ApiFixture

MAX_ANSWER = 16_384
HUGE = "a" * 9_000
VALUES: list[Any] = [
    None,
    True,
    -1,
    1e308,
    10**40,
    "",
    " ",
    "\x00",
    "a\x00b@example.org",
    "\ud800",
    "\u202e\u0000\uffff",
    "ﷺ" * 256,
    "' or 1=1 --",
    "../../etc/passwd",
    HUGE,
    [],
    {},
    [[[[[[]]]]]],
    {"$ne": None},
    ["ada"] * 200,
]
RAW: list[bytes] = [
    b"",
    b"null",
    b"[]",
    b'"text"',
    b"{",
    b"\xff\xfe{}",
    b"\xef\xbb\xbf{}",
    b"[" * 4_000,
    b'{"a":' * 3_000,
    b'{"login":"ada","login":"bob","password":"x","password":"y"}',
    b'{"login":"ada","password":NaN}',
    b'{"__proto__":{},"constructor":1}',
]


def _calls(api: ApiFixture) -> list[Operation]:
    found = [one for feature in api.kit.install().features for one in feature.operations]
    return [one for one in found if one.path.startswith("/api/v1/auth/") and one.body is not None]


def _bodies(operation: Operation) -> list[bytes]:
    """Each field in turn with each value, the others missing or text."""
    assert operation.body is not None
    assert issubclass(operation.body, BaseModel)
    fields = list(operation.body.model_fields)
    whole = [{**dict.fromkeys(fields, "text"), field: value} for field in fields for value in VALUES]
    alone = [{field: value} for field in fields for value in VALUES[:4]]
    return [*RAW, *(json.dumps(body).encode() for body in [*whole, *alone, {**dict.fromkeys(fields, "a"), "more": 1}])]


async def _send(api: ApiFixture, operation: Operation, body: bytes, headers: dict[str, str]) -> ClientResponse:
    sent = {"Content-Type": "application/json", **headers}
    return await api.client.request(operation.method, operation.path, data=body, headers=sent)


async def _check(operation: Operation, body: bytes, answer: ClientResponse) -> None:
    where = f"{operation.method} {operation.path} {body[:200]!r}: {answer.status}"
    text = await answer.text()
    assert answer.status < 500, f"{where} {text}"
    assert len(text) < MAX_ANSWER, where
    if answer.status >= 400:
        assert answer.content_type == "application/problem+json", where
        assert not any(word in text for word in ("Traceback", "select ")), f"{where} {text}"


@pytest.mark.parametrize("is_signed_in", [True, False])
async def test_no_body_meets_an_internal_error(api: ApiFixture, is_signed_in: bool) -> None:
    """A body of ``null`` is none, by which one may sign out: that comes last."""
    ada = await api.register("ada")
    headers = ada.headers if is_signed_in else {}
    for operation in sorted(_calls(api), key=lambda one: one.name == "logout"):
        bodies = _bodies(operation)
        answers = await asyncio.gather(*(_send(api, operation, body, headers) for body in bodies))
        for body, answer in zip(bodies, answers, strict=True):
            await _check(operation, body, answer)
    assert await api.database.fetchval("select count(*) from users") == 1
