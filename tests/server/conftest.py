"""A real Postgres for the server's tests, and the application over it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import pytest
from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient, TestServer
from prometheus_client import CollectorRegistry

from server.features.auth.accounts import Accounts
from server.features.auth.deletion import Deletions
from server.features.auth.guesses import Guesses
from server.features.auth.passwords import Passwords
from server.features.auth.routes import Auth, AuthRates
from server.features.export import Export
from server.features.users import Profiles, Relationships, Users
from server.http.application import HttpSettings, build_app
from server.http.feature import Operation
from server.http.health import Dependency, Health, ServerInfo
from server.http.idempotency import IdempotencyKeys
from server.http.identity import Identity
from server.http.limits import TokenBuckets
from server.http.translations import known_errors
from server.jobs import Jobs
from storage.ids import Ids
from storage.jobs import JobQueue
from storage.migrate import migrate
from storage.postgres import Database
from tests.server.jobs.inline import run_due

_NAME = "server_tests"


@pytest.fixture(scope="session")
def server_database_url(postgres_url: str) -> str:
    """One migrated database for all these tests; ``database`` empties it, which is faster than a new one for each."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, _make_database(postgres_url)).result()


async def _make_database(admin_url: str) -> str:
    admin = await Database.connect(admin_url, max_connections=1)
    await admin.execute(f"create database {_NAME}")
    await admin.close()
    url = admin_url.replace("/postgres?", f"/{_NAME}?", 1)
    await migrate(url)
    return url


@pytest.fixture
async def database(server_database_url: str) -> AsyncIterator[Database]:
    """Empty but for what migrations put there."""
    database = await Database.connect(server_database_url, max_connections=4)
    await database.execute(
        "truncate users, chat_messages, signing_keys, audit_log, reserved_names, rights_changes, doomed_objects,"
        " jobs, job_keys, job_schedules, facts, fact_readers, facts_aside cascade"
    )
    yield database
    await database.close()


@pytest.fixture
async def identity(database: Database) -> AsyncIterator[Identity]:
    identity = Identity(rows=database, poll_s=0.02)
    await identity.start()
    yield identity
    await identity.close()


@dataclass(frozen=True)
class Some:
    """A feature of nothing but its operations."""

    operations_: Sequence[Operation]
    name: str = "some"

    def operations(self) -> Sequence[Operation]:
        return self.operations_


Serve = Callable[..., Awaitable[TestClient[Any, Any]]]


@pytest.fixture
async def serve(database: Database, identity: Identity) -> AsyncIterator[Serve]:
    """``await serve(operation, …, settings=…)`` is a client of an application of these operations."""
    async with AsyncExitStack() as stack:

        async def serve(*operations: Operation, settings: HttpSettings | None = None) -> TestClient[Any, Any]:
            app = build_app(
                features=[Some(operations)],
                identity=identity,
                idempotency=IdempotencyKeys(rows=database),
                limiter=TokenBuckets(),
                problems=known_errors(),
                registry=CollectorRegistry(),
                settings=settings or HttpSettings(),
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


PASSWORD = "correct horse battery staple"


def deletions(database: Database, *, grace_days: int = 0, **more: Any) -> Deletions:
    """Of accounts without streams."""
    jobs = Jobs(rows=JobQueue(db=database), ids=Ids(), wall=time.time)
    given = {"ids": Ids(), "name_days": 90, "remove_streams": nothing_happens, "jobs": jobs, **more}
    return Deletions(database=database, grace_days=grace_days, **given)


async def nothing_happens(*_: object) -> None: ...


class ApiFixture:
    """The application, wired as the server wires it, and a client to it."""

    def __init__(self, *, database: Database, identity: Identity, accounts: Accounts, client: TestClient[Any, Any]):
        self.database = database
        self.identity = identity
        self.accounts = accounts
        self.client = client

    async def wipe_deleted(self) -> None:
        """Carry out the deletions that are due, as a worker does."""
        assert await run_due(self.database, deletions(self.database).job)

    async def register(self, username: str, password: str = PASSWORD) -> Someone:
        body = {"username": username, "email": f"{username}@example.org", "password": password}
        answer = await self.client.post("/api/v1/auth/register", json=body)
        assert answer.status == 201, await answer.text()
        held = await answer.json()
        return Someone(self.client, held["user"]["id"], username, held["access_token"], held["refresh_token"])


@pytest.fixture
def cheap_passwords() -> Iterator[Passwords]:
    passwords = Passwords(time_cost=1, memory_kib=64)
    yield passwords
    passwords.close()


@pytest.fixture
async def api(database: Database, identity: Identity, cheap_passwords: Passwords) -> AsyncIterator[ApiFixture]:
    profiles = Profiles(database=database)
    limiter = TokenBuckets()
    accounts = Accounts(
        database=database,
        identity=identity,
        passwords=cheap_passwords,
        profiles=profiles,
        guesses=Guesses(limiter=limiter),
        ids=Ids(),
        deletions=deletions(database),
        when_changed=nothing_happens,
    )
    registry = CollectorRegistry()
    app = build_app(
        features=[
            Health(
                dependencies={"postgres": Dependency(probe=database.ping, is_critical=True)},
                is_draining=lambda: False,
                registry=registry,
            ),
            ServerInfo(server_name="Social Flow", version="0", limits={"chat_text_chars": 500}),
            Auth(accounts=accounts, rates=AuthRates()),
            Users(
                profiles=profiles,
                relationships=Relationships(database=database, when_changed=nothing_happens),
                accounts=accounts,
                when_changed=nothing_happens,
            ),
            Export(database=database),
        ],
        identity=identity,
        idempotency=IdempotencyKeys(rows=database),
        limiter=limiter,
        problems=known_errors(),
        registry=registry,
        settings=HttpSettings(),
    )
    async with TestClient(TestServer(app)) as client:
        yield ApiFixture(database=database, identity=identity, accounts=accounts, client=client)
