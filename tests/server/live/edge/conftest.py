"""An edge with the echo application, as the public protocol suites expect it, on a port of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import uvloop
from aiohttp import web

from server.live.edge.application import Application
from server.live.edge.endpoint import Edge
from server.live.edge.limits import EdgeLimits
from server.live.edge.server import HttpSide
from tests.server.live.edge.cluster import EdgeCluster
from tests.server.live.edge.serving import EchoApplication, Served, http_server

QUICK = EdgeLimits(ping_interval_s=0.3, ping_timeout_s=0.2, connect_timeout_s=1.0)


@pytest.fixture(scope="session")
def event_loop_policy() -> asyncio.AbstractEventLoopPolicy:
    """The loop that the server runs on."""
    return uvloop.EventLoopPolicy()


Serve = Callable[..., Awaitable[Served]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Starts edges; all of them are closed afterwards."""
    running: list[Served] = []

    async def start(
        application: Application | None = None,
        *,
        limits: EdgeLimits | None = None,
        http: Callable[[], Any] | None = None,
        ssl: Any = None,
        **options: Any,
    ) -> Served:
        echo = application or EchoApplication()
        options.setdefault("fanout", getattr(echo, "fanout", None))
        edge = Edge(
            application=echo, http=HttpSide(protocol=http or http_server()), limits=limits or EdgeLimits(), **options
        )
        await edge.start(host="127.0.0.1", port=0, ssl=ssl)
        served = Served(edge, scheme="https" if ssl else "http")
        running.append(served)
        return served

    yield start
    for served in running:
        await served.close()


@pytest.fixture
async def quick(serve: Serve) -> Served:
    """The suites' timing: pings every 300 ms, 200 ms to answer, 1 s to connect."""
    return await serve(limits=QUICK, namespaces=("/", "/custom"))


Build = Callable[..., Awaitable[list[Served]]]


@pytest.fixture
async def cluster() -> AsyncIterator[EdgeCluster]:
    made = EdgeCluster()
    yield made
    await made.close()


@pytest.fixture
def build(cluster: EdgeCluster) -> Build:
    async def start(*names: str, **options: Any) -> list[Served]:
        options.setdefault("limits", EdgeLimits())
        await cluster.build(names or ("a", "b"), **options)
        return cluster.nodes

    return start


__all__ = ["QUICK", "Build", "Serve", "web"]
