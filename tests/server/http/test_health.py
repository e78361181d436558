from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp.test_utils import TestClient, TestServer
from prometheus_client import CollectorRegistry

from server.http.application import HttpSettings, build_app
from server.http.health import Dependency, Health, Look
from server.http.idempotency import IdempotencyKeys
from server.http.identity import Identity
from server.http.limits import TokenBuckets
from server.http.translations import known_errors
from storage.postgres import Database
from tests.server.conftest import ApiFixture


async def _up() -> None:
    return None


async def _down() -> None:
    raise ConnectionRefusedError("postgresql://secret@host")


async def _hanging() -> None:
    await asyncio.Event().wait()


async def _ready(
    database: Database,
    identity: Identity,
    *,
    postgres: Callable[[], Awaitable[object]] = _up,
    redis: Callable[[], Awaitable[object]] = _up,
    is_draining: bool = False,
) -> tuple[int, Any]:
    registry = CollectorRegistry()
    dependencies = {
        "postgres": Dependency(probe=postgres, is_critical=True),
        "redis": Dependency(probe=redis, is_critical=False),
    }
    health = Health(dependencies=dependencies, is_draining=lambda: is_draining, registry=registry)
    app = build_app(
        operations=health.operations(),
        identity=identity,
        idempotency=IdempotencyKeys(rows=database),
        limiter=TokenBuckets(),
        problems=known_errors(),
        registry=registry,
        settings=HttpSettings(),
    )
    async with TestClient(TestServer(app)) as client:
        assert (await client.get("/livez")).status == 200
        answer = await client.get("/readyz")
        await health.close()
        return answer.status, await answer.json()


async def test_ready_when_everything_answers(database: Database, identity: Identity) -> None:
    status, said = await _ready(database, identity, postgres=database.ping)
    assert (status, said["status"]) == (200, "ready")
    assert said["dependencies"] == {"postgres": {"status": "up"}, "redis": {"status": "up"}}


async def test_degraded_but_ready_without_redis(database: Database, identity: Identity) -> None:
    status, said = await _ready(database, identity, redis=_down)
    assert (status, said["status"]) == (200, "degraded")
    assert said["dependencies"]["redis"] == {"status": "down"}
    assert "secret" not in str(said)


async def test_not_ready_without_postgres(database: Database, identity: Identity) -> None:
    status, said = await _ready(database, identity, postgres=_down)
    assert (status, said["status"]) == (503, "unavailable")


async def test_dependency_that_hangs_is_down(database: Database, identity: Identity) -> None:
    status, said = await _ready(database, identity, postgres=_hanging)
    assert (status, said["status"]) == (503, "unavailable")


async def test_many_who_ask_share_one_probe_and_a_slow_one_is_down_until_it_ends() -> None:
    answers = asyncio.Event()
    probes = 0

    async def probe() -> None:
        nonlocal probes
        probes += 1
        await answers.wait()

    dependency = Dependency(probe=probe, is_critical=True)
    look = Look(name="it", dependency=dependency, patience_s=0.1, probe_timeout_s=60, fresh_s=0.0)
    started = time.monotonic()
    assert await asyncio.gather(*(look.is_up() for _ in range(50))) == [False] * 50
    assert not await look.is_up(), "at once: the probe is overdue"
    assert time.monotonic() - started < 20
    assert probes == 1
    answers.set()
    async with asyncio.timeout(30):
        while not await look.is_up():
            pass
    answers.clear()
    assert not await look.is_up()
    assert probes == 2
    await look.close()


async def test_an_answer_is_good_for_a_while() -> None:
    probes = 0

    async def probe() -> None:
        nonlocal probes
        probes += 1

    dependency = Dependency(probe=probe, is_critical=True)
    look = Look(name="it", dependency=dependency, patience_s=1, probe_timeout_s=1, fresh_s=60)
    assert [await look.is_up() for _ in range(3)] == [True, True, True]
    assert probes == 1


async def test_not_ready_while_draining(database: Database, identity: Identity) -> None:
    status, said = await _ready(database, identity, is_draining=True)
    assert (status, said["status"]) == (503, "draining")


async def test_metrics_count_by_route_and_not_by_path(api: ApiFixture) -> None:
    for name in ("ada", "bob", "cyd"):
        await api.client.get(f"/api/v1/users/{name}")
    await api.client.get("/nowhere")
    answer = await api.client.get("/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain")
    text = await answer.text()
    route = 'method="GET",route="/api/v1/users/{username}",status="404"'
    assert f"socialflow_http_request_duration_seconds_count{{{route}}} 3.0" in text
    assert 'route="unmatched",status="404"' in text
    assert "/nowhere" not in text


async def test_server_says_its_name_version_and_limits(api: ApiFixture) -> None:
    said = await (await api.client.get("/api/v1/server")).json()
    assert said == {"name": "Social Flow", "version": "0", "limits": {"chat_text_chars": 500}}


async def test_without_postgres_it_is_a_503_with_a_retry_and_tokens_are_still_told_apart(api: ApiFixture) -> None:
    ada = await api.register("ada")
    await api.database.close()
    answer = await ada.ask("GET", "/me")
    assert answer.status == 503
    assert answer.headers["Retry-After"] == "1"
    assert (await api.client.get("/api/v1/me")).status == 401
    assert (await api.client.get("/readyz")).status == 503
    assert (await api.client.get("/livez")).status == 200
