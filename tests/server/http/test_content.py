"""Conditional requests, ranges and codings: what is decided, and what is answered."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from multidict import CIMultiDict, CIMultiDictProxy
from prometheus_client import CollectorRegistry

from server.http import content
from server.http.conditions import Part, accepts_gzip, is_refused, is_unchanged, part_of
from server.http.errors import ProblemTable
from server.http.middleware import HttpMetrics, HttpMiddleware

BODY = bytes(range(256)) * 40
TEXT = b"#EXTINF:2.0,\n" * 500
TAG = '"one"'


def fields(*given: tuple[str, str]) -> CIMultiDictProxy[str]:
    return CIMultiDictProxy(CIMultiDict(given))


@pytest.mark.parametrize("value", [TAG, f"W/{TAG}", f'"zz", {TAG}', f'"zz" ,W/{TAG}', "*", " * ", f'"a,b",{TAG}'])
def test_a_tag_that_the_client_has_is_found_in_every_form(value: str) -> None:
    assert is_unchanged(fields(("If-None-Match", value)), TAG)
    assert is_unchanged(fields(("If-None-Match", '"zz"'), ("if-none-match", value)), TAG) == (value.strip() != "*")


@pytest.mark.parametrize("value", ['"zz"', "one", '"one', "", '"on", "e"', '"*"', 'w/"two"'])
def test_another_tag_or_none_is_not_what_the_client_has(value: str) -> None:
    assert not is_unchanged(fields(("If-None-Match", value)), TAG)
    assert not is_unchanged(fields(), TAG)


@pytest.mark.parametrize(("value", "refused"), [(TAG, False), ("*", False), (f"W/{TAG}", True), ('"zz"', True)])
def test_if_match_wants_the_very_tag(value: str, *, refused: bool) -> None:
    assert is_refused(fields(("If-Match", value)), TAG) == refused


@pytest.mark.parametrize(
    ("value", "part"),
    [
        ("bytes=0-9", Part(0, 10)),
        ("BYTES = 0 - 9", Part(0, 10)),
        ("bytes=90-", Part(90, 10)),
        ("bytes=90-1000", Part(90, 10)),
        ("bytes=-10", Part(90, 10)),
        ("bytes=-1000", Part(0, 100)),
        ("bytes=99-99,", Part(99, 1)),
        ("bytes=100-", Part(100, 0)),
        ("bytes=-0", Part(100, 0)),
        ("bytes=5-2", None),
        ("bytes=-", None),
        ("bytes=", None),
        ("bytes", None),
        ("bytes=a-b", None),
        ("bytes=1-2-3", None),
        ("bytes=\u0661-\u0662", None),
        ("bytes=--5", None),
        ("items=0-1", None),
        ("bytes=0-1,5-6", None),
        ("bytes=" + "9" * 30 + "-", None),
    ],
)
def test_one_range_of_bytes_is_read_and_everything_else_passed_over(value: str, part: Part | None) -> None:
    assert part_of(fields(("Range", value)), method="GET", etag=TAG, size=100) == part


@pytest.mark.parametrize(
    ("condition", "is_partial"),
    [(TAG, True), (f"W/{TAG}", False), ('"zz"', False), ("Sun, 06 Nov 1994 08:49:37 GMT", False), ("", False)],
)
def test_a_range_holds_only_for_the_tag_of_if_range(condition: str, *, is_partial: bool) -> None:
    given = fields(("Range", "bytes=0-9"), ("If-Range", condition))
    assert (part_of(given, method="GET", etag=TAG, size=100) is not None) == is_partial


def test_a_range_means_nothing_but_for_get() -> None:
    assert part_of(fields(("Range", "bytes=0-9")), method="HEAD", etag=TAG, size=100) is None


@pytest.mark.parametrize(
    ("value", "accepted"),
    [
        ("gzip", True),
        ("br, GZIP;q=0.5", True),
        ("x-gzip", True),
        ("*", True),
        ("gzip;q=0", False),
        ("gzip; q=0.000, *", False),
        ("gzip;q=x", False),
        ("br", False),
        ("xgzip", False),
        ("", False),
    ],
)
def test_gzip_is_for_those_who_take_it(value: str, *, accepted: bool) -> None:
    assert accepts_gzip({"Accept-Encoding": value}) == accepted


Serve = Callable[[Callable[[web.Request], Awaitable[web.StreamResponse]]], Awaitable[TestClient[Any, Any]]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    clients: list[TestClient[Any, Any]] = []

    async def start(handler: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> TestClient[Any, Any]:
        middleware = HttpMiddleware(problems=ProblemTable([]), metrics=HttpMetrics(registry=CollectorRegistry()))
        app = web.Application(middlewares=[middleware.middleware()])
        app.router.add_get("/", handler)
        clients.append(TestClient(TestServer(app), auto_decompress=False))
        await clients[-1].start_server()
        return clients[-1]

    yield start
    for client in clients:
        await client.close()


async def pieces(offset: int, size: int) -> AsyncIterator[bytes]:
    for at in range(offset, offset + size, 1_000):
        yield BODY[at : min(at + 1_000, offset + size)]


async def as_held(request: web.Request) -> web.StreamResponse:
    return content.held(request, BODY, etag=TAG, headers={"Content-Type": "video/mp4"})


async def as_streamed(request: web.Request) -> web.StreamResponse:
    return await content.streamed(request, pieces, size=len(BODY), etag=TAG, headers={"Content-Type": "video/mp4"})


async def as_text(request: web.Request) -> web.StreamResponse:
    return content.text(request, TEXT, etag=TAG, headers={"Content-Type": "text/plain"})


@pytest.mark.parametrize("handler", [as_held, as_streamed])
@pytest.mark.parametrize(
    ("headers", "status", "said", "body"),
    [
        ({}, 200, None, BODY),
        ({"Range": "bytes=5-14"}, 206, f"bytes 5-14/{len(BODY)}", BODY[5:15]),
        ({"Range": "bytes=-3000"}, 206, f"bytes {len(BODY) - 3000}-{len(BODY) - 1}/{len(BODY)}", BODY[-3000:]),
        ({"Range": "bytes=5-14", "If-Range": '"zz"'}, 200, None, BODY),
        ({"Range": "bytes=5-14, 20-30"}, 200, None, BODY),
        ({"Range": "bytes=99999999-"}, 416, f"bytes */{len(BODY)}", None),
        ({"If-None-Match": f"W/{TAG}", "Range": "bytes=5-14"}, 304, None, b""),
        ({"If-Match": '"zz"'}, 412, None, None),
    ],
)
async def test_bytes_are_answered_whole_in_part_or_not_at_all(
    serve: Serve, handler: Any, headers: dict[str, str], status: int, said: str | None, body: bytes | None
) -> None:
    client = await serve(handler)
    answer = await client.get("/", headers=headers)
    assert (answer.status, answer.headers.get("Content-Range")) == (status, said)
    assert body is None or await answer.read() == body
    if status < 400:
        assert answer.headers["ETag"] == TAG
    if status == 304:
        assert "Content-Type" not in answer.headers
    head = await client.head("/", headers={"Range": "bytes=5-14"})
    assert (head.status, head.headers["Content-Length"], await head.read()) == (200, str(len(BODY)), b"")
    assert head.headers["Accept-Ranges"] == "bytes"


async def test_the_compressed_form_of_a_text_has_a_tag_of_its_own_and_both_say_what_they_vary_by(serve: Serve) -> None:
    client = await serve(as_text)
    plain = await client.get("/", headers={"Accept-Encoding": "identity"})
    zipped = await client.get("/", headers={"Accept-Encoding": "deflate, gzip"})
    assert (plain.headers["ETag"], zipped.headers["ETag"]) == (TAG, '"one-gz"')
    assert plain.headers["Vary"] == zipped.headers["Vary"] == "Accept-Encoding"
    assert (plain.headers.get("Content-Encoding"), zipped.headers["Content-Encoding"]) == (None, "gzip")
    for tag, coding in ((TAG, "identity"), ('W/"one-gz"', "gzip")):
        again = await client.get("/", headers={"Accept-Encoding": coding, "If-None-Match": tag})
        assert (again.status, again.headers["ETag"]) == (304, tag.removeprefix("W/"))
        assert again.headers["Vary"] == "Accept-Encoding"
    other = await client.get("/", headers={"Accept-Encoding": "gzip", "If-None-Match": TAG})
    assert other.status == 200
