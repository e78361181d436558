"""Which requests have a line in the log, and what it holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from prometheus_client import CollectorRegistry

from server.http.access_log import AccessLog
from server.http.errors import ProblemTable
from server.http.middleware import HttpMetrics, HttpMiddleware

Line = dict[str, Any]


async def lines(paths: Sequence[str], *, share: float, draws: Sequence[float] = ()) -> list[Line]:
    """What is logged of requests for these, one after the other."""
    written: list[Line] = []
    given = iter(draws)
    log = AccessLog(share=share, draw=lambda: next(given), write=lambda event, **fields: written.append(fields))
    metrics = HttpMetrics(registry=CollectorRegistry())
    middleware = HttpMiddleware(problems=ProblemTable([]), metrics=metrics, access_log=log)
    app = web.Application(middlewares=[middleware.middleware()])
    app.on_response_prepare.append(middleware.on_prepare)
    app.router.add_get("/people/{name}", _answer)
    async with TestClient(TestServer(app)) as client:
        for path in paths:
            async with client.get(path, headers={"Authorization": "Bearer secret"}) as response:
                await response.read()
                for line in written[-1:]:
                    line["is_named"] = response.headers["X-Request-Id"] == line["trace_id"]
    return written


async def _answer(request: web.Request) -> web.Response:
    if request.match_info["name"] == "broken":
        raise RuntimeError
    return web.Response(text="hello")


async def test_a_line_has_the_route_and_nothing_of_who_asked_for_what() -> None:
    (line,) = await lines(["/people/ada?token=secret"], share=1.0, draws=[0.99])
    assert line.pop("ms") >= 0
    assert len(line.pop("trace_id")) == 32
    said = {"method": "GET", "route": "/people/{name}", "status": 200, "bytes": 5, "share": 1.0, "is_named": True}
    assert line == said


@pytest.mark.parametrize(("share", "logged"), [(0.5, 2), (0.05, 1)])
async def test_a_share_of_the_requests_is_logged(share: float, logged: int) -> None:
    assert len(await lines(["/people/ada"] * 4, share=share, draws=[0.0, 0.1, 0.5, 0.9])) == logged


async def test_what_failed_on_the_server_is_logged_always_and_what_is_not_there_by_its_share() -> None:
    found = await lines(["/people/broken", "/nowhere", "/people/ada"], share=0.01, draws=[0.5, 0.5])
    assert [(line["status"], line["route"], line["share"]) for line in found] == [(500, "/people/{name}", 1.0)]


async def test_without_a_share_nothing_is_logged() -> None:
    assert await lines(["/people/broken", "/people/ada"], share=0.0) == []
