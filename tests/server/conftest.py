"""A real Postgres for the server's tests, and the application over it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient, TestServer
from prometheus_client import CollectorRegistry

from server.features.people.accounts import AccountsRoom
from server.features.people.accounts.passwords import Passwords
from server.hashing.argon2 import Cost
from server.hashing.process import HashingThreads
from server.http.application import HttpSettings, build_app
from server.http.dispatch import OnForged
from server.http.health import Dependency, Health, ServerInfo
from server.http.idempotency import IdempotencyKeys
from server.http.identity import Identity
from server.http.limits import RateLimiter, TokenBuckets
from server.http.operation import Operation
from server.http.translations import known_errors
from storage.postgres import Database
from tests.conftest import TEMPLATE
from tests.server.emptying import PATIENCE_S, ServerDatabase
from tests.server.kit import Kit


@pytest.fixture(scope="session")
def server_database(postgres_url: str) -> Iterator[ServerDatabase]:
    made = ServerDatabase(postgres_url, template=TEMPLATE)
    yield made
    made.close()


@pytest.fixture(scope="session")
def server_database_url(server_database: ServerDatabase) -> str:
    return server_database.url


@pytest.fixture
async def database(server_database: ServerDatabase) -> AsyncIterator[Database]:
    """Empty but for what migrations put there."""
    await server_database.empty()
    database = await Database.connect(server_database.url, max_connections=4, deadline_s=PATIENCE_S)
    yield database
    await database.close()


@pytest.fixture
async def identity(database: Database) -> AsyncIterator[Identity]:
    identity = Identity(rows=database, poll_s=0.1)
    await identity.start()
    yield identity
    await identity.close()


Serve = Callable[..., Awaitable[TestClient[Any, Any]]]


@pytest.fixture
async def serve(database: Database, identity: Identity) -> AsyncIterator[Serve]:
    """``await serve(operation, …, settings=…)`` is a client of an application of these operations."""
    async with AsyncExitStack() as stack:

        async def serve(
            *operations: Operation,
            settings: HttpSettings | None = None,
            limiter: RateLimiter | None = None,
            registry: CollectorRegistry | None = None,
            on_forged: OnForged | None = None,
        ) -> TestClient[Any, Any]:
            app = build_app(
                operations=operations,
                identity=identity,
                idempotency=IdempotencyKeys(rows=database),
                limiter=limiter or TokenBuckets(),
                problems=known_errors(),
                registry=registry or CollectorRegistry(),
                settings=settings or HttpSettings(),
                on_forged=on_forged,
            )
            return await stack.enter_async_context(TestClient(TestServer(app)))

        yield serve


@dataclass
class Someone:
    """A registered person and what they hold."""

    client: TestClient[Any, Any]
    id: str
    username: str
    access_token: str
    refresh_token: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.access_token}"}

    async def ask(self, method: str, path: str, **kwargs: Any) -> ClientResponse:
        headers = {**self.headers, **kwargs.pop("headers", {})}
        return await self.client.request(method, f"/api/v1{path}", headers=headers, **kwargs)


SERVED = {"accounts", "factors", "passkeys", "oauth", "api_tokens", "profiles", "relations", "notifications"}
SERVED |= {"export", "audit", "pictures", "hidden_words"}
SERVED |= {"posts", "uploads", "communities", "cases"}
PASSWORD = "correct horse battery staple"


class ApiFixture:
    """The application, wired as the server wires it, and a client to it."""

    def __init__(self, *, kit: Kit, people: AccountsRoom, client: TestClient[Any, Any]):
        self.kit = kit
        self.people = people
        self.database = kit.database
        self.identity = kit.identity
        self.accounts = people.accounts
        self.client = client

    async def wipe_deleted(self) -> None:
        """Carry out the deletions that are due, as a worker does."""
        assert await self.kit.run_jobs()

    async def register(self, username: str, password: str = PASSWORD) -> Someone:
        body = {"username": username, "email": f"{username}@example.org", "password": password}
        answer = await self.client.post("/api/v1/auth/register", json=body)
        assert answer.status == 201, await answer.text()
        held = await answer.json()
        return Someone(self.client, held["user"]["id"], username, held["access_token"], held["refresh_token"])

    async def sign_in(self, username: str, password: str = PASSWORD) -> Someone:
        """Again: with the roles that the person has by now."""
        answer = await self.client.post("/api/v1/auth/login", json={"login": username, "password": password})
        assert answer.status == 200, await answer.text()
        held = await answer.json()
        return Someone(self.client, held["user"]["id"], username, held["access_token"], held["refresh_token"])


@pytest.fixture
def cheap_passwords() -> Iterator[Passwords]:
    passwords = Passwords(cost=Cost(time_cost=1, memory_kib=64), hashing=HashingThreads())
    yield passwords
    passwords.close()


@pytest.fixture
def kit(database: Database, identity: Identity, cheap_passwords: Passwords, tmp_path: Path) -> Kit:
    return Kit(database=database, identity=identity, passwords=cheap_passwords, objects_dir=tmp_path)


@pytest.fixture
async def api(kit: Kit, serve: Serve) -> ApiFixture:
    """The features that answer without a cluster, without days of grace."""
    installed = kit.install(deletion_grace_days=0)
    registry = CollectorRegistry()
    health = Health(
        dependencies={"postgres": Dependency(probe=kit.database.ping, is_critical=True)},
        is_draining=lambda: False,
        registry=registry,
    )
    info = ServerInfo(server_name="Social Flow", version="0", limits={"chat_text_chars": 500})
    features = [one for one in installed.features if one.name in SERVED]
    operations = [operation for feature in features for operation in feature.operations]
    client = await serve(*health.operations(), *info.operations(), *operations, limiter=kit.limiter, registry=registry)
    return ApiFixture(kit=kit, people=installed.people, client=client)
