"""The application and the Socket.IO endpoint of features, in process: real sockets, no cluster and no media."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, cast

import aiohttp
import socketio
from aiohttp import web
from prometheus_client import CollectorRegistry

from actors.events import NODE
from actors.rate_limits import RateLimits
from actors.runtime import LocalTransport, LoopClock, Node
from media.hls.marks import Mark
from server.feature import Feature
from server.http.application import HttpSettings, build_app
from server.http.idempotency import IdempotencyKeys
from server.http.identity import Identity
from server.http.limits import RateLimiter
from server.http.protocol import http_protocols
from server.http.translations import known_errors
from server.live.admission import ConnectionQuota
from server.live.edge.endpoint import Edge
from server.live.edge.fanout import Fanout
from server.live.edge.limits import EdgeLimits
from server.live.edge.server import HttpSide
from server.live.node_actor import NodeActor
from server.live.published import NodesPublish, PublishedEvents
from server.live.sockets import OnForged, Sockets
from storage.postgres import Database
from tests.server.live.nodes import NodeDirectory

DEADLINE_S = 30.0
PASSWORD = "correct horse battery staple"
NODE_NAME = "n1"


class Device:
    """A connected Socket.IO client: the official Python one."""

    def __init__(self) -> None:
        self.client = socketio.AsyncClient(reconnection=False)
        self._events: asyncio.Queue[tuple[str, Any]] = asyncio.Queue()
        self.client.on("*", self._came)

    async def _came(self, event: str, body: Any = None) -> None:
        self._events.put_nowait((event, body))

    async def event(self) -> tuple[str, Any]:
        """The next event that the server has sent, with its body."""
        return await asyncio.wait_for(self._events.get(), DEADLINE_S)

    async def until(self, event: str) -> Any:
        """The body of the next event of this name; those before it are passed over."""
        while True:
            name, body = await self.event()
            if name == event:
                return body

    @property
    def is_silent(self) -> bool:
        """Nothing was sent to it that ``event`` has not given."""
        return self._events.empty()

    def pending(self) -> list[tuple[str, Any]]:
        """What was sent to it that ``event`` has not given; it is given by this."""
        return [self._events.get_nowait() for _ in range(self._events.qsize())]

    async def ask(self, event: str, body: Any) -> Any:
        """The acknowledgement."""
        return await self.client.call(event, body, timeout=DEADLINE_S)

    async def done(self, event: str, body: Any) -> Any:
        """The acknowledgement of what must not be refused."""
        ack = await self.ask(event, body)
        assert ack["ok"], ack
        return ack

    async def refused(self, event: str, body: Any) -> Any:
        """The error of what must be refused."""
        ack = await self.ask(event, body)
        assert ack["ok"] is False, ack
        return ack["error"]


class NoMedia:
    """In place of a media process: what it is told goes nowhere."""

    def announce(self, stream_id: str, mark: Mark) -> None:
        pass


class LiveNode:
    """A node's sockets and its way of publishing to them; ``publish`` goes into the platform of features."""

    def __init__(self, *, identity: Identity) -> None:
        self.fanout = Fanout()
        self.node = Node(name=NODE_NAME, clock=LoopClock(), directory=NodeDirectory(), transport=LocalTransport())
        self.sockets = Sockets(
            identity=identity,
            node=self.node,
            fan=self.fanout,
            connection_quota=ConnectionQuota(per_account=20, per_staff_account=20, guests=100),
            rate_limits=RateLimits(rates={}, factors={"viewer": 1.0}),
            event_rate=100.0,
            event_burst=100,
        )
        published = PublishedEvents(fanout=self.fanout, sockets=self.sockets)
        self.publish = NodesPublish(node=self.node, nodes=lambda: [NODE_NAME])
        absent = cast(Any, None)  # what only live media and rooms ask of a node's actor
        self.node.register(
            NODE,
            lambda _: NodeActor(
                broadcaster=absent,
                media=cast(Any, NoMedia()),
                presence=absent,
                inspection=absent,
                viewings=absent,
                published=published,
                restreaming=absent,
                sources=absent,
                slates=absent,
                players=absent,
            ),
            idle_after_s=None,
        )


@dataclass
class Served:
    """``url`` is where the features answer."""

    url: str
    http: aiohttp.ClientSession
    features: tuple[Feature, ...]
    devices: list[Device]

    def feature(self, name: str) -> Feature:
        return next(one for one in self.features if one.name == name)

    async def call(self, method: str, path: str, *, token: str | None = None, **options: Any) -> tuple[int, Any]:
        """The status and the document of ``/api/v1`` + ``path``; None for an answer without one."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with self.http.request(method, f"{self.url}/api/v1{path}", headers=headers, **options) as answer:
            return answer.status, await answer.json(content_type=None) if await answer.read() else None

    async def register(self, username: str) -> str:
        """A new person's access token."""
        body = {"username": username, "email": f"{username}@example.org", "password": PASSWORD}
        status, answer = await self.call("POST", "/auth/register", json=body)
        assert status == 201, answer
        token: str = answer["access_token"]
        return token

    async def connect(self, token: str | None = None) -> Device:
        """A connected device of a person, or of a guest."""
        device = Device()
        auth = {"token": token} if token else {}
        await device.client.connect(self.url, auth=auth, transports=["websocket"], wait_timeout=DEADLINE_S)
        self.devices.append(device)
        return device


@asynccontextmanager
async def serving(
    live: LiveNode,
    features: Iterable[Feature],
    *,
    database: Database,
    identity: Identity,
    limiter: RateLimiter,
    on_forged: OnForged | None = None,
) -> AsyncIterator[Served]:
    """Serve the features' operations and events on a port of loopback while the block runs."""
    given = tuple(features)
    for kind in (kind for feature in given for kind in feature.kinds):
        live.node.register(kind.name, kind.factory, mailbox=kind.mailbox, idle_after_s=kind.idle_after_s)
    live.sockets.install(
        [event for feature in given for event in feature.events],
        closed=[feature.closed for feature in given if feature.closed is not None],
        on_forged=on_forged,
    )
    app = build_app(
        operations=[operation for feature in given for operation in feature.operations],
        identity=identity,
        idempotency=IdempotencyKeys(rows=database),
        limiter=limiter,
        problems=known_errors({code: status for feature in given for code, status in feature.codes.items()}),
        registry=CollectorRegistry(),
        client_events=[event for feature in given for event in feature.events],
        server_events=[event for feature in given for event in feature.sent],
        settings=HttpSettings(),
    )
    runner = web.AppRunner(app, access_log=None, handle_signals=False)
    await runner.setup()
    assert runner.server is not None
    edge = Edge(
        application=live.sockets,
        http=HttpSide(protocol=http_protocols(runner.server, keepalive_timeout_s=75.0)),
        limits=EdgeLimits(),
        fanout=live.fanout,
    )
    await live.node.start()
    await edge.start(host="127.0.0.1", port=0)
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=DEADLINE_S)) as http:
        served = Served(f"http://127.0.0.1:{edge.addresses[0][1]}", http, given, [])
        try:
            yield served
        finally:
            for device in served.devices:
                await device.client.disconnect()
    await edge.close()
    await runner.cleanup()
    await live.node.stop(budget_s=1.0)
