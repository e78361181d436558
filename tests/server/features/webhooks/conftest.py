"""Webhooks over the shared Postgres, with receivers on loopback."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from server.feature import Feature
from server.jobs import Attempt
from storage.facts import Fact, publish
from storage.ids import Ids
from storage.jobs.queue import JobQueue
from storage.leases import Leases
from tests.server.jobs.inline import make_due
from tests.server.kit import Kit
from tests.server.served import LiveNode, Served, serving

IDS = Ids()


def new_id() -> str:
    return IDS.uuid7(datetime.now(UTC).timestamp())


@dataclass
class Receiver:
    """A server that takes deliveries. ``status``: what it answers; it hangs while ``is_hanging``."""

    status: int = 200
    answer: bytes = b"thanks"
    is_hanging: bool = False
    came: asyncio.Event = field(default_factory=asyncio.Event)
    taken: list[tuple[dict[str, str], str]] = field(default_factory=list)
    server: TestServer | None = None

    @property
    def url(self) -> str:
        assert self.server is not None
        return str(self.server.make_url("/hook"))

    @property
    def events(self) -> list[dict[str, Any]]:
        return [msgspec.json.decode(body) for _, body in self.taken]

    async def take(self, request: web.Request) -> web.StreamResponse:
        self.taken.append((dict(request.headers), await request.text()))
        self.came.set()
        if self.is_hanging:
            await asyncio.Event().wait()
        headers = {"Location": "/elsewhere"} if 300 <= self.status < 400 else {}
        return web.Response(status=self.status, body=self.answer, headers=headers)

    async def start(self) -> None:
        app = web.Application()
        app.router.add_route("*", "/{any:.*}", self.take)
        self.server = TestServer(app, host="127.0.0.1", handler_cancellation=True)
        await self.server.start_server(shutdown_timeout=0)


def is_signed(secret: str, headers: dict[str, str], body: str) -> bool:
    """As the contract says it, not by the server's own code."""
    at, given = (part.partition("=")[2] for part in headers["Socialflow-Signature"].split(","))
    return hmac.compare_digest(hmac.new(secret.encode(), f"{at}.{body}".encode(), hashlib.sha256).hexdigest(), given)


@dataclass
class Hooks:
    """``ada`` has the webhooks; ``room`` is that of her ``stream``. ``served`` is the REST side of them."""

    kit: Kit
    served: Served
    features: Sequence[Feature]
    ada: str
    ada_id: str
    stream: str = field(default_factory=new_id)
    room: str = field(default_factory=new_id)

    @property
    def webhooks(self) -> Feature:
        return next(one for one in self.features if one.name == "webhooks")

    async def call(self, method: str, path: str, token: str | None = None, **more: Any) -> tuple[int, Any]:
        return await self.served.call(method, path, token=token or self.ada, **more)

    async def add(self, receiver: Receiver | str, *events: str) -> dict[str, Any]:
        url = receiver if isinstance(receiver, str) else receiver.url
        status, made = await self.call("POST", "/me/webhooks", json={"url": url, "events": list(events)})
        assert status == 201, made
        return dict(made)

    async def happens(self, *facts: Fact) -> None:
        async with self.kit.database.transaction() as tx:
            await publish(tx, *facts)
        await self.kit.read_facts([self.webhooks])

    async def run(self) -> int:
        return await self.kit.run_jobs([self.webhooks])

    async def retry(self) -> None:
        """As if every pause were over."""
        await self.kit.database.execute("update webhook_deliveries set next_try_at = now() where state = 'waiting'")
        await self.kit.database.execute("update webhooks set silent_until = now() where silent_until is not null")
        await make_due(self.kit.database)
        await self.run()

    async def read_chat(self) -> None:
        ((name, log),) = self.webhooks.logs.items()
        fence = await Leases(db=self.kit.database).fence_of("reader", name)
        while (await log.advance(fence=fence)).again_after_s is not None:
            pass

    async def deliveries(self, webhook: dict[str, Any]) -> list[dict[str, Any]]:
        status, page = await self.call("GET", f"/me/webhooks/{webhook['id']}/deliveries?limit=100")
        assert status == 200
        return list(page["items"])

    async def claimed(self) -> Attempt[Any]:
        """A job as a worker has claimed it that is killed before it ends."""
        queue = JobQueue(db=self.kit.database)
        (job,) = self.webhooks.jobs
        (claim,) = await queue.claim([job.name], 1, worker="killed", lease_s=60)
        body = msgspec.convert(claim.body, job.body)
        return Attempt(claim=claim, body=body, rows=queue, monotonic=asyncio.get_running_loop().time)

    def hurry(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A try does not wait for long."""
        (job,) = self.webhooks.jobs
        monkeypatch.setattr(job.run.__self__, "_try_s", 0.2)  # type: ignore[attr-defined]

    async def say(self, text: str, offset: int, room: str | None = None) -> None:
        db, room = self.kit.database, room or self.room
        await db.execute(
            'insert into chat_messages (room_id, "offset", id, user_id, client_id, text, sent_at)'
            " values ($1, $2, $3, $4, $3::uuid::text, $5, now())",
            room, offset, new_id(), self.ada_id, text,
        )  # fmt: skip
        await db.execute("update chat_rooms set last_offset = $2 where id = $1", room, offset)

    async def open_stream(self, stream: str, room: str) -> None:
        db = self.kit.database
        await db.execute(
            "insert into streams (id, owner_id, room_id, title, stream_key)"
            " values ($1, $2, $3, 'Show', $1::uuid::text)",
            stream, self.ada_id, room,
        )  # fmt: skip
        await db.execute(
            "insert into chat_rooms (id, stream_id, owner_id, log_epoch) values ($1, $2, $3, 'e')",
            room, stream, self.ada_id,
        )  # fmt: skip


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    made = Receiver()
    await made.start()
    yield made
    assert made.server is not None
    await made.server.close()


@pytest.fixture
async def other(receiver: Receiver) -> AsyncIterator[Receiver]:
    made = Receiver()
    await made.start()
    yield made
    assert made.server is not None
    await made.server.close()


@pytest.fixture
async def hooks(kit: Kit) -> AsyncIterator[Hooks]:
    """Of all features only these are served, which costs a tenth of the processor time."""
    installed = kit.install(allow_private_targets=True)
    features = [one for one in installed.features if one.name in ("accounts", "webhooks")]
    async with serving(
        LiveNode(identity=kit.identity),
        features,
        database=kit.database,
        identity=kit.identity,
        limiter=kit.limiter,
        on_forged=installed.people.suspicions.forged_token,
    ) as served:
        ada = await served.register("ada")
        ada_id = await kit.database.fetchval("select id from users where username_key = 'ada'")
        made = Hooks(kit, served, features, ada, ada_id)
        await made.open_stream(made.stream, made.room)
        yield made
        close = made.webhooks.close
        assert close is not None
        await close()
