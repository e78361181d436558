from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import structlog
from aiohttp import ClientError, web

from actors.runtime.errors import ActorStopped, DeadlineExceeded, DomainError, MailboxFull
from server.http.application import HttpSettings
from server.http.errors import Problem
from server.http.limits import CallRate
from server.http.middleware import security_headers
from server.http.operation import Answer, Call, Operation
from server.http.shapes import Shape
from storage.errors import BadValue, Conflict, Fenced, Unavailable
from tests.server.conftest import Serve


class Nothing(Shape):
    pass


def _raising(error: Exception) -> Operation:
    async def handler(call: Call[Any, Any]) -> Answer:
        raise error

    return _at("GET", "/it", handler)


def _at(method: str, path: str, handler: Any, **more: Any) -> Operation:
    return Operation(
        method=method, path=path, handler=handler, name=f"{method}{path}", summary="s", tag="t",
        answers={200: Nothing}, **more,
    )  # fmt: skip


async def _fine(call: Call[Any, Any]) -> Answer:
    return Answer(body=Nothing())


@pytest.mark.parametrize(
    ("error", "status", "slug", "retry"),
    [
        (Unavailable("postgres", "gone"), 503, "unavailable", "1"),
        (Fenced(1, 2), 503, "unavailable", "1"),
        (Conflict("some_key"), 409, "conflict", None),
        (BadValue("x"), 422, "invalid", None),
        (MailboxFull("room", retry_after_s=2.5), 503, "busy", "3"),
        (DeadlineExceeded("room"), 503, "timeout", "1"),
        (ActorStopped("room"), 503, "unavailable", "1"),
        (DomainError("not_found"), 404, "not-found", None),
        (DomainError("slow_mode", "Wait", retry_after_s=4.2), 429, "slow-mode", "5"),
        (DomainError("too_odd", "Odd", field="text"), 422, "too-odd", None),
        (DomainError("already_live"), 409, "already-live", None),
        (DomainError("unauthenticated"), 401, "unauthenticated", None),
        (DomainError("busy", "Wait", retry_after_s=0.1), 429, "busy", "1"),
        (Problem(410, "Gone"), 410, "gone", None),
        (web.HTTPForbidden(), 403, "forbidden", None),
    ],
)
async def test_error_of_another_floor_becomes_a_problem(
    serve: Serve, error: Exception, status: int, slug: str, retry: str | None
) -> None:
    answer = await (await serve(_raising(error))).get("/it")
    assert answer.status == status
    assert answer.content_type == "application/problem+json"
    problem = await answer.json()
    assert problem["type"] == f"/problems/{slug}"
    assert problem["status"] == status
    assert {"title", "detail", "instance"} < set(problem)
    assert answer.headers.get("Retry-After") == retry


async def test_the_address_of_a_session_is_not_in_the_log_whole(serve: Serve) -> None:
    session, sealed = "/whep/sessions/whep-0123456789abcdef.node", "/hls/01890c2a~0123456789abcdef0123/video.m3u8"
    fails = _raising(RuntimeError())
    client = await serve(dataclasses.replace(fails, path=session), dataclasses.replace(fails, path=sealed))
    with structlog.testing.capture_logs() as logged:
        for path in (session, sealed):
            assert (await client.get(path)).status == 500
    assert [line["path"] for line in logged] == ["/whep/sessions/whep-01234567…", "/hls/01890c2a~…/video.m3u8"]


async def test_unforeseen_error_is_a_500_that_tells_only_its_trace_id(serve: Serve) -> None:
    client = await serve(_raising(RuntimeError("select secret from /etc/passwd")))
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    answer = await client.get("/it", headers={"traceparent": f"00-{trace}-00f067aa0ba902b7-01"})
    assert answer.status == 500
    text = await answer.text()
    assert "secret" not in text
    assert "passwd" not in text
    assert trace in text
    assert answer.headers["X-Request-Id"] == trace


async def test_answer_that_fails_half_way_is_broken_off(serve: Serve) -> None:
    async def half(call: Call[Any, Any]) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(call.request)
        await response.write(b"half")
        raise RuntimeError("boom")

    client = await serve(_at("GET", "/half", half))
    with pytest.raises(ClientError):
        await (await client.get("/half")).read()


async def test_unknown_path_and_wrong_method_are_problems(serve: Serve) -> None:
    client = await serve(_at("GET", "/it", _fine), _at("POST", "/it", _fine))
    missing = await client.get("/nothing/here")
    assert (missing.status, missing.content_type) == (404, "application/problem+json")
    wrong = await client.delete("/it")
    assert (wrong.status, wrong.content_type) == (405, "application/problem+json")
    assert wrong.headers["Allow"] == "GET, HEAD, OPTIONS, POST"


async def test_head_answers_like_get_without_the_body(serve: Serve) -> None:
    answer = await (await serve(_at("GET", "/it", _fine))).head("/it")
    assert answer.status == 200
    assert answer.content_type == "application/json"
    assert await answer.read() == b""


async def test_reads_are_open_to_every_origin_and_writes_to_none(serve: Serve) -> None:
    client = await serve(_at("GET", "/it", _fine), _at("POST", "/it", _fine))
    origin = {"Origin": "https://elsewhere.example"}
    assert (await client.get("/it", headers=origin)).headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Origin" not in (await client.post("/it", headers=origin)).headers
    preflight = {**origin, "Access-Control-Request-Method": "POST"}
    answer = await client.options("/it", headers=preflight)
    assert answer.status == 204
    assert "Access-Control-Allow-Origin" not in answer.headers
    answer = await client.options("/it", headers={**origin, "Access-Control-Request-Method": "GET"})
    assert answer.headers["Access-Control-Allow-Methods"] == "GET, HEAD"


async def test_what_players_say_of_themselves_passes_the_preflight(serve: Serve) -> None:
    client = await serve(_at("GET", "/it", _fine))
    asked = {"Origin": "https://elsewhere.example", "Access-Control-Request-Method": "GET"}
    answer = await client.options("/it", headers=asked)
    allowed = set(answer.headers["Access-Control-Allow-Headers"].lower().split(", "))
    assert {"cmcd-object", "cmcd-request", "cmcd-session", "cmcd-status", "range", "if-range"} <= allowed
    exposed = (await client.get("/it", headers=asked)).headers["Access-Control-Expose-Headers"]
    assert {"Content-Range", "ETag", "Date", "Age"} <= set(exposed.split(", "))


async def test_configured_origin_may_write(serve: Serve) -> None:
    settings = HttpSettings(allowed_origins=("https://ours.example",))
    client = await serve(_at("POST", "/it", _fine), settings=settings)
    headers = {"Origin": "https://ours.example", "Access-Control-Request-Method": "POST"}
    answer = await client.options("/it", headers=headers)
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "POST" in answer.headers["Access-Control-Allow-Methods"]
    assert "Authorization" in answer.headers["Access-Control-Allow-Headers"]
    assert "Access-Control-Allow-Credentials" not in answer.headers


async def test_limited_address_is_told_when_to_come_back(serve: Serve) -> None:
    limited = _at("GET", "/it", _fine, rate=CallRate("it", per_s=0.1, burst=2))
    client = await serve(limited, settings=HttpSettings(limit_loopback=True))
    assert [(await client.get("/it")).status for _ in range(3)] == [200, 200, 429]
    answer = await client.get("/it")
    assert 1 <= int(answer.headers["Retry-After"]) <= 10
    free = await serve(limited)
    assert [(await free.get("/it")).status for _ in range(5)] == [200] * 5


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (None, "token_missing"),
        ("Basic YWRhOmFkYQ==", "token_invalid"),
        ("Bearer", "token_invalid"),
        ("Bearer x.y.z", "token_invalid"),
        ("Bearer " + "x" * 5000, "token_invalid"),
    ],
)
async def test_without_a_good_token_it_is_a_401_with_a_challenge(serve: Serve, header: str | None, code: str) -> None:
    client = await serve(_at("GET", "/it", _fine, auth="required"))
    answer = await client.get("/it", headers={"Authorization": header} if header else {})
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert (await answer.json())["code"] == code


async def test_stream_key_is_handed_over_and_needed(serve: Serve) -> None:
    seen: list[str | None] = []

    async def handler(call: Call[Any, Any]) -> Answer:
        seen.append(call.token)
        return Answer(204)

    client = await serve(_at("POST", "/whip", handler, auth="stream_key"))
    assert (await client.post("/whip")).status == 401
    assert (await client.post("/whip", headers={"Authorization": "Bearer sk_1"})).status == 204
    assert seen == ["sk_1"]


def test_a_page_may_open_sockets_to_its_own_host_alone_and_send_forms_nowhere_else() -> None:
    headers = security_headers(host="live.example:8080", is_page=True, is_secure=False)
    assert "geolocation=(self)" in headers["Permissions-Policy"], "what is near a person is asked for by the page"
    policy = headers["Content-Security-Policy"]
    directives = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert directives["connect-src"] == "'self' ws://live.example:8080 wss://live.example:8080"
    assert directives["form-action"] == "'self'"


@pytest.mark.parametrize("host", ["", "a; script-src *", "a b", "[::1", "a,b"])
def test_what_is_no_host_does_not_get_into_the_policy(host: str) -> None:
    policy = security_headers(host=host, is_page=True, is_secure=False)["Content-Security-Policy"]
    assert "connect-src 'self';" in policy


def test_browsers_are_told_over_tls_alone_to_come_by_tls_and_by_every_answer() -> None:
    for is_page in (True, False):
        secure = security_headers(host="a", is_page=is_page, is_secure=True)
        assert secure["Strict-Transport-Security"] == "max-age=31536000"
        assert "Strict-Transport-Security" not in security_headers(host="a", is_page=is_page, is_secure=False)
    assert security_headers(host="a", is_page=False, is_secure=False) == {}
