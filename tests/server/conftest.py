"""A real Postgres for the server's tests, and the application over it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

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
from storage.migrate import migrate
from storage.postgres import Database
from tests.server.kit import Kit

_NAME = "server_tests"


@pytest.fixture(scope="session")
def server_database_url(postgres_url: str) -> str:
    """One migrated database for all these tests; ``database`` empties it, which is faster than a new one for each."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, _make_database(postgres_url)).result()


async def _make_database(admin_url: str) -> str:
    admin = await Database.connect(admin_url, max_connections=1, deadline_s=PATIENCE_S)
    await admin.execute(f"create database {_NAME}")
    await admin.close()
    url = admin_url.replace("/postgres?", f"/{_NAME}?", 1)
    await migrate(url)
    await _prepare_to_empty(url)
    return url


# Those, and all that refer to them.
_EMPTIED: Final = (
    "users, chat_messages, signing_keys, audit_log, reserved_names, rights_changes, doomed_objects, jobs, job_keys,"
    " job_schedules, facts, fact_readers, facts_aside, push_keys, notification_deliveries, ledger_transfers,"
    " ledger_entries, ledger_head, payment_events, payment_reconciliations, pool_months, withholding_rules"
)
_TABLES: Final = """
with recursive emptied as (
    select unnest(string_to_array($1, ', '))::regclass::oid as id
    union
    select conrelid from pg_constraint join emptied on confrelid = id where contype = 'f'
)
select quote_literal(id::regclass::text) from emptied where not exists (select from pg_inherits where inhrelid = id)
"""
# To truncate all takes twenty times as long as to look which of them have rows: few do after a test.
_EMPTY: Final = """
create function empty_tables() returns void language plpgsql as $$
declare
    name text;
    has_rows boolean;
begin
    foreach name in array array[{tables}] loop
        execute 'select exists(select from ' || name || ')' into has_rows;
        if has_rows then
            execute 'delete from ' || name;
        end if;
    end loop;
end $$
"""


async def _prepare_to_empty(url: str) -> None:
    database = await Database.connect(url, max_connections=1, deadline_s=PATIENCE_S)
    names = [row[0] for row in await database.fetch(_TABLES, _EMPTIED)]
    await database.execute(_EMPTY.format(tables=", ".join(names)))
    await database.close()


@pytest.fixture
async def database(server_database_url: str) -> AsyncIterator[Database]:
    """Empty but for what migrations put there."""
    database = await Database.connect(server_database_url, max_connections=4, deadline_s=PATIENCE_S)
    async with database.transaction() as tx:
        # Without triggers, which guard the audit log and the ledger, and without the order that references ask for.
        await tx.execute("set local session_replication_role = replica")
        await tx.execute("lock table users in access exclusive mode")  # what the test before had begun ends first
        await tx.execute("select empty_tables()")
        await tx.execute("update audit_head set position = 0, hash = decode(repeat('00', 32), 'hex'), entry_id = null")
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


PATIENCE_S = 30.0
"""Of a statement: the engine gives way to the tests in real time."""

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
