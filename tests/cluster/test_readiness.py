"""What a balancer is told while an engine is frozen: soon, and the truth."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Iterator

import aiohttp
import psutil

from bench.cluster import LocalCluster, NodeProcess
from tests.e2e.people import Api, ApiAnswer
from tests.e2e.waiting import until

SOON_S = 10.0
"""A balancer's usual patience is a second."""


@contextlib.contextmanager
def frozen_postgres(cluster: LocalCluster) -> Iterator[None]:
    """With all its back ends, the newest too."""
    server = psutil.Process(cluster.postgres_pid)
    server.suspend()
    stopped = [server, *server.children(recursive=True)]
    for process in stopped[1:]:
        process.suspend()
    try:
        yield
    finally:
        for process in reversed(stopped):
            process.send_signal(signal.SIGCONT)


@contextlib.contextmanager
def frozen_redis(cluster: LocalCluster) -> Iterator[None]:
    cluster.freeze_redis()
    try:
        yield
    finally:
        cluster.resume_redis()


async def asked(http: aiohttp.ClientSession, node: NodeProcess) -> ApiAnswer:
    started = time.monotonic()
    answer = await Api(http, node.url).call("GET", "/readyz")
    took_s = time.monotonic() - started
    assert took_s < SOON_S, f"{took_s:.2f} s"
    return answer


async def all_say(http: aiohttp.ClientSession, cluster: LocalCluster, status: int, said: str) -> bool:
    answers = [await asked(http, node) for node in cluster.running]
    return all((answer.status, answer.body["status"]) == (status, said) for answer in answers)


async def test_every_node_answers_soon_while_redis_is_frozen_and_stays_in_service(
    cluster: LocalCluster, http: aiohttp.ClientSession
) -> None:
    with frozen_redis(cluster):
        await until(lambda: all_say(http, cluster, 200, "degraded"), what="degraded")
        for _ in range(20):
            assert await all_say(http, cluster, 200, "degraded")
    await until(lambda: all_say(http, cluster, 200, "ready"), what="ready")


async def test_every_node_answers_soon_while_postgres_is_frozen_and_is_out_of_service(
    cluster: LocalCluster, http: aiohttp.ClientSession
) -> None:
    with frozen_postgres(cluster):
        await until(lambda: all_say(http, cluster, 503, "unavailable"), what="unavailable")
        for _ in range(10):
            assert await all_say(http, cluster, 503, "unavailable")
    await until(lambda: all_say(http, cluster, 200, "ready"), what="ready")
