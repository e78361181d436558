"""Spans of followed messages: kept for a while, sampled, and sent to a collector over real HTTP."""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

from actors.events import ChatPosted
from actors.runtime.clock import ManualClock
from server.live.edge.fanout import Fanout
from server.live.room_traces import RoomTraces
from server.otlp import MOST_WAITING, OtlpExporter
from server.tracing import SEND, Traces

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


async def test_a_step_is_kept_with_its_beginning_and_how_long_it_took() -> None:
    clock = ManualClock()
    traces = Traces(node="n1", clock=clock)
    since, at = clock.monotonic(), clock.time()
    await clock.advance(2)
    traces.note(TRACE, SEND, since=since)
    (span,) = traces.of(TRACE)
    assert (span.node, span.name, span.at, span.duration_ms) == ("n1", SEND, at, 2_000)


def test_the_oldest_steps_make_room() -> None:
    traces = Traces(node="n1", clock=ManualClock(), keep=3)
    for name in "abcd":
        traces.note(TRACE, name, since=0)
    assert [span.name for span in traces.of(TRACE)] == ["b", "c", "d"]


def test_messages_are_followed_when_asked_for_or_drawn_and_else_not() -> None:
    clock = ManualClock()
    assert Traces(node="n1", clock=clock).begin(is_wanted=False) is None
    wanted = Traces(node="n1", clock=clock).begin(is_wanted=True)
    drawn = Traces(node="n1", clock=clock, share=1.0).begin(is_wanted=False)
    assert wanted is not None
    assert drawn is not None
    assert len(wanted) == len(drawn) == 32
    assert wanted != drawn


async def test_a_room_that_nobody_here_hears_has_no_step() -> None:
    clock = ManualClock()
    traces = Traces(node="n1", clock=clock)
    RoomTraces(traces=traces, fan=Fanout(), clock=clock).delivered(
        ChatPosted(room_id="r", epoch="e", messages=({"offset": 1},), traces=(TRACE,))
    )
    await clock.settle()
    assert traces.of(TRACE) == ()


class Collector:
    """What a collector was sent; it answers with ``status``."""

    def __init__(self) -> None:
        self.bodies: asyncio.Queue[Any] = asyncio.Queue()
        self.status = 200
        app = web.Application()
        app.router.add_post("/v1/traces", self._take)
        self.server = TestServer(app)

    async def _take(self, request: web.Request) -> web.Response:
        self.bodies.put_nowait(await request.json())
        return web.json_response({}, status=self.status)


async def test_spans_reach_the_collector_as_one_tree() -> None:
    collector, clock = Collector(), ManualClock()
    async with collector.server:
        exporter = OtlpExporter(
            endpoint=str(collector.server.make_url("/")), service="Social Flow", node="n1", every_s=0.01
        )
        traces = Traces(node="n1", clock=clock, export=exporter.put)
        exporter.start()
        traces.note(TRACE, "room.post", since=clock.monotonic())
        traces.note(TRACE, SEND, since=clock.monotonic())
        body = await asyncio.wait_for(collector.bodies.get(), 30)
        await exporter.close()
    (resource,) = body["resourceSpans"]
    assert {"key": "service.instance.id", "value": {"stringValue": "n1"}} in resource["resource"]["attributes"]
    post, send = resource["scopeSpans"][0]["spans"]
    assert {post["traceId"], send["traceId"]} == {TRACE}
    assert post["parentSpanId"] == send["spanId"] == TRACE[:16]
    assert "parentSpanId" not in send
    assert int(send["startTimeUnixNano"]) == int(clock.time()) * 10**9


async def test_what_the_collector_refuses_or_cannot_take_is_counted_and_left_out() -> None:
    collector, clock = Collector(), ManualClock()
    async with collector.server:
        collector.status = 503
        exporter = OtlpExporter(endpoint=str(collector.server.make_url("/v1/traces")), service="s", node="n1")
        traces = Traces(node="n1", clock=clock, export=exporter.put)
        exporter.start()
        for _ in range(MOST_WAITING + 2):
            traces.note(TRACE, SEND, since=clock.monotonic())
        await exporter.close()
    assert exporter.left_out == MOST_WAITING + 2
