"""A node in this process as ``socialflow serve`` runs it, over the run's engines, but without its media process.

A test plays the media process: ``CoreNode.publish`` reports what that process would report of an encoder.
"""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from media.control import AuthorizePublish, Flushed, Granted, PublishEnded, PublishStarted, Refused
from server.app import App
from server.assembly.live import Live
from server.config import Settings
from tests.conftest import MigratedDatabase
from tests.server.served import DEADLINE_S, PASSWORD, Device, Served

_clusters = itertools.count(1)


class NodeWithoutMedia(App):
    """``live`` is its live core. A publication that the node ends is over at once, with all of it stored."""

    live: Live

    async def _start_media(self, core: Live) -> None:
        self.live = core
        core.media.stop_publication = self._stop_publication  # type: ignore[method-assign]

    def _stop_publication(self, stream_id: str, *, publication: int, reason: str) -> None:
        self.live.media_events.handle(PublishEnded(stream_id=stream_id, publication=publication, reason=reason))
        self.live.media_events.handle(Flushed(stream_id=stream_id, publication=publication))


@dataclass(frozen=True)
class Person:
    """A registered person; ``node`` is where their calls and sockets go."""

    node: CoreNode
    id: str
    username: str
    token: str

    async def call(self, method: str, path: str, **options: Any) -> tuple[int, Any]:
        return await self.node.served.call(method, path, token=self.token, **options)

    async def done(self, method: str, path: str, body: Any = None) -> Any:
        status, answer = await self.call(method, path, json=body)
        assert status < 300, answer
        return answer

    async def prepare(self, title: str = "A stream", **more: Any) -> dict[str, Any]:
        """A new stream as it is answered, with ``ingest``."""
        made: dict[str, Any] = await self.done("POST", "/streams", {"title": title, **more})
        return {**made["stream"], "ingest": made["ingest"]}

    async def connect(self) -> Device:
        return await self.node.served.connect(self.token)


@dataclass(frozen=True)
class CoreNode:
    app: NodeWithoutMedia
    served: Served

    async def person(self, username: str) -> Person:
        body = {"username": username, "email": f"{username}@example.org", "password": PASSWORD}
        status, answer = await self.served.call("POST", "/auth/register", json=body)
        assert status == 201, answer
        return Person(self, answer["user"]["id"], username, answer["access_token"])

    async def admin(self) -> Person:
        """The first admin, with a password of their own."""
        first = self.app.first_admin
        assert first is not None
        again = {"login": first.username, "password": PASSWORD}
        status, answer = await self.served.call("POST", "/auth/login", json=again)
        if status == 200:
            return Person(self, answer["user"]["id"], first.username, answer["access_token"])
        given = await self.sign_in(first.username, first.password)
        await given.done("POST", "/auth/password/change", {"password": first.password, "new_password": PASSWORD})
        return await self.sign_in(first.username, PASSWORD)

    async def sign_in(self, username: str, password: str) -> Person:
        status, answer = await self.served.call("POST", "/auth/login", json={"login": username, "password": password})
        assert status == 200, answer
        return Person(self, answer["user"]["id"], username, answer["access_token"])

    async def publish(self, stream: dict[str, Any]) -> Granted:
        """What the media process does when an encoder comes with the stream's key: the stream is live afterwards."""
        granted = await self.authorize(stream["ingest"]["stream_key"])
        assert isinstance(granted, Granted), granted
        self.app.live.media_events.handle(
            PublishStarted(stream_id=granted.stream_id, publication=granted.publication, tracks=())
        )
        return granted

    async def authorize(self, key: str) -> Granted | Refused:
        request = AuthorizePublish(key=key, protocol="rtmp", remote="127.0.0.1")
        return await self.app.live.media_events.authorize(request)

    def unpublish(self, granted: Granted) -> None:
        """The encoder has gone."""
        self.app.live.media_events.handle(
            PublishEnded(stream_id=granted.stream_id, publication=granted.publication, reason="it has gone")
        )


def settings_of(**settings: Any) -> Settings:
    """Those given, with free ports and short stops, for a database that has the schema already."""
    free = {"http_port": 0, "rtmp_port": 0, "webrtc_port": 0, "node_port": 0}
    return Settings(**{"cluster_name": f"core-{next(_clusters)}", "drain_s": 1.0, "migrate": False, **free, **settings})


@asynccontextmanager
async def core_node(**settings: Any) -> AsyncIterator[CoreNode]:
    """Run the node while the block runs. ``settings``: at least ``database_url``, ``redis_url`` and ``data_dir``."""
    app = NodeWithoutMedia(settings=settings_of(**settings))
    await app.start()
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=DEADLINE_S)) as http:
        served = Served(f"http://127.0.0.1:{app.ports.http_port}", http, (), [])
        try:
            yield CoreNode(app, served)
        finally:
            for device in served.devices:
                await device.client.disconnect()
            await app.stop()


@asynccontextmanager
async def node_of_file(
    postgres_url: str, redis_url: str, folders: pytest.TempPathFactory, **settings: Any
) -> AsyncIterator[CoreNode]:
    """One for the tests of a file, over a database of its own."""
    async with MigratedDatabase(postgres_url) as database_url:
        places = {"database_url": database_url, "redis_url": redis_url, "data_dir": folders.mktemp("node")}
        async with core_node(**places, **settings) as made:
            yield made
