from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any

import pytest
from aiohttp.test_utils import TestClient
from pydantic import Field

from server.http.application import HttpSettings
from server.http.operation import NAME, Answer, Call, Operation
from server.http.shapes import Body, Query, Shape, Text
from tests.server.conftest import Serve


class Note(Body):
    text: Annotated[Text, Field(max_length=20)]
    stars: Annotated[int, Field(ge=1, le=5)] = 1
    tags: Annotated[list[Text], Field(default_factory=list, max_length=3)]


class Sort(Query):
    by: Annotated[str, Field(pattern="^[a-z]+$")] = "date"


class Echo(Shape):
    body: Any
    path: dict[str, str]
    by: str | None


async def _echo(call: Call[Any, Any]) -> Answer:
    body = call.body.decode("latin-1") if isinstance(call.body, bytes) else call.body and call.body.model_dump()
    return Answer(body=Echo(body=body, path=dict(call.path), by=call.query and call.query.by))


NOTE = Operation(
    method="POST", path="/notes", handler=_echo, name="addNote", summary="Add", tag="t", body=Note, query=Sort,
    answers={200: Echo}, max_body=2000,
)  # fmt: skip
SDP = Operation(
    method="POST", path="/sdp", handler=_echo, name="offer", summary="Offer", tag="t", body=bytes,
    consumes=("application/sdp",), answers={200: Echo}, max_body=100,
)  # fmt: skip
PATHS = Operation(
    method="GET", path="/of/{note_id}/{kind}", handler=_echo, name="getKind", summary="Get", tag="t",
    paths={"kind": NAME}, answers={200: Echo},
)  # fmt: skip


@pytest.fixture
async def client(serve: Serve) -> TestClient[Any, Any]:
    return await serve(NOTE, SDP, PATHS, settings=HttpSettings(body_timeout_s=0.2))


async def _post(client: TestClient[Any, Any], raw: Any, content_type: str = "application/json") -> tuple[int, Any]:
    answer = await client.post("/notes", data=raw, headers={"Content-Type": content_type})
    return answer.status, await answer.json()


async def test_valid_body_and_query_reach_the_handler(client: TestClient[Any, Any]) -> None:
    answer = await client.post("/notes?by=name&utm=x", json={"text": "hello", "stars": 5})
    assert (await answer.json()) == {"body": {"text": "hello", "stars": 5, "tags": []}, "path": {}, "by": "name"}


@pytest.mark.parametrize(
    "raw",
    [
        *(b"{", b"nothing", b"", b'{"text": NaN}', b'{"text": "\xff"}', b'{"text": "\\ud800"}', b'{"text":1}}'),
        *(b"[" * 100_00 + b"]" * 100_00, b'{"a":' * 40 + b"1" + b"}" * 40),
    ],
)
async def test_what_is_not_json_is_a_400(client: TestClient[Any, Any], raw: bytes) -> None:
    answer = await client.post("/notes", data=raw[:2000], headers={"Content-Type": "application/json"})
    assert answer.status == 400
    assert answer.content_type == "application/problem+json"


@pytest.mark.parametrize(
    ("raw", "fields"),
    [
        (b"{}", ["text"]),
        (b"[]", [""]),
        (b"null", [""]),
        (b'{"text": "x", "stars": "5"}', ["stars"]),
        (b'{"text": "x", "stars": true}', ["stars"]),
        (b'{"text": "x", "stars": 1.5}', ["stars"]),
        (b'{"text": 1, "stars": 9, "more": 1}', ["more", "stars", "text"]),
        (b'{"text": "a\\u0000b", "tags": ["x", "\\u0000"]}', ["tags.1", "text"]),
        (b'{"text": "x", "tags": ["x", 1]}', ["tags.1"]),
        (b'{"text": "x", "stars": 1e999}', [""]),
        (b'{"text": "x", "stars": ' + b"9" * 1000 + b"}", ["stars"]),
    ],
)
async def test_json_that_does_not_fit_is_a_422_with_every_field(
    client: TestClient[Any, Any], raw: bytes, fields: list[str]
) -> None:
    status, problem = await _post(client, raw)
    assert status == 422
    assert sorted(one["field"] for one in problem["errors"]) == fields
    assert problem["instance"] == "/notes"


async def test_errors_of_body_and_query_come_together(client: TestClient[Any, Any]) -> None:
    answer = await client.post("/notes?by=1", json={})
    assert [one["field"] for one in (await answer.json())["errors"]] == ["text", "by"]


@pytest.mark.parametrize("kind", ["text/plain", "application/xml", "", "application/json; charset=latin-1"])
async def test_other_content_types_are_a_415(client: TestClient[Any, Any], kind: str) -> None:
    status, _ = await _post(client, b'{"text": "x"}', kind)
    assert status == 415


@pytest.mark.parametrize(
    "kind", ["application/json; charset=UTF-8", "application/merge-patch+json", "Application/JSON"]
)
async def test_json_by_another_name_is_taken(client: TestClient[Any, Any], kind: str) -> None:
    status, _ = await _post(client, b'{"text": "x"}', kind)
    assert status == 200


async def test_body_beyond_the_bound_is_a_413(client: TestClient[Any, Any]) -> None:
    status, _ = await _post(client, b'{"text": "' + b"x" * 2000 + b'"}')
    assert status == 413


async def test_body_that_announces_no_length_is_read_to_the_bound_only(client: TestClient[Any, Any]) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 500_000_000:
            sent += 10_000
            yield b"x" * 10_000

    status, _ = await _post(client, endless())
    assert status == 413
    assert sent < 50_000_000


async def test_body_that_does_not_come_is_a_408_and_closes(client: TestClient[Any, Any]) -> None:
    stuck = asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield b'{"text"'
        await stuck.wait()

    status, _ = await _post(client, slow())
    stuck.set()
    assert status == 408


async def test_raw_body_is_handed_over_as_it_came(client: TestClient[Any, Any]) -> None:
    answer = await client.post("/sdp", data=b"v=0\r\n\xff", headers={"Content-Type": "application/sdp"})
    assert (await answer.json())["body"] == "v=0\r\n\xff"
    assert (await client.post("/sdp", json={})).status == 415
    missing = await client.post("/sdp", data=b"", headers={"Content-Type": "application/sdp"})
    assert missing.status == 400


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/of/01890C2A-7B5E-7CC3-98C8-6B1F6C1F0A11/main", 200),
        ("/of/01890c2a-7b5e-7cc3-98c8-6b1f6c1f0a1/main", 404),
        ("/of/1/main", 404),
        ("/of/01890c2a-7b5e-7cc3-98c8-6b1f6c1f0a11/a.b", 404),
        ("/of/01890c2a-7b5e-7cc3-98c8-6b1f6c1f0a11/main%0A", 404),
        ("/of/..%2F..%2Fetc/main", 404),
    ],
)
async def test_path_that_cannot_name_anything_is_a_404(client: TestClient[Any, Any], path: str, status: int) -> None:
    from yarl import URL

    answer = await client.get(URL(path, encoded=True))
    assert answer.status == status
    if status == 200:
        assert (await answer.json())["path"]["note_id"] == "01890c2a-7b5e-7cc3-98c8-6b1f6c1f0a11"
